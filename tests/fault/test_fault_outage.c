/* A PostgreSQL that is away for half a minute, or that died and whose standby took its place: no
 * run is ended by it, no result and nothing acknowledged is lost, nothing is done twice. */
#include "module/base/clock.h"
#include "tests/lib/audit.h"
#include "tests/lib/service.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libpq-fe.h>

#define AWAY_MS 30000 /* twice the lease */
#define GATES 8       /* runs that are under way all the time */
#define NAPS 400      /* of 50 ms each: there is always something to do when it breaks */

static int load(void) { return test_time_factor() > 1 ? 800 : 4000; }

static bool is_idle(void *arg) { return runs_going() == 0 && arg == NULL; }

/* Two instances in the midst of it: runs that wait for the gate, and a load of mixed classes. */
static void begin_load(const char *url, struct test_service *services[2], const char *service_url) {
    runs_reset();
    runs_gate(false);
    for (int i = 0; i < 2; i++)
        services[i] = service_start(service_url, NULL, "jobs.pool.size=8", NULL);
    submit_many(url, "gate", GATES, 2, NULL);
    assert_true(test_wait_sql(url, LONG_MS,
                              "select count(*) = %d from jobs.t_job_info "
                              "where status = 'RUNNING'",
                              GATES));
    submit_many(url, "nap", NAPS, 7, "{\"parameters\": {\"ms\": 50}}");
    submit_many(url, "mixed", load(), 7, "{\"attempts\": 2, \"backoff\": \"10 ms\"}");
    wait_final(url, NAPS / 4, LONG_MS);
}

/* Of mixed two kinds of eight take two runs, one of eight fails. `others`: jobs that succeed at
 * once. */
static void end_load(const char *url, struct test_service *services[2], int others) {
    int count = load();
    wait_final(url, GATES + NAPS + count + others, 2 * LONG_MS);
    for (int i = 0; i < 2; i++)
        service_stop(services[i]);
    assert_int_equal(runs_doubled(), 0);
    assert_int_equal(runs_count(), GATES + NAPS + count + count / 4 + others);
    assert_int_equal(count_jobs(url, "class_name = 'gate' and status = 'SUCCEEDED' and "
                                     "attempt = 1 and version = 4"),
                     GATES);
    assert_int_equal(count_jobs(url, "status = 'FAILED'"), count / 8);
    assert_int_equal(count_jobs(url, "error_kind = 'CRASH'"), 0);
    assert_int_equal(test_sql_integer(url, "select count(*) from jobs.t_job_instance where lost"),
                     0);
    audit_finished(url);
}

/* Some end while it is away; others go on over it and end when it is back. */
static void away(struct test_pg *pg, void (*stop)(struct test_pg *pg), int64_t duration) {
    stop(pg);
    int64_t until = clock_now() + duration * CLOCK_MS;
    while (clock_now() < until && !test_wait(is_idle, pg, 200 / test_time_factor()))
        ;
    assert_true(runs_going() >= GATES);
    test_pg_restart(pg);
}

static void half_a_minute_without_a_server(void **state) {
    (void)state;
    struct test_pg *pg = test_pg_start();
    const char *url = test_pg_database(pg);
    struct test_service *services[2];
    service_schema(url);
    begin_load(url, services, url);
    away(pg, test_pg_stop, AWAY_MS);
    wait_final(url, NAPS / 2, LONG_MS);
    away(pg, test_pg_crash, 3000);
    runs_gate(true);
    end_load(url, services, 0);
    test_pg_free(pg);
}

/* Ends alone: all runs end while nobody can be told. */
static void runs_that_end_without_a_server(void **state) {
    (void)state;
    struct test_pg *pg = test_pg_start();
    const char *url = test_pg_database(pg);
    struct test_service *services[2];
    service_schema(url);
    begin_load(url, services, url);
    test_pg_crash(pg);
    runs_gate(true);
    assert_true(test_wait(is_idle, NULL, LONG_MS));
    test_pg_restart(pg);
    end_load(url, services, 0);
    test_pg_free(pg);
}

/* ---- a standby ---- */

/* A client that submits one job after another and notes what it was answered. */
struct submitter {
    char url[400];
    pthread_t thread;
    atomic_bool stop;
    int acknowledged, unsure;
};

static bool submit_one(PGconn *db) {
    PGresult *result = PQexec(db, "select jobs.job_submit('t1', 'count')");
    bool done = PQresultStatus(result) == PGRES_TUPLES_OK;
    PQclear(result);
    return done;
}

static void *submit_all(void *arg) {
    struct submitter *s = arg;
    while (!atomic_load(&s->stop)) {
        PGconn *db = PQconnectdb(s->url);
        while (PQstatus(db) == CONNECTION_OK && !atomic_load(&s->stop)) {
            if (submit_one(db))
                s->acknowledged++;
            else
                s->unsure++;
        }
        PQfinish(db);
    }
    return NULL;
}

static const char *port_and_rest(const char *url) { return strrchr(url, ':') + 1; }

/* One URL that names both; the database's name is that of `url`. */
static void name_both(char *to, size_t size, const char *url, const struct test_pg *other) {
    snprintf(to, size,
             "postgresql://jobs@127.0.0.1:%d,127.0.0.1:%d/%s?target_session_attrs=read-write",
             atoi(port_and_rest(url)), atoi(port_and_rest(test_pg_url(other))),
             strrchr(url, '/') + 1);
}

static void a_standby_that_is_promoted(void **state) {
    (void)state;
    struct test_pg *primary = test_pg_start(), *standby = test_pg_standby(primary);
    const char *url = test_pg_database(primary);
    struct test_service *services[2];
    struct submitter submitter = {.acknowledged = 0};
    service_schema(url);
    name_both(submitter.url, sizeof submitter.url, url, standby);
    begin_load(url, services, submitter.url);
    assert_int_equal(pthread_create(&submitter.thread, NULL, submit_all, &submitter), 0);
    wait_final(url, NAPS / 2, LONG_MS);
    test_pg_kill(primary);
    int64_t died = clock_now();
    runs_gate(true); /* they end between the two */
    assert_true(test_wait(is_idle, NULL, LONG_MS));
    test_pg_promote(standby);
    assert_true(count_jobs(submitter.url, "status not in ('SUCCEEDED', 'FAILED')") > NAPS / 4);
    wait_final(submitter.url, NAPS + load(), LONG_MS);
    print_message("%.1f s from the end of the primary until all was done on the standby\n",
                  (double)(clock_now() - died) / CLOCK_SECOND);
    atomic_store(&submitter.stop, true);
    pthread_join(submitter.thread, NULL);
    int there = (int)count_jobs(submitter.url, "class_name = 'count'");
    print_message("%d submits acknowledged, %d not, %d jobs\n", submitter.acknowledged,
                  submitter.unsure, there);
    assert_in_range(there, submitter.acknowledged, submitter.acknowledged + submitter.unsure);
    end_load(submitter.url, services, there);
    test_pg_free(primary);
    test_pg_free(standby);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(half_a_minute_without_a_server),
        cmocka_unit_test(runs_that_end_without_a_server),
        cmocka_unit_test(a_standby_that_is_promoted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
