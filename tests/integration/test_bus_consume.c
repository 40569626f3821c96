/* Consuming from the real broker. */
#include "tests/lib/bus_fixture.h"
#include "tests/lib/servers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void check_properties(struct fixture *f, bool batch) {
    OK(bus_consume(f->bus, f->queue, 10, 0, "the-consumer", NULL, &err));
    const struct bus_header headers[] = {{"first", "1"}, {"tenant", "acme"}};
    struct bus_message message = {.exchange = f->exchange,
                                  .routing_key = "acme.stop",
                                  .body = "{}",
                                  .length = 2,
                                  .content_type = "application/json",
                                  .message_id = "m/1",
                                  .correlation_id = "c",
                                  .reply_to = "acme.answers",
                                  .type = "stop",
                                  .user_id = "guest",
                                  .timestamp = 1700000000,
                                  .persistent = true,
                                  .headers = headers,
                                  .header_count = 2};
    if (batch)
        bus_batch_begin(f->bus);
    OK(bus_publish(f->bus, &message, NULL, &err));
    if (batch)
        bus_batch_end(f->bus);
    f->log->acknowledge = true;
    bus_log_wait(f->log, &f->log->deliveries, 1);
    assert_string_equal(f->log->delivery[0].routing_key, "acme.stop");
    assert_string_equal(f->log->delivery[0].exchange, f->exchange);
    assert_string_equal(f->log->delivery[0].content_type, "application/json");
    assert_string_equal(f->log->delivery[0].message_id, "m/1");
    assert_string_equal(f->log->delivery[0].correlation_id, "c");
    assert_string_equal(f->log->delivery[0].reply_to, "acme.answers");
    assert_string_equal(f->log->delivery[0].type, "stop");
    assert_string_equal(f->log->delivery[0].user_id, "guest");
    assert_string_equal(f->log->delivery[0].tenant, "acme");
    assert_string_equal(f->log->delivery[0].consumer_tag, "the-consumer");
    assert_string_equal(f->log->delivery[0].body, "{}");
    assert_int_equal(f->log->delivery[0].timestamp, 1700000000);
    assert_true(f->log->delivery[0].persistent);
    assert_false(f->log->delivery[0].has_x_death);
    assert_false(f->log->delivery[0].redelivered);
}

static void all_properties_arrive(void **state) { check_properties(*state, false); }
static void all_properties_arrive_in_a_batch(void **state) { check_properties(*state, true); }

static void check_absent_properties(struct fixture *f, bool batch) {
    OK(bus_consume(f->bus, f->queue, 0, BUS_NO_ACK, NULL, NULL, &err));
    if (batch)
        bus_batch_begin(f->bus);
    fixture_publish(f, f->exchange, "k", "");
    if (batch)
        bus_batch_end(f->bus);
    bus_log_wait(f->log, &f->log->deliveries, 1);
    assert_string_equal(f->log->delivery[0].user_id, "");
    assert_string_equal(f->log->delivery[0].tenant, "");
    assert_int_equal(f->log->delivery[0].length, 0);
    assert_int_equal(f->log->delivery[0].timestamp, 0);
    assert_false(f->log->delivery[0].persistent);
}

static void absent_properties_stay_absent(void **state) { check_absent_properties(*state, false); }
static void absent_properties_stay_absent_in_a_batch(void **state) {
    check_absent_properties(*state, true);
}

static void dead_letter_is_recognised(void **state) {
    struct fixture *f = *state;
    const struct bus_argument arguments[] = {{"x-dead-letter-exchange", f->exchange, 0},
                                             {"x-dead-letter-routing-key", "victim.stop", 0},
                                             {"x-message-ttl", NULL, 1}};
    char trap[256];
    OK(bus_declare_queue(f->bus, "", BUS_EXCLUSIVE, arguments, 3, trap, &err));
    OK(bus_consume(f->bus, f->queue, 0, BUS_NO_ACK, NULL, NULL, &err));
    fixture_publish(f, "", trap, "{}");
    bus_log_wait(f->log, &f->log->deliveries, 1);
    assert_string_equal(f->log->delivery[0].routing_key, "victim.stop");
    assert_true(f->log->delivery[0].has_x_death);
}

static void rejected_message_comes_again(void **state) {
    struct fixture *f = *state;
    OK(bus_consume(f->bus, f->queue, 1, 0, NULL, NULL, &err));
    fixture_publish(f, f->exchange, "a", "1");
    fixture_publish(f, f->exchange, "a", "2");
    bus_log_wait(f->log, &f->log->deliveries, 1);
    OK(bus_reject(f->bus, f->log->delivery[0].tag, true, &err));
    bus_log_wait(f->log, &f->log->deliveries, 2);
    assert_string_equal(f->log->delivery[1].body, "1");
    assert_true(f->log->delivery[1].redelivered);
    OK(bus_reject(f->bus, f->log->delivery[1].tag, false, &err));
    bus_log_wait(f->log, &f->log->deliveries, 3); /* prefetch 1: the second only now */
    assert_string_equal(f->log->delivery[2].body, "2");
}

static void direct_reply_arrives(void **state) {
    struct fixture *f = *state;
    struct bus *caller = fixture_open(test_amqp_url(), 0);
    struct bus_log *answers = bus_log_new(caller);
    OK(bus_consume(caller, "amq.rabbitmq.reply-to", 0, BUS_NO_ACK, NULL, NULL, &err));
    OK(bus_consume(f->bus, f->queue, 1, 0, NULL, NULL, &err));
    f->log->answer = f->log->acknowledge = true;
    struct bus_message question = {.exchange = f->exchange,
                                   .routing_key = "acme.stop",
                                   .correlation_id = "42",
                                   .reply_to = "amq.rabbitmq.reply-to"};
    OK(bus_publish(caller, &question, NULL, &err));
    bus_log_wait(f->log, &f->log->deliveries, 1);
    assert_ptr_equal(strstr(f->log->delivery[0].reply_to, "amq.rabbitmq.reply-to."),
                     f->log->delivery[0].reply_to);
    bus_log_wait(answers, &answers->deliveries, 1);
    assert_string_equal(answers->delivery[0].correlation_id, "42");
    assert_string_equal(answers->delivery[0].body, "done");
    bus_close(caller);
    free(answers);
}

static void check_large_bodies(struct fixture *f, bool batch) {
    enum { LENGTH = 2 << 20 };
    char *body = malloc(LENGTH);
    for (size_t i = 0; i < LENGTH; i++)
        body[i] = (char)(i * 2654435761u >> 13);
    OK(bus_consume(f->bus, f->queue, 0, BUS_NO_ACK, NULL, NULL, &err));
    if (batch)
        bus_batch_begin(f->bus);
    for (size_t cut = 0; cut < 3; cut++) {
        struct bus_message message = {.exchange = f->exchange,
                                      .body = body,
                                      .length = LENGTH - cut};
        OK(bus_publish(f->bus, &message, NULL, &err));
    }
    if (batch)
        bus_batch_end(f->bus);
    bus_log_wait(f->log, &f->log->deliveries, 3);
    for (size_t cut = 0; cut < 3; cut++) {
        assert_int_equal(f->log->delivery[cut].length, LENGTH - cut);
        assert_int_equal(f->log->delivery[cut].checksum, bus_log_checksum(body, LENGTH - cut));
    }
    free(body);
}

static void large_bodies_arrive_whole(void **state) { check_large_bodies(*state, false); }
static void large_bodies_arrive_whole_in_a_batch(void **state) { check_large_bodies(*state, true); }

static void bodies_over_the_limit_are_not_kept(void **state) {
    struct fixture *f = *state;
    struct bus *modest = NULL;
    struct bus_options options = {.url = test_amqp_url(), .max_length = 10};
    OK(bus_open(&options, &modest, &err));
    struct bus_log *log = bus_log_new(modest);
    char queue[256];
    OK(bus_declare_queue(modest, "", BUS_EXCLUSIVE, NULL, 0, queue, &err));
    OK(bus_consume(modest, queue, 0, BUS_NO_ACK, NULL, NULL, &err));
    fixture_publish(f, "", queue, "12345678901");
    fixture_publish(f, "", queue, "1234567890");
    bus_log_wait(log, &log->deliveries, 2);
    assert_int_equal(log->delivery[0].length, 11);
    assert_string_equal(log->delivery[0].body, "(not kept)");
    assert_string_equal(log->delivery[1].body, "1234567890");
    bus_close(modest);
    free(log);
}

static void deleted_queue_cancels_its_consumer(void **state) {
    struct fixture *f = *state;
    char tag[256];
    OK(bus_consume(f->bus, f->queue, 0, 0, NULL, tag, &err));
    assert_true(strlen(tag) > 0);
    OK(bus_delete_queue(f->bus, f->queue, &err));
    bus_log_wait(f->log, &f->log->cancels, 1);
}

static void cancelled_consumer_gets_nothing_more(void **state) {
    struct fixture *f = *state;
    char tag[256];
    OK(bus_consume(f->bus, f->queue, 0, BUS_NO_ACK, NULL, tag, &err));
    OK(bus_cancel(f->bus, tag, &err));
    fixture_publish(f, f->exchange, "a", "x");
    bus_log_wait(f->log, &f->log->acks, 1);
    assert_int_equal(f->log->deliveries, 0);
    OK(bus_consume(f->bus, f->queue, 0, BUS_NO_ACK, NULL, NULL, &err));
    bus_log_wait(f->log, &f->log->deliveries, 1);
}

static void consuming_what_is_not_there_can_be_repaired(void **state) {
    struct fixture *f = *state;
    struct jobs_error error = {0};
    fixture_publish(f, f->exchange, "a", "x");
    assert_int_equal(bus_consume(f->bus, "no.such.queue", 1, 0, NULL, NULL, &error), BUS_ECHANNEL);
    assert_int_equal(bus_reply_code(f->bus), 404);
    struct bus_message message = {.exchange = f->exchange};
    assert_int_equal(bus_publish(f->bus, &message, NULL, &error), BUS_ECHANNEL);
    assert_true(bus_wants_read(f->bus));
    assert_int_equal(bus_log_wait_error(f->log, &error), BUS_ECHANNEL);
    assert_int_equal(f->log->acks + f->log->unknown, 1);
    OK(bus_consume(f->bus, f->queue, 1, BUS_NO_ACK, NULL, NULL, &err));
    assert_int_equal(fixture_publish(f, f->exchange, "a", "y"), 2);
    bus_log_wait(f->log, &f->log->deliveries, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        BUS_TEST(all_properties_arrive),
        BUS_TEST(all_properties_arrive_in_a_batch),
        BUS_TEST(absent_properties_stay_absent),
        BUS_TEST(absent_properties_stay_absent_in_a_batch),
        BUS_TEST(dead_letter_is_recognised),
        BUS_TEST(rejected_message_comes_again),
        BUS_TEST(direct_reply_arrives),
        BUS_TEST(large_bodies_arrive_whole),
        BUS_TEST(large_bodies_arrive_whole_in_a_batch),
        BUS_TEST(bodies_over_the_limit_are_not_kept),
        BUS_TEST(deleted_queue_cancels_its_consumer),
        BUS_TEST(cancelled_consumer_gets_nothing_more),
        BUS_TEST(consuming_what_is_not_there_can_be_repaired),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
