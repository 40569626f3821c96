/* The bus against the real broker. */
#include "module/base/clock.h"
#include "tests/lib/bus_log.h"
#include "tests/lib/servers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

struct fixture {
    struct bus *bus;
    struct bus_log *log;
    char exchange[256], queue[256];
};

#define OK(call)                                                                                   \
    do {                                                                                           \
        struct jobs_error err = {0};                                                               \
        if ((call) < 0)                                                                            \
            fail_msg("%s: %s", #call, err.text);                                                   \
    } while (0)

static struct bus *open_bus(const char *url, int heartbeat) {
    struct bus *bus = NULL;
    struct bus_options options = {
        .url = url, .name = "test", .confirms = true, .heartbeat = heartbeat};
    OK(bus_open(&options, &bus, &err));
    return bus;
}

/* A topic exchange and a queue of one's own that takes all of it. */
static int set_up(void **state) {
    struct fixture *f = calloc(1, sizeof(*f));
    f->bus = open_bus(test_amqp_url(), 0);
    f->log = bus_log_new(f->bus);
    snprintf(f->exchange, sizeof(f->exchange), "%s.events", test_service_name());
    OK(bus_declare_exchange(f->bus, f->exchange, "topic", BUS_AUTO_DELETE, NULL, &err));
    OK(bus_declare_queue(f->bus, "", BUS_EXCLUSIVE, NULL, 0, f->queue, &err));
    OK(bus_bind(f->bus, f->queue, f->exchange, "#", &err));
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    bus_close(f->bus);
    free(f->log);
    free(f);
    return 0;
}

static uint64_t publish(struct fixture *f, const char *exchange, const char *key,
                        const char *body) {
    struct bus_message message = {.exchange = exchange,
                                  .routing_key = key,
                                  .body = body,
                                  .length = strlen(body),
                                  .mandatory = true};
    uint64_t tag = 0;
    OK(bus_publish(f->bus, &message, &tag, &err));
    return tag;
}

static void every_message_is_confirmed_once(void **state) {
    struct fixture *f = *state;
    enum { MESSAGES = 5000 };
    for (int i = 1; i <= MESSAGES; i++) {
        if (i % 500 == 1)
            bus_batch_begin(f->bus);
        assert_int_equal(publish(f, f->exchange, "acme.RUNNING.noop", "x"), i);
        if (i % 500 == 0)
            bus_batch_end(f->bus);
    }
    bus_log_wait(f->log, &f->log->acks, MESSAGES);
    assert_int_equal(f->log->acks, MESSAGES);
    assert_int_equal(f->log->nacks + f->log->unknown + f->log->returns, 0);
    assert_int_equal(bus_unconfirmed(f->bus), 0);
}

static void all_properties_arrive(void **state) {
    struct fixture *f = *state;
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
    OK(bus_publish(f->bus, &message, NULL, &err));
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

static void absent_properties_stay_absent(void **state) {
    struct fixture *f = *state;
    OK(bus_consume(f->bus, f->queue, 0, BUS_NO_ACK, NULL, NULL, &err));
    publish(f, f->exchange, "k", "");
    bus_log_wait(f->log, &f->log->deliveries, 1);
    assert_string_equal(f->log->delivery[0].user_id, "");
    assert_string_equal(f->log->delivery[0].tenant, "");
    assert_int_equal(f->log->delivery[0].length, 0);
    assert_int_equal(f->log->delivery[0].timestamp, 0);
    assert_false(f->log->delivery[0].persistent);
}

static void full_queue_refuses(void **state) {
    struct fixture *f = *state;
    const struct bus_argument bounds[] = {{"x-overflow", "reject-publish", 0},
                                          {"x-max-length", NULL, 5}};
    char queue[256];
    OK(bus_declare_queue(f->bus, "", BUS_EXCLUSIVE, bounds, 2, queue, &err));
    for (int i = 0; i < 200; i++)
        publish(f, "", queue, "x");
    bus_log_wait(f->log, &f->log->settled, 200);
    assert_true(f->log->acks >= 5);
    assert_true(f->log->nacks > 0);
    assert_int_equal(f->log->outcome[200], 1 + BUS_NACK);
}

static void unroutable_message_comes_back_before_its_confirm(void **state) {
    struct fixture *f = *state;
    OK(bus_unbind(f->bus, f->queue, f->exchange, "#", &err));
    char again[256];
    snprintf(again, sizeof(again), "%s",
             f->exchange); /* auto-delete: it went with its last binding */
    OK(bus_declare_exchange(f->bus, again, "topic", BUS_AUTO_DELETE, NULL, &err));
    publish(f, again, "nobody", "lost letter");
    bus_log_wait(f->log, &f->log->returns, 1);
    assert_int_equal(f->log->return_code, 312);
    assert_string_equal(f->log->delivery[0].routing_key, "nobody");
    assert_string_equal(f->log->delivery[0].body, "lost letter");
    bus_log_wait(f->log, &f->log->acks, 1);
}

static void alternate_exchange_takes_the_rest(void **state) {
    struct fixture *f = *state;
    char other[256];
    snprintf(other, sizeof(other), "%s.commands", test_service_name());
    OK(bus_declare_exchange(f->bus, other, "direct", BUS_DURABLE, f->exchange, &err));
    OK(bus_consume(f->bus, f->queue, 0, BUS_NO_ACK, NULL, NULL, &err));
    publish(f, other, "no.such.key", "x");
    bus_log_wait(f->log, &f->log->deliveries, 1);
    assert_string_equal(f->log->delivery[0].exchange, other);
    OK(bus_delete_exchange(f->bus, other, &err));
    assert_int_equal(f->log->returns, 0);
}

/* The tags in flight and the consumer do not notice that a declaration was refused. */
static void refused_declaration_leaves_the_rest_alone(void **state) {
    struct fixture *f = *state;
    struct jobs_error error = {0};
    OK(bus_consume(f->bus, f->queue, 0, BUS_NO_ACK, NULL, NULL, &err));
    publish(f, f->exchange, "a", "before");
    assert_int_equal(bus_declare_exchange(f->bus, f->exchange, "fanout", BUS_DURABLE, NULL, &error),
                     BUS_EREFUSED);
    assert_int_equal(error.code, BUS_EREFUSED);
    assert_int_equal(bus_reply_code(f->bus), 406);
    assert_non_null(strstr(error.text, "PRECONDITION_FAILED"));
    assert_int_equal(bus_declare_queue(f->bus, "no.such", BUS_PASSIVE, NULL, 0, NULL, &error),
                     BUS_EREFUSED);
    assert_int_equal(bus_reply_code(f->bus), 404);
    assert_int_equal(bus_bind(f->bus, f->queue, "amq.no-such", "#", &error), BUS_EREFUSED);
    assert_int_equal(bus_declare_exchange(f->bus, "amq.mine", "topic", 0, NULL, &error),
                     BUS_EREFUSED);
    assert_int_equal(bus_reply_code(f->bus), 403);
    OK(bus_delete_queue(f->bus, "no.such", &err));
    OK(bus_declare_queue(f->bus, f->queue, BUS_PASSIVE, NULL, 0, NULL, &err));
    assert_int_equal(publish(f, f->exchange, "b", "after"), 2);
    bus_log_wait(f->log, &f->log->deliveries, 2);
    bus_log_wait(f->log, &f->log->acks, 2);
    assert_int_equal(f->log->unknown, 0);
}

/* 404: everything unconfirmed is unknown, tags go on, the consumer is gone, old delivery tags are
 * harmless. */
static void deleted_exchange_closes_the_channel_which_opens_again(void **state) {
    struct fixture *f = *state;
    struct jobs_error error = {0};
    OK(bus_consume(f->bus, f->queue, 0, 0, NULL, NULL, &err));
    publish(f, f->exchange, "a", "first");
    bus_log_wait(f->log, &f->log->deliveries, 1);
    bus_log_wait(f->log, &f->log->acks, 1);
    uint64_t old = f->log->delivery[0].tag;
    OK(bus_delete_exchange(f->bus, f->exchange, &err));
    for (int i = 2; i <= 21; i++)
        publish(f, f->exchange, "a", "gone");
    assert_int_equal(bus_log_wait_error(f->log, &error), BUS_ECHANNEL);
    assert_int_equal(bus_reply_code(f->bus), 404);
    assert_non_null(strstr(error.text, "no exchange"));
    assert_int_equal(f->log->unknown, 20);
    assert_int_equal(bus_unconfirmed(f->bus), 0);
    assert_false(bus_is_lost(f->bus));
    OK(bus_ack(f->bus, old, &err));

    OK(bus_declare_exchange(f->bus, f->exchange, "topic", BUS_AUTO_DELETE, NULL, &err));
    OK(bus_bind(f->bus, f->queue, f->exchange, "#", &err));
    OK(bus_consume(f->bus, f->queue, 0, 0, NULL, NULL, &err));
    assert_int_equal(publish(f, f->exchange, "a", "second"), 22);
    f->log->acknowledge = true;
    bus_log_wait(f->log, &f->log->deliveries, 3);
    bus_log_wait(f->log, &f->log->acks, 2);
    assert_int_equal(f->log->outcome[22], 1 + BUS_ACK);
    assert_true(f->log->delivery[1].redelivered);
    assert_string_equal(f->log->delivery[2].body, "second");
    assert_true(f->log->delivery[1].tag > old);
}

static void consuming_what_is_not_there_can_be_repaired(void **state) {
    struct fixture *f = *state;
    struct jobs_error error = {0};
    publish(f, f->exchange, "a", "x");
    assert_int_equal(bus_consume(f->bus, "no.such.queue", 1, 0, NULL, NULL, &error), BUS_ECHANNEL);
    assert_int_equal(bus_reply_code(f->bus), 404);
    struct bus_message message = {.exchange = f->exchange};
    assert_int_equal(bus_publish(f->bus, &message, NULL, &error), BUS_ECHANNEL);
    assert_true(bus_wants_read(f->bus));
    assert_int_equal(bus_log_wait_error(f->log, &error), BUS_ECHANNEL);
    assert_int_equal(f->log->acks + f->log->unknown, 1);
    OK(bus_consume(f->bus, f->queue, 1, BUS_NO_ACK, NULL, NULL, &err));
    assert_int_equal(publish(f, f->exchange, "a", "y"), 2);
    bus_log_wait(f->log, &f->log->deliveries, 2);
}

static void forged_user_id_is_refused(void **state) {
    struct fixture *f = *state;
    struct jobs_error error = {0};
    struct bus_message message = {
        .exchange = f->exchange, .routing_key = "a", .user_id = "somebody"};
    OK(bus_publish(f->bus, &message, NULL, &err));
    assert_int_equal(bus_log_wait_error(f->log, &error), BUS_ECHANNEL);
    assert_int_equal(bus_reply_code(f->bus), 406);
    assert_int_equal(f->log->unknown, 1);
    assert_int_equal(f->log->deliveries, 0);
}

static void dead_letter_is_recognised(void **state) {
    struct fixture *f = *state;
    const struct bus_argument arguments[] = {{"x-dead-letter-exchange", f->exchange, 0},
                                             {"x-dead-letter-routing-key", "victim.stop", 0},
                                             {"x-message-ttl", NULL, 1}};
    char trap[256];
    OK(bus_declare_queue(f->bus, "", BUS_EXCLUSIVE, arguments, 3, trap, &err));
    OK(bus_consume(f->bus, f->queue, 0, BUS_NO_ACK, NULL, NULL, &err));
    publish(f, "", trap, "{}");
    bus_log_wait(f->log, &f->log->deliveries, 1);
    assert_string_equal(f->log->delivery[0].routing_key, "victim.stop");
    assert_true(f->log->delivery[0].has_x_death);
}

static void rejected_message_comes_again(void **state) {
    struct fixture *f = *state;
    OK(bus_consume(f->bus, f->queue, 1, 0, NULL, NULL, &err));
    publish(f, f->exchange, "a", "1");
    publish(f, f->exchange, "a", "2");
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
    struct bus *caller = open_bus(test_amqp_url(), 0);
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

static void large_bodies_arrive_whole(void **state) {
    struct fixture *f = *state;
    enum { LENGTH = 2 << 20 };
    char *body = malloc(LENGTH);
    for (size_t i = 0; i < LENGTH; i++)
        body[i] = (char)(i * 2654435761u >> 13);
    OK(bus_consume(f->bus, f->queue, 0, BUS_NO_ACK, NULL, NULL, &err));
    for (size_t cut = 0; cut < 3; cut++) {
        struct bus_message message = {
            .exchange = f->exchange, .body = body, .length = LENGTH - cut};
        OK(bus_publish(f->bus, &message, NULL, &err));
    }
    bus_log_wait(f->log, &f->log->deliveries, 3);
    for (size_t cut = 0; cut < 3; cut++) {
        assert_int_equal(f->log->delivery[cut].length, LENGTH - cut);
        assert_int_equal(f->log->delivery[cut].checksum, bus_log_checksum(body, LENGTH - cut));
    }
    free(body);
}

static void bodies_over_the_limit_are_not_kept(void **state) {
    struct fixture *f = *state;
    struct bus *modest = NULL;
    struct bus_options options = {.url = test_amqp_url(), .max_length = 10};
    OK(bus_open(&options, &modest, &err));
    struct bus_log *log = bus_log_new(modest);
    char queue[256];
    OK(bus_declare_queue(modest, "", BUS_EXCLUSIVE, NULL, 0, queue, &err));
    OK(bus_consume(modest, queue, 0, BUS_NO_ACK, NULL, NULL, &err));
    publish(f, "", queue, "12345678901");
    publish(f, "", queue, "1234567890");
    bus_log_wait(log, &log->deliveries, 2);
    assert_int_equal(log->delivery[0].length, 11);
    assert_string_equal(log->delivery[0].body, "(not kept)");
    assert_string_equal(log->delivery[1].body, "1234567890");
    bus_close(modest);
    free(log);
}

static void what_cannot_be_sent_is_refused_before_it_is(void **state) {
    struct fixture *f = *state;
    struct jobs_error error;
    static char long_text[200000];
    memset(long_text, 'k', sizeof(long_text) - 1);
    const struct bus_header headers[] = {{"h", long_text}};
    struct bus_message key = {.exchange = f->exchange, .routing_key = long_text};
    struct bus_message id = {.exchange = f->exchange, .message_id = long_text};
    struct bus_message big = {.exchange = f->exchange, .headers = headers, .header_count = 1};
    assert_int_equal(bus_publish(f->bus, &key, NULL, &error), JOBS_EINVAL);
    assert_int_equal(bus_publish(f->bus, &id, NULL, &error), JOBS_EINVAL);
    assert_int_equal(bus_publish(f->bus, &big, NULL, &error), JOBS_EINVAL);
    assert_int_equal(bus_declare_queue(f->bus, long_text, 0, NULL, 0, NULL, &error), JOBS_EINVAL);
    long_text[130000] = 0;
    OK(bus_publish(f->bus, &big, NULL, &err));
    long_text[255] = 0;
    OK(bus_publish(f->bus, &key, NULL, &err));
    bus_log_wait(f->log, &f->log->acks, 2);
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
    publish(f, f->exchange, "a", "x");
    bus_log_wait(f->log, &f->log->acks, 1);
    assert_int_equal(f->log->deliveries, 0);
    OK(bus_consume(f->bus, f->queue, 0, BUS_NO_ACK, NULL, NULL, &err));
    bus_log_wait(f->log, &f->log->deliveries, 1);
}

/* The broker drops a client that is silent for two intervals, the client a broker that is. */
static void idle_connection_stays(void **state) {
    struct fixture *f = *state;
    struct bus *idle = open_bus(test_amqp_url(), 1);
    for (int64_t until = clock_now() + 4 * CLOCK_SECOND; clock_now() < until;)
        OK(bus_poll(idle, 300, NULL, &err));
    OK(bus_declare_queue(idle, "amq.rabbitmq.reply-to", BUS_PASSIVE, NULL, 0, NULL, &err));
    bus_close(idle);
    (void)f;
}

static void lost_connection_is_told_and_nothing_hangs(void **state) {
    struct fixture *f = *state;
    struct jobs_error error = {0};
    publish(f, f->exchange, "a", "x");
    shutdown(bus_fd(f->bus), SHUT_RDWR);
    assert_int_equal(bus_log_wait_error(f->log, &error), BUS_ELOST);
    assert_int_equal(f->log->unknown + f->log->acks, 1);
    assert_true(bus_is_lost(f->bus));
    assert_int_equal(bus_fd(f->bus), -1);
    struct bus_message message = {.exchange = f->exchange};
    assert_int_equal(bus_publish(f->bus, &message, NULL, &error), BUS_ELOST);
    assert_int_equal(bus_bind(f->bus, f->queue, f->exchange, "#", &error), BUS_ELOST);
    assert_int_equal(bus_consume(f->bus, f->queue, 0, 0, NULL, NULL, &error), BUS_ELOST);
    assert_int_equal(bus_poll(f->bus, 60000, NULL, &error), BUS_ELOST);
    assert_true(strlen(error.text) > 0);
}

static void open_expecting(const char *url, int code, const char *text) {
    struct bus *bus = NULL;
    struct jobs_error err = {0};
    struct bus_options options = {.url = url};
    assert_int_equal(bus_open(&options, &bus, &err), code);
    assert_null(bus);
    if (!strstr(err.text, text))
        fail_msg("\"%s\" does not contain \"%s\"", err.text, text);
    assert_null(strstr(err.text, "secret"));
}

static void refusals_at_open_are_clear_and_keep_the_password(void **state) {
    (void)state;
    const char *at = strchr(test_amqp_url(), '@'), *slash = strchr(at, '/');
    char url[300];
    snprintf(url, sizeof(url), "amqp://guest:secret%.*s/%%2f", (int)(slash - at), at);
    open_expecting(url, BUS_EREFUSED, "ACCESS_REFUSED");
    snprintf(url, sizeof(url), "amqp://guest:guest%.*s/no-such-host", (int)(slash - at), at);
    open_expecting(url, BUS_EREFUSED, "no-such-host");
    open_expecting("amqp://guest:secret@127.0.0.1:1/", BUS_ELOST, "127.0.0.1:1");
    open_expecting("http://guest:secret@127.0.0.1:1/", JOBS_EINVAL, "URL");
    open_expecting("amqp://guest:secret@127.0.0.1:1/x?what=secret", JOBS_EINVAL, "cacertfile");
    open_expecting("amqps://guest:secret@127.0.0.1:1/x?cacertfile=/no/such.pem", JOBS_EINVAL,
                   "/no/such.pem");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(every_message_is_confirmed_once),
        TEST(all_properties_arrive),
        TEST(absent_properties_stay_absent),
        TEST(full_queue_refuses),
        TEST(unroutable_message_comes_back_before_its_confirm),
        TEST(alternate_exchange_takes_the_rest),
        TEST(refused_declaration_leaves_the_rest_alone),
        TEST(deleted_exchange_closes_the_channel_which_opens_again),
        TEST(consuming_what_is_not_there_can_be_repaired),
        TEST(forged_user_id_is_refused),
        TEST(dead_letter_is_recognised),
        TEST(rejected_message_comes_again),
        TEST(direct_reply_arrives),
        TEST(large_bodies_arrive_whole),
        TEST(bodies_over_the_limit_are_not_kept),
        TEST(what_cannot_be_sent_is_refused_before_it_is),
        TEST(deleted_queue_cancels_its_consumer),
        TEST(cancelled_consumer_gets_nothing_more),
        TEST(idle_connection_stays),
        TEST(lost_connection_is_told_and_nothing_hangs),
        cmocka_unit_test(refusals_at_open_are_clear_and_keep_the_password),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
