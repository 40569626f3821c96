#include "tests/lib/commands.h"

#include "module/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void count_line(void *arg, int level, const char *tenant, const char *id, const char *text) {
    (void)tenant, (void)id, (void)text;
    struct commands_fixture *f = arg;
    atomic_fetch_add(&f->warnings, level <= LOG_LEVEL_WARNING);
}

static void copy(char *to, size_t size, const char *from) {
    snprintf(to, size, "%s", from ? from : "");
}

void commands_received(void *arg, const struct bus_delivery *delivery) {
    struct commands_client *client = arg;
    copy(client->body, sizeof client->body, delivery->body);
    copy(client->reason, sizeof client->reason, bus_delivery_header(delivery, "reason"));
    copy(client->original_key, sizeof client->original_key,
         bus_delivery_header(delivery, "original-routing-key"));
    copy(client->correlation_id, sizeof client->correlation_id, delivery->correlation_id);
    copy(client->content_type, sizeof client->content_type, delivery->content_type);
    client->received++;
}

void commands_open_client(struct commands_client *client, const char *url, const char *queue) {
    struct bus_options options = {.url = url, .name = "test"};
    COMMANDS_OK(bus_open(&options, &client->bus, &err));
    if (!queue)
        COMMANDS_OK(
            bus_declare_queue(client->bus, "", BUS_EXCLUSIVE, NULL, 0, client->queue, &err));
    COMMANDS_OK(
        bus_consume(client->bus, queue ? queue : client->queue, 0, BUS_NO_ACK, NULL, NULL, &err));
}

void commands_wait(struct commands_client *client, int count) {
    struct bus_handlers handlers = {.arg = client, .delivered = commands_received};
    int64_t until = clock_now() + COMMANDS_LONG_MS * CLOCK_MS * test_time_factor();
    while (client->received < count) {
        COMMANDS_OK(bus_poll(client->bus, 50, &handlers, &err));
        if (clock_now() > until)
            fail_msg("%d messages instead of %d", client->received, count);
    }
    assert_int_equal(client->received, count);
}

void commands_keeper(struct commands_fixture *f, const char *database, enum command_trust trust,
                     bool only) {
    struct keeper_options options = {.log = &f->log,
                                     .datasource = "main",
                                     .service = f->service,
                                     .amqp_url = test_amqp_url(),
                                     .trust = trust,
                                     .sql = {.url = database, .schema = "jobs"},
                                     .only_datasource = only};
    COMMANDS_OK(keeper_start(&options, &f->keeper, &err));
    keeper_hold(f->keeper, true);
}

struct keeper_stats commands_stats(const struct keeper *keeper) {
    struct keeper_stats stats;
    keeper_get_stats(keeper, &stats);
    return stats;
}

bool commands_is_consuming(void *keeper) { return commands_stats(keeper).consuming; }
bool commands_is_not_consuming(void *keeper) { return !commands_stats(keeper).consuming; }

void commands_assert_consumes(struct commands_fixture *f) {
    assert_true(test_wait(commands_is_consuming, f->keeper, COMMANDS_LONG_MS));
}

static void make_schema(struct commands_fixture *f) {
    struct sql_options options = {.url = f->database, .schema = "jobs"};
    struct sql *sql;
    COMMANDS_OK(sql_open(&options, &sql, &err));
    COMMANDS_OK(sql_migrate(sql, NULL, NULL, &err));
    sql_close(sql);
    test_sql(f->database,
             "insert into jobs.t_tenant (tenant, settings) values "
             "('acme', '{\"amqp_user\": \"%s\"}'), ('%s', '{}')",
             f->users->alice, f->tenant_of_bob);
}

static struct commands_fixture *make_fixture(void **state) {
    struct commands_fixture *f = calloc(1, sizeof *f);
    f->users = *state;
    f->database = test_database();
    f->service = test_service_name();
    f->log = (struct log){.level = LOG_LEVEL_WARNING, .sink = count_line, .arg = f};
    snprintf(f->commands, sizeof f->commands, "%s.commands", f->service);
    snprintf(f->dead, sizeof f->dead, "%s.dead", f->service);
    snprintf(f->tenant_of_bob, sizeof f->tenant_of_bob, "%s", f->users->bob);
    make_schema(f);
    *state = f;
    return f;
}

void commands_open_clients(struct commands_fixture *f) {
    commands_assert_consumes(f);
    commands_open_client(&f->sender, f->users->alice_url, COMMANDS_DIRECT_REPLY);
    commands_open_client(&f->graves, test_amqp_url(), f->dead);
}

/* The usual case: the keeper consumes, for the only datasource. */
int commands_set_up(void **state) {
    struct commands_fixture *f = make_fixture(state);
    commands_keeper(f, f->database, COMMAND_TRUST_USER_ID, true);
    commands_open_clients(f);
    return 0;
}

int commands_set_up_without_keeper(void **state) {
    make_fixture(state);
    return 0;
}

int commands_tear_down(void **state) {
    struct commands_fixture *f = *state;
    keeper_stop(f->keeper);
    bus_close(f->sender.bus);
    bus_close(f->graves.bus);
    *state = (void *)(uintptr_t)f->users;
    free(f);
    return 0;
}

char *commands_submit(const struct commands_fixture *f, const char *tenant) {
    return test_sql_value(f->database, "select jobs.job_submit('%s', 'noop')", tenant);
}

void commands_assert_status(const struct commands_fixture *f, const char *id, const char *status) {
    char *now =
        test_sql_value(f->database, "select status from jobs.t_job_info where id = '%s'", id);
    assert_string_equal(now, status);
    free(now);
}

void commands_assert_reply(struct commands_client *client, int count, const char *id,
                           const char *status) {
    commands_wait(client, count);
    char body[128];
    snprintf(body, sizeof body, "{\"jobId\":\"%s\",\"status\":\"%s\"}", id, status);
    assert_string_equal(client->body, body);
    assert_string_equal(client->correlation_id, "c1");
    assert_string_equal(client->content_type, "application/json");
}

struct bus_message commands_message(const struct commands_fixture *f, const char *key,
                                    const char *body, const char *user) {
    return (struct bus_message){.exchange = f->commands,
                                .routing_key = key,
                                .body = body,
                                .length = strlen(body),
                                .user_id = user,
                                .reply_to = COMMANDS_DIRECT_REPLY,
                                .correlation_id = "c1",
                                .persistent = true};
}

void commands_send_stop(const struct commands_fixture *f, const struct commands_client *from,
                        const char *user, const char *tenant, const char *id) {
    char key[128], body[128];
    snprintf(key, sizeof key, "%s.stop", tenant);
    snprintf(body, sizeof body, "{\"jobId\": \"%s\"}", id);
    struct bus_message stop = commands_message(f, key, body, user);
    COMMANDS_OK(bus_publish(from->bus, &stop, NULL, &err));
}

static void add_user(const char *name, char url[256]) {
    const char *base = test_amqp_url(), *at = strrchr(base, '@');
    assert_non_null(at);
    test_amqp_ctl("add_user", name, "secret", NULL);
    test_amqp_ctl("set_permissions", name, ".*", ".*", ".*", NULL);
    snprintf(url, 256, "amqp://%s:secret%s", name, at);
}

int commands_make_users(void **state) {
    static struct commands_users users; /* cmocka hands one pointer to all tests */
    snprintf(users.alice, sizeof users.alice, "%s-alice", test_service_name());
    snprintf(users.bob, sizeof users.bob, "%s-bob", test_service_name());
    add_user(users.alice, users.alice_url);
    add_user(users.bob, users.bob_url);
    *state = &users;
    return 0;
}

int commands_remove_users(void **state) {
    const struct commands_users *users = *state;
    test_amqp_ctl("delete_user", users->alice, NULL);
    test_amqp_ctl("delete_user", users->bob, NULL);
    return 0;
}
