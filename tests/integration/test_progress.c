/* Live progress on "<service>.progress": what a subscriber sees of running jobs, and that nobody
 * waits for a broker that is slow or away. */
#include "amqp/bus.h"
#include "module/base/clock.h"
#include "module/base/log.h"
#include "module/service/exchanges.h"
#include "module/service/progress.h"
#include "module/service/service.h"
#include "tests/lib/proxy.h"
#include "tests/lib/service.h"

#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- a subscriber ---- */

enum { KEPT = 64 };

struct listener {
    struct bus *bus;
    int count;
    bool persistent;
    char keys[KEPT][256];
    struct json_object *bodies[KEPT];
};

static void take(void *arg, const struct bus_delivery *message) {
    struct listener *l = arg;
    l->persistent |= message->persistent;
    if (l->count < KEPT) {
        snprintf(l->keys[l->count], 256, "%s", message->routing_key);
        l->bodies[l->count] = json_tokener_parse(message->body);
        assert_non_null(l->bodies[l->count]);
        assert_string_equal(message->content_type, "application/json");
    }
    l->count++;
}

static struct listener *listen_to(const char *service, const char *key) {
    struct listener *l = calloc(1, sizeof *l);
    struct bus_options options = {.url = test_amqp_url(), .name = "listener"};
    char queue[256], *exchange = exchange_name(service, "progress");
    OK(bus_open(&options, &l->bus, &err));
    OK(exchanges_declare_progress(l->bus, service, &err));
    OK(bus_declare_queue(l->bus, "", BUS_EXCLUSIVE, NULL, 0, queue, &err));
    OK(bus_bind(l->bus, queue, exchange, key, &err));
    OK(bus_consume(l->bus, queue, 0, BUS_NO_ACK, NULL, NULL, &err));
    free(exchange);
    return l;
}

/* False: there are less after 20 s. */
static bool hear(struct listener *l, int least) {
    struct bus_handlers handlers = {.arg = l, .delivered = take};
    int64_t until = clock_now() + 20 * CLOCK_SECOND * test_time_factor();
    while (l->count < least && clock_now() < until)
        OK(bus_poll(l->bus, 50, &handlers, &err));
    return l->count >= least;
}

static void listener_free(struct listener *l) {
    bus_close(l->bus);
    for (int i = 0; i < KEPT; i++)
        json_object_put(l->bodies[i]);
    free(l);
}

static int64_t number(const struct listener *l, int i, const char *name) {
    return json_object_get_int64(json_object_object_get(l->bodies[i], name));
}

static const char *text(const struct listener *l, int i, const char *name) {
    return json_object_get_string(json_object_object_get(l->bodies[i], name));
}

/* ---- jobs ---- */

/* A hundred steps of 20 ms. */
static int run_work(struct job *job) {
    for (int i = 0; i < 100; i++) {
        job_sleep(job, 20);
        job_advance_completion(job, 1);
    }
    return 0;
}

static const struct job_class class_work = JOB_CLASS(.name = "work", .run = run_work);
static const struct job_class *const classes[] = {&class_work, NULL};

static char *setting(char *to, size_t size, const char *key, const char *value) {
    snprintf(to, size, "%s=%s", key, value);
    return to;
}

static void a_subscriber_sees_it_move(void **state) {
    (void)state;
    const char *url = service_database(), *name = test_service_name();
    char amqp[300], service[100];
    struct listener *l = listen_to(name, "t0.work"), *other = listen_to(name, "t1.#");
    struct test_service *s =
        service_start(url, classes, setting(amqp, sizeof amqp, "jobs.amqp.url", test_amqp_url()),
                      setting(service, sizeof service, "jobs.service", name),
                      "jobs.completion.update.rate.ms=200", NULL);
    char *id = submit(url, "'t0', 'work'");
    assert_true(hear(l, 4));
    wait_status(url, id, "SUCCEEDED");
    int64_t percent = 0;
    for (int i = 0; i < l->count; i++) {
        assert_string_equal(l->keys[i], "t0.work");
        assert_string_equal(text(l, i, "jobId"), id);
        assert_string_equal(text(l, i, "tenant"), "t0");
        assert_string_equal(text(l, i, "jobClassName"), "work");
        assert_int_equal(number(l, i, "attempt"), 1);
        assert_int_equal(number(l, i, "version"), 3); /* RUNNING's */
        assert_true(number(l, i, "percentCompleted") > percent);
        percent = number(l, i, "percentCompleted");
        assert_true(strcmp(text(l, i, "estimatedCompletion"), text(l, i, "time")) >= 0);
        assert_null(text(l, i, "text"));
    }
    assert_false(l->persistent);
    assert_int_equal(other->count, 0);
    service_stop(s);
    listener_free(l);
    listener_free(other);
    free(id);
}

static void write_script(char *path) {
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    dprintf(fd, "#!/bin/sh\nread -r job; for i in 10 20 30 40 50; do "
                "echo '{\"completion\": '$i', \"text\": \"page '$i'\"}' >&3; sleep 0.3; done\n");
    assert_int_equal(fchmod(fd, 0700), 0);
    close(fd);
}

static void a_program_says_what_it_is_doing(void **state) {
    (void)state;
    const char *url = service_database(), *name = test_service_name();
    char amqp[300], service[100], command[100], script[] = "/tmp/test-progress.XXXXXX";
    write_script(script);
    struct listener *l = listen_to(name, "#");
    struct test_service *s =
        service_start(url, NULL, setting(amqp, sizeof amqp, "jobs.amqp.url", test_amqp_url()),
                      setting(service, sizeof service, "jobs.service", name),
                      "jobs.completion.update.rate.ms=100",
                      setting(command, sizeof command, "jobs.class.talker.command", script), NULL);
    char *id = submit(url, "'t0', 'talker'");
    assert_true(hear(l, 3));
    for (int i = 0; i < 3; i++) {
        char expected[30];
        snprintf(expected, sizeof expected, "page %lld",
                 (long long)number(l, i, "percentCompleted"));
        assert_string_equal(text(l, i, "text"), expected);
    }
    wait_status(url, id, "SUCCEEDED");
    service_stop(s);
    listener_free(l);
    free(id);
    unlink(script);
}

/* Jobs and their progress in the database do not know whether there is a broker. */
static void a_broker_that_is_away_changes_nothing(void **state) {
    (void)state;
    const char *url = service_database();
    struct test_service *s =
        service_start(url, classes, "jobs.amqp.url=amqp://guest:guest@127.0.0.1:1/",
                      "jobs.completion.update.rate.ms=200", NULL);
    char *id = submit(url, "'t0', 'work'");
    wait_status(url, id, "SUCCEEDED");
    struct progress_stats stats;
    progress_get_stats(service_of(s)->progress, &stats);
    assert_int_equal(stats.published, 0);
    assert_true(stats.dropped >= 2);
    assert_false(stats.connected);
    service_stop(s);
    free(id);
}

/* ---- the publisher alone, behind a proxy ---- */

static void ignore_line(void *arg, int level, const char *tenant, const char *id,
                        const char *line) {
    (void)arg, (void)level, (void)tenant, (void)id, (void)line;
}

static void tell(struct progress *progress, int count) {
    struct job_progress what = {.tenant = "t0",
                                .id = "0189d2f0-1234-7abc-8000-0123456789ab",
                                .class_name = "work",
                                .version = 3,
                                .attempt = 1,
                                .date = 1709168523000004,
                                .text = "on it"};
    for (int i = 0; i < count; i++)
        progress_tell(progress, &what);
}

static struct progress_stats stats_of(struct progress *progress) {
    struct progress_stats stats;
    progress_get_stats(progress, &stats);
    return stats;
}

/* One note at a time until it is heard. */
static bool tell_until_heard(struct progress *progress, struct listener *l) {
    int before = l->count;
    struct bus_handlers handlers = {.arg = l, .delivered = take};
    int64_t until = clock_now() + 30 * CLOCK_SECOND * test_time_factor();
    while (l->count == before && clock_now() < until) {
        tell(progress, 1);
        OK(bus_poll(l->bus, 100, &handlers, &err));
    }
    return l->count > before;
}

static void nobody_waits_for_a_broker_that_hangs(void **state) {
    (void)state;
    struct log log = {.level = LOG_LEVEL_ERROR, .sink = ignore_line};
    const char *name = test_service_name();
    struct proxy *proxy = proxy_start(test_amqp_url(), false);
    struct progress_options options = {.log = &log, .service = name, .amqp_url = proxy_url(proxy)};
    struct progress *progress;
    OK(progress_start(&options, &progress, &err));
    assert_int_equal(proxy_connections(proxy), 0); /* opened on use */
    struct listener *l = listen_to(name, "#");
    assert_true(tell_until_heard(progress, l));
    assert_int_equal(proxy_connections(proxy), 1);
    assert_true(stats_of(progress).connected);

    proxy_set_mode(proxy, PROXY_HOLE);
    int64_t before = clock_now();
    tell(progress, 20000); /* many megabytes: more than fit into sockets */
    int64_t took = clock_now() - before;
    print_message("20,000 notes to a broker that hangs: %lld ms\n", (long long)took / 1000);
    assert_true(took < CLOCK_SECOND * test_time_factor());
    assert_true(stats_of(progress).dropped > 1000);

    proxy_set_mode(proxy, PROXY_PASS);
    assert_true(tell_until_heard(progress, l));
    proxy_cut(proxy);
    assert_true(tell_until_heard(progress, l));
    progress_stop(progress);
    listener_free(l);
    proxy_stop(proxy);
}

/* The exchange goes when a broker is restarted. */
static void an_exchange_that_is_gone_is_made_again(void **state) {
    (void)state;
    struct log log = {.level = LOG_LEVEL_ERROR, .sink = ignore_line};
    const char *name = test_service_name();
    struct progress_options options = {.log = &log, .service = name, .amqp_url = test_amqp_url()};
    struct progress *progress;
    OK(progress_start(&options, &progress, &err));
    struct listener *l = listen_to(name, "#");
    assert_true(tell_until_heard(progress, l));
    char *exchange = exchange_name(name, "progress");
    OK(bus_delete_exchange(l->bus, exchange, &err));
    listener_free(l);
    l = listen_to(name, "#");
    assert_true(tell_until_heard(progress, l));
    OK(bus_delete_exchange(l->bus, exchange, &err));
    tell(progress, 10);
    listener_free(l);
    l = listen_to(name, "#");
    assert_true(tell_until_heard(progress, l));
    progress_stop(progress);
    listener_free(l);
    free(exchange);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_subscriber_sees_it_move),
                                       cmocka_unit_test(a_program_says_what_it_is_doing),
                                       cmocka_unit_test(a_broker_that_is_away_changes_nothing),
                                       cmocka_unit_test(nobody_waits_for_a_broker_that_hangs),
                                       cmocka_unit_test(an_exchange_that_is_gone_is_made_again)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
