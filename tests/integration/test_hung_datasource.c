/* A datasource that hangs leaves the other's latency where it was: from a submit to the beginning of
 * its run. One service, rounds in turn: both are sound, one hangs, both are sound, …
 *
 * JOBS_TEST_HUNG=250 takes so many samples in each round. */
#include "module/base/buf.h"
#include "module/base/clock.h"
#include "module/base/mem.h"
#include "tests/lib/audit.h"
#include "tests/lib/pg_proxy.h"
#include "tests/lib/servers.h"
#include "tests/lib/service.h"
#include "tests/lib/store_fixture.h"

#include <libpq-fe.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROUNDS = 4, JOBS = 100 };

struct samples { /* microseconds from a submit to the beginning of its run */
    int64_t *took;
    size_t count;
};

static size_t samples_in_a_round(void) {
    const char *full = getenv("JOBS_TEST_HUNG");
    return full ? (size_t)atoll(full) : 50;
}

static int compare(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static int64_t per_cent(struct samples *samples, size_t n) {
    qsort(samples->took, samples->count, sizeof *samples->took, compare);
    return samples->took[samples->count * n / 100 - (n == 100)];
}

static int64_t start_one(const struct job_info_service *store, const char *class_name,
                         const char *parameters) {
    struct job_info job =
        JOB_INFO(.tenant = "t0", .class_name = class_name, .parameters = parameters);
    struct job_uuid id;
    int64_t begun = clock_now();
    OK(job_info_create_as_queued(store, &job, 1, &id, &err));
    assert_true(runs_wait_of(id.text, 1, LONG_MS));
    return runs_began_at(id.text) - begun;
}

/* A round: one submit after another. */
static void sample(const struct job_info_service *store, struct samples *samples) {
    for (size_t i = samples_in_a_round(); i > 0; i--)
        samples->took[samples->count++] = start_one(store, "count", NULL);
}

struct hung {
    const char *kind, *url; /* of the one that will hang, as the service reaches it */
    void (*hang)(struct hung *hung);
    void (*heal)(struct hung *hung);
    const char *direct; /* the same for the test */
    struct pg_conn *lock;
    struct pg_proxy *proxy;
    char *pids;
    int64_t jobs; /* of it, so far */
};

static struct test_service *start(const char *good, const struct hung *hung) {
    struct buf urls[2] = {0};
    runs_reset();
    buf_format(&urls[0], "jobs.datasource.good.url=%s", good);
    buf_format(&urls[1], "jobs.datasource.hung.url=%s", hung->url);
    struct test_service *s = service_start(NULL, NULL, "jobs.amqp.url=", "jobs.pool.size=4",
                                           buf_get(&urls[0]), buf_get(&urls[1]), NULL);
    buf_done(&urls[0]);
    buf_done(&urls[1]);
    return s;
}

/* All is done there, both sessions are there (again) and its dispatcher sleeps. */
static void wait_quiet(const struct hung *hung) {
    wait_final(hung->direct, hung->jobs, LONG_MS);
    assert_true(test_wait_sql(
        hung->direct, LONG_MS,
        "select not exists (select from jobs.t_job_claim) and (select cardinality(sleepers) = 1 "
        "from jobs.t_job_wake) and (select count(distinct application_name) = 2 and count(*) = 2 "
        "from pg_stat_activity where datname = current_database() and application_name in ('jobs "
        "tick', 'jobs control'))"));
}

static bool nothing_runs(void *arg) {
    (void)arg;
    return runs_going() == 0;
}

/* It hangs while it has work: what runs of it ends now, and to choose the next ones is what it
 * cannot. */
static void hang_at_work(struct hung *hung) {
    size_t begun = runs_count();
    runs_gate(false);
    submit_many(hung->direct, "gate", JOBS, 3, NULL);
    hung->jobs += JOBS;
    assert_true(runs_wait(begun + 4, LONG_MS));
    hung->hang(hung);
    runs_gate(true);
    assert_true(test_wait(nothing_runs, NULL, LONG_MS));
}

static void print_samples(const struct hung *hung, struct samples *sound, struct samples *while_) {
    int64_t p99[] = {per_cent(sound, 99), per_cent(while_, 99)};
    int64_t median[] = {per_cent(sound, 50), per_cent(while_, 50)};
    print_message("%s: %zu submits each way; p99 %lld us, %lld us while it hangs (%.2f times); "
                  "median %lld, %lld (%.2f times); at most %lld, %lld\n",
                  hung->kind, sound->count, (long long)p99[0], (long long)p99[1],
                  (double)p99[1] / (double)p99[0], (long long)median[0], (long long)median[1],
                  (double)median[1] / (double)median[0], (long long)per_cent(sound, 100),
                  (long long)per_cent(while_, 100));
}

/* The figures are what counts. On a machine that does other things, too, only their order of
 * magnitude can be held: a wait behind the other datasource would be 100 ms or seconds, of every
 * submit or of the first one of a round, which is one of 50. */
static void assert_no_wait(struct samples *sound, struct samples *while_) {
    int64_t some = 50000 * test_time_factor();
    assert_true(per_cent(while_, 50) < 2 * per_cent(sound, 50) + some);
    assert_true(per_cent(while_, 99) < 3 * per_cent(sound, 99) + 2 * some);
}

static void measure(struct hung *hung) {
    const char *good = service_database();
    struct job_info_service store = {.db = store_connect(good)};
    struct samples sound = {0}, while_ = {0};
    sound.took = mem_grow(NULL, ROUNDS * samples_in_a_round(), sizeof *sound.took);
    while_.took = mem_grow(NULL, ROUNDS * samples_in_a_round(), sizeof *while_.took);
    struct test_service *s = start(good, hung);
    for (int round = 0; round < ROUNDS; round++) {
        wait_quiet(hung);
        sample(&store, &sound);
        hang_at_work(hung);
        sample(&store, &while_);
        hung->heal(hung);
    }
    print_samples(hung, &sound, &while_);
    assert_no_wait(&sound, &while_);
    wait_quiet(hung);
    PQfinish(store.db);
    service_stop(s);
    audit_finished(good);
    audit_finished(hung->direct);
    free(sound.took);
    free(while_.took);
}

/* ---- a table that is locked ---- */

static void lock_table(struct hung *hung) {
    hung->lock = store_connect(hung->direct);
    store_sql(hung->lock, "begin; lock table jobs.t_job_info in access exclusive mode");
}

static void unlock_table(struct hung *hung) { PQfinish(hung->lock); }

static void a_locked_table(void **state) {
    (void)state;
    const char *url = service_database();
    struct hung hung = {.kind = "locked table",
                        .url = url,
                        .direct = url,
                        .hang = lock_table,
                        .heal = unlock_table};
    measure(&hung);
}

/* ---- a server that stands still ---- */

static void signal_all(const char *pids, int number) {
    char *end;
    for (const char *p = pids; *p; p = *end ? end + 1 : end) {
        long pid = strtol(p, &end, 10);
        assert_true(pid > 1 && kill((pid_t)pid, number) == 0);
    }
}

static void stop_server(struct hung *hung) {
    hung->pids = test_sql_value(hung->direct,
                                "select string_agg(pid::text, ',') from pg_stat_activity where "
                                "application_name like 'jobs%%' and datname = current_database()");
    assert_non_null(hung->pids);
    signal_all(hung->pids, SIGSTOP);
}

static void wake_server(struct hung *hung) {
    signal_all(hung->pids, SIGCONT);
    free(hung->pids);
}

static void a_stopped_server(void **state) {
    (void)state;
    struct test_pg *pg = test_pg_start();
    const char *url = test_pg_database(pg);
    service_schema(url);
    struct hung hung = {.kind = "stopped server",
                        .url = url,
                        .direct = url,
                        .hang = stop_server,
                        .heal = wake_server};
    measure(&hung);
    test_pg_free(pg);
}

/* ---- a black hole ---- */

static void open_hole(struct hung *hung) {
    pg_proxy_hold(hung->proxy, "jobs tick", PG_PROXY_TO_SERVER, NULL);
    pg_proxy_hold(hung->proxy, "jobs control", PG_PROXY_TO_SERVER, NULL);
}

static void close_hole(struct hung *hung) {
    pg_proxy_cut_clients(hung->proxy, "jobs tick");
    pg_proxy_cut_clients(hung->proxy, "jobs control");
    pg_proxy_drop(hung->proxy);
}

static void a_black_hole(void **state) {
    (void)state;
    const char *url = service_database();
    struct pg_proxy *proxy = pg_proxy_start(url);
    struct hung hung = {.kind = "black hole",
                        .url = pg_proxy_url(proxy),
                        .direct = url,
                        .hang = open_hole,
                        .heal = close_hole,
                        .proxy = proxy};
    measure(&hung);
    pg_proxy_stop(proxy);
}

/* ---- slots ---- */

static void hold_claims(struct hung *hung) {
    pg_proxy_hold(hung->proxy, "jobs tick", PG_PROXY_TO_SERVER, "ready_claim");
}

/* Whose runs are long claims no more than there are free slots: those that were kept for a claim of the
 * datasource that hangs are let go. */
static void a_claim_that_hangs_keeps_no_slots(void **state) {
    (void)state;
    const char *good = service_database(), *direct = service_database();
    struct pg_proxy *proxy = pg_proxy_start(direct);
    struct job_info_service store = {.db = store_connect(good)};
    struct hung hung = {.url = pg_proxy_url(proxy),
                        .hang = hold_claims,
                        .heal = close_hole,
                        .direct = direct,
                        .proxy = proxy};
    struct test_service *s = start(good, &hung);
    wait_quiet(&hung);
    hang_at_work(&hung);
    assert_true(pg_proxy_wait_held(proxy, 1, LONG_MS));
    int64_t most = 0;
    for (int i = 0; i < 20; i++) {
        int64_t took = start_one(&store, "nap", "{\"ms\": 50}");
        most = took > most ? took : most;
    }
    print_message("a claim hangs: others start after %lld us at most\n", (long long)most);
    assert_true(most < CLOCK_SECOND * test_time_factor());
    close_hole(&hung);
    wait_quiet(&hung);
    PQfinish(store.db);
    service_stop(s);
    audit_finished(good);
    audit_finished(direct);
    pg_proxy_stop(proxy);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_locked_table),
        cmocka_unit_test(a_stopped_server),
        cmocka_unit_test(a_black_hole),
        cmocka_unit_test(a_claim_that_hangs_keeps_no_slots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
