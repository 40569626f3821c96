/* Where the answers to commands go. */
#include "tests/lib/commands.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_answers_go_to_the_tenants_queues_only(void **state) {
    struct commands_fixture *f = *state;
    struct commands_client own = {0}, foreign = {0};
    char own_queue[] = "acme.answers", *first = commands_submit(f, "acme"),
         *second = commands_submit(f, "acme");
    commands_open_client(&foreign, test_amqp_url(), NULL);
    COMMANDS_OK(bus_open(&(struct bus_options){.url = test_amqp_url()}, &own.bus, &err));
    COMMANDS_OK(bus_declare_queue(own.bus, own_queue, BUS_EXCLUSIVE, NULL, 0, NULL, &err));
    COMMANDS_OK(bus_consume(own.bus, own_queue, 0, BUS_NO_ACK, NULL, NULL, &err));
    char body[128];
    snprintf(body, sizeof body, "{\"jobId\":\"%s\"}", first);
    struct bus_message stop = commands_message(f, "acme.stop", body, f->users->alice);
    stop.reply_to = foreign.queue;
    COMMANDS_OK(bus_publish(f->sender.bus, &stop, NULL, &err));
    snprintf(body, sizeof body, "{\"jobId\":\"%s\"}", second);
    stop.reply_to = own_queue;
    COMMANDS_OK(bus_publish(f->sender.bus, &stop, NULL, &err));
    commands_assert_reply(&own, 1, second, "ABORTED");
    assert_int_equal(commands_stats(f->keeper).commands, 2);
    commands_assert_status(f, first, "ABORTED");
    /* What is sent after the answers comes first. */
    struct bus_message last = {.routing_key = foreign.queue, .body = "last", .length = 4};
    COMMANDS_OK(bus_publish(foreign.bus, &last, NULL, &err));
    commands_wait(&foreign, 1);
    assert_string_equal(foreign.body, "last");
    bus_close(own.bus);
    bus_close(foreign.bus);
    free(first);
    free(second);
}

/* Addresses that lead nowhere, or that the broker may take offence at, disturb nobody. */
static void test_answers_that_cannot_be_delivered(void **state) {
    struct commands_fixture *f = *state;
    static const char *const addresses[] = {
        "acme.nobody", "amq.rabbitmq.reply-to.", "amq.rabbitmq.reply-to.x",
        "amq.rabbitmq.reply-to.x.y",
        "amq.rabbitmq.reply-to.g2dkABByZXBseUA0MTQxNjEyNwAAAAAAAAAAAA==.aGVsbG8gd29ybGQ="};
    int count = sizeof addresses / sizeof *addresses;
    for (int i = 0; i < count; i++) {
        char *id = commands_submit(f, "acme"), body[128];
        snprintf(body, sizeof body, "{\"jobId\":\"%s\"}", id);
        struct bus_message stop = commands_message(f, "acme.stop", body, f->users->alice);
        stop.reply_to = addresses[i];
        COMMANDS_OK(bus_publish(f->sender.bus, &stop, NULL, &err));
        assert_true(test_wait_sql(f->database, COMMANDS_LONG_MS,
                                  "select status = 'ABORTED' from jobs.t_job_info where id = '%s'",
                                  id));
        free(id);
    }
    char *id = commands_submit(f, "acme");
    commands_send_stop(f, &f->sender, f->users->alice, "acme", id);
    commands_assert_reply(&f->sender, 1, id, "ABORTED");
    assert_int_equal(commands_stats(f->keeper).commands, count + 1);
    free(id);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        COMMANDS_CASE(test_answers_go_to_the_tenants_queues_only),
        COMMANDS_CASE(test_answers_that_cannot_be_delivered),
    };
    return cmocka_run_group_tests(tests, commands_make_users, commands_remove_users);
}
