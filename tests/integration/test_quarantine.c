/* Quarantine: a class whose runs crash again and again for a tenant is parked for that tenant, and
 * for nobody else; it ends by itself or by hand. */
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
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
    const char *url;
    struct test_service *service;
};

static void on_finding(void *arg, const struct store_finding *finding) {
    (void)arg;
    fail_msg("fsck %s: %s %s", finding->check, finding->id ? finding->id : "", finding->text);
}

static int set_up(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    f->url = service_database();
    runs_reset();
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    service_stop(f->service);
    struct job_info_service s = {.db = PQconnectdb(f->url)};
    OK(store_fsck(&s, on_finding, NULL, &err));
    PQfinish(s.db);
    free(f);
    return 0;
}

static void crashes(const char *url, const char *tenant, const char *class_name, int count,
                    const char *ago) {
    test_sql(url,
             "insert into jobs.t_job_crash (tenant, class_name, date) select '%s', '%s', now() - "
             "interval '%s' from generate_series(1, %d)",
             tenant, class_name, ago, count);
}

static bool wait_quarantines(const char *url, int count) {
    return test_wait_sql(url, LONG_MS, "select count(*) = %d from jobs.t_job_quarantine", count);
}

static void five_crashes_park_a_class_for_its_tenant(void **state) {
    struct fixture *f = *state;
    crashes(f->url, "t0", "count", 5, "1 minute");
    f->service = service_start(f->url, NULL, NULL);
    assert_true(wait_quarantines(f->url, 1));
    assert_int_equal(test_sql_integer(f->url, "select count(*) from jobs.t_job_crash"), 0);
    char *parked = submit(f->url, "'t0', 'count', attempts => 1"),
         *other = submit(f->url, "'t0', 'nap', '{\"ms\": 1}'"),
         *another = submit(f->url, "'t1', 'count'");
    wait_status(f->url, other, "SUCCEEDED");
    wait_status(f->url, another, "SUCCEEDED");
    wait_status(f->url, parked, "PENDING");
    assert_job(f->url, parked, "attempt - attempt_base", "0"); /* used none */
    assert_job(f->url, parked, "error_kind", "CRASH");
    assert_job(f->url, parked, "error",
               "class count is in quarantine for this tenant: 5 of its runs crashed");
    assert_job(f->url, parked, "trigger_after_date <= now() + interval '60 s'", "true");
    assert_int_equal(runs_of(parked), 0);
    assert_int_equal(service_said(f->service, "[t0/] class count is in quarantine"), 1);
    free(parked), free(other), free(another);
}

static void it_is_listed_and_ended_by_hand(void **state) {
    struct fixture *f = *state;
    jobctl_use(BUILD_DIR "/bin");
    setenv("JOBS_DATASOURCE_MAIN_URL", f->url, 1);
    f->service = service_start(f->url, NULL, NULL);
    jobctl_says(3, "not in quarantine", "quarantine release count -t t0");
    crashes(f->url, "t0", "count", 7, "0");
    crashes(f->url, "t1", "nap", 5, "9 minutes");
    assert_true(wait_quarantines(f->url, 2));
    jobctl_says(0, "7 of its runs crashed within 600 s", "quarantine list -t t0");
    assert_int_equal(jobctl_lines("\"class_name\":", "quarantine list"), 2);
    assert_int_equal(jobctl_lines("\"tenant\":\"t1\"", "quarantine list -t t1"), 1);
    char *id = submit(f->url, "'t0', 'count'");
    assert_true(test_wait_sql(f->url, LONG_MS,
                              "select error_kind = 'CRASH' from jobs.t_job_info where id = '%s'",
                              id));
    free(jobctl(0, "quarantine release count --tenant t0"));
    while (service_said(f->service, "[t0/] class count is no longer in quarantine") == 0)
        assert_true(test_wait_sql(f->url, LONG_MS, "select pg_sleep(0.05) is not null"));
    free(jobctl(0, "release %s -t t0", id)); /* by itself within a minute */
    wait_status(f->url, id, "SUCCEEDED");
    assert_job(f->url, id, "error_kind is null and error is null", "true");
    assert_int_equal(jobctl_lines("\"tenant\":\"t1\"", "quarantine list"), 1);
    unsetenv("JOBS_DATASOURCE_MAIN_URL");
    free(id);
}

static void it_ends_by_itself(void **state) {
    struct fixture *f = *state;
    test_sql(f->url, "insert into jobs.t_job_quarantine values ('t0', 'count', clock_timestamp() + "
                     "interval '3 s', 5, 'made by a test')");
    f->service = service_start(f->url, NULL, NULL);
    submit_many(f->url, "count", 300, 1, NULL);
    assert_true(test_wait_sql(f->url, LONG_MS,
                              "select count(*) = 300 from jobs.t_job_info where error_kind = "
                              "'CRASH' and status = 'PENDING'"));
    wait_final(f->url, 300, LONG_MS);
    assert_int_equal(count_jobs(f->url, "status = 'SUCCEEDED' and attempt = attempt_base + 1"),
                     300);
    assert_true(wait_quarantines(f->url, 0));
    assert_int_equal(runs_doubled(), 0);
}

static void few_or_old_crashes_do_nothing(void **state) {
    struct fixture *f = *state;
    crashes(f->url, "t0", "count", 4, "1 minute");
    crashes(f->url, "t0", "count", 30, "11 minutes");
    crashes(f->url, "t0", "nap", 4, "1 minute");
    f->service = service_start(f->url, NULL, NULL);
    assert_true(test_wait_sql(f->url, LONG_MS, "select count(*) = 8 from jobs.t_job_crash"));
    char *id = submit(f->url, "'t0', 'count'");
    wait_status(f->url, id, "SUCCEEDED");
    assert_true(wait_quarantines(f->url, 0));
    free(id);
}

/* RUNNING at an instance that is lost, each for the time number `losses`. */
static void make_lost(const char *url, const char *class_name, int count, int losses) {
    test_sql(url,
             "with i as (insert into jobs.t_job_instance (id, name, host, pid, version, "
             "class_names, pool_size, lost, lost_date) values (gen_random_uuid(), 'lost', 'x', 1, "
             "'1', '{}', 1, true, now()) returning id), "
             "j as (insert into jobs.t_job_info (id, tenant, class_name, status, version, attempt, "
             "start_date, crashes, suspect, instance, ready_seq) select jobs.job_uuid(), 't0', "
             "'%s', 'RUNNING', 3, 1, now(), %d, %s, i.id, n from i, generate_series(1, %d) n "
             "returning *), "
             "c as (insert into jobs.t_job_count_delta select 't0', '%s', 'RUNNING', count(*) from "
             "j) "
             "insert into jobs.t_job_claim (instance, tick, tenant, ids) select instance, 1, 't0', "
             "array_agg(id) from j group by 1",
             class_name, losses - 1, losses > 1 ? "true" : "false", count, class_name);
}

static void only_jobs_that_used_up_their_budget_count(void **state) {
    struct fixture *f = *state;
    make_lost(f->url, "nap", 50, 1);
    make_lost(f->url, "count", 5, 4);
    f->service = service_start(f->url, NULL, NULL);
    assert_true(wait_quarantines(f->url, 1));
    wait_final(f->url, 55, LONG_MS);
    assert_int_equal(count_jobs(f->url, "class_name = 'nap' and status = 'SUCCEEDED'"), 50);
    assert_int_equal(count_jobs(f->url, "class_name = 'count' and status = 'FAILED' and "
                                        "error_kind = 'CRASH'"),
                     5);
    assert_int_equal(test_sql_integer(f->url, "select count(*) from jobs.t_job_quarantine where "
                                              "class_name = 'count' and crashes = 5"),
                     1);
}

/* Five runs of a program that is killed; a sixth is not begun. */
static void a_program_that_crashes(void **state) {
    struct fixture *f = *state;
    char directory[] = "/tmp/jobs-crash-XXXXXX", script[60], setting[80];
    assert_non_null(mkdtemp(directory));
    snprintf(script, sizeof script, "%s/boom", directory);
    snprintf(setting, sizeof setting, "jobs.classes.dir=%s", directory);
    FILE *file = fopen(script, "w");
    assert_non_null(file);
    fputs("#!/bin/sh\nkill -SEGV $$\n", file);
    fclose(file);
    assert_int_equal(chmod(script, 0755), 0);
    f->service = service_start(f->url, NULL, setting, NULL);
    char *first = submit(f->url, "'t0', 'boom', attempts => 3, backoff => '1 ms'"),
         *second = submit(f->url, "'t0', 'boom', attempts => 2, backoff => '1 ms'");
    wait_final(f->url, 2, LONG_MS);
    assert_job(f->url, first, "error_kind || attempt", "CRASH3");
    assert_job(f->url, second, "error_kind || attempt", "CRASH2");
    assert_true(wait_quarantines(f->url, 1));
    while (service_said(f->service, "[t0/] class boom is in quarantine") == 0)
        assert_true(test_wait_sql(f->url, LONG_MS, "select pg_sleep(0.05) is not null"));
    char *third = submit(f->url, "'t0', 'boom'"), *other = submit(f->url, "'t1', 'boom'");
    wait_status(f->url, other, "FAILED");
    wait_status(f->url, third, "PENDING");
    assert_job(f->url, third, "start_date is null", "true");
    unlink(script);
    rmdir(directory);
    free(first), free(second), free(third), free(other);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(five_crashes_park_a_class_for_its_tenant),
        TEST(it_is_listed_and_ended_by_hand),
        TEST(it_ends_by_itself),
        TEST(few_or_old_crashes_do_nothing),
        TEST(only_jobs_that_used_up_their_budget_count),
        TEST(a_program_that_crashes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
