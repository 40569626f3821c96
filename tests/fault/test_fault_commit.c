/* A tick whose answer is lost, that never arrives or arrives too late: each is settled right, no
 * job is run twice, none is lost. A proxy stands between service and server. */
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
#include <string.h>

#include <cmocka.h>

#define TICK "jobs tick"
#define SYNC 5 /* bytes of the message that ends a pipeline and commits */

struct fixture {
    const char *url; /* past the proxy */
    struct pg_proxy *proxy;
    struct test_service *service;
};

static int set_up(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    runs_reset();
    f->url = service_database();
    f->proxy = pg_proxy_start(f->url);
    f->service = service_start(pg_proxy_url(f->proxy), NULL, NULL);
    char *id = submit(f->url, "'t0', 'count'"); /* it works */
    wait_status(f->url, id, "SUCCEEDED");
    free(id);
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    service_stop(f->service);
    pg_proxy_stop(f->proxy);
    assert_int_equal(runs_doubled(), 0);
    audit_finished(f->url);
    free(f);
    return 0;
}

static void assert_ends_once(const struct fixture *f, const char *id, const char *version) {
    wait_status(f->url, id, "SUCCEEDED");
    assert_int_equal(runs_of(id), 1);
    assert_job(f->url, id, "attempt", "1");
    assert_job(f->url, id, "version", version);
}

/* ---- the commit was carried out, its answer is lost ---- */

/* Of the tick that holds this statement. */
static void lose_answer(const struct fixture *f, const char *statement) {
    pg_proxy_hold(f->proxy, TICK, PG_PROXY_TO_CLIENT, statement);
}

static void cut(const struct fixture *f) {
    assert_true(pg_proxy_wait_held(f->proxy, 1, LONG_MS));
    pg_proxy_cut_clients(f->proxy, TICK);
}

/* The service never heard that it had chosen them. */
static void the_answer_of_a_claim_is_lost(void **state) {
    struct fixture *f = *state;
    lose_answer(f, "ready_claim");
    char *small = submit(f->url, "'t0', 'count'");
    char *large = submit(f->url, "'t0', 'count', jsonb_build_object('x', repeat('x', 50000))");
    char *once = submit(f->url, "'t0', 'once'");
    wait_status(f->url, small, "TO_BE_RUN");
    assert_int_equal(runs_of(small), 0);
    cut(f);
    assert_ends_once(f, small, "4");
    assert_ends_once(f, large, "4");
    assert_ends_once(f, once, "4");
    free(small), free(large), free(once);
}

static void the_answer_of_a_start_is_lost(void **state) {
    struct fixture *f = *state;
    runs_gate(false);
    lose_answer(f, "run_start");
    char *id = submit(f->url, "'t0', 'gate'");
    wait_status(f->url, id, "RUNNING");
    cut(f);
    runs_gate(true);
    assert_ends_once(f, id, "4");
    free(id);
}

/* RUNNING is committed, which the service did not hear before it starts the run. */
static void the_answer_of_a_careful_start_is_lost(void **state) {
    struct fixture *f = *state;
    lose_answer(f, "run_start");
    char *id = submit(f->url, "'t0', 'once'");
    wait_status(f->url, id, "RUNNING");
    assert_int_equal(runs_of(id), 0);
    cut(f);
    assert_ends_once(f, id, "4");
    free(id);
}

static void the_answer_of_an_end_is_lost(void **state) {
    struct fixture *f = *state;
    runs_gate(false);
    char *id = submit(f->url, "'t0', 'gate'");
    wait_status(f->url, id, "RUNNING");
    lose_answer(f, "run_succeed");
    runs_gate(true);
    wait_status(f->url, id, "SUCCEEDED");
    cut(f);
    char *next = submit(f->url, "'t0', 'count'"); /* after the reconnect */
    assert_ends_once(f, next, "4");
    assert_ends_once(f, id, "4");
    free(id), free(next);
}

/* The first attempt failed, which the service never heard; the second one is a new matter. */
static void the_answer_of_a_failed_attempt_is_lost(void **state) {
    struct fixture *f = *state;
    lose_answer(f, "run_end");
    char *id = submit(f->url, "'t0', 'mixed', '{\"n\": 4}', attempts => 2, backoff => '1 ms'");
    wait_status(f->url, id, "PENDING");
    cut(f);
    wait_status(f->url, id, "SUCCEEDED");
    assert_int_equal(runs_of(id), 2);
    assert_job(f->url, id, "attempt || ' ' || version", "2 8");
    free(id);
}

/* ---- it never reached the server ---- */

static void lose_tick(const struct fixture *f, const char *statement) {
    pg_proxy_hold(f->proxy, TICK, PG_PROXY_TO_SERVER, statement);
}

static void cut_and_drop(const struct fixture *f) {
    assert_true(pg_proxy_wait_held(f->proxy, SYNC + 1, LONG_MS));
    pg_proxy_cut_clients(f->proxy, TICK);
    pg_proxy_drop(f->proxy);
}

static void a_claim_that_does_not_arrive(void **state) {
    struct fixture *f = *state;
    lose_tick(f, "ready_claim");
    char *id = submit(f->url, "'t0', 'count'");
    cut_and_drop(f);
    assert_ends_once(f, id, "4");
    free(id);
}

static void an_end_that_does_not_arrive(void **state) {
    struct fixture *f = *state;
    runs_gate(false);
    char *id = submit(f->url, "'t0', 'gate'");
    wait_status(f->url, id, "RUNNING");
    lose_tick(f, "run_succeed");
    runs_gate(true);
    assert_true(pg_proxy_wait_held(f->proxy, SYNC + 1, LONG_MS));
    assert_job(f->url, id, "status", "RUNNING");
    cut_and_drop(f);
    assert_ends_once(f, id, "4");
    free(id);
}

/* ---- it arrives late ---- */

/* All of it but the commit is carried out and holds its locks: the new session ends the old one. */
static void a_tick_that_stops_before_its_commit(void **state) {
    struct fixture *f = *state;
    runs_gate(false);
    char *id = submit(f->url, "'t0', 'gate'");
    wait_status(f->url, id, "RUNNING");
    lose_tick(f, "run_succeed");
    runs_gate(true);
    assert_true(pg_proxy_wait_held(f->proxy, SYNC + 1, LONG_MS));
    pg_proxy_release(f->proxy, SYNC);
    assert_true(test_wait_sql(f->url, LONG_MS,
                              "select count(*) > 0 from pg_locks l join pg_class c "
                              "on c.oid = l.relation where c.relname = "
                              "'t_job_outbox' and mode = 'RowExclusiveLock'"));
    pg_proxy_cut_clients(f->proxy, TICK);
    assert_ends_once(f, id, "4");
    pg_proxy_release(f->proxy, 0); /* the commit, to nobody */
    assert_ends_once(f, id, "4");
    free(id);
}

struct heard {
    const struct fixture *f;
    const char *text;
};

static bool is_heard(void *arg) {
    const struct heard *heard = arg;
    return pg_proxy_heard(heard->f->proxy, heard->text);
}

/* It comes to a server where its instance has gone on under a higher epoch. */
static void a_late_tick_is_fenced_off(void **state) {
    struct fixture *f = *state;
    runs_gate(false);
    char *id = submit(f->url, "'t0', 'gate'");
    wait_status(f->url, id, "RUNNING");
    lose_tick(f, "run_succeed");
    runs_gate(true);
    assert_true(pg_proxy_wait_held(f->proxy, SYNC + 1, LONG_MS));
    pg_proxy_cut_clients(f->proxy, TICK);
    assert_ends_once(f, id, "4");
    pg_proxy_release(f->proxy, 0);
    assert_true(test_wait(is_heard, &(struct heard){f, "JB010"}, LONG_MS));
    assert_ends_once(f, id, "4");
    free(id);
}

/* The same for a claim: jobs that it chose would belong to nobody who knows. */
static void a_late_claim_is_fenced_off(void **state) {
    struct fixture *f = *state;
    lose_tick(f, "ready_claim");
    char *first = submit(f->url, "'t0', 'count'");
    assert_true(pg_proxy_wait_held(f->proxy, SYNC + 1, LONG_MS));
    pg_proxy_cut_clients(f->proxy, TICK);
    assert_ends_once(f, first, "4");
    char *second = submit(f->url, "'t0', 'count', priority => 9"); /* what it might choose now */
    pg_proxy_release(f->proxy, 0);
    assert_true(test_wait(is_heard, &(struct heard){f, "JB010"}, LONG_MS));
    assert_ends_once(f, second, "4");
    free(first), free(second);
}

/* The session is alive and says nothing. The service gives up after its own deadline. */
static void a_server_that_does_not_answer(void **state) {
    struct fixture *f = *state;
    runs_gate(false);
    char *id = submit(f->url, "'t0', 'gate'");
    wait_status(f->url, id, "RUNNING");
    lose_tick(f, "run_succeed");
    lose_answer(f, "run_succeed");
    runs_gate(true);
    int64_t began = clock_now();
    assert_true(pg_proxy_wait_held(f->proxy, SYNC + 1, LONG_MS));
    assert_ends_once(f, id, "4");
    print_message("written after %.1f s\n", (double)(clock_now() - began) / 1e6);
    pg_proxy_release(f->proxy, 0);
    assert_true(test_wait(is_heard, &(struct heard){f, "JB010"}, LONG_MS));
    free(id);
}

static bool is_over(void *until) { return clock_now() >= *(const int64_t *)until; }

/* An instance that cannot be sure to be seen alive does not begin what must not be begun twice. */
static void at_most_once_jobs_wait_for_a_sign_of_life(void **state) {
    struct fixture *f = *state;
    pg_proxy_hold(f->proxy, "jobs control", PG_PROXY_TO_SERVER, NULL);
    pg_proxy_hold(f->proxy, "jobs control", PG_PROXY_TO_CLIENT, NULL);
    int64_t until = clock_now() + 2100 * CLOCK_MS;
    test_wait(is_over, &until, LONG_MS);
    char *once = submit(f->url, "'t0', 'once'"), *count = submit(f->url, "'t0', 'count'");
    assert_ends_once(f, count, "4");
    assert_int_equal(runs_of(once), 0);
    assert_ends_once(f, once, "4"); /* the control session is made anew after 5 s of silence */
    free(once), free(count);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_answer_of_a_claim_is_lost),
        TEST(the_answer_of_a_start_is_lost),
        TEST(the_answer_of_a_careful_start_is_lost),
        TEST(the_answer_of_an_end_is_lost),
        TEST(the_answer_of_a_failed_attempt_is_lost),
        TEST(a_claim_that_does_not_arrive),
        TEST(an_end_that_does_not_arrive),
        TEST(a_tick_that_stops_before_its_commit),
        TEST(a_late_tick_is_fenced_off),
        TEST(a_late_claim_is_fenced_off),
        TEST(a_server_that_does_not_answer),
        TEST(at_most_once_jobs_wait_for_a_sign_of_life),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
