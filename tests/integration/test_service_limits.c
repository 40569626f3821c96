/* Limits of tenants and classes, exact over all instances. What is checked is what the tables and the
 * runs say at every moment, not what the scheduler believes. */
#include "module/base/clock.h"
#include "tests/lib/audit.h"
#include "tests/lib/service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void set_limit(const char *url, const char *tenant, const char *limit) {
    test_sql(url, "update jobs.t_tenant set max_running = %s where tenant = '%s'", limit, tenant);
}

/* Jobs of a tenant that are chosen or running now. */
static int64_t live_of(const char *url, const char *tenant) {
    return test_sql_integer(
        url,
        "select count(*) from jobs.t_job_info where tenant = '%s' and status in "
        "('TO_BE_RUN', 'RUNNING')",
        tenant);
}

static void a_tenants_limit_is_kept_and_reached(void **state) {
    (void)state;
    runs_reset();
    const char *url = service_database();
    set_limit(url, "t0", "3");
    struct test_service *s = service_start(url, NULL, "jobs.pool.size=10", NULL);
    submit_many(url, "nap", 600, 1, "{\"parameters\": {\"ms\": 2}}");
    wait_final(url, 600, LONG_MS);
    size_t most = runs_most();
    print_message("at most %zu at a time\n", most);
    assert_int_equal(most, 3);
    service_stop(s);
    audit_finished(url);
}

static void nothing_of_a_tenant_whose_limit_is_0(void **state) {
    (void)state;
    runs_reset();
    const char *url = service_database();
    set_limit(url, "t0", "0");
    struct test_service *s = service_start(url, NULL, NULL);
    char *other = NULL, *id = submit(url, "'t0', 'count'");
    for (int i = 0; i < 20; i++) {
        free(other);
        other = submit(url, "'t1', 'count'");
        wait_status(url, other, "SUCCEEDED");
    }
    assert_job(url, id, "status", "QUEUED");
    set_limit(url, "t0", "null");
    wait_status(url, id, "SUCCEEDED");
    free(id), free(other);
    service_stop(s);
    audit_finished(url);
}

/* The others have the slots that a limit leaves free. */
static void a_limit_leaves_slots_to_others(void **state) {
    (void)state;
    runs_reset();
    runs_gate(false);
    const char *url = service_database();
    set_limit(url, "t0", "2");
    submit_many(url, "gate", 20, 1, NULL);
    test_sql(url, "select jobs.job_submit('t1', 'gate') from generate_series(1, 20)");
    struct test_service *s = service_start(url, NULL, "jobs.pool.size=8", NULL);
    assert_true(test_wait_sql(url, LONG_MS,
                              "select count(*) = 6 from jobs.t_job_info where tenant = 't1' and "
                              "status = 'RUNNING'"));
    assert_int_equal(live_of(url, "t0"), 2);
    runs_gate(true);
    wait_final(url, 40, LONG_MS);
    service_stop(s);
    audit_finished(url);
}

/* Raised and lowered while jobs run: in effect within a second, without a word to the service. */
static void a_limit_is_changed_live(void **state) {
    (void)state;
    runs_reset();
    runs_gate(false);
    const char *url = service_database();
    set_limit(url, "t0", "2");
    submit_many(url, "gate", 40, 1, NULL);
    struct test_service *s = service_start(url, NULL, "jobs.pool.size=10", NULL);
    assert_true(runs_wait(2, LONG_MS));
    set_limit(url, "t0", "5");
    int64_t began = clock_now();
    assert_true(runs_wait(5, LONG_MS));
    int64_t took = (clock_now() - began) / CLOCK_MS;
    print_message("raised: in effect after %lld ms\n", (long long)took);
    assert_true(took < 1000 * test_time_factor());
    assert_int_equal(live_of(url, "t0"), 5);
    set_limit(url, "t0", "1");
    test_sql(url, "select jobs.job_stop('t0', id) from jobs.t_job_info where status = 'RUNNING'");
    assert_true(test_wait_sql(url, LONG_MS,
                              "select count(*) = 5 from jobs.t_job_info where status = 'ABORTED'"));
    assert_true(runs_wait(6, LONG_MS));
    assert_int_equal(live_of(url, "t0"), 1);
    runs_gate(true);
    wait_final(url, 40, LONG_MS);
    service_stop(s);
    audit_finished(url);
}

/* What one instance has counts at the other; what it gives back is seen there soon. */
static void one_limit_over_two_instances(void **state) {
    (void)state;
    runs_reset();
    runs_gate(false);
    const char *url = service_database();
    set_limit(url, "t0", "3");
    submit_many(url, "gate", 12, 1, NULL);
    struct test_service *a = service_start(url, NULL, "jobs.pool.size=8", NULL);
    assert_true(runs_wait(3, LONG_MS));
    struct test_service *b = service_start(url, NULL, "jobs.pool.size=8", NULL);
    char *mark = submit(url, "'t1', 'gate'"); /* somebody has looked since */
    assert_true(runs_wait_of(mark, 1, LONG_MS));
    assert_int_equal(live_of(url, "t0"), 3);
    service_stop_within(a, 0); /* stops what it has; that is queued again, for b */
    assert_true(test_wait_sql(url, LONG_MS,
                              "select count(*) = 3 and count(distinct instance) = 1 from "
                              "jobs.t_job_info where tenant = 't0' and status = 'RUNNING'"));
    runs_gate(true);
    wait_final(url, 13, LONG_MS);
    service_stop(b);
    free(mark);
    audit_finished(url);
}

static void many_limited_tenants_and_two_instances(void **state) {
    (void)state;
    runs_reset();
    const char *url = service_database();
    int count = test_time_factor() > 1 ? 700 : 2800;
    test_sql(url, "update jobs.t_tenant set max_running = 2 where tenant <> 't6'");
    struct test_service *a = service_start(url, NULL, "jobs.pool.size=6", NULL);
    struct test_service *b = service_start(url, NULL, "jobs.pool.size=6", NULL);
    submit_many(url, "nap", count, 7, "{\"parameters\": {\"ms\": 1}}");
    int64_t above = 0;
    while (test_sql_integer(url, "select count(*) from jobs.t_job_ready") > 0)
        above += test_sql_integer(
            url, "select count(*) from (select from jobs.t_job_info where status in ('TO_BE_RUN', "
                 "'RUNNING') and tenant <> 't6' group by tenant having count(*) > 2) x");
    wait_final(url, count, LONG_MS);
    assert_int_equal(above, 0);
    service_stop(a);
    service_stop(b);
    assert_int_equal(runs_doubled(), 0);
    audit_finished(url);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tenants_limit_is_kept_and_reached),
        cmocka_unit_test(nothing_of_a_tenant_whose_limit_is_0),
        cmocka_unit_test(a_limit_leaves_slots_to_others),
        cmocka_unit_test(a_limit_is_changed_live),
        cmocka_unit_test(one_limit_over_two_instances),
        cmocka_unit_test(many_limited_tenants_and_two_instances),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
