/* Live events over HTTP, with a whole service behind them: who sees what, going on after a break,
 * slow readers, a thousand streams. */
#include "module/base/clock.h"
#include "module/store/access.h"
#include "tests/lib/http.h"
#include "tests/lib/service.h"
#include "tests/lib/sse.h"
#include "tests/lib/store_fixture.h"

#include <libpq-fe.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <cmocka.h>

#define LONG 30000
#define T0 "/api/v1/tenants/t0/events"

struct stack {
    const char *url;
    struct event_source source;
    struct test_service *service;
    struct sse_pool *pool;
    char base[300];
    char admin[STORE_SECRET], viewer[STORE_SECRET]; /* of all tenants; of t0 */
};

static void make_token(const char *url, const char *tenant, const char *role, char *ret) {
    struct job_info_service s = {.db = store_connect(url)};
    struct store_token token = {.name = role, .tenant = tenant, .role = role};
    struct job_uuid id;
    STORE_OK(store_token_create(&s, &token, &id, ret, &err));
    PQfinish(s.db);
}

static void start(struct stack *s, const char *amqp_url) {
    char amqp[300], name[300];
    *s = (struct stack){.url = service_database()};
    runs_reset();
    event_source_open(&s->source, amqp_url, NULL);
    snprintf(amqp, sizeof amqp, "jobs.amqp.url=%s", amqp_url);
    snprintf(name, sizeof name, "jobs.service=%s", s->source.service);
    s->service = service_start(s->url, runs_classes, amqp, name, "jobs.api.listen=127.0.0.1:0",
                               "jobs.amqp.log.age=1d", "jobs.amqp.log.size=64M",
                               "jobs.api.connections=4000", "jobs.api.connections.address=4000",
                               "jobs.api.rate=0", "jobs.completion.update.rate.ms=20", NULL);
    STORE_OK(job_service_url(service_of(s->service), s->base, sizeof s->base, &err));
    make_token(s->url, NULL, "admin", s->admin);
    make_token(s->url, "t0", "viewer", s->viewer);
    s->pool = sse_pool_start();
}

static void stop(struct stack *s) {
    sse_pool_stop(s->pool);
    service_stop(s->service);
    event_source_close(&s->source);
}

static bool has_comment(void *arg) { return sse_get(arg).comments > 1; } /* that of its place */

static struct sse *listen_now(struct stack *s, const char *token, const char *path) {
    struct sse *sse = sse_open(s->pool, s->base, token, path, -1);
    if (!test_wait(has_comment, sse, LONG))
        fail_msg("%s: status %d", path, sse_status(sse));
    assert_int_equal(sse_status(sse), 200);
    return sse;
}

static void a_job_is_followed_to_its_end(void **state) {
    struct stack s;
    (void)state;
    start(&s, test_amqp_url());
    struct sse *mine = listen_now(&s, s.viewer, T0),
               *all = listen_now(&s, s.admin, "/api/v1/events"),
               *ended = listen_now(&s, s.viewer, T0 "?status=SUCCEEDED,FAILED"),
               *orders = listen_now(&s, s.viewer, T0 "?related_type=order&related_id=7");
    char *id = submit(s.url, "'t0', 'count', related_type => 'order', related_id => '7'");
    free(submit(s.url, "'t0', 'count'"));
    free(submit(s.url, "'t1', 'count'"));
    assert_true(sse_wait(all, 12, LONG)); /* QUEUED, TO_BE_RUN, RUNNING, SUCCEEDED of each */
    assert_true(sse_wait(mine, 8, LONG));
    assert_true(sse_wait(ended, 2, LONG));
    assert_true(sse_wait(orders, 4, LONG));
    char path[200];
    snprintf(path, sizeof path, T0 "?job=%s&progress=false", id);
    struct sse *past = sse_open(s.pool, s.base, s.viewer, path, 0);
    assert_true(sse_wait(past, 3, LONG)); /* its QUEUED may be offset 0 */
    char *text = sse_text(orders);
    assert_non_null(strstr(text, "Content-Type: text/event-stream"));
    assert_non_null(strstr(text, "event: status\ndata: {\"jobId\":\""));
    assert_non_null(strstr(text, "\"jobEventType\":\"SUCCEEDED\""));
    free(text);
    assert_int_equal(sse_get(mine).events, 8);
    assert_int_equal(sse_get(ended).events, 2);
    assert_int_equal(sse_get(orders).events, 4);
    free(id);
    stop(&s);
}

static bool has_progress(void *arg) { return sse_get(arg).progress > 2; }

static void progress_is_live(void **state) {
    struct stack s;
    (void)state;
    start(&s, test_amqp_url());
    struct sse *with = listen_now(&s, s.viewer, T0),
               *without = listen_now(&s, s.viewer, T0 "?progress=false");
    for (int i = 0; i < 20 && sse_get(with).progress < 3; i++) {
        free(submit(s.url, "'t0', 'sleep', '{\"ms\": 500}'"));
        test_wait(has_progress, with, 700);
    }
    assert_true(sse_get(with).progress > 2);
    assert_int_equal(sse_get(without).progress, 0);
    char *text = sse_text(with);
    assert_non_null(strstr(text, "event: progress\ndata: {\"jobId\":\""));
    free(text);
    stop(&s);
}

static void refused(struct stack *s, int status, const char *token, const char *path) {
    free(http_get(status, s->base, token, "%s", path));
}

static void others_see_nothing(void **state) {
    struct stack s;
    (void)state;
    start(&s, test_amqp_url());
    refused(&s, 401, NULL, T0);
    refused(&s, 404, s.viewer, "/api/v1/tenants/t1/events");
    refused(&s, 404, s.admin, "/api/v1/tenants/nobody/events");
    refused(&s, 403, s.viewer, "/api/v1/events");
    refused(&s, 403, s.viewer, "/metrics");
    refused(&s, 400, s.viewer, T0 "?status=NEVER");
    refused(&s, 400, s.viewer, T0 "?color=red");
    refused(&s, 400, s.viewer, T0 "?job=1");
    struct sse *bad = sse_open(s.pool, s.base, s.viewer, T0, 0);
    sse_close(bad);
    const char *const headers[] = {"Last-Event-ID: 7x", NULL};
    char url[400];
    snprintf(url, sizeof url, "%s" T0, s.base);
    struct http_answer *answer =
        http_send(&(struct http_request){.url = url, .token = s.viewer, .headers = headers});
    assert_int_equal(answer->status, 400);
    http_free(answer);
    struct sse *mine = listen_now(&s, s.viewer, T0);
    event_source_publish(&s.source, "t1", "count", JOB_FAILED, NULL, 50);
    event_source_publish(&s.source, "t0", "count", JOB_FAILED, NULL, 1);
    assert_true(sse_wait(mine, 1, LONG));
    assert_int_equal(sse_get(mine).events, 1);
    assert_int_equal(sse_get(mine).first, 50);
    stop(&s);
}

static void health_and_metrics_are_served(void **state) {
    struct stack s;
    (void)state;
    start(&s, test_amqp_url());
    listen_now(&s, s.viewer, T0);
    char *body = http_get(200, s.base, NULL, "/health/live");
    assert_non_null(strstr(body, "{\"status\":\"ok\""));
    free(body);
    body = http_get(200, s.base, NULL, "/health/ready");
    assert_non_null(strstr(body, "{\"name\":\"amqp\",\"status\":\"ok\"}"));
    free(body);
    body = http_get(200, s.base, s.admin, "/metrics");
    assert_non_null(strstr(body, "\njobs_streams 1\n"));
    FILE *tool = popen("promtool check metrics 2>&1", "w");
    fwrite(body, 1, strlen(body), tool);
    assert_int_equal(pclose(tool), 0);
    free(body);
    stop(&s);
}

static bool is_closed(void *arg) { return sse_get(arg).closed; }

static void a_slow_reader_is_cut_off(void **state) {
    struct stack s;
    (void)state;
    start(&s, test_amqp_url());
    struct sse *slow = listen_now(&s, s.viewer, T0), *quick = listen_now(&s, s.viewer, T0);
    event_source_publish(&s.source, "t0", "count", JOB_FAILED, NULL, 100);
    assert_true(sse_wait(slow, 100, LONG));
    sse_pause(slow, true);
    size_t published = 100;
    int64_t until = clock_now() + 60 * CLOCK_SECOND;
    char *body = NULL;
    do { /* until the buffers of kernel and server are full */
        free(body);
        event_source_publish(&s.source, "t0", "count", JOB_FAILED, NULL, 2000);
        published += 2000;
        assert_true(sse_wait(quick, published, LONG));
        body = http_get(200, s.base, s.admin, "/metrics");
    } while (strstr(body, "\njobs_streams 2\n") && clock_now() < until);
    assert_non_null(strstr(body, "\njobs_streams_cut_total 1\n"));
    free(body);
    sse_pause(slow, false);
    assert_true(test_wait(is_closed, slow, LONG)); /* what is on its way, then the end */
    struct ear_counts c = sse_get(slow);
    assert_int_equal(c.missing, 0);
    assert_true(c.events < published);
    struct sse *again = sse_open(s.pool, s.base, s.viewer, T0, c.id);
    assert_true(sse_wait(again, published - c.events, LONG));
    assert_int_equal(sse_get(again).first, c.last + 1);
    assert_int_equal(sse_get(again).missing, 0);
    assert_int_equal(sse_get(quick).missing, 0);
    stop(&s);
}

/* More than the server's buffers hold: it is sent as fast as it is read, and nobody is cut. */
static void a_long_past_comes_to_a_slow_reader(void **state) {
    struct stack s;
    (void)state;
    start(&s, test_amqp_url());
    event_source_publish(&s.source, "t0", "count", JOB_FAILED, NULL, 12000);
    struct sse *slow = sse_open(s.pool, s.base, s.viewer, T0, 0);
    size_t seen = 0;
    int64_t until = clock_now() + 60 * CLOCK_SECOND;
    while (!sse_wait(slow, 11999, 5) && !sse_get(slow).closed && clock_now() < until) {
        sse_pause(slow, true);
        poll(NULL, 0, seen == sse_get(slow).events ? 0 : 20);
        seen = sse_get(slow).events;
        sse_pause(slow, false);
    }
    struct ear_counts c = sse_get(slow);
    assert_int_equal(c.events, 11999);
    assert_int_equal(c.missing, 0);
    assert_false(c.closed);
    char *body = http_get(200, s.base, s.admin, "/metrics");
    assert_non_null(strstr(body, "\njobs_streams_cut_total 0\n"));
    free(body);
    stop(&s);
}

/* Within a second or so; who comes back with another token goes on behind what was seen. */
static void a_stream_ends_with_its_token(void **state) {
    char brief[STORE_SECRET];
    struct job_uuid id;
    struct stack s;
    (void)state;
    start(&s, test_amqp_url());
    struct job_info_service store = {.db = store_connect(s.url)};
    struct store_token token = {.name = "brief", .tenant = "t0", .role = "viewer"};
    token.expiration_date = ((int64_t)time(NULL) + 6) * CLOCK_SECOND;
    STORE_OK(store_token_create(&store, &token, &id, brief, &err));
    PQfinish(store.db);
    struct sse *mine = listen_now(&s, brief, T0), *lasting = listen_now(&s, s.viewer, T0),
               *none = listen_now(&s, brief, T0 "?class_name=other");
    event_source_publish(&s.source, "t0", "count", JOB_FAILED, NULL, 10);
    assert_true(sse_wait(mine, 10, LONG));
    assert_true(test_wait(is_closed, mine, LONG));
    assert_true(test_wait(is_closed, none, LONG));
    assert_true(time(NULL) >= token.expiration_date / CLOCK_SECOND);
    assert_false(sse_get(lasting).closed);
    struct ear_counts c = sse_get(mine);
    assert_true(c.id >= 9);
    assert_int_equal(sse_get(none).id, c.id); /* its place, although it saw no event */
    char *body = http_get(200, s.base, s.admin, "/metrics");
    assert_non_null(strstr(body, "\njobs_streams_cut_total 0\n"));
    assert_non_null(strstr(body, "\njobs_streams 1\n"));
    free(body);
    refused(&s, 401, brief, T0);
    event_source_publish(&s.source, "t0", "count", JOB_FAILED, NULL, 5);
    struct sse *again = sse_open(s.pool, s.base, s.viewer, T0, c.id);
    assert_true(sse_wait(again, 5, LONG));
    assert_int_equal(sse_get(again).events, 5);
    assert_int_equal(sse_get(again).first, c.last + 1);
    stop(&s);
}

/* Jobs go on while the broker is away; streams stay open and get everything. */
static void the_broker_is_killed(void **state) {
    struct stack s;
    (void)state;
    struct test_broker *broker = test_broker_start();
    start(&s, test_broker_url(broker));
    struct sse *stream = listen_now(&s, s.viewer, T0);
    submit_many(s.url, "count", 50, 1, NULL);
    assert_true(sse_wait(stream, 200, LONG));
    poll(NULL, 0, 1500); /* the broker notes within half a second that it has its first stream */
    test_broker_kill(broker);
    submit_many(s.url, "count", 50, 1, NULL);
    wait_final(s.url, 100, LONG);
    free(http_get(503, s.base, NULL, "/health/ready"));
    test_broker_restart(broker);
    if (!sse_wait(stream, 400, 2 * LONG))
        fail_msg("%zu events of 400, closed: %d", sse_get(stream).events,
                 (int)sse_get(stream).closed);
    assert_int_equal(sse_get(stream).gaps, 0);
    assert_false(sse_get(stream).closed);
    bus_close(s.source.bus);
    s.source.bus = NULL;
    stop(&s);
    test_broker_free(broker);
}

enum { MOST = 1000, PER_SECOND = 500, SECONDS = 4 };

static int64_t cpu_time(void) {
    struct timespec cpu;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    return cpu.tv_sec * CLOCK_SECOND + cpu.tv_nsec / 1000;
}

static void allow_descriptors(void) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max < 8192 ? limit.rlim_max : 8192;
    setrlimit(RLIMIT_NOFILE, &limit);
}

/* Of one tenant, to a thousand streams, each of which gets every event. Clients and server share
 * this process. */
static void a_thousand_streams(void **state) {
    const int many = test_time_factor() > 1 ? MOST / 10 : MOST; /* it is about races then */
    static struct sse *streams[MOST];
    struct stack s;
    (void)state;
    allow_descriptors();
    start(&s, test_amqp_url());
    for (int i = 0; i < many; i++)
        streams[i] = sse_open(s.pool, s.base, s.viewer, T0, -1);
    for (int i = 0; i < many; i++)
        assert_true(test_wait(has_comment, streams[i], LONG));
    int64_t idle = cpu_time();
    poll(NULL, 0, 2000);
    idle = cpu_time() - idle;
    int64_t began = clock_now(), cpu = cpu_time();
    for (int i = 1; i <= SECONDS * 20; i++) {
        event_source_publish(&s.source, "t0", "count", JOB_FAILED, NULL, PER_SECOND / 20);
        int64_t left = began + i * 50 * CLOCK_MS - clock_now();
        poll(NULL, 0, left > 0 ? (int)(left / CLOCK_MS) : 0);
    }
    int64_t sent = clock_now();
    for (int i = 0; i < many; i++) {
        if (!sse_wait(streams[i], PER_SECOND * SECONDS, 2 * LONG))
            fail_msg("stream %d has %zu events, closed: %d", i, sse_get(streams[i]).events,
                     (int)sse_get(streams[i]).closed);
        assert_int_equal(sse_get(streams[i]).missing, 0);
        assert_false(sse_get(streams[i]).disordered);
    }
    print_message(
        "%d idle streams: %.1f %% of a core; %d events for each in %lld ms, the last ones "
        "%lld ms later, %.1f s of CPU with the clients'\n",
        many, (double)idle / 20000.0, PER_SECOND * SECONDS, (long long)((sent - began) / CLOCK_MS),
        (long long)((clock_now() - sent) / CLOCK_MS), (double)(cpu_time() - cpu) / 1e6);
    stop(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_is_followed_to_its_end),
        cmocka_unit_test(progress_is_live),
        cmocka_unit_test(others_see_nothing),
        cmocka_unit_test(health_and_metrics_are_served),
        cmocka_unit_test(a_slow_reader_is_cut_off),
        cmocka_unit_test(a_long_past_comes_to_a_slow_reader),
        cmocka_unit_test(a_stream_ends_with_its_token),
        cmocka_unit_test(the_broker_is_killed),
        cmocka_unit_test(a_thousand_streams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
