/* Which job comes when: priority, first in first out, fairness over tenants, dates. */
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

static void finish(const char *url, struct test_service *s) {
    service_stop(s);
    assert_int_equal(runs_doubled(), 0);
    audit_finished(url);
}

/* "n" is the place in which each is expected. */
static void submit_in_order(const char *url, const char *priorities) {
    test_sql(url,
             "select jobs.job_submit('t0', 'count', jsonb_build_object('n', place), priority) from "
             "(select ord, priority, row_number() over (order by priority desc, ord) as place "
             "from unnest(array[%s]::int[]) with ordinality u(priority, ord)) x order by ord",
             priorities);
}

static void highest_priority_first_then_oldest(void **state) {
    (void)state;
    runs_reset();
    const char *url = service_database();
    submit_in_order(url, "0, 5, -3, 5, 0, 7"); /* one transaction */
    struct test_service *s = service_start(url, NULL, "jobs.pool.size=1", NULL);
    wait_final(url, 6, LONG_MS);
    char *order = runs_order();
    assert_string_equal(order, "1 2 3 4 5 6");
    free(order);
    finish(url, s);
}

static void priorities_at_the_limits_of_int32(void **state) {
    (void)state;
    runs_reset();
    const char *url = service_database();
    submit_in_order(url, "0, -2147483648, 2147483647, 1, -2147483648, 2147483647, -1");
    struct test_service *s = service_start(url, NULL, "jobs.pool.size=1", NULL);
    wait_final(url, 7, LONG_MS);
    char *order = runs_order();
    assert_string_equal(order, "1 2 3 4 5 6 7");
    free(order);
    finish(url, s);
}

/* With one slot and equal weights the small tenant's jobs are as good as every second one. */
static void a_flood_of_one_tenant_does_not_hold_up_another(void **state) {
    (void)state;
    runs_reset();
    const char *url = service_database();
    submit_many(url, "nap", 1000, 1, NULL);
    test_sql(url, "select jobs.job_submit('t1', 'nap') from generate_series(1, 5)");
    struct test_service *s = service_start(url, NULL, "jobs.pool.size=1", NULL);
    assert_true(runs_wait(12, LONG_MS));
    test_sql(url, "select jobs.job_stop('t0', id) from jobs.t_job_info where tenant = 't0'");
    wait_final(url, 1005, LONG_MS);
    print_message("of the first 12 runs %zu were the small tenant's\n", runs_of_tenant("t1", 12));
    assert_int_equal(runs_of_tenant("t1", 12), 5);
    finish(url, s);
}

/* A tenant that comes later does not wait for the flood that is there. */
static void a_latecomer_gets_its_share_at_once(void **state) {
    (void)state;
    runs_reset();
    const char *url = service_database();
    submit_many(url, "nap", 1000, 1, "{\"parameters\": {\"ms\": 2}}");
    struct test_service *s = service_start(url, NULL, "jobs.pool.size=2", NULL);
    assert_true(runs_wait(100, LONG_MS));
    char *id = submit(url, "'t1', 'count'");
    wait_status(url, id, "SUCCEEDED");
    size_t before = runs_count();
    print_message("it ended after %zu of 1000 runs\n", before);
    assert_true(before < 500);
    test_sql(url, "select jobs.job_stop('t0', id) from jobs.t_job_info where tenant = 't0'");
    wait_final(url, 1001, LONG_MS);
    free(id);
    finish(url, s);
}

static void a_paused_tenant_waits_until_it_is_resumed(void **state) {
    (void)state;
    runs_reset();
    const char *url = service_database();
    test_sql(url, "update jobs.t_tenant set state = 'PAUSED' where tenant = 't0'");
    submit_many(url, "count", 20, 2, NULL);
    struct test_service *s = service_start(url, NULL, NULL);
    wait_final(url, 10, LONG_MS);
    char *late = submit(url, "'t1', 'count'"); /* whole ticks pass */
    wait_status(url, late, "SUCCEEDED");
    assert_int_equal(runs_of_tenant("t0", 1000), 0);
    assert_int_equal(count_jobs(url, "tenant = 't0' and status = 'QUEUED'"), 10);
    audit(url);
    test_sql(url, "update jobs.t_tenant set state = 'ACTIVE' where tenant = 't0'");
    wait_final(url, 21, LONG_MS);
    assert_int_equal(runs_of_tenant("t0", 1000), 10);
    free(late);
    finish(url, s);
}

static void an_expired_job_is_failed_and_never_run(void **state) {
    (void)state;
    runs_reset();
    const char *url = service_database();
    char *past = submit(url, "'t0', 'count', expires => now() - interval '1 hour'");
    char *future = submit(url, "'t0', 'count', expires => now() + interval '1 hour'");
    struct test_service *s = service_start(url, NULL, NULL);
    wait_status(url, past, "FAILED");
    wait_status(url, future, "SUCCEEDED");
    assert_job(url, past, "error_kind", "EXPIRED");
    assert_job(url, past, "error", "expiration date reached");
    assert_job(url, past, "version", "3");
    assert_job(url, past, "stop_date is not null and start_date is null", "true");
    assert_int_equal(runs_of(past), 0);
    assert_int_equal(runs_of(future), 1);
    free(past), free(future);
    finish(url, s);
}

static void trigger_dates(void **state) {
    (void)state;
    runs_reset();
    const char *url = service_database();
    struct test_service *s = service_start(url, NULL, NULL);
    char *past = submit(url, "'t0', 'count', at => now() - interval '1 year'");
    char *soon = submit(url, "'t0', 'count', at => now() + interval '0.4 s'");
    char *far = submit(url, "'t0', 'count', at => now() + interval '1 hour'");
    wait_status(url, past, "SUCCEEDED");
    assert_job(url, past, "version", "4");
    assert_job(url, soon, "status", "PENDING");
    assert_job(url, far, "status", "PENDING");
    wait_status(url, soon, "SUCCEEDED");
    assert_job(url, soon, "version", "5");
    assert_job(url, soon, "start_date >= trigger_after_date", "true");
    char *late =
        job_column(url, soon, "extract(epoch from start_date - trigger_after_date) * 1000");
    print_message("began %s ms after its date\n", late);
    assert_true(atof(late) < 250.0 * test_time_factor());
    wait_status(url, far, "PENDING");
    test_sql(url, "select jobs.job_release('t0', '%s')", far); /* it need not wait any more */
    wait_status(url, far, "SUCCEEDED");
    free(past), free(soon), free(far), free(late);
    finish(url, s);
}

static void a_pending_job_waits_for_its_release(void **state) {
    (void)state;
    runs_reset();
    const char *url = service_database();
    struct test_service *s = service_start(url, NULL, NULL);
    char *id = submit(url, "'t0', 'count', pending => true");
    char *other = submit(url, "'t0', 'count'");
    wait_status(url, other, "SUCCEEDED");
    assert_job(url, id, "status", "PENDING");
    test_sql(url, "select jobs.job_release('t0', '%s')", id);
    wait_status(url, id, "SUCCEEDED");
    assert_job(url, id, "version", "5");
    free(id), free(other);
    finish(url, s);
}

static void a_failed_job_is_retried(void **state) {
    (void)state;
    runs_reset();
    const char *url = service_database();
    struct test_service *s = service_start(url, NULL, NULL);
    char *id = submit(url, "'t0', 'mixed', '{\"n\": 4}'"); /* its first run fails */
    wait_status(url, id, "FAILED");
    assert_job(url, id, "attempt", "1");
    test_sql(url, "select jobs.job_retry('t0', '%s')", id);
    wait_status(url, id, "SUCCEEDED");
    assert_job(url, id, "attempt", "2");
    assert_job(url, id, "attempt_base", "1");
    assert_job(url, id, "error_kind", "");
    assert_int_equal(runs_of(id), 2);
    assert_int_equal(test_sql_integer(url, "select count(*) from jobs.v_job_attempt"), 2);
    free(id);
    finish(url, s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(highest_priority_first_then_oldest),
        cmocka_unit_test(priorities_at_the_limits_of_int32),
        cmocka_unit_test(a_flood_of_one_tenant_does_not_hold_up_another),
        cmocka_unit_test(a_latecomer_gets_its_share_at_once),
        cmocka_unit_test(a_paused_tenant_waits_until_it_is_resumed),
        cmocka_unit_test(an_expired_job_is_failed_and_never_run),
        cmocka_unit_test(trigger_dates),
        cmocka_unit_test(a_pending_job_waits_for_its_release),
        cmocka_unit_test(a_failed_job_is_retried),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
