/* Clients that leave a transaction open: whoever's row they hold waits, nobody else does. */
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
#include <libpq-fe.h>

enum { OTHERS = 500, FEW = 100 };

struct fixture {
    const char *url;
    struct test_service *service;
    PGconn *client;
};

static int set_up(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    runs_reset();
    f->url = service_database();
    f->service = service_start(f->url, NULL, "jobs.pool.size=4", NULL);
    f->client = PQconnectdb(f->url);
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    service_stop(f->service);
    PQfinish(f->client);
    assert_int_equal(runs_doubled(), 0);
    audit_finished(f->url);
    assert_int_equal(test_sql_integer(f->url, "select deadlocks from pg_stat_database "
                                              "where datname = current_database()"),
                     0);
    free(f);
    return 0;
}

static void client(const struct fixture *f, const char *format, ...) JOBS_PRINTF(2, 3);
static void client(const struct fixture *f, const char *format, ...) {
    char sql[500];
    va_list args;
    va_start(args, format);
    vsnprintf(sql, sizeof sql, format, args);
    va_end(args);
    PGresult *result = PQexec(f->client, sql);
    if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQresultErrorMessage(result));
    PQclear(result);
}

/* All others begin and end while the client holds what it holds. */
static void assert_others_go_on(const struct fixture *f) {
    int64_t began = clock_now();
    submit_many(f->url, "mixed", OTHERS, 5, "{\"attempts\": 2, \"backoff\": \"10 ms\"}");
    wait_final(f->url, OTHERS, LONG_MS);
    print_message("%d others in %lld ms\n", OTHERS, (long long)(clock_now() - began) / 1000);
}

static char *start_gated(const struct fixture *f) {
    runs_gate(false);
    char *id = submit(f->url, "'t0', 'gate'");
    wait_status(f->url, id, "RUNNING");
    return id;
}

/* The run ends while its row is held; the end is written once it is free. */
static void assert_end_waits_for(const struct fixture *f, const char *id, const char *how,
                                 const char *status) {
    runs_gate(true);
    assert_others_go_on(f);
    assert_job(f->url, id, "status", "RUNNING");
    assert_int_equal(runs_going(), 0);
    client(f, "%s", how);
    wait_status(f->url, id, status);
    assert_int_equal(runs_of(id), 1);
}

static void an_uncommitted_stop(void **state) {
    struct fixture *f = *state;
    char *id = start_gated(f);
    client(f, "begin; select jobs.job_stop('t0', '%s')", id);
    assert_end_waits_for(f, id, "commit", "SUCCEEDED"); /* it had ended before it was asked */
    free(id);
}

static void a_stop_rolled_back(void **state) {
    struct fixture *f = *state;
    char *id = start_gated(f);
    client(f, "begin; select jobs.job_stop('t0', '%s')", id);
    assert_end_waits_for(f, id, "rollback", "SUCCEEDED");
    assert_job(f->url, id, "stop_requested", "false");
    free(id);
}

static void an_uncommitted_lock(void **state) {
    struct fixture *f = *state;
    char *id = start_gated(f);
    client(f, "begin; select jobs.job_lock('t0', '%s')", id);
    assert_end_waits_for(f, id, "commit", "SUCCEEDED");
    assert_job(f->url, id, "locked", "true");
    free(id);
}

static void a_plain_update(void **state) {
    struct fixture *f = *state;
    char *id = start_gated(f);
    client(f, "begin; update jobs.t_job_info set description = 'held' where id = '%s'", id);
    assert_end_waits_for(f, id, "commit", "SUCCEEDED");
    assert_job(f->url, id, "description", "held");
    free(id);
}

/* Also of a job that has begun and is not known to have: RUNNING cannot be written. Foreign code
 * in the claim, a trigger, makes sure that the client is the first to lock the row. */
static void a_row_held_before_it_is_running(void **state) {
    struct fixture *f = *state;
    runs_gate(false);
    test_sql(f->url, "update jobs.t_tenant set state = 'PAUSED' where tenant = 't6'");
    char *id = submit(f->url, "'t6', 'gate'");
    /* Waits for the row's claim to commit, and has the row then. */
    test_sql(f->url, "create function jobs.wait() returns trigger language plpgsql as $$ begin "
                     "perform pg_sleep(0.2); return null; end $$; "
                     "create trigger wait after update on jobs.t_job_info for each row when "
                     "(old.status = 'QUEUED' and new.status = 'TO_BE_RUN' and "
                     "new.class_name = 'gate') execute function jobs.wait()");
    test_sql(f->url, "update jobs.t_tenant set state = 'ACTIVE' where tenant = 't6'");
    assert_true(test_wait_sql(f->url, LONG_MS,
                              "select count(*) > 0 from pg_stat_activity where "
                              "wait_event = 'PgSleep' and "
                              "application_name = 'jobs tick' and "
                              "datname = current_database()"));
    client(f, "begin; select from jobs.t_job_info where id = '%s' for no key update", id);
    /* Whoever comes first when the claim has committed: the client, or the tick that says RUNNING. */
    char *met = job_column(f->url, id, "status");
    assert_true(runs_wait_of(id, 1, LONG_MS));
    assert_others_go_on(f);
    assert_job(f->url, id, "status", met);
    free(met);
    client(f, "commit");
    wait_status(f->url, id, "RUNNING");
    runs_gate(true);
    wait_status(f->url, id, "SUCCEEDED");
    assert_job(f->url, id, "version", "4");
    assert_int_equal(runs_of(id), 1);
    free(id);
}

static char *submit_while_paused(const struct fixture *f) {
    test_sql(f->url, "update jobs.t_tenant set state = 'PAUSED' where tenant = 't6'");
    return submit(f->url, "'t6', 'count'");
}

static void assert_chosen_after(const struct fixture *f, const char *id, const char *how) {
    test_sql(f->url, "update jobs.t_tenant set state = 'ACTIVE' where tenant = 't6'");
    test_sql(f->url, "select jobs.job_submit('t6', 'count') from generate_series(1, 20)");
    assert_true(runs_wait(20, LONG_MS)); /* those behind it are not held up */
    submit_many(f->url, "count", FEW, 5, NULL);
    wait_final(f->url, FEW + 20, LONG_MS);
    assert_job(f->url, id, "status", "QUEUED");
    client(f, "%s", how);
    wait_status(f->url, id, "SUCCEEDED");
}

static void the_row_of_a_queued_job(void **state) {
    struct fixture *f = *state;
    char *id = submit_while_paused(f);
    client(f, "begin; select jobs.job_lock('t6', '%s')", id);
    assert_chosen_after(f, id, "commit");
    free(id);
}

static void the_ready_row_of_a_queued_job(void **state) {
    struct fixture *f = *state;
    char *id = submit_while_paused(f);
    client(f, "begin; select from jobs.t_job_ready where id = '%s' for update", id);
    assert_chosen_after(f, id, "rollback");
    free(id);
}

/* Its ready row and its own are locked; after the rollback it is in the queue as before. */
static void an_uncommitted_stop_of_a_queued_job(void **state) {
    struct fixture *f = *state;
    char *id = submit_while_paused(f);
    client(f, "begin; select jobs.job_stop('t6', '%s')", id);
    assert_chosen_after(f, id, "rollback");
    assert_job(f->url, id, "version", "4");
    free(id);
}

static void the_timer_of_a_pending_job(void **state) {
    struct fixture *f = *state;
    char *id = submit(f->url, "'t0', 'count', at => now() + interval '0.2 s'");
    client(f, "begin; select from jobs.t_job_timer where id = '%s' for update", id);
    char *other = submit(f->url, "'t0', 'count', at => now() + interval '0.2 s'");
    wait_status(f->url, other, "SUCCEEDED");
    assert_job(f->url, id, "status", "PENDING");
    client(f, "rollback");
    wait_status(f->url, id, "SUCCEEDED");
    free(id), free(other);
}

/* Nobody can do anything for a while; then everything goes on where it was. */
static void a_table_lock(void **state) {
    struct fixture *f = *state;
    static const char *const tables[] = {"t_job_info", "t_job_ready", "t_job_outbox", "t_job_claim",
                                         "t_job_timer"};
    enum { TABLES = sizeof tables / sizeof *tables, JOBS = 400 };
    for (int i = 0; i < TABLES; i++) {
        submit_many(f->url, "mixed", JOBS, 7, "{\"attempts\": 2, \"backoff\": \"10 ms\"}");
        assert_true(runs_wait(runs_count() + 10, LONG_MS));
        client(f, "begin; lock table jobs.%s in access exclusive mode; select pg_sleep(%s); commit",
               tables[i], i == 0 ? "2" : "0.3");
    }
    wait_final(f->url, TABLES * JOBS, LONG_MS);
    assert_int_equal(runs_count(), TABLES * (JOBS + JOBS / 4));
}

static bool tick_waits(const struct fixture *f, char *since, size_t size) {
    if (!test_wait_sql(f->url, LONG_MS,
                       "select count(*) > 0 from pg_stat_activity where query_start > '%s' and "
                       "application_name = 'jobs tick' and wait_event_type = 'Lock' and "
                       "datname = current_database()",
                       since))
        return false;
    char *now = test_sql_value(f->url, "select clock_timestamp()");
    snprintf(since, size, "%s", now);
    free(now);
    return true;
}

/* The tick that was to look at the stops fails: the next one looks. */
static void a_stop_during_a_table_lock(void **state) {
    struct fixture *f = *state;
    char *id = submit(f->url, "'t0', 'nap', '{\"ms\": 600000}'"), since[60] = "-infinity";
    wait_status(f->url, id, "RUNNING");
    client(f, "begin; lock table jobs.t_job_claim in access exclusive mode");
    char *other = submit(f->url, "'t0', 'count'"); /* cannot be chosen: no receipt */
    assert_true(tick_waits(f, since, sizeof since));
    test_sql(f->url, "select jobs.job_stop('t0', '%s')", id);
    for (int i = 0; i < 3; i++)
        assert_true(tick_waits(f, since, sizeof since));
    client(f, "commit");
    wait_status(f->url, other, "SUCCEEDED");
    wait_status(f->url, id, "ABORTED");
    free(id), free(other);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(an_uncommitted_stop),
        TEST(a_stop_rolled_back),
        TEST(an_uncommitted_lock),
        TEST(a_plain_update),
        TEST(a_row_held_before_it_is_running),
        TEST(the_row_of_a_queued_job),
        TEST(the_ready_row_of_a_queued_job),
        TEST(an_uncommitted_stop_of_a_queued_job),
        TEST(the_timer_of_a_pending_job),
        TEST(a_table_lock),
        TEST(a_stop_during_a_table_lock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
