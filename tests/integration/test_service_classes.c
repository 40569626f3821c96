/* Limits and pauses of job classes. */
#include "module/base/clock.h"
#include "tests/lib/audit.h"
#include "tests/lib/service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int64_t live_of(const char *url, const char *class_name) {
    return test_sql_integer(url,
                            "select count(*) from jobs.t_job_info where class_name = '%s' and "
                            "status in ('TO_BE_RUN', 'RUNNING')",
                            class_name);
}

/* What was chosen with the limit that is in force now has begun, and somebody has looked since. */
static void wait_look(const char *url) {
    for (int i = 0; i < 3; i++) {
        char *id = submit(url, "'t6', 'count'");
        wait_status(url, id, "SUCCEEDED");
        free(id);
    }
}

static void finish(const char *url, struct test_service *s) {
    runs_gate(true);
    test_sql(url, "select jobs.job_class_set('gate')");
    /* all of them: a stop hands back what has not begun */
    assert_true(test_wait_sql(url, LONG_MS,
                              "select count(*) = 0 from jobs.t_job_info where status in "
                              "('QUEUED', 'TO_BE_RUN', 'RUNNING')"));
    service_stop(s);
    assert_int_equal(runs_doubled(), 0);
    audit_finished(url);
}

static void one_limit_for_all_tenants(void **state) {
    (void)state;
    runs_reset();
    runs_gate(false);
    const char *url = service_database();
    test_sql(url, "select jobs.job_class_set('gate', 3)");
    submit_many(url, "gate", 50, 5, NULL);
    struct test_service *a = service_start(url, NULL, "jobs.pool.size=6", NULL);
    struct test_service *b = service_start(url, NULL, "jobs.pool.size=6", NULL);
    assert_true(runs_wait(3, LONG_MS));
    wait_look(url);
    assert_int_equal(live_of(url, "gate"), 3);
    assert_int_equal(test_sql_integer(url, "select count(distinct tenant) from jobs.t_job_info "
                                           "where status = 'RUNNING'"),
                     3); /* fairly */
    service_stop_within(a, 0);
    assert_true(test_wait_sql(url, LONG_MS,
                              "select count(*) = 3 from jobs.t_job_info where status = 'RUNNING'"));
    wait_look(url);
    assert_int_equal(live_of(url, "gate"), 3);
    finish(url, b);
}

static void a_limit_for_each_tenant(void **state) {
    (void)state;
    runs_reset();
    runs_gate(false);
    const char *url = service_database();
    test_sql(url, "select jobs.job_class_set('gate', null, 2)");
    submit_many(url, "gate", 30, 3, NULL);
    struct test_service *s = service_start(url, NULL, "jobs.pool.size=20", NULL);
    assert_true(runs_wait(6, LONG_MS));
    wait_look(url);
    assert_int_equal(live_of(url, "gate"), 6);
    assert_int_equal(test_sql_integer(url, "select max(n) from (select count(*) as n from "
                                           "jobs.t_job_info where status = 'RUNNING' group by "
                                           "tenant) x"),
                     2);
    finish(url, s);
}

/* The jobs were queued without a limit, and some run: these count too. */
static void a_limit_that_comes_later(void **state) {
    (void)state;
    runs_reset();
    runs_gate(false);
    const char *url = service_database();
    submit_many(url, "gate", 400, 2, NULL);
    struct test_service *s = service_start(url, NULL, "jobs.pool.size=10", NULL);
    assert_true(runs_wait(10, LONG_MS));
    assert_true(test_wait_sql(url, LONG_MS,
                              "select count(*) = 10 from jobs.t_job_info where status = "
                              "'RUNNING'"));
    test_sql(url, "select jobs.job_class_set('gate', 3)");
    test_sql(url, "select jobs.job_stop(tenant, id) from (select tenant, id from jobs.t_job_info "
                  "where status = 'RUNNING' limit 8) x");
    assert_true(runs_wait(11, LONG_MS));
    wait_look(url); /* behind two hundred jobs that have to wait: they do not stand in the way */
    assert_int_equal(live_of(url, "gate"), 3);
    int64_t began = clock_now();
    test_sql(url, "select jobs.job_class_set('gate', 7)");
    assert_true(test_wait_sql(url, LONG_MS,
                              "select count(*) = 7 from jobs.t_job_info where status = "
                              "'RUNNING'"));
    int64_t took = (clock_now() - began) / CLOCK_MS;
    print_message("raised: in effect after %lld ms\n", (long long)took);
    assert_true(took < 1000 * test_time_factor());
    finish(url, s);
}

static void others_pass_a_class_that_must_wait(void **state) {
    (void)state;
    runs_reset();
    const char *url = service_database();
    submit_many(url, "nap", 1000, 1, NULL);
    test_sql(url, "select jobs.job_class_set('nap', 0)");
    char *id = submit(url, "'t0', 'count'");
    struct test_service *s = service_start(url, NULL, "jobs.pool.size=4", NULL);
    wait_status(url, id, "SUCCEEDED");
    assert_int_equal(runs_count(), 1);
    test_sql(url, "select jobs.job_class_set('nap')");
    wait_final(url, 1001, LONG_MS);
    free(id);
    finish(url, s);
}

static void a_pause_keeps_the_order(void **state) {
    (void)state;
    runs_reset();
    const char *url = service_database();
    struct test_service *s = service_start(url, NULL, "jobs.pool.size=1", NULL);
    test_sql(url, "select jobs.job_class_pause('nap')");
    submit_many(url, "nap", 6, 1, NULL);
    wait_look(url);
    assert_int_equal(count_jobs(url, "class_name = 'nap' and status = 'QUEUED' and version = 1"),
                     6);
    size_t before = runs_count();
    test_sql(url, "select jobs.job_class_resume('nap')");
    assert_true(runs_wait(before + 6, LONG_MS));
    wait_final(url, (int64_t)before + 6, LONG_MS);
    char *order = runs_order(), expected[] = "0 1 2 3 4 5";
    assert_string_equal(order + strlen(order) - strlen(expected), expected);
    free(order);
    finish(url, s);
}

static void a_pause_for_one_tenant(void **state) {
    (void)state;
    runs_reset();
    const char *url = service_database();
    struct test_service *s = service_start(url, NULL, "jobs.pool.size=2", NULL);
    char *first = submit(url, "'t0', 'nap', '{\"ms\": 1}'"); /* the service knows the tenant */
    wait_status(url, first, "SUCCEEDED");
    test_sql(url, "select jobs.job_class_pause('nap', 't0')");
    char *waits = submit(url, "'t0', 'nap'"), *passes = submit(url, "'t1', 'nap'"),
         *other = submit(url, "'t0', 'count'");
    wait_status(url, passes, "SUCCEEDED");
    wait_status(url, other, "SUCCEEDED");
    wait_look(url);
    assert_job(url, waits, "status", "QUEUED");
    assert_int_equal(test_sql_integer(url, "select jobs.job_class_resume('nap')::int"), 0);
    assert_job(url, waits, "status", "QUEUED");
    assert_int_equal(test_sql_integer(url, "select jobs.job_class_resume('nap', 't0')::int"), 1);
    wait_status(url, waits, "SUCCEEDED");
    free(first), free(waits), free(passes), free(other);
    finish(url, s);
}

/* A fleet whose instances differ: who does not have the class does not take its jobs, not even those
 * whose date it sees come. */
static void an_instance_leaves_the_lanes_of_others_alone(void **state) {
    (void)state;
    runs_reset();
    runs_gate(false);
    static const struct job_class *const some[] = {&runs_class_count, NULL};
    const char *url = service_database();
    test_sql(url, "select jobs.job_class_lane('nap')");
    struct test_service *b = service_start(url, NULL, "jobs.pool.size=1", NULL);
    char *gate = submit(url, "'t0', 'gate'"); /* from now on b is full */
    wait_status(url, gate, "RUNNING");
    struct test_service *a = service_start(url, some, NULL);
    char *id = submit(url, "'t0', 'nap'");
    char *later = submit(url, "'t0', 'nap', at => clock_timestamp() + interval '100 ms'");
    wait_status(url, later, "QUEUED");
    wait_look(url);
    assert_job(url, id, "status", "QUEUED");
    assert_job(url, id, "version", "1");
    assert_job(url, later, "status", "QUEUED");
    assert_job(url, later, "version", "2");
    runs_gate(true);
    wait_status(url, id, "SUCCEEDED");
    wait_status(url, later, "SUCCEEDED");
    assert_job(url, id, "version", "4");
    assert_job(url, later, "version", "5");
    service_stop(a);
    free(gate), free(id), free(later);
    finish(url, b);
}

/* A lane that is nobody's any more is everybody's: its jobs FAIL as those of other classes do that
 * no instance has. */
static void a_class_that_nobody_has(void **state) {
    (void)state;
    runs_reset();
    static const struct job_class *const some[] = {&runs_class_count, NULL};
    const char *url = service_database();
    test_sql(url, "select jobs.job_class_set('ghost', 2), jobs.job_class_set('nap', 1), "
                  "jobs.job_class_set('shut', 0)");
    submit_many(url, "ghost", 20, 3, NULL);
    char *shut = submit(url, "'t0', 'shut'");
    struct test_service *a = service_start(url, some, NULL);
    struct test_service *b = service_start(url, NULL, NULL);
    wait_final(url, 20, LONG_MS);
    assert_int_equal(count_jobs(url, "class_name = 'ghost' and error_kind = 'CLASS' and "
                                     "error like '%no running instance has class%'"),
                     20);
    char *id = submit(url, "'t0', 'nap'");
    wait_status(url, id, "SUCCEEDED");
    free(id);
    service_stop(b);
    id = submit(url, "'t0', 'nap'");
    wait_status(url, id, "FAILED");
    assert_job(url, id, "error_kind", "CLASS");
    assert_job(url, shut, "status", "QUEUED"); /* none is let through */
    test_sql(url, "select jobs.job_class_set('shut')");
    wait_status(url, shut, "FAILED");
    free(id), free(shut);
    finish(url, a);
}

static void limits_of_the_configuration(void **state) {
    (void)state;
    runs_reset();
    const char *url = service_database();
    static const char limits[] =
        "select coalesce(max_running::text, '-') || ' ' || coalesce(max_running_per_tenant::text, "
        "'-') || ' ' || lane from jobs.t_job_class where class_name = 'nap'";
    struct test_service *s =
        service_start(url, NULL, "jobs.class.nap.max_running=4",
                      "jobs.class.nap.max_running_per_tenant=2", "jobs.pool.size=10", NULL);
    char *said = test_sql_value(url, limits);
    assert_string_equal(said, "4 2 nap");
    free(said);
    submit_many(url, "nap", 300, 1, "{\"parameters\": {\"ms\": 1}}");
    wait_final(url, 300, LONG_MS);
    assert_int_equal(runs_most(), 2);
    service_stop(s);
    s = service_start(url, NULL, "jobs.class.nap.max_running=0", NULL);
    said = test_sql_value(url, limits);
    assert_string_equal(said, "- 2 nap"); /* one is not configured any more: it stays */
    free(said);
    finish(url, s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_limit_for_all_tenants),
        cmocka_unit_test(a_limit_for_each_tenant),
        cmocka_unit_test(a_limit_that_comes_later),
        cmocka_unit_test(others_pass_a_class_that_must_wait),
        cmocka_unit_test(a_pause_keeps_the_order),
        cmocka_unit_test(a_pause_for_one_tenant),
        cmocka_unit_test(an_instance_leaves_the_lanes_of_others_alone),
        cmocka_unit_test(a_class_that_nobody_has),
        cmocka_unit_test(limits_of_the_configuration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
