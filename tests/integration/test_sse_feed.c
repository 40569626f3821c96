/* The feed of live events against the real broker: no gap and nothing twice, wherever a listener
 * begins. */
#include "module/base/clock.h"
#include "module/service/exchanges.h"
#include "tests/lib/event_source.h"
#include "tests/lib/servers.h"

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define OK(call)                                 \
    do {                                         \
        struct jobs_error err = {0};             \
        if ((call) < 0)                          \
            fail_msg("%s: %s", #call, err.text); \
    } while (0)
#define LONG 30000

struct fixture {
    struct event_source source;
    struct feed *feed;
    struct log log;
};

static void start(struct fixture *f, const char *url, size_t ring_events) {
    event_source_open(&f->source, url, NULL);
    f->log = (struct log){.level = LOG_LEVEL_ERROR, .sink = log_text_sink};
    struct feed_options options = {.log = &f->log,
                                   .service = f->source.service,
                                   .amqp_url = url,
                                   .declare_progress = exchanges_declare_progress,
                                   .ring_events = ring_events};
    OK(feed_start(&options, &f->feed, &err));
}

static void stop(struct fixture *f) {
    feed_stop(f->feed);
    event_source_close(&f->source);
}

static void publish(struct fixture *f, int count) {
    event_source_publish(&f->source, "acme", "print", JOB_QUEUED, NULL, count);
}

static bool is_connected(void *arg) {
    struct feed_stats stats;
    feed_get_stats(arg, &stats);
    return stats.connected;
}

/* A listener that is served: what is published from here on comes to it. */
static struct ear *listen_now(struct fixture *f, const struct feed_filter *filter) {
    struct ear *ear = ear_listen(f->feed, filter, -1);
    assert_true(test_wait(is_connected, f->feed, LONG));
    return ear;
}

static void assert_all(struct ear *ear, int64_t first, int64_t last) {
    size_t count = (size_t)(last - first + 1);
    if (!ear_wait(ear, count, LONG)) {
        struct ear_counts c = ear_get(ear);
        fail_msg("%zu of %zu events: %lld to %lld instead of %lld to %lld, closed: %d", c.events,
                 count, (long long)c.first, (long long)c.last, (long long)first, (long long)last,
                 (int)c.closed);
    }
    struct ear_counts c = ear_get(ear);
    assert_int_equal(c.first, first);
    assert_int_equal(c.last, last);
    assert_int_equal(c.events, count);
    assert_int_equal(c.missing, 0);
    assert_false(c.disordered);
    assert_int_equal(c.gaps, 0);
}

static void what_is_published_comes(void **state) {
    struct fixture f;
    (void)state;
    start(&f, test_amqp_url(), 0);
    struct ear *ear = listen_now(&f, NULL);
    publish(&f, 500);
    assert_all(ear, 0, 499);
    struct ear *second = ear_listen(f.feed, NULL, -1); /* from now on */
    publish(&f, 10);
    assert_true(ear_wait(second, 10, LONG));
    assert_int_equal(ear_get(second).last, 509);
    assert_int_equal(ear_get(second).missing, 0);
    assert_all(ear, 0, 509);
    ear_free(second);
    stop(&f);
    ear_free(ear);
}

static void who_comes_back_goes_on(void **state) {
    struct fixture f;
    (void)state;
    start(&f, test_amqp_url(), 100); /* a small ring: most of it is read from the log */
    publish(&f, 3000);
    struct ear *from_log = ear_listen(f.feed, NULL, 10);
    assert_all(from_log, 11, 2999);
    struct ear *from_ring = ear_listen(f.feed, NULL, 2950);
    assert_all(from_ring, 2951, 2999);
    struct ear *nothing_new = ear_listen(f.feed, NULL, 2999);
    publish(&f, 5);
    assert_all(nothing_new, 3000, 3004);
    assert_all(from_ring, 2951, 3004);
    assert_all(from_log, 11, 3004);
    stop(&f);
    assert_true(ear_get(from_log).closed);
    ear_free(from_log), ear_free(from_ring), ear_free(nothing_new);
}

struct publisher {
    struct fixture *f;
    int count;
    atomic_bool done;
};

static void *publish_slowly(void *arg) {
    struct publisher *p = arg;
    for (int i = 0; i < p->count; i += 50) {
        publish(p->f, 50);
        poll(NULL, 0, 5);
    }
    atomic_store(&p->done, true);
    return NULL;
}

/* They go and come again at any moment, while events are published. */
static void reconnects_lose_nothing(void **state) {
    struct fixture f;
    struct publisher p = {&f, 10000, false};
    pthread_t thread;
    (void)state;
    start(&f, test_amqp_url(), 300);
    publish(&f, 1000);
    pthread_create(&thread, NULL, publish_slowly, &p);
    struct ear *first = ear_listen(f.feed, NULL, 98);
    assert_true(ear_wait(first, 1, LONG));
    struct ear_counts seen = {.last = 98, .id = 98};
    int rounds = 0;
    while (!atomic_load(&p.done) || seen.last < 10999) {
        struct ear *ear = ear_listen(f.feed, NULL, seen.id);
        ear_wait(ear, 100 + (size_t)rounds * 37 % 400, atomic_load(&p.done) ? 200 : LONG);
        struct ear_counts c = ear_get(ear);
        if (c.events > 0)
            assert_int_equal(c.first, seen.last + 1);
        assert_int_equal(c.missing, 0);
        assert_int_equal(c.gaps, 0);
        assert_false(c.disordered);
        seen = c.events > 0 ? c : seen;
        rounds++;
        ear_free(ear);
    }
    assert_all(first, 99, 10999);
    pthread_join(thread, NULL);
    print_message("%d rounds\n", rounds);
    stop(&f);
    ear_free(first);
}

static void filters_are_kept(void **state) {
    struct fixture f;
    (void)state;
    start(&f, test_amqp_url(), 4); /* some from the ring, some from the log */
    struct feed_filter filters[] = {{.tenant = "acme"},
                                    {.tenant = "globex", .statuses = 1u << JOB_FAILED},
                                    {.class_name = "scan"},
                                    {.tenant = "acme", .related_type = "order", .related_id = "7"},
                                    {.tenant = "globex"}};
    static const size_t expected[] = {8, 1, 3, 3, 4};
    event_source_id(2, filters[4].id); /* one job of globex: none of its first event's tenant */
    struct ear *live[5], *past[5];
    for (size_t i = 0; i < 5; i++)
        live[i] = listen_now(&f, &filters[i]);
    filters[4].id[0] = '\0';
    event_source_publish(&f.source, "acme", "print", JOB_QUEUED, NULL, 5);
    event_source_publish(&f.source, "globex", "scan", JOB_QUEUED, NULL, 3);
    event_source_publish(&f.source, "globex", "print", JOB_FAILED, NULL, 1);
    event_source_publish(&f.source, "acme", "print", JOB_RUNNING, "7", 3);
    for (size_t i = 0; i < 5; i++)
        past[i] = ear_listen(f.feed, &filters[i], 0); /* without the first one */
    for (size_t i = 0; i < 4; i++) {
        assert_true(ear_wait(live[i], expected[i], LONG));
        assert_true(ear_wait(past[i], expected[i] - (i == 0), LONG));
    }
    assert_true(ear_wait(past[4], expected[4], LONG));
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(ear_get(live[i]).events, expected[i]);
        assert_int_equal(ear_get(past[i]).events, expected[i] - (i == 0));
    }
    assert_int_equal(ear_get(live[4]).events, 0);
    stop(&f);
    for (size_t i = 0; i < 5; i++)
        ear_free(live[i]), ear_free(past[i]);
}

static void a_slow_one_is_cut_and_comes_back(void **state) {
    struct fixture f;
    (void)state;
    start(&f, test_amqp_url(), 0);
    struct ear *slow = listen_now(&f, NULL), *other = listen_now(&f, NULL);
    publish(&f, 100);
    assert_true(ear_wait(slow, 100, LONG));
    ear_limit(slow, 20000);
    publish(&f, 2000);
    assert_all(other, 0, 2099);
    ear_wait(slow, 2100, LONG);
    struct ear_counts c = ear_get(slow);
    assert_true(c.closed);
    assert_true(c.events < 2100);
    assert_int_equal(c.missing, 0);
    struct ear *again = ear_listen(f.feed, NULL, c.id);
    assert_all(again, c.last + 1, 2099);
    struct feed_stats stats;
    feed_get_stats(f.feed, &stats);
    assert_int_equal(stats.cut, 1);
    assert_int_equal(stats.listeners, 2);
    stop(&f);
    ear_free(slow), ear_free(other), ear_free(again);
}

/* Takes a piece every few milliseconds until it has so many events. */
static void take_slowly(struct ear *ear, size_t piece, size_t events) {
    int64_t until = clock_now() + 2 * LONG * CLOCK_MS;
    while (!ear_wait(ear, events, 5) && !ear_get(ear).closed && clock_now() < until)
        ear_take(ear, piece);
}

/* More to catch up than a sink may hold: it is written as fast as the client takes it, whether the
 * ring has it or the log. */
static void a_long_past_is_read_as_fast_as_it_is_taken(void **state) {
    static const size_t rings[] = {20000, 100};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct fixture f;
        start(&f, test_amqp_url(), rings[i]);
        struct ear *all = listen_now(&f, NULL);
        publish(&f, 12000);
        assert_true(ear_wait(all, 12000, LONG));
        struct ear *slow = ear_listen_slowly(f.feed, NULL, 0);
        take_slowly(slow, 60000, 11999);
        publish(&f, 10);
        assert_all(slow, 1, 12009);
        assert_in_range(ear_get(slow).waited_most, 1, FEED_SINK_LIMIT);
        stop(&f);
        ear_free(all), ear_free(slow);
    }
}

/* There are few readers of the past: those who take little leave them to others, and are not cut. */
static void slow_ones_keep_nobody_from_the_past(void **state) {
    enum { SLOW = 6, APART = 6000, LAST = SLOW * APART + 999 };
    struct fixture f;
    struct ear *slow[SLOW];
    (void)state;
    start(&f, test_amqp_url(), 100);
    for (int i = 0; i < SLOW; i++)
        publish(&f, APART);
    publish(&f, 1000);
    for (int i = 0; i < SLOW; i++)
        slow[i] = ear_listen_slowly(f.feed, NULL, i * APART);
    for (int i = 0; i < SLOW; i++)
        assert_true(ear_wait(slow[i], 100, LONG));
    int64_t began = clock_now(), until = began + 2 * LONG * CLOCK_MS;
    struct ear *quick = ear_listen(f.feed, NULL, 10);
    while (!ear_wait(quick, LAST - 10, 20) && clock_now() < until)
        for (int i = 0; i < SLOW; i++)
            ear_take(slow[i], 1000);
    assert_all(quick, 11, LAST);
    print_message("the quick one took %lld ms\n", (long long)((clock_now() - began) / CLOCK_MS));
    for (int i = 0; i < SLOW; i++) {
        assert_false(ear_get(slow[i]).closed);
        take_slowly(slow[i], 1000000, (size_t)(LAST - i * APART));
        int64_t first = ear_get(slow[i]).first; /* offsets have holes, numbers have none */
        assert_in_range(i * APART + 1 - first, 0, 10);
        assert_all(slow[i], first, LAST);
    }
    stop(&f);
    ear_free(quick);
    for (int i = 0; i < SLOW; i++)
        ear_free(slow[i]);
}

static void progress_comes_along(void **state) {
    struct fixture f;
    (void)state;
    start(&f, test_amqp_url(), 0);
    const struct feed_filter with = {.tenant = "acme", .progress = true},
                             without = {.tenant = "acme"},
                             others = {.tenant = "globex", .progress = true};
    struct ear *a = listen_now(&f, &with), *b = listen_now(&f, &without),
               *c = listen_now(&f, &others);
    static const char body[] =
        "{\"jobId\":\"0189d2f0-1234-7abc-8000-000000000001\",\"tenant\":\"acme\",\"jobClassName\":"
        "\"print\",\"attempt\":1,\"version\":3,\"percentCompleted\":40}";
    char exchange[200];
    snprintf(exchange, sizeof exchange, "%s.progress", f.source.service);
    OK(exchanges_declare_progress(f.source.bus, f.source.service, &err));
    struct bus_message message = {.exchange = exchange,
                                  .routing_key = "acme.print",
                                  .body = body,
                                  .length = sizeof body - 1};
    int64_t until = clock_now() + LONG * CLOCK_MS; /* the feed's queue may not be bound yet */
    while (ear_get(a).progress == 0 && clock_now() < until) {
        OK(bus_publish(f.source.bus, &message, NULL, &err));
        OK(bus_poll(f.source.bus, 50, NULL, &err));
    }
    assert_true(ear_get(a).progress > 0);
    assert_int_equal(ear_get(a).id, -1); /* nothing that a reconnect would go on behind */
    assert_int_equal(ear_get(b).progress, 0);
    assert_int_equal(ear_get(c).progress, 0);
    stop(&f);
    ear_free(a), ear_free(b), ear_free(c);
}

/* The log was deleted, and is there again, shorter. */
static void a_log_made_anew_is_told(void **state) {
    struct fixture f;
    (void)state;
    start(&f, test_amqp_url(), 0);
    publish(&f, 100);
    struct ear *ear = ear_listen(f.feed, NULL, 0);
    assert_all(ear, 1, 99);
    OK(bus_delete_queue(f.source.bus, f.source.queue, &err));
    const struct events_log log = {.age = 86400000, .size = 64 << 20};
    OK(exchanges_declare_log(f.source.bus, f.source.service, &log, &err));
    int64_t until = clock_now() + LONG * CLOCK_MS;
    while (ear_get(ear).gaps == 0 && clock_now() < until) {
        publish(&f, 1);
        poll(NULL, 0, 200);
    }
    assert_int_equal(ear_get(ear).gaps, 1);
    size_t before = ear_get(ear).events;
    publish(&f, 3);
    assert_true(ear_wait(ear, before + 3, LONG));
    struct ear *far = ear_listen(f.feed, NULL, 100000); /* an id of the old log */
    until = clock_now() + LONG * CLOCK_MS;
    while (ear_get(far).gaps == 0 && clock_now() < until)
        poll(NULL, 0, 50);
    assert_int_equal(ear_get(far).gaps, 1);
    publish(&f, 3);
    assert_true(ear_wait(far, 3, LONG));
    stop(&f);
    ear_free(ear), ear_free(far);
}

static void the_broker_goes_and_comes(void **state) {
    struct fixture f;
    (void)state;
    struct test_broker *broker = test_broker_start();
    start(&f, test_broker_url(broker), 50);
    struct ear *ear = listen_now(&f, NULL);
    publish(&f, 200);
    assert_all(ear, 0, 199);
    poll(NULL, 0, 1500); /* the broker notes within half a second that it has its first stream */
    test_broker_kill(broker);
    struct ear *meanwhile = ear_listen(f.feed, NULL, 20); /* comes while there is none */
    bus_close(f.source.bus);
    test_broker_restart(broker);
    char service[100];
    snprintf(service, sizeof service, "%s", f.source.service);
    int64_t published = f.source.published;
    event_source_open(&f.source, test_broker_url(broker), service);
    f.source.published = published;
    publish(&f, 300); /* the feed may not be back yet */
    assert_all(ear, 0, 499);
    assert_all(meanwhile, 21, 499);
    stop(&f);
    ear_free(ear), ear_free(meanwhile);
    test_broker_free(broker);
}

enum { MOST = 1000, PER_SECOND = 500, SECONDS = 4 };

/* Under a sanitizer fewer: it is about races then. */
static void a_thousand_get_everything(void **state) {
    const int many = test_time_factor() > 1 ? MOST / 10 : MOST;
    static struct ear *ears[MOST];
    struct fixture f;
    struct feed_filter filter = {.tenant = "acme"};
    (void)state;
    start(&f, test_amqp_url(), 0);
    for (int i = 0; i < many; i++)
        ears[i] = listen_now(&f, &filter);
    publish(&f, 1);
    for (int i = 0; i < many; i++)
        assert_true(ear_wait(ears[i], 1, LONG));
    int64_t began = clock_now();
    struct timespec cpu_before, cpu;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu_before);
    for (int i = 1; i <= SECONDS * 20; i++) {
        publish(&f, PER_SECOND / 20);
        int64_t left = began + i * 50 * CLOCK_MS - clock_now();
        poll(NULL, 0, left > 0 ? (int)(left / CLOCK_MS) : 0);
    }
    int64_t sent = clock_now();
    for (int i = 0; i < many; i++)
        assert_all(ears[i], 0, PER_SECOND * SECONDS);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    print_message("%d events for %d listeners in %lld ms, the last ones after %lld ms more; %.1f s "
                  "of CPU\n",
                  PER_SECOND * SECONDS, many, (long long)((sent - began) / CLOCK_MS),
                  (long long)((clock_now() - sent) / CLOCK_MS),
                  (double)(cpu.tv_sec - cpu_before.tv_sec) +
                      (double)(cpu.tv_nsec - cpu_before.tv_nsec) / 1e9);
    stop(&f);
    for (int i = 0; i < many; i++)
        ear_free(ears[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_published_comes),
        cmocka_unit_test(who_comes_back_goes_on),
        cmocka_unit_test(reconnects_lose_nothing),
        cmocka_unit_test(filters_are_kept),
        cmocka_unit_test(a_slow_one_is_cut_and_comes_back),
        cmocka_unit_test(a_long_past_is_read_as_fast_as_it_is_taken),
        cmocka_unit_test(slow_ones_keep_nobody_from_the_past),
        cmocka_unit_test(progress_comes_along),
        cmocka_unit_test(a_log_made_anew_is_told),
        cmocka_unit_test(the_broker_goes_and_comes),
        cmocka_unit_test(a_thousand_get_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
