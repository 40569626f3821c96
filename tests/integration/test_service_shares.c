/* Shares of tenants, as they are published: v_tenant_share. */
#include "module/base/clock.h"
#include "tests/lib/audit.h"
#include "tests/lib/jobctl.h"
#include "tests/lib/service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define SLOTS 4
#define RUN_MS 5

static void stop_rest(const char *url, const char *tenant) {
    test_sql(url,
             "select jobs.job_stop('%s', id) from jobs.t_job_info where tenant = '%s' and "
             "status in ('QUEUED', 'TO_BE_RUN', 'RUNNING')",
             tenant, tenant);
}

static double share(const char *url, const char *column, const char *tenant) {
    char *text =
        test_sql_value(url, "select (%s)::text from jobs.v_tenant_share where tenant = '%s'",
                       column, tenant);
    double value = text ? strtod(text, NULL) : -1;
    free(text);
    return value;
}

static void shown_by_jobctl(const char *url) {
    jobctl_use(BUILD_DIR "/bin");
    setenv("JOBS_DATASOURCE_MAIN_URL", url, 1);
    assert_int_equal(jobctl_lines("\"instances\":1", "tenant shares"), 2);
    assert_int_equal(jobctl_lines("\"weight\":3", "tenant shares t1"), 1);
    assert_int_equal(jobctl_lines(NULL, "tenant shares t2"), 0);
    jobctl_says(0, "LAG", "tenant shares");
    jobctl_says(0, "t1", "tenant shares");
    jobctl_says(2, "goes with --watch", "tenant shares --interval 1s");
    /* three looks, then it is interrupted */
    jobctl_says(0, "ok",
                "tenant shares t0 -w --interval 20ms | (for i in 1 2 3; do while read -r "
                "line; do case $line in t0*) break ;; esac; done; done; echo ok)");
}

static void backlogged_tenants_get_what_they_are_owed(void **state) {
    (void)state;
    runs_reset();
    const char *url = service_database();
    test_sql(url, "update jobs.t_tenant set weight = 3 where tenant = 't1'");
    submit_many(url, "nap", 8000, 2, "{\"parameters\": {\"ms\": 5}}");
    struct test_service *s = service_start(url, NULL, "jobs.pool.size=4", NULL);
    assert_true(runs_wait(1600, LONG_MS));
    assert_true(
        test_wait_sql(url, LONG_MS,
                      "select count(*) = 2 and bool_and(backlogged and got_us > 1000000 "
                      "and owed_us = got_us + lag_us and instances = 1) and max(weight) = 3 "
                      "from jobs.v_tenant_share"));
    double light = share(url, "got_us", "t0"), heavy = share(url, "got_us", "t1"),
           lag = share(url, "lag_us", "t1");
    print_message("got %.2f and %.2f slot-seconds, lag of the second %.3f\n", light / 1e6,
                  heavy / 1e6, lag / 1e6);
    assert_true(heavy > light * 2.4 && heavy < light * 3.6);
    assert_true(test_wait_sql(url, LONG_MS, "select max(abs(lag_us)) < %d from jobs.v_tenant_share",
                              SLOTS * RUN_MS * 1000 * 4 * (int)test_time_factor()));
    shown_by_jobctl(url);
    stop_rest(url, "t0");
    stop_rest(url, "t1");
    assert_true(
        test_wait_sql(url, LONG_MS,
                      "select count(*) = 2 and not bool_or(backlogged) and sum(running) = 0 "
                      "and max(abs(lag_us)) = 0 from jobs.v_tenant_share"));
    service_stop(s);
    assert_int_equal(test_sql_integer(url, "select count(*) from jobs.v_tenant_share"), 0);
    audit_finished(url);
}

/* What runs for long is in the books while it runs. */
static void runs_under_way_are_counted(void **state) {
    (void)state;
    runs_reset();
    runs_gate(false);
    const char *url = service_database();
    struct test_service *s = service_start(url, NULL, "jobs.pool.size=2", NULL);
    char *id = submit(url, "'t0', 'gate'");
    assert_true(test_wait_sql(url, LONG_MS,
                              "select running = 1 and not backlogged and got_us > 1000000 from "
                              "jobs.v_tenant_share where tenant = 't0'"));
    runs_gate(true);
    wait_status(url, id, "SUCCEEDED");
    assert_true(test_wait_sql(url, LONG_MS, "select running = 0 from jobs.v_tenant_share"));
    free(id);
    service_stop(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(backlogged_tenants_get_what_they_are_owed),
        cmocka_unit_test(runs_under_way_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
