/* The bus against brokers that misbehave: silent, frozen, blocked, closing, talking nonsense. */
#include "module/base/clock.h"
#include "tests/lib/bus_log.h"
#include "tests/lib/fake_broker.h"
#include "tests/lib/servers.h"

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

enum { TIMEOUT = 400 };

static struct bus *open_bus(const char *url, int heartbeat) {
    struct bus *bus = NULL;
    struct jobs_error err = {0};
    struct bus_options options = {
        .url = url, .name = "test", .confirms = true, .timeout = TIMEOUT, .heartbeat = heartbeat};
    if (bus_open(&options, &bus, &err) < 0)
        fail_msg("%s", err.text);
    return bus;
}

/* Within the deadline and something for a busy machine, but not before it. */
static void assert_deadline_was_kept(int64_t since) {
    int64_t took = (clock_now() - since) / CLOCK_MS;
    if (took < TIMEOUT * 9 / 10 || took > TIMEOUT + 2000 * test_time_factor())
        fail_msg("took %lld ms", (long long)took);
}

static void assert_quick_close(struct bus *bus) {
    int64_t since = clock_now();
    bus_close(bus);
    assert_true(clock_now() - since < (1000 + 2000 * test_time_factor()) * CLOCK_MS);
}

static int publish(struct bus *bus, size_t length, struct jobs_error *err) {
    static const char body[65536];
    struct bus_message message = {.exchange = "e",
                                  .routing_key = "k",
                                  .body = body,
                                  .length = length};
    return bus_publish(bus, &message, NULL, err);
}

static void silent_server_does_not_hold_the_open(void **state) {
    (void)state;
    struct fake_broker *broker = fake_broker_start(false, NULL, NULL);
    struct bus *bus = NULL;
    struct jobs_error err = {0};
    struct bus_options options = {.url = fake_broker_url(broker), .timeout = TIMEOUT};
    int64_t since = clock_now();
    assert_int_equal(bus_open(&options, &bus, &err), JOBS_ETIMEOUT);
    assert_deadline_was_kept(since);
    assert_null(strstr(err.text, "secret"));
    assert_non_null(strstr(err.text, "127.0.0.1"));
    fake_broker_stop(broker);
}

/* The order seen at a real broker: singles with gaps, then multiples over what is settled already.
 */
static void confirm_out_of_order(int fd, void *arg) {
    (void)arg;
    for (int i = 0; i < 22; i++)
        fake_broker_read_publish(fd);
    fake_broker_confirm(fd, true, 1, false);
    for (uint64_t tag = 2; tag <= 20; tag += 2)
        fake_broker_confirm(fd, true, tag, false);
    fake_broker_confirm(fd, true, 9, true);
    fake_broker_confirm(fd, false, 19, true);
    fake_broker_confirm(fd, true, 0, true); /* 0: all that is left */
}

static void answers_out_of_order_settle_each_tag_once(void **state) {
    (void)state;
    struct fake_broker *broker = fake_broker_start(true, confirm_out_of_order, NULL);
    struct bus *bus = open_bus(fake_broker_url(broker), 60);
    struct bus_log *log = bus_log_new(bus);
    for (int i = 0; i < 22; i++)
        assert_int_equal(publish(bus, 1, NULL), 0);
    bus_log_wait(log, &log->settled, 22);
    for (int tag = 1; tag <= 22; tag++)
        assert_int_equal(log->outcome[tag],
                         1 + (tag > 9 && tag < 20 && tag % 2 ? BUS_NACK : BUS_ACK));
    bus_close(bus);
    free(log);
    fake_broker_stop(broker);
}

static void block_until_the_next_message(int fd, void *arg) {
    (void)arg;
    fake_broker_send(fd, 0, 0xa003c, "\010no space", 9);
    fake_broker_read_publish(fd);
    fake_broker_send(fd, 0, 0xa003d, NULL, 0);
}

static void blocked_and_unblocked_are_told(void **state) {
    (void)state;
    struct fake_broker *broker = fake_broker_start(true, block_until_the_next_message, NULL);
    struct bus *bus = open_bus(fake_broker_url(broker), 60);
    struct bus_log *log = bus_log_new(bus);
    bus_log_wait(log, &log->blocks, 1);
    assert_true(bus_is_blocked(bus));
    assert_int_equal(publish(bus, 1, NULL), 0);
    bus_log_wait(log, &log->unblocks, 1);
    assert_false(bus_is_blocked(bus));
    bus_close(bus);
    free(log);
    fake_broker_stop(broker);
}

/* The socket's buffers fill up; what waits then is ended by the deadline, far before the heartbeat
 * would. */
static void peer_that_stops_reading_does_not_hold_a_publish(void **state) {
    (void)state;
    struct fake_broker *broker = fake_broker_start(true, NULL, NULL);
    struct bus *bus = open_bus(fake_broker_url(broker), 600);
    struct bus_log *log = bus_log_new(bus);
    struct jobs_error err = {0};
    int64_t since;
    int result, sent = 0;
    do {
        since = clock_now();
        result = publish(bus, 65536, &err);
        sent += result == 0;
        assert_true(sent < 10000); /* 640 MB: nobody buffers that */
    } while (result == 0);
    assert_int_equal(result, JOBS_ETIMEOUT);
    assert_deadline_was_kept(since);
    assert_int_equal(bus_log_wait_error(log, &err), JOBS_ETIMEOUT);
    assert_int_equal(log->unknown, sent);
    assert_quick_close(bus);
    free(log);
    fake_broker_stop(broker);
}

/* Each acknowledgement is a small frame without an answer: the same must hold. */
static void peer_that_stops_reading_does_not_hold_an_ack(void **state) {
    (void)state;
    struct fake_broker *broker = fake_broker_start(true, NULL, NULL);
    struct bus *bus = open_bus(fake_broker_url(broker), 600);
    struct jobs_error err = {0};
    int64_t since;
    int result;
    uint64_t tag = 1;
    do {
        since = clock_now();
        result = bus_ack(bus, tag++, &err);
        assert_true(tag < 10000000);
    } while (result == 0);
    assert_int_equal(result, JOBS_ETIMEOUT);
    assert_deadline_was_kept(since);
    assert_quick_close(bus);
    fake_broker_stop(broker);
}

static void unanswered_question_ends_at_the_deadline(void **state) {
    (void)state;
    struct fake_broker *broker = fake_broker_start(true, NULL, NULL);
    struct bus *bus = open_bus(fake_broker_url(broker), 600);
    struct jobs_error err = {0};
    int64_t since = clock_now();
    assert_int_equal(bus_bind(bus, "q", "e", "#", &err), JOBS_ETIMEOUT);
    assert_deadline_was_kept(since);
    assert_true(bus_is_lost(bus));
    assert_quick_close(bus);
    fake_broker_stop(broker);
}

static void goodbye_to_a_frozen_broker_is_short(void **state) {
    (void)state;
    struct fake_broker *broker = fake_broker_start(true, NULL, NULL);
    assert_quick_close(open_bus(fake_broker_url(broker), 600));
    fake_broker_stop(broker);
}

/* A host without power sends nothing, also no reset. */
static void missing_heartbeat_ends_the_connection(void **state) {
    (void)state;
    struct fake_broker *broker = fake_broker_start(true, NULL, NULL);
    struct bus *bus = open_bus(fake_broker_url(broker), 1);
    struct bus_log *log = bus_log_new(bus);
    struct jobs_error err = {0};
    assert_int_equal(publish(bus, 1, NULL), 0);
    assert_int_equal(bus_log_wait_error(log, &err), BUS_ELOST);
    assert_non_null(strstr(err.text, "heartbeat"));
    assert_int_equal(log->unknown, 1);
    assert_quick_close(bus);
    free(log);
    fake_broker_stop(broker);
}

static void close_connection(int fd, void *arg) {
    (void)arg;
    fake_broker_read_publish(fd);
    fake_broker_read_publish(fd);
    fake_broker_confirm(fd, true, 1, false);
    fake_broker_send(fd, 0, 0xa0032, "\001\100\010shutdown\0\0\0\0", 15);
}

static void closed_connection_keeps_what_came_before(void **state) {
    (void)state;
    struct fake_broker *broker = fake_broker_start(true, close_connection, NULL);
    struct bus *bus = open_bus(fake_broker_url(broker), 60);
    struct bus_log *log = bus_log_new(bus);
    struct jobs_error err = {0};
    assert_int_equal(publish(bus, 1, NULL), 0);
    assert_int_equal(publish(bus, 1, NULL), 0);
    assert_int_equal(bus_log_wait_error(log, &err), BUS_ELOST);
    assert_int_equal(bus_reply_code(bus), 320);
    assert_non_null(strstr(err.text, "shutdown"));
    assert_int_equal(log->outcome[1], 1 + BUS_ACK);
    assert_int_equal(log->outcome[2], 1 + BUS_UNKNOWN);
    assert_quick_close(bus);
    free(log);
    fake_broker_stop(broker);
}

static void talk_nonsense(int fd, void *arg) {
    const char *text = arg;
    fake_broker_read_publish(fd);
    send(fd, text, 64, MSG_NOSIGNAL);
}

static void nonsense_ends_the_connection(void **state) {
    (void)state;
    static char nonsense[][64] = {
        "HTTP/1.1 400 Bad Request\r\n\r\n",
        "\001\0\001\0\0\0\001x",      /* a method frame without a method */
        "\003\0\001\0\0\0\002xx\316", /* a body without a message */
        "\002\0\001\0\0\0\016\0\074\0\0\0\0\0\0\0\0\0\0\0\0\316", /* a header without a message */
        "\001\0\001\377\377\377\377x",                            /* 4 GB */
    };
    for (size_t i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++) {
        struct fake_broker *broker = fake_broker_start(true, talk_nonsense, nonsense[i]);
        struct bus *bus = open_bus(fake_broker_url(broker), 60);
        struct bus_log *log = bus_log_new(bus);
        assert_int_equal(publish(bus, 1, NULL), 0);
        assert_int_equal(bus_log_wait_error(log, NULL), BUS_ELOST);
        assert_int_equal(log->unknown, 1);
        bus_close(bus);
        free(log);
        fake_broker_stop(broker);
    }
}

static bool no_answer(struct bus *bus) {
    struct pollfd in = {.fd = bus_fd(bus), .events = POLLIN};
    return !bus_wants_read(bus) && poll(&in, 1, 0) == 0;
}

struct watermark {
    struct test_broker *broker;
    const char *value;
    atomic_bool set;
};

static void *set_watermark(void *arg) {
    struct watermark *watermark = arg;
    test_broker_ctl(watermark->broker, "set_vm_memory_high_watermark", watermark->value, NULL);
    atomic_store(&watermark->set, true);
    return NULL;
}

/* The tool takes seconds on a busy machine: heartbeats go on meanwhile. */
static void alarm_at(struct test_broker *broker, const char *value, struct bus *bus,
                     struct bus_log *log) {
    struct watermark watermark = {.broker = broker, .value = value};
    struct bus_handlers handlers = bus_log_handlers(log);
    struct jobs_error err = {0};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, set_watermark, &watermark), 0);
    while (!atomic_load(&watermark.set))
        if (bus_poll(bus, 50, &handlers, &err) < 0)
            fail_msg("%s", err.text);
    pthread_join(thread, NULL);
}

/* Whoever publishes on at a broker that does not read is ended by the deadline, although heartbeats
 * come. */
static void assert_publishing_ends(struct bus *bus, bool batch) {
    static const char body[65536];
    const struct bus_message message = {.exchange = "amq.fanout",
                                        .body = body,
                                        .length = sizeof(body)};
    struct jobs_error err = {0};
    int result = 0;
    if (batch)
        bus_batch_begin(bus);
    for (int i = 0; i < 10000 && result == 0; i++)
        result = bus_publish(bus, &message, NULL, &err);
    assert_int_equal(result, JOBS_ETIMEOUT);
    if (batch)
        bus_batch_end(bus);
    assert_true(bus_is_lost(bus));
    assert_quick_close(bus);
}

/* The real thing: with its memory alarm set the broker says blocked and stops reading, while its
 * heartbeats come. */
static void memory_alarm_blocks_but_nothing_hangs(void **state) {
    (void)state;
    struct test_broker *broker = test_broker_start();
    struct bus *bus = NULL;
    struct jobs_error err = {0};
    struct bus_options options = {.url = test_broker_url(broker),
                                  .confirms = true,
                                  .timeout = 3000,
                                  .heartbeat = 1};
    assert_int_equal(bus_open(&options, &bus, &err), 0);
    struct bus_log *log = bus_log_new(bus);
    alarm_at(broker, "0.000001", bus, log);
    struct bus_message message = {.exchange = "amq.fanout", .body = "x", .length = 1};
    assert_int_equal(bus_publish(bus, &message, NULL, &err), 0); /* only publishers are told */
    bus_log_wait(log, &log->blocks, 1);
    assert_true(bus_is_blocked(bus));
    assert_true(bus_unconfirmed(bus) <= 1 && (bus_unconfirmed(bus) == 0 || no_answer(bus)));

    /* Idle and blocked for longer than two heartbeats: still connected, and everything arrives
     * afterwards. */
    struct bus_handlers handlers = bus_log_handlers(log);
    for (int64_t until = clock_now() + 3 * CLOCK_SECOND; clock_now() < until;)
        if (bus_poll(bus, 200, &handlers, &err) < 0)
            fail_msg("%s", err.text);
    assert_int_equal(bus_publish(bus, &message, NULL, &err), 0);
    alarm_at(broker, "0.9", bus, log);
    bus_log_wait(log, &log->unblocks, 1);
    bus_log_wait(log, &log->acks, 2);

    alarm_at(broker, "0.000001", bus, log);
    assert_publishing_ends(bus, false);
    assert_int_equal(bus_open(&options, &bus, &err), 0);
    assert_publishing_ends(bus, true);
    free(log);
    test_broker_free(broker);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(silent_server_does_not_hold_the_open),
        cmocka_unit_test(answers_out_of_order_settle_each_tag_once),
        cmocka_unit_test(blocked_and_unblocked_are_told),
        cmocka_unit_test(peer_that_stops_reading_does_not_hold_a_publish),
        cmocka_unit_test(peer_that_stops_reading_does_not_hold_an_ack),
        cmocka_unit_test(unanswered_question_ends_at_the_deadline),
        cmocka_unit_test(goodbye_to_a_frozen_broker_is_short),
        cmocka_unit_test(missing_heartbeat_ends_the_connection),
        cmocka_unit_test(closed_connection_keeps_what_came_before),
        cmocka_unit_test(nonsense_ends_the_connection),
        cmocka_unit_test(memory_alarm_blocks_but_nothing_hangs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
