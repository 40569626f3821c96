/* A datasource that hangs leaves the other's latency where it was: from a submit to the beginning of
 * its run, before and meanwhile, in one run of one service. */
#include "module/base/buf.h"
#include "module/base/clock.h"
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

enum { SAMPLES = 200 };

static int compare(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

/* The 99th percentile of SAMPLES submits, one after another, in microseconds. */
static int64_t p99(const struct job_info_service *store, int64_t *ret_median) {
    static int64_t took[SAMPLES];
    for (int i = 0; i < SAMPLES; i++) {
        struct job_info job = JOB_INFO(.tenant = "t0", .class_name = "count");
        struct job_uuid id;
        int64_t begun = clock_now();
        OK(job_info_create_as_queued(store, &job, 1, &id, &err));
        assert_true(runs_wait_of(id.text, 1, LONG_MS));
        took[i] = runs_began_at(id.text) - begun;
    }
    qsort(took, SAMPLES, sizeof *took, compare);
    *ret_median = took[SAMPLES / 2];
    return took[SAMPLES * 99 / 100 - 1];
}

struct hung {
    const char *kind, *url; /* of the one that will hang, as the service reaches it */
    void (*hang)(struct hung *hung);
    void (*heal)(struct hung *hung);
    const char *direct; /* the same for the test */
    struct pg_conn *lock;
    struct pg_proxy *proxy;
    char *pids;
};

static void measure(struct hung *hung) {
    const char *good = service_database();
    struct job_info_service store = {.db = store_connect(good)};
    struct buf urls[2] = {0};
    runs_reset();
    buf_format(&urls[0], "jobs.datasource.good.url=%s", good);
    buf_format(&urls[1], "jobs.datasource.hung.url=%s", hung->url);
    struct test_service *s = service_start(NULL, NULL, "jobs.amqp.url=", "jobs.pool.size=4",
                                           buf_get(&urls[0]), buf_get(&urls[1]), NULL);
    submit_many(hung->direct, "count", 50, 3, NULL);
    wait_final(hung->direct, 50, LONG_MS);
    int64_t median[2], before = p99(&store, &median[0]);
    submit_many(hung->direct, "nap", 100, 3, "{\"parameters\": {\"ms\": 1}}"); /* it is at work */
    hung->hang(hung);
    int64_t meanwhile = p99(&store, &median[1]);
    print_message(
        "%s: p99 %lld us before, %lld us while it hangs (%.2f times); median %lld, %lld\n",
        hung->kind, (long long)before, (long long)meanwhile, (double)meanwhile / (double)before,
        (long long)median[0], (long long)median[1]);
    /* The figure is what counts; on a machine that does other things, too, only the order of
     * magnitude can be held: a wait behind the other datasource would be seconds. */
    assert_true(meanwhile < 3 * before + 100000 * test_time_factor());
    hung->heal(hung);
    wait_final(hung->direct, 150, LONG_MS);
    PQfinish(store.db);
    service_stop(s);
    audit_finished(good);
    audit_finished(hung->direct);
    buf_done(&urls[0]);
    buf_done(&urls[1]);
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_locked_table),
        cmocka_unit_test(a_stopped_server),
        cmocka_unit_test(a_black_hole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
