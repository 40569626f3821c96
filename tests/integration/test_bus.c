/* The bus against the real broker. */
#include "module/base/clock.h"
#include "tests/lib/bus_fixture.h"
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

static void every_message_is_confirmed_once(void **state) {
    struct fixture *f = *state;
    enum { MESSAGES = 5000 };
    for (int i = 1; i <= MESSAGES; i++) {
        if (i % 500 == 1)
            bus_batch_begin(f->bus);
        assert_int_equal(fixture_publish(f, f->exchange, "acme.RUNNING.noop", "x"), i);
        if (i % 500 == 0)
            bus_batch_end(f->bus);
    }
    bus_log_wait(f->log, &f->log->acks, MESSAGES);
    assert_int_equal(f->log->acks, MESSAGES);
    assert_int_equal(f->log->nacks + f->log->unknown + f->log->returns, 0);
    assert_int_equal(bus_unconfirmed(f->bus), 0);
}

static void full_queue_refuses(void **state) {
    struct fixture *f = *state;
    const struct bus_argument bounds[] = {{"x-overflow", "reject-publish", 0},
                                          {"x-max-length", NULL, 5}};
    char queue[256];
    OK(bus_declare_queue(f->bus, "", BUS_EXCLUSIVE, bounds, 2, queue, &err));
    for (int i = 0; i < 200; i++)
        fixture_publish(f, "", queue, "x");
    bus_log_wait(f->log, &f->log->settled, 200);
    assert_true(f->log->acks >= 5);
    assert_true(f->log->nacks > 0);
    assert_int_equal(f->log->outcome[200], 1 + BUS_NACK);
}

static void unroutable_message_comes_back_before_its_confirm(void **state) {
    struct fixture *f = *state;
    OK(bus_unbind(f->bus, f->queue, f->exchange, "#", &err));
    /* Auto-delete: it went with its last binding. */
    OK(bus_declare_exchange(f->bus, f->exchange, "topic", BUS_AUTO_DELETE, NULL, &err));
    fixture_publish(f, f->exchange, "nobody", "lost letter");
    bus_log_wait(f->log, &f->log->returns, 1);
    assert_int_equal(f->log->return_code, 312);
    assert_int_equal(f->log->acks_at_return, 0);
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
    fixture_publish(f, other, "no.such.key", "x");
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
    fixture_publish(f, f->exchange, "a", "before");
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
    assert_int_equal(fixture_publish(f, f->exchange, "b", "after"), 2);
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
    fixture_publish(f, f->exchange, "a", "first");
    bus_log_wait(f->log, &f->log->deliveries, 1);
    bus_log_wait(f->log, &f->log->acks, 1);
    uint64_t old = f->log->delivery[0].tag;
    OK(bus_delete_exchange(f->bus, f->exchange, &err));
    for (int i = 2; i <= 21; i++)
        fixture_publish(f, f->exchange, "a", "gone");
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
    assert_int_equal(fixture_publish(f, f->exchange, "a", "second"), 22);
    f->log->acknowledge = true;
    bus_log_wait(f->log, &f->log->deliveries, 3);
    bus_log_wait(f->log, &f->log->acks, 2);
    assert_int_equal(f->log->outcome[22], 1 + BUS_ACK);
    assert_true(f->log->delivery[1].redelivered);
    assert_string_equal(f->log->delivery[2].body, "second");
    assert_true(f->log->delivery[1].tag > old);
}

static void forged_user_id_is_refused(void **state) {
    struct fixture *f = *state;
    struct jobs_error error = {0};
    struct bus_message message = {.exchange = f->exchange,
                                  .routing_key = "a",
                                  .user_id = "somebody"};
    OK(bus_publish(f->bus, &message, NULL, &err));
    assert_int_equal(bus_log_wait_error(f->log, &error), BUS_ECHANNEL);
    assert_int_equal(bus_reply_code(f->bus), 406);
    assert_int_equal(f->log->unknown, 1);
    assert_int_equal(f->log->deliveries, 0);
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

/* The broker drops a client that is silent for two intervals, the client a broker that is. */
static void idle_connection_stays(void **state) {
    struct fixture *f = *state;
    struct bus *idle = fixture_open(test_amqp_url(), 1);
    for (int64_t until = clock_now() + 4 * CLOCK_SECOND; clock_now() < until;)
        OK(bus_poll(idle, 300, NULL, &err));
    OK(bus_declare_queue(idle, "amq.rabbitmq.reply-to", BUS_PASSIVE, NULL, 0, NULL, &err));
    bus_close(idle);
    (void)f;
}

static void lost_connection_is_told_and_nothing_hangs(void **state) {
    struct fixture *f = *state;
    struct jobs_error error = {0};
    fixture_publish(f, f->exchange, "a", "x");
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

int main(void) {
    const struct CMUnitTest tests[] = {
        BUS_TEST(every_message_is_confirmed_once),
        BUS_TEST(full_queue_refuses),
        BUS_TEST(unroutable_message_comes_back_before_its_confirm),
        BUS_TEST(alternate_exchange_takes_the_rest),
        BUS_TEST(refused_declaration_leaves_the_rest_alone),
        BUS_TEST(deleted_exchange_closes_the_channel_which_opens_again),
        BUS_TEST(forged_user_id_is_refused),
        BUS_TEST(what_cannot_be_sent_is_refused_before_it_is),
        BUS_TEST(idle_connection_stays),
        BUS_TEST(lost_connection_is_told_and_nothing_hangs),
        cmocka_unit_test(refusals_at_open_are_clear_and_keep_the_password),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
