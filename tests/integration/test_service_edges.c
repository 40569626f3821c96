/* Rare meetings: found by reading, each forced here. */
#include "module/base/buf.h"
#include "module/base/clock.h"
#include "module/service/datasource.h"
#include "tests/lib/audit.h"
#include "tests/lib/service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libpq-fe.h>
#include <pthread.h>

/* ---- a client's transaction that stays open while another client calls ---- */

struct caller {
    const char *url, *function;
    char *id, *answer;
};

static void *call(void *arg) {
    struct caller *c = arg;
    PGconn *db = PQconnectdb(c->url);
    char sql[200];
    snprintf(sql, sizeof sql, "select jobs.%s('t0', '%s')", c->function, c->id);
    PGresult *result = PQexec(db, sql);
    bool good = PQresultStatus(result) == PGRES_TUPLES_OK;
    c->answer =
        strdup(good ? PQgetvalue(result, 0, 0) : PQresultErrorField(result, PG_DIAG_SQLSTATE));
    PQclear(result);
    PQfinish(db);
    return NULL;
}

/* Releases a job that is PENDING with a date to come, and commits once the other call waits. */
static char *while_released(const char *url, const char *id, const char *function) {
    struct caller c = {.url = url, .function = function, .id = strdup(id)};
    char sql[200];
    pthread_t thread;
    PGconn *db = PQconnectdb(url);
    snprintf(sql, sizeof sql, "begin; select jobs.job_release('t0', '%s')", id);
    PQclear(PQexec(db, sql));
    assert_int_equal(pthread_create(&thread, NULL, call, &c), 0);
    assert_true(test_wait_sql(url, LONG_MS,
                              "select exists (select from pg_stat_activity where "
                              "datname = current_database() and wait_event_type = 'Lock')"));
    PQclear(PQexec(db, "commit"));
    pthread_join(thread, NULL);
    PQfinish(db);
    free(c.id);
    return c.answer;
}

static void release_meets_another_call(void **state) {
    (void)state;
    static const struct {
        const char *function, *status;
    } calls[] = {{"job_stop", "ABORTED"}, {"job_release", "QUEUED"}};
    const char *url = service_database();
    for (size_t i = 0; i < 2; i++) {
        char *id = submit(url, "'t0', 'count', pending => true, at => now() + interval '1 hour'");
        char *answer = while_released(url, id, calls[i].function);
        assert_string_equal(answer, calls[i].status);
        assert_job(url, id, "status", calls[i].status);
        free(answer);
        free(id);
    }
    assert_int_equal(test_sql_integer(url, "select count(*) from jobs.t_job_timer"), 0);
}

/* ---- the session that says an instance lives ---- */

/* Others look whether the session named in its row is there: after a loss it names the new one. */
static void a_new_session_is_named(void **state) {
    (void)state;
    const char *url = service_database();
    struct test_service *s = service_start(url, NULL, NULL);
    const char *there = "select exists (select from pg_stat_activity a join jobs.t_job_instance i "
                        "on i.control_pid = a.pid and i.control_start = a.backend_start)";
    assert_true(test_wait_sql(url, LONG_MS, "%s", there));
    int64_t pid = test_sql_integer(url, "select control_pid from jobs.t_job_instance");
    test_sql(url, "select pg_terminate_backend(%lld)", (long long)pid);
    assert_true(test_wait_sql(url, 4000,
                              "%s and (select control_pid <> %lld from "
                              "jobs.t_job_instance)",
                              there, (long long)pid));
    service_stop(s);
}

/* ---- a session on which nothing succeeds any more ---- */

/* It may be the session that is wrong (its plans, its settings): a new one tries. Here it is the database, so
 * that does not help; nor does it hurt. */
static void a_session_that_only_fails_is_given_up(void **state) {
    (void)state;
    runs_reset();
    const char *url = service_database();
    struct test_service *s = service_start(url, NULL, NULL);
    static const char pid[] = "select pid from pg_stat_activity where datname = current_database() "
                              "and application_name = 'jobs tick'";
    assert_true(test_wait_sql(url, LONG_MS, "select (%s) is not null", pid));
    char *first = test_sql_value(url, "%s", pid);
    test_sql(url, "create function jobs.refuse() returns trigger language plpgsql as "
                  "'begin raise exception ''no claim today''; end'");
    test_sql(
        url,
        "create trigger refuse before insert on jobs.t_job_claim execute function jobs.refuse()");
    char *id = submit(url, "'t0', 'count'");
    assert_true(test_wait_sql(url, LONG_MS, "select (%s) <> %s", pid, first));
    assert_job(url, id, "status", "QUEUED");
    assert_int_equal(service_said(s, "a tick failed"), 1);
    test_sql(url, "drop trigger refuse on jobs.t_job_claim");
    wait_status(url, id, "SUCCEEDED");
    assert_int_equal(service_said(s, "works again"), 1);
    service_stop(s);
    audit_finished(url);
    free(first);
    free(id);
}

/* ---- a result that is small to send and huge to read ---- */

static int run_huge(struct job *job) {
    struct buf json = {0};
    runs_begin(job);
    buf_text(&json, "[0");
    for (int i = 0; i < 7000; i++)
        buf_text(&json, i % 2 ? ",1e131071" : ",1E-16000");
    buf_text(&json, "]");
    int end = job_succeed(job, buf_get(&json));
    buf_done(&json);
    runs_end(job);
    return end;
}

static int run_exponents(struct job *job) {
    runs_begin(job);
    runs_end(job);
    return job_succeed(job, "[1e300, -2.5E+10, 1e-300, \"\\\"1e131071\", \"x1e9999999999\"]");
}

static const struct job_class huge = JOB_CLASS(.name = "huge", .run = run_huge),
                              exponents = JOB_CLASS(.name = "exponents", .run = run_exponents);
static const struct job_class *const huge_classes[] = {&huge, &exponents, NULL};

static void numbers_that_grow_are_refused(void **state) {
    (void)state;
    runs_reset();
    const char *url = service_database();
    struct test_service *s = service_start(url, huge_classes, NULL);
    char *bad = submit(url, "'t0', 'huge'"), *good = submit(url, "'t1', 'exponents'");
    wait_final(url, 2, LONG_MS);
    assert_job(url, bad, "status", "FAILED");
    assert_job(url, bad, "error_kind", "RESULT");
    assert_job(url, good, "status", "SUCCEEDED");
    service_stop(s);
    audit_finished(url);
    free(bad);
    free(good);
}

/* ---- datasources share the pool ---- */

/* One that is never empty does not keep another one's job waiting. */
static void a_busy_datasource_leaves_room(void **state) {
    (void)state;
    runs_reset();
    const char *busy = service_database(), *quiet = service_database();
    struct buf settings[2] = {0};
    buf_format(&settings[0], "jobs.datasource.busy.url=%s", busy);
    buf_format(&settings[1], "jobs.datasource.quiet.url=%s", quiet);
    submit_many(busy, "nap", 2000, 1, "{\"parameters\": {\"ms\": 100}}");
    struct test_service *s = service_start(NULL, NULL, buf_get(&settings[0]), buf_get(&settings[1]),
                                           "jobs.pool.size=2", NULL);
    assert_true(runs_wait(10, LONG_MS));
    int64_t began = clock_now();
    char *id = submit(quiet, "'t0', 'count'");
    wait_final(quiet, 1, LONG_MS);
    int64_t took = (clock_now() - began) / CLOCK_MS;
    int64_t left = count_jobs(busy, "status = 'QUEUED'");
    print_message("%lld ms, %lld jobs of the busy one were left\n", (long long)took,
                  (long long)left);
    assert_true(took < 1000);
    test_sql(busy, "select jobs.job_stop(tenant, id) from jobs.t_job_info where status = 'QUEUED'");
    free(id);
    service_stop(s);
    buf_done(&settings[0]);
    buf_done(&settings[1]);
}

/* ---- what the database does not take, whatever it is told ---- */

/* Others go on, its receipt stays, and it is written once it can be. */
static void an_end_that_cannot_be_written_waits(void **state) {
    (void)state;
    runs_reset();
    const char *url = service_database();
    test_sql(url, "create function jobs.refuse() returns trigger language plpgsql as $$ begin "
                  "raise exception using errcode = '23514', message = 'not here'; end $$; "
                  "create trigger refuse before update on jobs.t_job_info for each row when "
                  "(new.stop_date is not null and new.tenant = 't6') "
                  "execute function jobs.refuse()");
    struct test_service *s = service_start(url, NULL, NULL);
    char *id = submit(url, "'t6', 'count'");
    submit_many(url, "count", 500, 5, NULL);
    wait_final(url, 500, LONG_MS);
    assert_true(test_wait_sql(url, LONG_MS, "select count(*) = 1 from jobs.t_job_claim"));
    assert_true(service_said(s, "its end cannot be written") > 0);
    test_sql(url, "drop trigger refuse on jobs.t_job_info; "
                  "select pg_terminate_backend(tick_pid) from jobs.t_job_instance");
    wait_final(url, 501, LONG_MS);
    assert_int_equal(runs_of(id), 1);
    service_stop(s);
    audit_finished(url);
    free(id);
}

/* ---- nothing is asked for all the time ---- */

static void a_held_row_of_sleepers_is_not_asked_for_all_the_time(void **state) {
    (void)state;
    const char *url = service_database();
    PGconn *db = PQconnectdb(url);
    PQclear(PQexec(db, "begin; select from jobs.t_job_wake for update"));
    struct test_service *s = service_start(url, NULL, NULL);
    const struct datasource *ds = service_of(s)->datasources[0];
    assert_true(test_wait_sql(url, LONG_MS, "select heartbeat > 0 from jobs.t_job_instance"));
    long long before = atomic_load(&ds->counters.ticks);
    int64_t began = clock_now();
    assert_true(test_wait_sql(url, LONG_MS, "select heartbeat > 2 from jobs.t_job_instance"));
    long long ticks = atomic_load(&ds->counters.ticks) - before;
    int64_t seconds = (clock_now() - began) / CLOCK_SECOND + 1;
    print_message("%lld ticks in %lld s\n", ticks, (long long)seconds);
    assert_true(ticks < 120 * seconds);
    PQclear(PQexec(db, "commit"));
    PQfinish(db);
    assert_true(
        test_wait_sql(url, LONG_MS, "select cardinality(sleepers) = 1 from jobs.t_job_wake"));
    service_stop(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(release_meets_another_call),
        cmocka_unit_test(a_new_session_is_named),
        cmocka_unit_test(a_session_that_only_fails_is_given_up),
        cmocka_unit_test(numbers_that_grow_are_refused),
        cmocka_unit_test(a_busy_datasource_leaves_room),
        cmocka_unit_test(an_end_that_cannot_be_written_waits),
        cmocka_unit_test(a_held_row_of_sleepers_is_not_asked_for_all_the_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
