#include "tests/lib/bus_log.h"

#include "module/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LONG_ENOUGH (20 * CLOCK_SECOND)

static void confirmed(void *arg, uint64_t tag, enum bus_outcome outcome) {
    struct bus_log *log = arg;
    assert_in_range(tag, 1, BUS_LOG_TAGS - 1);
    assert_int_equal(log->outcome[tag], 0); /* once */
    log->outcome[tag] = (unsigned char)(1 + outcome);
    log->settled++;
    ++*(outcome == BUS_ACK ? &log->acks : outcome == BUS_NACK ? &log->nacks : &log->unknown);
}

static void copy(char to[256], const char *from) { snprintf(to, 256, "%s", from ? from : ""); }

static void keep(struct bus_log *log, const struct bus_delivery *from) {
    size_t i = (size_t)log->deliveries;
    if (i >= BUS_LOG_DELIVERIES)
        return;
    log->delivery[i].tag = from->tag;
    log->delivery[i].redelivered = from->redelivered;
    log->delivery[i].has_x_death = from->has_x_death;
    log->delivery[i].persistent = from->persistent;
    log->delivery[i].length = from->length;
    log->delivery[i].timestamp = from->timestamp;
    log->delivery[i].checksum = from->body ? bus_log_checksum(from->body, from->length) : 0;
    copy(log->delivery[i].routing_key, from->routing_key);
    copy(log->delivery[i].exchange, from->exchange);
    copy(log->delivery[i].message_id, from->message_id);
    copy(log->delivery[i].correlation_id, from->correlation_id);
    copy(log->delivery[i].reply_to, from->reply_to);
    copy(log->delivery[i].user_id, from->user_id);
    copy(log->delivery[i].content_type, from->content_type);
    copy(log->delivery[i].type, from->type);
    copy(log->delivery[i].consumer_tag, from->consumer_tag);
    copy(log->delivery[i].tenant, bus_delivery_header(from, "tenant"));
    copy(log->delivery[i].body, from->body ? from->body : "(not kept)");
}

static void delivered(void *arg, const struct bus_delivery *delivery) {
    struct bus_log *log = arg;
    keep(log, delivery);
    log->deliveries++;
    if (log->answer && delivery->reply_to) {
        struct bus_message answer = {.routing_key = delivery->reply_to,
                                     .correlation_id = delivery->correlation_id,
                                     .body = "done",
                                     .length = 4};
        assert_int_equal(bus_publish(log->bus, &answer, NULL, NULL), 0);
    }
    if (log->acknowledge)
        assert_int_equal(bus_ack(log->bus, delivery->tag, NULL), 0);
}

static void returned(void *arg, const struct bus_delivery *message, int code, const char *text) {
    struct bus_log *log = arg;
    assert_non_null(text);
    keep(log, message);
    log->return_code = code;
    log->acks_at_return = log->acks;
    log->returns++;
}

static void cancelled(void *arg, const char *consumer_tag) {
    struct bus_log *log = arg;
    assert_true(strlen(consumer_tag) > 0);
    log->cancels++;
}

static void blocked(void *arg, bool is_blocked, const char *reason) {
    struct bus_log *log = arg;
    assert_true(!is_blocked || strlen(reason) > 0);
    ++*(is_blocked ? &log->blocks : &log->unblocks);
}

struct bus_log *bus_log_new(struct bus *bus) {
    struct bus_log *log = calloc(1, sizeof(*log));
    assert_non_null(log);
    log->bus = bus;
    return log;
}

struct bus_handlers bus_log_handlers(struct bus_log *log) {
    return (struct bus_handlers){.arg = log,
                                 .confirmed = confirmed,
                                 .returned = returned,
                                 .delivered = delivered,
                                 .cancelled = cancelled,
                                 .blocked = blocked};
}

void bus_log_wait(struct bus_log *log, const int *counter, int least) {
    struct bus_handlers handlers = bus_log_handlers(log);
    int64_t until = clock_now() + LONG_ENOUGH;
    while (*counter < least) {
        struct jobs_error err = {0};
        if (bus_poll(log->bus, 100, &handlers, &err) < 0)
            fail_msg("%s", err.text);
        if (clock_now() > until)
            fail_msg("%d instead of %d", *counter, least);
    }
}

int bus_log_wait_error(struct bus_log *log, struct jobs_error *err) {
    struct bus_handlers handlers = bus_log_handlers(log);
    int64_t until = clock_now() + LONG_ENOUGH;
    for (;;) {
        int result = bus_poll(log->bus, 100, &handlers, err);
        if (result < 0)
            return result;
        if (clock_now() > until)
            fail_msg("no error came");
    }
}

unsigned bus_log_checksum(const char *body, size_t length) {
    unsigned sum = 2166136261u; /* FNV-1a */
    for (size_t i = 0; i < length; i++)
        sum = (sum ^ (unsigned char)body[i]) * 16777619u;
    return sum;
}
