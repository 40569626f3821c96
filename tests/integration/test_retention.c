/* Retention: what ended long enough ago goes, with all that belongs to it; what is locked, younger,
 * or just queued again stays. By jobsd's keeper, and by jobctl purge. */
#include "module/store/store.h"
#include "tests/lib/jobctl.h"
#include "tests/lib/service.h"

#include <libpq-fe.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Ended jobs of class "count", one a day old and more: job n ended n days ago. SUCCEEDED, FAILED,
 * ABORTED in turn; each with a parameter, a former attempt, a log. */
static void make_ended(const char *url, const char *tenant, int count) {
    test_sql(url,
             "with j as (insert into jobs.t_job_info (id, tenant, class_name, status, version, "
             "attempt, start_date, stop_date, error_kind, error) "
             "select jobs.job_uuid(), '%s', 'count', "
             "(array['SUCCEEDED', 'FAILED', 'ABORTED'])[n %% 3 + 1]::jobs.job_status, 4, 2, "
             "now() - n * interval '1 day', now() - n * interval '1 day', "
             "case n %% 3 when 1 then 'ERROR' end, case n %% 3 when 1 then 'x' end "
             "from generate_series(1, %d) n returning *), "
             "p as (insert into jobs.t_job_parameters (job_id, name, value) select id, 'n', '1' "
             "from j), "
             "a as (insert into jobs.t_job_attempt (job_id, attempt, tenant, outcome) select id, "
             "1, tenant, 'FAILED' from j), "
             "l as (insert into jobs.t_job_log (job_id, attempt, tail) select id, 1, 'said' from "
             "j), "
             "f as (insert into jobs.t_job_failure (tenant, id) select tenant, id from j where "
             "status <> 'SUCCEEDED') "
             "insert into jobs.t_job_count_delta (tenant, class_name, status, n) select tenant, "
             "class_name, status, count(*) from j group by 1, 2, 3",
             tenant, count);
}

static int64_t count_in(const char *url, const char *table) {
    return test_sql_integer(url, "select count(*) from jobs.%s", table);
}

static void on_finding(void *arg, const struct store_finding *finding) {
    (void)arg;
    fail_msg("fsck %s: %s %s", finding->check, finding->id ? finding->id : "", finding->text);
}

static void assert_in_order(const char *url) {
    struct job_info_service s = {.db = PQconnectdb(url)};
    OK(store_fsck(&s, on_finding, NULL, &err));
    PQfinish(s.db);
}

/* ---- by the keeper ---- */

static void the_keeper_removes_what_is_old(void **state) {
    (void)state;
    const char *url = service_database();
    make_ended(url, "t0", 1500); /* more than one batch */
    make_ended(url, "t1", 30);
    test_sql(url, "update jobs.t_job_info set locked = true where stop_date < now() - interval "
                  "'1400 days'");
    test_sql(url, "insert into jobs.t_job_info (id, tenant, class_name, status, version, "
                  "created_date) values (jobs.job_uuid(), 't0', 'count', 'PENDING', 1, now() - "
                  "interval '9 years')");
    test_sql(url, "insert into jobs.t_job_count_delta values ('t0', 'count', 'PENDING', 1)");
    runs_reset();
    struct test_service *service = service_start(url, NULL, "jobs.retention.succeeded.days=10",
                                                 "jobs.retention.failed.days=20", NULL);
    /* Old ones are those of 101 days (1400 to 1500) that are locked; then 3 and 13 of each. */
    char *wanted = test_sql_value(
        url, "select count(*) from jobs.t_job_info where locked or status = 'PENDING' or stop_date "
             "> now() - case status when 'SUCCEEDED' then 10 else 20 end * interval '1 day'");
    int64_t left = atoll(wanted);
    assert_int_equal(left, 101 + 1 + 2 * (3 + 13));
    assert_true(test_wait_sql(url, LONG_MS, "select count(*) = %s from jobs.t_job_info", wanted));
    assert_int_equal(count_jobs(url, "status <> 'PENDING' and not locked and stop_date < now() - "
                                     "interval '20 days'"),
                     0);
    assert_int_equal(count_jobs(url, "locked"), 101);
    assert_int_equal(count_in(url, "t_job_parameters"), left - 1);
    assert_int_equal(count_in(url, "t_job_attempt"), left - 1);
    assert_int_equal(count_in(url, "t_job_log"), left - 1);
    assert_int_equal(count_in(url, "t_job_failure"),
                     count_jobs(url, "status in ('FAILED', 'ABORTED')"));
    /* The day goes on. */
    char *id = submit(url, "'t0', 'count'");
    wait_status(url, id, "SUCCEEDED");
    assert_in_order(url);
    service_stop(service);
    free(id), free(wanted);
}

static void zero_days_are_for_ever(void **state) {
    (void)state;
    const char *url = service_database();
    make_ended(url, "t0", 90);
    struct test_service *service = service_start(url, NULL, "jobs.retention.succeeded.days=0",
                                                 "jobs.retention.failed.days=1", NULL);
    assert_true(test_wait_sql(url, LONG_MS, "select count(*) = 30 from jobs.t_job_info"));
    assert_int_equal(count_jobs(url, "status = 'SUCCEEDED'"), 30);
    service_stop(service);
}

static void instances_lost_long_ago_are_forgotten(void **state) {
    (void)state;
    const char *url = service_database();
    test_sql(url, "insert into jobs.t_job_instance (id, name, host, pid, version, class_names, "
                  "pool_size, lost, lost_date) select gen_random_uuid(), 'x', 'x', 1, '1', '{}', "
                  "1, true, now() - n * interval '1 hour' from unnest(array[1, 23, 25, 900]) n");
    struct test_service *service = service_start(url, NULL, NULL);
    assert_true(
        test_wait_sql(url, LONG_MS, "select count(*) = 2 from jobs.t_job_instance where lost"));
    service_stop(service);
}

/* ---- by hand ---- */

static void purge_by_hand(void **state) {
    (void)state;
    const char *url = service_database();
    make_ended(url, "t0", 60);
    make_ended(url, "t1", 600);
    jobctl_use(BUILD_DIR "/bin");
    setenv("JOBS_DATASOURCE_MAIN_URL", url, 1);
    char *removed = jobctl(0, "purge -t t0 --older-than 50d");
    assert_string_equal(removed, "11"); /* 50 to 60 */
    free(removed);
    removed = jobctl(0, "purge -t t0 --older-than 50d");
    assert_string_equal(removed, "0");
    free(removed);
    assert_int_equal(count_jobs(url, "tenant = 't1'"), 600);
    removed = jobctl(0, "purge --tenant t0 --older-than 36h --status FAILED,aborted");
    assert_int_equal(count_jobs(url, "tenant = 't0' and status <> 'SUCCEEDED'"), 1);
    assert_int_equal(count_jobs(url, "tenant = 't0'"), 1 + 16);
    free(removed);
    free(jobctl(0, "purge -t t0 -s ABORTED --older-than 0"));
    assert_int_equal(count_jobs(url, "tenant = 't0' and status = 'FAILED'"), 1);
    removed = jobctl(0, "purge"); /* what jobsd would: 1 and 30 days */
    assert_int_equal(count_jobs(url, "status = 'SUCCEEDED'"), 0);
    assert_int_equal(count_jobs(url, "tenant = 't1'"), 20);
    free(removed);
    jobctl_says(2, "can be removed", "purge -s RUNNING");
    jobctl_says(2, "duration", "purge --older-than soon");
    assert_in_order(url);
    unsetenv("JOBS_DATASOURCE_MAIN_URL");
}

static void a_job_that_is_queued_again_stays(void **state) {
    (void)state;
    const char *url = service_database();
    make_ended(url, "t0", 2); /* FAILED 1 day, ABORTED 2 days ago */
    PGconn *db = PQconnectdb(url);
    struct job_info_service s = {.db = PQconnectdb(url)};
    struct store_keep keep = {0};
    int64_t removed;
    PQclear(PQexec(db, "begin; select jobs.job_retry(tenant, id) from jobs.t_job_info where status "
                       "= 'FAILED'"));
    OK(store_purge(&s, &keep, &removed, &err)); /* does not wait */
    assert_int_equal(removed, 1);
    PQclear(PQexec(db, "commit"));
    OK(store_purge(&s, &keep, &removed, &err));
    assert_int_equal(removed, 0);
    assert_int_equal(count_jobs(url, "status = 'QUEUED'"), 1);
    PQclear(PQexec(s.db, "begin"));
    struct jobs_error err;
    assert_int_equal(store_purge(&s, &keep, &removed, &err), JOBS_EINVAL);
    PQfinish(db);
    PQfinish(s.db);
    assert_in_order(url);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_keeper_removes_what_is_old),
        cmocka_unit_test(zero_days_are_for_ever),
        cmocka_unit_test(instances_lost_long_ago_are_forgotten),
        cmocka_unit_test(purge_by_hand),
        cmocka_unit_test(a_job_that_is_queued_again_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
