/* Stopping jobs: in each of the seven statuses with the owner at work, and 10,000 stops in a race
 * with two claimers. */
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

struct fixture {
    const char *url;
    struct test_service *service;
};

static int set_up(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    runs_reset();
    f->url = service_database();
    f->service = service_start(f->url, NULL, "jobs.pool.size=1", NULL);
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    service_stop(f->service);
    assert_int_equal(runs_doubled(), 0);
    audit_finished(f->url);
    free(f);
    return 0;
}

static void assert_stop_says(const char *url, const char *id, const char *expected) {
    char *now = test_sql_value(url, "select jobs.job_stop('t0', '%s')", id);
    assert_string_equal(now, expected);
    free(now);
}

static void a_job_in_the_queue(void **state) {
    struct fixture *f = *state;
    runs_gate(false);
    char *first = submit(f->url, "'t0', 'gate'");
    assert_true(runs_wait_of(first, 1, LONG_MS));
    char *second = submit(f->url, "'t0', 'count'");
    assert_job(f->url, second, "status", "QUEUED");
    assert_stop_says(f->url, second, "ABORTED");
    assert_stop_says(f->url, second, "ABORTED"); /* again: no harm */
    runs_gate(true);
    wait_status(f->url, first, "SUCCEEDED");
    assert_int_equal(runs_of(second), 0);
    assert_job(f->url, second, "version", "2");
    assert_stop_says(f->url, first, "SUCCEEDED"); /* too late */
    assert_job(f->url, first, "version", "4");
    free(first), free(second);
}

static void pending_jobs(void **state) {
    struct fixture *f = *state;
    char *held = submit(f->url, "'t0', 'count', pending => true");
    char *dated = submit(f->url, "'t0', 'count', at => now() + interval '1 day'");
    char *failed = submit(f->url, "'t0', 'mixed', '{\"n\": 4}', attempts => 2, "
                                  "backoff => '1 hour'");
    wait_status(f->url, failed, "PENDING");
    assert_stop_says(f->url, held, "ABORTED");
    assert_stop_says(f->url, dated, "ABORTED");
    assert_stop_says(f->url, failed, "ABORTED");
    assert_job(f->url, failed, "version", "5");
    char *for_good = submit(f->url, "'t0', 'mixed', '{\"n\": 5}'");
    wait_status(f->url, for_good, "FAILED");
    assert_stop_says(f->url, for_good, "FAILED");
    free(held), free(dated), free(failed), free(for_good);
}

/* Runs that were seen to be quick make the service choose ahead: then some wait in its pool. */
static void a_job_that_waits_in_the_pool(void **state) {
    struct fixture *f = *state;
    submit_many(f->url, "count", 600, 1, NULL);
    wait_final(f->url, 600, LONG_MS);
    runs_gate(false);
    test_sql(f->url, "select jobs.job_submit_many('t0', '[{\"class_name\": \"gate\"}, "
                     "{\"class_name\": \"count\"}, {\"class_name\": \"count\"}]')");
    assert_true(test_wait_sql(f->url, LONG_MS,
                              "select count(*) > 0 from jobs.t_job_info where "
                              "class_name = 'count' and status = 'TO_BE_RUN'"));
    char *id = test_sql_value(f->url, "select id from jobs.t_job_info where class_name = 'count' "
                                      "and status = 'TO_BE_RUN' limit 1");
    assert_stop_says(f->url, id, "TO_BE_RUN");
    wait_status(f->url, id, "ABORTED"); /* the gate is still shut */
    assert_int_equal(runs_of(id), 0);
    assert_job(f->url, id, "version", "3");
    /* The other one does not wait for ever behind a long run: it goes back to its place. */
    assert_true(test_wait_sql(f->url, LONG_MS,
                              "select count(*) = 1 from jobs.t_job_info j "
                              "join jobs.t_job_ready r on r.id = j.id where "
                              "j.status = 'QUEUED' and r.seq = 603"));
    runs_gate(true);
    wait_final(f->url, 603, LONG_MS);
    free(id);
}

static void a_run_that_looks_at_its_stop(void **state) {
    struct fixture *f = *state;
    double worst = 0;
    for (int i = 0; i < 10; i++) {
        char *id = submit(f->url, "'t0', 'nap', '{\"ms\": 600000}', attempts => 3");
        wait_status(f->url, id, "RUNNING");
        int64_t began = clock_now();
        assert_stop_says(f->url, id, "RUNNING");
        wait_status(f->url, id, "ABORTED");
        double took = (double)(clock_now() - began) / 1000;
        worst = took > worst ? took : worst;
        assert_job(f->url, id, "attempt || ' ' || version", "1 4");
        free(id);
    }
    print_message("from stop to ABORTED: %.1f ms at most\n", worst);
    assert_true(worst < 500.0 * test_time_factor());
}

static void a_run_that_succeeds_all_the_same(void **state) {
    struct fixture *f = *state;
    char *id = submit(f->url, "'t0', 'stubborn', '{\"ms\": 300}'");
    wait_status(f->url, id, "RUNNING");
    assert_stop_says(f->url, id, "RUNNING");
    wait_status(f->url, id, "SUCCEEDED");
    assert_job(f->url, id, "result", "{\"stubborn\": true}");
    free(id);
}

/* ---- the race ---- */

enum { STOPPERS = 4 };

struct race {
    const char *url;
    char (*ids)[37];
    char (*answers)[12]; /* parallel to ids */
    size_t count;
    atomic_size_t next;
};

static void *stopper(void *arg) {
    struct race *race = arg;
    PGconn *db = PQconnectdb(race->url);
    for (size_t i; (i = atomic_fetch_add(&race->next, 1)) < race->count;) {
        const char *id = race->ids[i];
        PGresult *row = PQexecParams(
            db, "select jobs.job_stop((select tenant from jobs.t_job_info where id = $1), $1)", 1,
            (const Oid[]){2950}, &id, NULL, NULL, 0);
        snprintf(race->answers[i], sizeof race->answers[i], "%s",
                 PQresultStatus(row) == PGRES_TUPLES_OK ? PQgetvalue(row, 0, 0) : "error");
        PQclear(row);
    }
    PQfinish(db);
    return NULL;
}

/* In random order, so that stops meet jobs before, in and after their run. */
static struct race race_of(const char *url, size_t count) {
    struct race race = {.url = url, .count = count};
    race.ids = calloc(count, sizeof *race.ids);
    race.answers = calloc(count, sizeof *race.answers);
    PGconn *db = PQconnectdb(url);
    PGresult *rows = PQexec(db, "select id from jobs.t_job_info order by md5(id::text)");
    assert_int_equal(PQntuples(rows), count);
    for (size_t i = 0; i < count; i++)
        snprintf(race.ids[i], sizeof race.ids[i], "%s", PQgetvalue(rows, (int)i, 0));
    PQclear(rows);
    PQfinish(db);
    return race;
}

static bool is_true_answer(const char *id, const char *answer, const char *status, int version) {
    if (strcmp(answer, "ABORTED") == 0) /* taken out of the queue: never run */
        return strcmp(status, "ABORTED") == 0 && version == 2 && runs_of(id) == 0;
    if (strcmp(answer, "TO_BE_RUN") == 0 || strcmp(answer, "RUNNING") == 0)
        return strcmp(status, "ABORTED") == 0 || strcmp(status, "SUCCEEDED") == 0;
    return strcmp(answer, "SUCCEEDED") == 0 && strcmp(status, "SUCCEEDED") == 0;
}

static void assert_answers_are_true(const struct race *race) {
    size_t queued = 0, owned = 0, late = 0;
    PGconn *db = PQconnectdb(race->url);
    PGresult *rows =
        PQexec(db, "select id, status, version from jobs.t_job_info order by md5(id::text)");
    for (size_t i = 0; i < race->count; i++) {
        const char *answer = race->answers[i], *status = PQgetvalue(rows, (int)i, 1);
        assert_string_equal(race->ids[i], PQgetvalue(rows, (int)i, 0));
        if (!is_true_answer(race->ids[i], answer, status, atoi(PQgetvalue(rows, (int)i, 2))))
            fail_msg("job %s: the stop said %s, it is %s now", race->ids[i], answer, status);
        queued += strcmp(answer, "ABORTED") == 0;
        owned += strcmp(answer, "TO_BE_RUN") == 0 || strcmp(answer, "RUNNING") == 0;
        late += strcmp(answer, "SUCCEEDED") == 0;
    }
    PQclear(rows);
    PQfinish(db);
    print_message("%zu stops: %zu in the queue, %zu at an owner, %zu too late\n", race->count,
                  queued, owned, late);
    assert_true(queued > race->count / 100 && owned > 0 && late > race->count / 100);
}

static void stops_in_a_race_with_two_claimers(void **state) {
    (void)state;
    runs_reset();
    size_t count = test_time_factor() > 1 ? 2000 : 10000;
    const char *url = service_database();
    submit_many(url, "nap", (int)count, 7, "{\"parameters\": {\"ms\": 2}}");
    struct race race = race_of(url, count);
    struct test_service *a = service_start(url, NULL, "jobs.pool.size=3", NULL);
    struct test_service *b = service_start(url, NULL, "jobs.pool.size=3", NULL);
    pthread_t threads[STOPPERS];
    assert_true(runs_wait(10, LONG_MS));
    for (int i = 0; i < STOPPERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, stopper, &race), 0);
    for (int i = 0; i < STOPPERS; i++)
        pthread_join(threads[i], NULL);
    wait_final(url, (int64_t)count, 2 * LONG_MS);
    service_stop(a);
    service_stop(b);
    assert_answers_are_true(&race);
    assert_int_equal(runs_doubled(), 0);
    assert_int_equal(test_sql_integer(url, "select deadlocks from pg_stat_database "
                                           "where datname = current_database()"),
                     0);
    audit_finished(url);
    free(race.ids), free(race.answers);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_job_in_the_queue),
        TEST(pending_jobs),
        TEST(a_job_that_waits_in_the_pool),
        TEST(a_run_that_looks_at_its_stop),
        TEST(a_run_that_succeeds_all_the_same),
        cmocka_unit_test(stops_in_a_race_with_two_claimers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
