/* Sessions that are killed, a PostgreSQL that crashes or is not there: nothing is lost, and as long
 * as the process lives nothing is run twice. */
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
#include <time.h>

#include <cmocka.h>

static int load(void) { return test_time_factor() > 1 ? 800 : 5000; }

static void submit_load(const char *url, int count) {
    submit_many(url, "mixed", count, 7, "{\"attempts\": 2, \"backoff\": \"10 ms\"}");
}

/* Two kinds of eight take two runs, one of eight fails. */
static void assert_each_run_as_often_as_it_should(const char *url, int count) {
    assert_int_equal(runs_doubled(), 0);
    assert_int_equal(runs_count(), count + count / 4);
    assert_int_equal(count_jobs(url, "status = 'FAILED'"), count / 8);
    assert_int_equal(count_jobs(url, "status = 'SUCCEEDED'"), count - count / 8);
    assert_int_equal(count_jobs(url, "error_kind = 'CRASH'"), 0);
}

static int64_t end_sessions(const char *url, const char *name) {
    return test_sql_integer(url,
                            "select count(pg_terminate_backend(pid)) from pg_stat_activity where "
                            "application_name = '%s' and datname = current_database()",
                            name);
}

static int64_t ended(const char *url) {
    return test_sql_integer(url, "select coalesce(sum(n), 0) from jobs.v_job_count where status in "
                                 "('SUCCEEDED', 'FAILED', 'ABORTED')");
}

/* Again and again, at whatever it is doing; with a second service beside. */
static void killed_sessions(void **state) {
    (void)state;
    runs_reset();
    const char *url = service_database();
    struct test_service *a = service_start(url, NULL, "jobs.pool.size=4", NULL);
    struct test_service *b = service_start(url, NULL, "jobs.pool.size=4", NULL);
    int count = load();
    int64_t kills = 0, rounds = 0, reached = 0;
    submit_load(url, count);
    /* Each time some more jobs have ended, so that it always hits work under way. */
    for (; reached < count; rounds++) {
        kills += end_sessions(url, rounds % 3 == 2 ? "jobs control" : "jobs tick");
        int64_t goal = reached + count / 25 < count ? reached + count / 25 : count;
        wait_final(url, goal, LONG_MS);
        reached = ended(url);
    }
    service_stop(a);
    service_stop(b);
    print_message("%lld sessions ended while %d jobs ran\n", (long long)kills, count);
    assert_true(kills >= 10);
    assert_each_run_as_often_as_it_should(url, count);
    audit_finished(url);
}

/* Every half a second a crash without checkpoint; jobs keep running meanwhile. */
static void a_server_that_crashes(void **state) {
    (void)state;
    runs_reset();
    struct test_pg *pg = test_pg_start();
    const char *url = test_pg_database(pg);
    service_schema(url);
    struct test_service *s = service_start(url, NULL, "jobs.pool.size=8", NULL);
    int count = load();
    submit_load(url, count);
    for (int i = 1; i <= 4; i++) {
        wait_final(url, count * i / 6, LONG_MS);
        test_pg_crash(pg);
        test_pg_restart(pg);
    }
    wait_final(url, count, 2 * LONG_MS);
    service_stop(s);
    assert_each_run_as_often_as_it_should(url, count);
    audit_finished(url);
    test_pg_free(pg);
}

static int64_t cpu_time(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * CLOCK_SECOND + now.tv_nsec / 1000;
}

static bool is_idle(void *arg) { return runs_going() == 0 && arg == NULL; }

/* Runs go on and end without it; their ends are written when it is back. */
static void a_server_that_is_away_while_jobs_run(void **state) {
    (void)state;
    runs_reset();
    struct test_pg *pg = test_pg_start();
    const char *url = test_pg_database(pg);
    service_schema(url);
    struct test_service *s = service_start(url, NULL, "jobs.pool.size=8", NULL);
    runs_gate(false);
    submit_many(url, "gate", 8, 2, NULL);
    assert_true(test_wait_sql(url, LONG_MS,
                              "select count(*) = 8 from jobs.t_job_info "
                              "where status = 'RUNNING'"));
    submit_many(url, "count", 20, 2, NULL);
    test_pg_stop(pg);
    runs_gate(true);
    assert_true(test_wait(is_idle, NULL, LONG_MS)); /* what ran has ended, unheard */
    int64_t cpu = cpu_time(), began = clock_now();
    test_wait(is_idle, s, 1500 / test_time_factor()); /* it stays away for a while */
    double used = (double)(cpu_time() - cpu) / (double)(clock_now() - began);
    test_pg_restart(pg);
    wait_final(url, 28, LONG_MS);
    print_message("while it was away: %.0f %% of a processor\n", used * 100);
    assert_true(used < 0.4);
    assert_int_equal(count_jobs(url, "status = 'SUCCEEDED' and attempt = 1 and version = 4"), 28);
    assert_int_equal(runs_count(), 28);
    service_stop(s);
    audit_finished(url);
    test_pg_free(pg);
}

/* It is asked for until it answers; this is said once, not at every try. */
static void a_server_that_comes_later(void **state) {
    (void)state;
    runs_reset();
    struct test_pg *pg = test_pg_start();
    const char *url = test_pg_database(pg);
    service_schema(url);
    submit_many(url, "count", 10, 2, NULL);
    test_pg_stop(pg);
    struct test_service *s = service_start(url, NULL, NULL);
    test_wait(is_idle, s, 2000 / test_time_factor());
    size_t said = service_said(s, "cannot connect");
    print_message("it was said %zu times that the server is not there\n", said);
    assert_in_range(said, 1, 3);
    test_pg_restart(pg);
    wait_final(url, 10, LONG_MS);
    assert_int_equal(runs_count(), 10);
    service_stop(s);
    audit_finished(url);
    test_pg_free(pg);
}

/* An empty database comes up in place of nothing: the tables are made then. */
static void a_server_that_comes_later_and_is_empty(void **state) {
    (void)state;
    runs_reset();
    struct test_pg *pg = test_pg_start();
    const char *url = test_pg_database(pg);
    test_pg_stop(pg);
    struct test_service *s = service_start(url, NULL, NULL);
    test_pg_restart(pg);
    assert_true(
        test_wait_sql(url, LONG_MS, "select to_regclass('jobs.t_job_instance') is not null"));
    assert_true(test_wait_sql(url, LONG_MS, "select count(*) = 1 from jobs.t_job_instance"));
    test_sql(url, "insert into jobs.t_tenant (tenant) values ('t0')");
    char *id = submit(url, "'t0', 'count'");
    wait_status(url, id, "SUCCEEDED");
    service_stop(s);
    free(id);
    audit_finished(url);
    test_pg_free(pg);
}

/* Nothing is left to be written: no reason to wait for it. */
static void a_stop_while_the_server_is_away(void **state) {
    (void)state;
    runs_reset();
    struct test_pg *pg = test_pg_start();
    const char *url = test_pg_database(pg);
    service_schema(url);
    struct test_service *s = service_start(url, NULL, NULL);
    char *id = submit(url, "'t0', 'count'");
    wait_status(url, id, "SUCCEEDED");
    assert_true(test_wait_sql(url, LONG_MS, "select count(*) = 0 from jobs.t_job_claim"));
    test_pg_stop(pg);
    int64_t began = clock_now();
    service_stop_within(s, 500);
    print_message("stopped in %lld ms\n", (long long)(clock_now() - began) / 1000);
    test_pg_restart(pg);
    audit(url);
    free(id);
    test_pg_free(pg);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_sessions),
        cmocka_unit_test(a_server_that_crashes),
        cmocka_unit_test(a_server_that_is_away_while_jobs_run),
        cmocka_unit_test(a_server_that_comes_later),
        cmocka_unit_test(a_server_that_comes_later_and_is_empty),
        cmocka_unit_test(a_stop_while_the_server_is_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
