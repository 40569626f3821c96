/* The W3C trace context that a job is submitted with: to its run and to each of its events, and
 * nowhere else; what is none is ignored. */
#include "amqp/bus.h"
#include "module/base/clock.h"
#include "module/service/exchanges.h"
#include "tests/lib/service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TRACE "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

/* ---- what is taken ---- */

static void assert_kept(const char *url, const char *given, bool kept) {
    char *id = submit(url, "'t0', 'noop', traceparent => '%s'", given);
    assert_job(url, id, "traceparent", kept ? given : "");
    free(id);
}

static void what_is_none_is_ignored(void **state) {
    (void)state;
    const char *url = service_database();
    assert_kept(url, TRACE, true);
    assert_kept(url, "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", true);
    assert_kept(url, "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-comes", true);
    static const char *const others[] = {
        "",
        "nonsense",
        "00-ab-cd-01",
        TRACE "-more",
        TRACE " ",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00F067AA0BA902B7-01",
        "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.what",
        "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-a\"b",
        "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-a\nb",
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_kept(url, others[i], false);
    char *id = submit(url, "'t0', 'noop', traceparent => repeat('cc-', 10000)");
    assert_job(url, id, "traceparent", "");
    free(id);
    assert_int_equal(test_sql_integer(url, "select count(*) from jobs.t_job_outbox "
                                           "where extras <> array[null]"),
                     3); /* the others cost nothing there */
}

/* ---- where it comes out ---- */

enum { EVENTS_MOST = 32 };

struct heard {
    int count;
    struct {
        char id[64], header[256], body[2000];
    } events[EVENTS_MOST];
};

static void take(void *arg, const struct bus_delivery *message) {
    struct heard *heard = arg;
    assert_true(heard->count < EVENTS_MOST);
    const char *header = bus_delivery_header(message, "traceparent");
    int i = heard->count++;
    snprintf(heard->events[i].id, sizeof heard->events[i].id, "%s", message->message_id);
    snprintf(heard->events[i].header, 256, "%s", header ? header : "");
    snprintf(heard->events[i].body, sizeof heard->events[i].body, "%s", message->body);
}

static struct bus *listen_to(const char *service) {
    struct bus_options options = {.url = test_amqp_url(), .name = "listener"};
    struct bus *bus;
    char queue[256], *exchange = exchange_name(service, "events");
    OK(bus_open(&options, &bus, &err));
    OK(exchanges_declare(bus, service, &err));
    OK(bus_declare_queue(bus, "", BUS_EXCLUSIVE, NULL, 0, queue, &err));
    OK(bus_bind(bus, queue, exchange, "#", &err));
    OK(bus_consume(bus, queue, 0, BUS_NO_ACK, NULL, NULL, &err));
    free(exchange);
    return bus;
}

static int run_trace(struct job *job) {
    char result[300];
    if (job_attempt(job) == 1)
        return job_fail(job, "once more");
    snprintf(result, sizeof result, "{\"trace\": \"%s\"}", job_traceparent(job));
    return job_succeed(job, result);
}

static const struct job_class class_trace =
    JOB_CLASS(.name = "trace", .run = run_trace, .attempts = 2, .backoff = 1, .backoff_max = 1);
static const struct job_class *const classes[] = {&class_trace, NULL};

static void assert_events(const struct heard *heard, const char *id, const char *trace,
                          int events) {
    int seen = 0;
    for (int i = 0; i < heard->count; i++) {
        if (strncmp(heard->events[i].id, id, 36) != 0)
            continue;
        seen++;
        char member[100];
        snprintf(member, sizeof member, "\"traceparent\":\"%s\"", trace);
        assert_string_equal(heard->events[i].header, trace);
        assert_true(!strstr(heard->events[i].body, "\"traceparent\"") == !*trace);
        assert_true(!*trace || strstr(heard->events[i].body, member));
        assert_non_null(strstr(heard->events[i].body, "\"data\":{\"jobId\""));
    }
    assert_int_equal(seen, events);
}

static void to_the_run_and_to_every_event(void **state) {
    (void)state;
    const char *url = service_database(), *name = test_service_name();
    char amqp[300], service[100];
    snprintf(amqp, sizeof amqp, "jobs.amqp.url=%s", test_amqp_url());
    snprintf(service, sizeof service, "jobs.service=%s", name);
    struct bus *bus = listen_to(name);
    struct test_service *s = service_start(url, classes, amqp, service, NULL);
    char *traced = submit(url, "'t0', 'trace', traceparent => '%s', owner => 'ann'", TRACE);
    char *plain = submit(url, "'t0', 'trace'");
    char *stopped = submit(url, "'t0', 'trace', pending => true, traceparent => '%s'", TRACE);
    test_sql(url, "select jobs.job_stop('t0', '%s')", stopped);
    wait_final(url, 3, LONG_MS);
    struct heard *heard = calloc(1, sizeof *heard);
    struct bus_handlers handlers = {.arg = heard, .delivered = take};
    int64_t until = clock_now() + 20 * CLOCK_SECOND * test_time_factor();
    while (heard->count < 8 + 8 + 2 && clock_now() < until)
        OK(bus_poll(bus, 50, &handlers, &err));
    assert_events(heard, traced, TRACE, 8);
    assert_events(heard, plain, "", 8);
    assert_events(heard, stopped, TRACE, 2);
    assert_job(url, traced, "result", "{\"trace\": \"" TRACE "\"}");
    assert_job(url, plain, "result", "{\"trace\": \"\"}");
    service_stop(s);
    bus_close(bus);
    free(heard);
    free(traced);
    free(plain);
    free(stopped);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_none_is_ignored),
                                       cmocka_unit_test(to_the_run_and_to_every_event)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
