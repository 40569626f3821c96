/* Under load a second session records what has ended: it comes and goes, and whatever becomes of it
 * no job is run twice, none is lost. A proxy stands between service and server. */
#include "module/base/clock.h"
#include "tests/lib/audit.h"
#include "tests/lib/pg_proxy.h"
#include "tests/lib/service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define RECORDER "jobs record"
#define SYNC 5 /* bytes of the message that ends a pipeline and commits */

struct fixture {
    const char *url; /* past the proxy */
    struct pg_proxy *proxy;
    struct test_service *service;
    int count; /* of jobs submitted */
};

static int set_up(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    runs_reset();
    f->url = service_database();
    f->proxy = pg_proxy_start(f->url);
    f->service = service_start(pg_proxy_url(f->proxy), NULL, "jobs.pool.size=200", NULL);
    *state = f;
    return 0;
}

/* All of them ended well, once. */
static int tear_down(void **state) {
    struct fixture *f = *state;
    wait_final(f->url, f->count, 4 * LONG_MS);
    service_stop(f->service);
    pg_proxy_stop(f->proxy);
    assert_int_equal(runs_doubled(), 0);
    assert_int_equal(runs_count(), f->count);
    /* What was claimed and not heard of may have waited too long for a slot, and gone back. */
    assert_int_equal(count_jobs(f->url, "status = 'SUCCEEDED' and attempt - attempt_base = 1"),
                     f->count);
    audit_finished(f->url);
    free(f);
    return 0;
}

static void submit_load(struct fixture *f) {
    int count = 8000;
    submit_many(f->url, "count", count, 7, NULL);
    f->count += count;
}

static bool is_gone(const struct fixture *f) {
    return test_wait_sql(f->url, LONG_MS,
                         "select count(*) = 0 from pg_stat_activity where application_name = "
                         "'" RECORDER "' and datname = current_database()");
}

static bool is_there(void *arg) {
    struct fixture *f = arg;
    if (runs_count() == (size_t)f->count)
        submit_load(f);
    return test_sql_integer(f->url,
                            "select count(*) from pg_stat_activity where application_name = "
                            "'" RECORDER "' and datname = current_database()") == 1;
}

/* One whose opening was cut short is tried again, if there is load then. */
static void wait_recorder(struct fixture *f) { assert_true(test_wait(is_there, f, 2 * LONG_MS)); }

static void it_comes_with_the_load_and_goes(void **state) {
    struct fixture *f = *state;
    wait_recorder(f);
    wait_final(f->url, f->count, 4 * LONG_MS);
    assert_true(is_gone(f));
    free(submit(f->url, "'t0', 'count'"));
    f->count++;
}

static int64_t end_sessions(const struct fixture *f, const char *name) {
    return test_sql_integer(f->url,
                            "select count(pg_terminate_backend(pid)) from pg_stat_activity where "
                            "application_name = '%s' and datname = current_database()",
                            name);
}

/* Each time it has been opened again, so that work of both sessions is under way. */
static void it_is_killed(void **state) {
    struct fixture *f = *state;
    int64_t kills = 0;
    for (int i = 0; i < 3; i++) {
        wait_recorder(f);
        kills += end_sessions(f, i % 3 == 2 ? "jobs tick" : RECORDER);
    }
    assert_int_equal(kills, 3);
}

static void hold(struct fixture *f, enum pg_proxy_way way) {
    wait_recorder(f);
    /* The array of receipts to be closed: names of statements travel when they are prepared, too. */
    pg_proxy_hold(f->proxy, RECORDER, way, "{\"t");
    submit_load(f);
    assert_true(pg_proxy_wait_held(f->proxy, way == PG_PROXY_TO_SERVER ? SYNC + 1 : 1, LONG_MS));
}

static void the_answer_of_ends_is_lost(void **state) {
    struct fixture *f = *state;
    hold(f, PG_PROXY_TO_CLIENT);
    pg_proxy_cut_clients(f->proxy, RECORDER);
}

static void ends_do_not_arrive(void **state) {
    struct fixture *f = *state;
    hold(f, PG_PROXY_TO_SERVER);
    pg_proxy_cut_clients(f->proxy, RECORDER);
    pg_proxy_drop(f->proxy);
}

/* They are carried out but for the commit and hold their locks: whoever connects anew ends them. */
static void ends_that_stop_before_their_commit(void **state) {
    struct fixture *f = *state;
    hold(f, PG_PROXY_TO_SERVER);
    pg_proxy_release(f->proxy, SYNC);
    assert_true(test_wait_sql(f->url, LONG_MS,
                              "select count(*) > 0 from pg_locks l join pg_class c on c.oid = "
                              "l.relation join pg_stat_activity a using (pid) where c.relname in "
                              "('t_job_outbox', 't_job_claim') and a.application_name = '" RECORDER
                              "'"));
    pg_proxy_cut_clients(f->proxy, RECORDER);
    wait_final(f->url, f->count, 4 * LONG_MS);
    pg_proxy_release(f->proxy, 0); /* the commit, to nobody */
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(it_comes_with_the_load_and_goes),    TEST(it_is_killed),
        TEST(the_answer_of_ends_is_lost),         TEST(ends_do_not_arrive),
        TEST(ends_that_stop_before_their_commit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
