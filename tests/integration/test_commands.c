/* Commands over AMQP against real servers: each ends where it should, carried out or with the
 * dead. And what else the keeper does. */
#include "amqp/bus.h"
#include "module/base/clock.h"
#include "module/base/mem.h"
#include "module/service/keeper.h"
#include "tests/lib/proxy.h"
#include "tests/lib/servers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libpq-fe.h>

#define LONG_MS 30000
#define DIRECT_REPLY "amq.rabbitmq.reply-to"
#define OK(call)                                 \
    do {                                         \
        struct jobs_error err = {0};             \
        if ((call) < 0)                          \
            fail_msg("%s: %s", #call, err.text); \
    } while (0)

/* Two users of the broker, for all tests here: `alice` is tenant acme's by its settings, the
 * other one's tenant has the user's own name. */
struct users {
    char alice[80], bob[80], alice_url[256], bob_url[256];
};

/* A connection and the latest message that came in on it. */
struct client {
    struct bus *bus;
    char queue[256];
    int received;
    char body[512], reason[256], original_key[256], correlation_id[64], content_type[64];
};

struct fixture {
    const struct users *users;
    const char *database, *service;
    char commands[128], dead[128], tenant_of_bob[80];
    struct keeper *keeper;
    struct client sender, graves; /* alice; an administrator who reads <service>.dead */
    struct log log;
    atomic_int warnings;
};

static void count_line(void *arg, int level, const char *tenant, const char *id, const char *text) {
    (void)tenant, (void)id, (void)text;
    struct fixture *f = arg;
    atomic_fetch_add(&f->warnings, level <= LOG_LEVEL_WARNING);
}

static void copy(char *to, size_t size, const char *from) {
    snprintf(to, size, "%s", from ? from : "");
}

static void received(void *arg, const struct bus_delivery *delivery) {
    struct client *client = arg;
    copy(client->body, sizeof client->body, delivery->body);
    copy(client->reason, sizeof client->reason, bus_delivery_header(delivery, "reason"));
    copy(client->original_key, sizeof client->original_key,
         bus_delivery_header(delivery, "original-routing-key"));
    copy(client->correlation_id, sizeof client->correlation_id, delivery->correlation_id);
    copy(client->content_type, sizeof client->content_type, delivery->content_type);
    client->received++;
}

static void open_client(struct client *client, const char *url, const char *queue) {
    struct bus_options options = {.url = url, .name = "test"};
    OK(bus_open(&options, &client->bus, &err));
    if (!queue)
        OK(bus_declare_queue(client->bus, "", BUS_EXCLUSIVE, NULL, 0, client->queue, &err));
    OK(bus_consume(client->bus, queue ? queue : client->queue, 0, BUS_NO_ACK, NULL, NULL, &err));
}

static void wait_received(struct client *client, int count) {
    struct bus_handlers handlers = {.arg = client, .delivered = received};
    int64_t until = clock_now() + LONG_MS * CLOCK_MS * test_time_factor();
    while (client->received < count) {
        OK(bus_poll(client->bus, 50, &handlers, &err));
        if (clock_now() > until)
            fail_msg("%d messages instead of %d", client->received, count);
    }
    assert_int_equal(client->received, count);
}

static void start_keeper(struct fixture *f, const char *database, enum command_trust trust,
                         bool only) {
    struct keeper_options options = {.log = &f->log,
                                     .datasource = "main",
                                     .service = f->service,
                                     .amqp_url = test_amqp_url(),
                                     .trust = trust,
                                     .sql = {.url = database, .schema = "jobs"},
                                     .only_datasource = only};
    OK(keeper_start(&options, &f->keeper, &err));
    keeper_hold(f->keeper, true);
}

static struct keeper_stats stats_of(const struct keeper *keeper) {
    struct keeper_stats stats;
    keeper_get_stats(keeper, &stats);
    return stats;
}

static bool is_consuming(void *keeper) { return stats_of(keeper).consuming; }
static bool is_not_consuming(void *keeper) { return !stats_of(keeper).consuming; }

static void assert_consumes(struct fixture *f) {
    assert_true(test_wait(is_consuming, f->keeper, LONG_MS));
}

static void make_schema(struct fixture *f) {
    struct sql_options options = {.url = f->database, .schema = "jobs"};
    struct sql *sql;
    OK(sql_open(&options, &sql, &err));
    OK(sql_migrate(sql, NULL, NULL, &err));
    sql_close(sql);
    test_sql(f->database,
             "insert into jobs.t_tenant (tenant, settings) values "
             "('acme', '{\"amqp_user\": \"%s\"}'), ('%s', '{}')",
             f->users->alice, f->tenant_of_bob);
}

static struct fixture *make_fixture(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
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

static void open_clients(struct fixture *f) {
    assert_consumes(f);
    open_client(&f->sender, f->users->alice_url, DIRECT_REPLY);
    open_client(&f->graves, test_amqp_url(), f->dead);
}

/* The usual case: the keeper consumes, for the only datasource. */
static int set_up(void **state) {
    struct fixture *f = make_fixture(state);
    start_keeper(f, f->database, COMMAND_TRUST_USER_ID, true);
    open_clients(f);
    return 0;
}

static int set_up_without_keeper(void **state) {
    make_fixture(state);
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    keeper_stop(f->keeper);
    bus_close(f->sender.bus);
    bus_close(f->graves.bus);
    *state = (void *)(uintptr_t)f->users;
    free(f);
    return 0;
}

static char *submit(const struct fixture *f, const char *tenant) {
    return test_sql_value(f->database, "select jobs.job_submit('%s', 'noop')", tenant);
}

static void assert_status(const struct fixture *f, const char *id, const char *status) {
    char *now =
        test_sql_value(f->database, "select status from jobs.t_job_info where id = '%s'", id);
    assert_string_equal(now, status);
    free(now);
}

static void assert_reply(struct client *client, int count, const char *id, const char *status) {
    wait_received(client, count);
    char body[128];
    snprintf(body, sizeof body, "{\"jobId\":\"%s\",\"status\":\"%s\"}", id, status);
    assert_string_equal(client->body, body);
    assert_string_equal(client->correlation_id, "c1");
    assert_string_equal(client->content_type, "application/json");
}

static struct bus_message message(const struct fixture *f, const char *key, const char *body,
                                  const char *user) {
    return (struct bus_message){.exchange = f->commands,
                                .routing_key = key,
                                .body = body,
                                .length = strlen(body),
                                .user_id = user,
                                .reply_to = DIRECT_REPLY,
                                .correlation_id = "c1",
                                .persistent = true};
}

static void send_stop(const struct fixture *f, const struct client *from, const char *user,
                      const char *tenant, const char *id) {
    char key[128], body[128];
    snprintf(key, sizeof key, "%s.stop", tenant);
    snprintf(body, sizeof body, "{\"jobId\": \"%s\"}", id);
    struct bus_message stop = message(f, key, body, user);
    OK(bus_publish(from->bus, &stop, NULL, &err));
}

static void test_a_tenants_user_stops_a_job(void **state) {
    struct fixture *f = *state;
    char *id = submit(f, "acme");
    send_stop(f, &f->sender, f->users->alice, "acme", id);
    assert_reply(&f->sender, 1, id, "ABORTED");
    assert_status(f, id, "ABORTED");
    send_stop(f, &f->sender, f->users->alice, "acme", id); /* again: nothing to do */
    assert_reply(&f->sender, 2, id, "ABORTED");
    assert_int_equal(stats_of(f->keeper).commands, 2);
    assert_int_equal(stats_of(f->keeper).dead, 0);
    free(id);
}

static void test_users_named_like_the_tenant_and_the_administrator(void **state) {
    struct fixture *f = *state;
    struct client bob = {0}, guest = {0};
    open_client(&bob, f->users->bob_url, DIRECT_REPLY);
    open_client(&guest, test_amqp_url(), DIRECT_REPLY);
    char *first = submit(f, f->tenant_of_bob), *second = submit(f, "acme");
    send_stop(f, &bob, f->users->bob, f->tenant_of_bob, first);
    assert_reply(&bob, 1, first, "ABORTED");
    send_stop(f, &guest, "guest", "acme", second);
    assert_reply(&guest, 1, second, "ABORTED");
    bus_close(bob.bus);
    bus_close(guest.bus);
    free(first);
    free(second);
}

static void test_nobody_stops_the_jobs_of_others(void **state) {
    struct fixture *f = *state;
    char *id = submit(f, f->tenant_of_bob);
    char key[128];
    snprintf(key, sizeof key, "%s.stop", f->tenant_of_bob);
    send_stop(f, &f->sender, f->users->alice, f->tenant_of_bob, id);
    wait_received(&f->graves, 1);
    assert_string_equal(f->graves.reason, "its user_id is not the user of this tenant");
    assert_string_equal(f->graves.original_key, key);
    assert_non_null(strstr(f->graves.body, id));
    send_stop(f, &f->sender, NULL, f->tenant_of_bob, id);
    wait_received(&f->graves, 2);
    assert_string_equal(f->graves.reason, "it has no user_id: nobody can tell who sent it");
    /* In the own tenant the others' job does not exist. */
    send_stop(f, &f->sender, f->users->alice, "acme", id);
    wait_received(&f->sender, 1);
    assert_non_null(strstr(f->sender.body, "\"code\":\"JOBS_ENOENT\""));
    assert_status(f, id, "QUEUED");
    free(id);
}

static void test_a_dead_lettered_command_does_not_count(void **state) {
    struct fixture *f = *state;
    char *id = submit(f, f->tenant_of_bob), queue[256], key[128], body[128];
    snprintf(key, sizeof key, "%s.stop", f->tenant_of_bob);
    snprintf(body, sizeof body, "{\"jobId\": \"%s\"}", id);
    const struct bus_argument arguments[] = {{.name = "x-dead-letter-exchange",
                                              .text = f->commands},
                                             {.name = "x-dead-letter-routing-key", .text = key},
                                             {.name = "x-message-ttl", .number = 1}};
    OK(bus_declare_queue(f->sender.bus, "", BUS_EXCLUSIVE, arguments, 3, queue, &err));
    struct bus_message stop = message(f, queue, body, f->users->alice);
    stop.exchange = "";
    OK(bus_publish(f->sender.bus, &stop, NULL, &err));
    wait_received(&f->graves, 1);
    assert_non_null(strstr(f->graves.reason, "x-death"));
    assert_status(f, id, "QUEUED");
    free(id);
}

static void test_what_cannot_be_read_is_buried(void **state) {
    struct fixture *f = *state;
    char *id = submit(f, "acme");
    char deep[64], with_version[4][128], upper_case[128];
    const char *const versions[4] = {"0", "\"1\"", "1.5", "99999999999"};
    for (int i = 0; i < 4; i++)
        snprintf(with_version[i], sizeof with_version[i], "{\"jobId\":\"%s\",\"version\":%s}", id,
                 versions[i]);
    snprintf(deep, sizeof deep, "%s", "[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]");
    snprintf(upper_case, sizeof upper_case, "{'jobId':'%s'}", id);
    const char *const bodies[] = {"",
                                  "stop",
                                  "{}",
                                  "[]",
                                  "null",
                                  "{\"jobId\":7}",
                                  "{\"jobId\":\"7\"}",
                                  "{\"jobId\":null}",
                                  "{\"jobId\":NaN}",
                                  "{\"jobId\":\"\xff\"}",
                                  "{} {}",
                                  deep,
                                  upper_case,
                                  with_version[0],
                                  with_version[1],
                                  with_version[2],
                                  with_version[3]};
    int count = sizeof bodies / sizeof *bodies;
    for (int i = 0; i < count; i++) {
        struct bus_message bad = message(f, "acme.stop", bodies[i], f->users->alice);
        OK(bus_publish(f->sender.bus, &bad, NULL, &err));
        wait_received(&f->graves, i + 1);
        assert_string_equal(f->graves.body, bodies[i]);
        assert_true(f->graves.reason[0]);
        wait_received(&f->sender, i + 1);
        assert_string_equal(f->sender.content_type, "application/problem+json");
        assert_non_null(strstr(f->sender.body, "\"title\":\"not a command\""));
    }
    char *huge = mem_zero(1, 70001);
    memset(huge, ' ', 70000);
    struct bus_message bad = message(f, "acme.stop", huge, f->users->alice);
    OK(bus_publish(f->sender.bus, &bad, NULL, &err));
    wait_received(&f->graves, count + 1);
    assert_string_equal(f->graves.reason, "the body is too long");
    assert_status(f, id, "QUEUED");
    assert_int_equal(stats_of(f->keeper).dead, count + 1);
    assert_int_equal(stats_of(f->keeper).commands, 0);
    free(huge);
    free(id);
}

static void test_unknown_jobs_and_tenants(void **state) {
    struct fixture *f = *state;
    static const char nowhere[] = "0189d2f0-0000-7000-8000-000000000000";
    send_stop(f, &f->sender, f->users->alice, "acme", nowhere);
    wait_received(&f->sender, 1);
    assert_string_equal(f->sender.correlation_id, "c1");
    assert_string_equal(f->sender.content_type, "application/problem+json");
    assert_non_null(strstr(f->sender.body, "{\"type\":\"about:blank\",\"title\":\"unknown job\","));
    assert_non_null(strstr(f->sender.body, "\"code\":\"JOBS_ENOENT\""));
    send_stop(f, &f->sender, f->users->alice, "nobody", nowhere);
    wait_received(&f->graves, 1);
    assert_string_equal(f->graves.reason, "the tenant is unknown here");
    /* What is no command at all finds no queue but that of the dead. */
    struct bus_message other = message(f, "acme.start", "{}", f->users->alice);
    OK(bus_publish(f->sender.bus, &other, NULL, &err));
    wait_received(&f->graves, 2);
    assert_string_equal(f->graves.body, "{}");
    assert_int_equal(stats_of(f->keeper).dead, 1);
}

static void test_a_version_names_one_state(void **state) {
    struct fixture *f = *state;
    char *id = submit(f, "acme"), body[128];
    test_sql(f->database, "select jobs.job_stop('acme', '%s'); select jobs.job_retry('acme', '%s')",
             id, id);
    snprintf(body, sizeof body, "{\"jobId\":\"%s\",\"version\":1}", id);
    struct bus_message late = message(f, "acme.stop", body, f->users->alice);
    OK(bus_publish(f->sender.bus, &late, NULL, &err));
    assert_reply(&f->sender, 1, id, "QUEUED");
    assert_status(f, id, "QUEUED");
    snprintf(body, sizeof body, "{\"jobId\":\"%s\",\"version\":3}", id);
    struct bus_message right = message(f, "acme.stop", body, f->users->alice);
    OK(bus_publish(f->sender.bus, &right, NULL, &err));
    assert_reply(&f->sender, 2, id, "ABORTED");
    free(id);
}

static void test_answers_go_to_the_tenants_queues_only(void **state) {
    struct fixture *f = *state;
    struct client own = {0}, foreign = {0};
    char own_queue[] = "acme.answers", *first = submit(f, "acme"), *second = submit(f, "acme");
    open_client(&foreign, test_amqp_url(), NULL);
    OK(bus_open(&(struct bus_options){.url = test_amqp_url()}, &own.bus, &err));
    OK(bus_declare_queue(own.bus, own_queue, BUS_EXCLUSIVE, NULL, 0, NULL, &err));
    OK(bus_consume(own.bus, own_queue, 0, BUS_NO_ACK, NULL, NULL, &err));
    char body[128];
    snprintf(body, sizeof body, "{\"jobId\":\"%s\"}", first);
    struct bus_message stop = message(f, "acme.stop", body, f->users->alice);
    stop.reply_to = foreign.queue;
    OK(bus_publish(f->sender.bus, &stop, NULL, &err));
    snprintf(body, sizeof body, "{\"jobId\":\"%s\"}", second);
    stop.reply_to = own_queue;
    OK(bus_publish(f->sender.bus, &stop, NULL, &err));
    assert_reply(&own, 1, second, "ABORTED");
    assert_int_equal(stats_of(f->keeper).commands, 2);
    assert_status(f, first, "ABORTED");
    /* What is sent after the answers comes first. */
    struct bus_message last = {.routing_key = foreign.queue, .body = "last", .length = 4};
    OK(bus_publish(foreign.bus, &last, NULL, &err));
    wait_received(&foreign, 1);
    assert_string_equal(foreign.body, "last");
    bus_close(own.bus);
    bus_close(foreign.bus);
    free(first);
    free(second);
}

/* Addresses that lead nowhere, or that the broker may take offence at, disturb nobody. */
static void test_answers_that_cannot_be_delivered(void **state) {
    struct fixture *f = *state;
    static const char *const addresses[] = {
        "acme.nobody", "amq.rabbitmq.reply-to.", "amq.rabbitmq.reply-to.x",
        "amq.rabbitmq.reply-to.x.y",
        "amq.rabbitmq.reply-to.g2dkABByZXBseUA0MTQxNjEyNwAAAAAAAAAAAA==.aGVsbG8gd29ybGQ="};
    int count = sizeof addresses / sizeof *addresses;
    for (int i = 0; i < count; i++) {
        char *id = submit(f, "acme"), body[128];
        snprintf(body, sizeof body, "{\"jobId\":\"%s\"}", id);
        struct bus_message stop = message(f, "acme.stop", body, f->users->alice);
        stop.reply_to = addresses[i];
        OK(bus_publish(f->sender.bus, &stop, NULL, &err));
        assert_true(test_wait_sql(f->database, LONG_MS,
                                  "select status = 'ABORTED' from jobs.t_job_info where id = '%s'",
                                  id));
        free(id);
    }
    char *id = submit(f, "acme");
    send_stop(f, &f->sender, f->users->alice, "acme", id);
    assert_reply(&f->sender, 1, id, "ABORTED");
    assert_int_equal(stats_of(f->keeper).commands, count + 1);
    free(id);
}

static void test_trust_in_the_virtual_host(void **state) {
    struct fixture *f = *state;
    start_keeper(f, f->database, COMMAND_TRUST_VHOST, true);
    open_clients(f);
    char *id = submit(f, "acme");
    send_stop(f, &f->sender, NULL, "acme", id);
    assert_reply(&f->sender, 1, id, "ABORTED");
    free(id);
}

/* Sends a stop. True: it ended with the dead; false: it was answered. */
static bool send_ends_with_the_dead(struct fixture *f, const char *tenant, const char *id) {
    struct bus_handlers graves = {.arg = &f->graves, .delivered = received};
    struct bus_handlers sender = {.arg = &f->sender, .delivered = received};
    int dead = f->graves.received, answers = f->sender.received;
    int64_t until = clock_now() + LONG_MS * CLOCK_MS * test_time_factor();
    send_stop(f, &f->sender, f->users->alice, tenant, id);
    while (f->graves.received == dead && f->sender.received == answers) {
        OK(bus_poll(f->graves.bus, 20, &graves, &err));
        OK(bus_poll(f->sender.bus, 20, &sender, &err));
        assert_true(clock_now() < until);
    }
    return f->graves.received > dead;
}

static void test_tenants_come_and_go_with_several_datasources(void **state) {
    struct fixture *f = *state;
    start_keeper(f, f->database, COMMAND_TRUST_USER_ID, false);
    open_clients(f);
    char *id = submit(f, "acme"), *fresh_id;
    int replies = 0;
    send_stop(f, &f->sender, f->users->alice, "acme", id);
    assert_reply(&f->sender, ++replies, id, "ABORTED");
    /* Not this datasource's: nobody takes it. */
    send_stop(f, &f->sender, f->users->alice, "fresh", id);
    wait_received(&f->graves, 1);
    assert_string_equal(f->graves.reason, "");
    test_sql(f->database,
             "insert into jobs.t_tenant (tenant, settings) values "
             "('fresh', '{\"amqp_user\": \"%s\"}')",
             f->users->alice);
    fresh_id = submit(f, "fresh");
    while (send_ends_with_the_dead(f, "fresh", fresh_id))
        continue; /* until it is bound */
    assert_status(f, fresh_id, "ABORTED");
    test_sql(f->database, "delete from jobs.t_tenant where tenant = 'acme'");
    /* At first it is still carried out, then the keeper knows, then it is unbound. */
    while (!send_ends_with_the_dead(f, "acme", id) || f->graves.reason[0])
        continue;
    free(id);
    free(fresh_id);
}

static void test_commands_wait_for_a_database_that_is_away(void **state) {
    struct fixture *f = *state;
    struct proxy *proxy = proxy_start(f->database, false);
    start_keeper(f, proxy_url(proxy), COMMAND_TRUST_USER_ID, true);
    open_clients(f);
    char *id = submit(f, "acme");
    proxy_refuse(proxy, true);
    proxy_cut(proxy);
    assert_true(test_wait(is_not_consuming, f->keeper, LONG_MS));
    send_stop(f, &f->sender, f->users->alice, "acme", id);
    while (proxy_connections(proxy) < 3) /* it keeps trying */
        OK(bus_poll(f->sender.bus, 20, NULL, &err));
    assert_status(f, id, "QUEUED");
    proxy_refuse(proxy, false);
    assert_reply(&f->sender, 1, id, "ABORTED");
    assert_int_equal(f->warnings, 1);
    keeper_stop(f->keeper);
    f->keeper = NULL;
    proxy_stop(proxy);
    free(id);
}

static void test_a_locked_job_delays_its_own_command_only(void **state) {
    struct fixture *f = *state;
    char *locked = submit(f, "acme"), *other = submit(f, "acme");
    PGconn *client = PQconnectdb(f->database);
    char lock[160];
    snprintf(lock, sizeof lock, "begin; select from jobs.t_job_ready where id = '%s' for update",
             locked);
    PQclear(PQexec(client, lock));
    assert_int_equal(PQtransactionStatus(client), PQTRANS_INTRANS);
    send_stop(f, &f->sender, f->users->alice, "acme", locked);
    send_stop(f, &f->sender, f->users->alice, "acme", other);
    assert_reply(&f->sender, 1, other, "ABORTED");
    assert_status(f, locked, "QUEUED");
    PQfinish(client);
    assert_reply(&f->sender, 2, locked, "ABORTED");
    free(locked);
    free(other);
}

static void test_queues_that_are_deleted_come_back(void **state) {
    struct fixture *f = *state;
    char queue[160], *id = submit(f, "acme");
    snprintf(queue, sizeof queue, "%s.main", f->commands);
    bus_close(f->graves.bus);
    f->graves = (struct client){0};
    OK(bus_delete_queue(f->sender.bus, f->dead, &err));
    send_stop(f, &f->sender, NULL, "acme", id);
    struct bus_handlers nothing = {0};
    for (int rc = -1; rc < 0;) /* until the keeper has declared it again */
        rc = bus_declare_queue(f->sender.bus, f->dead, BUS_PASSIVE, NULL, 0, NULL, NULL);
    open_client(&f->graves, test_amqp_url(), f->dead);
    wait_received(&f->graves, 1);
    OK(bus_poll(f->sender.bus, 0, &nothing, &err));
    OK(bus_delete_queue(f->sender.bus, queue, &err));
    assert_true(test_wait(is_not_consuming, f->keeper, LONG_MS));
    assert_consumes(f);
    send_stop(f, &f->sender, f->users->alice, "acme", id);
    assert_reply(&f->sender, 1, id, "ABORTED");
    free(id);
}

static void test_only_the_holder_takes_commands(void **state) {
    struct fixture *f = *state;
    char *id = submit(f, "acme");
    keeper_hold(f->keeper, false);
    assert_true(test_wait(is_not_consuming, f->keeper, LONG_MS));
    send_stop(f, &f->sender, f->users->alice, "acme", id);
    assert_true(test_wait_sql(f->database, LONG_MS,
                              "select count(*) = 1 from pg_stat_activity where "
                              "datname = current_database()"));
    assert_status(f, id, "QUEUED");
    keeper_hold(f->keeper, true);
    assert_reply(&f->sender, 1, id, "ABORTED");
    free(id);
}

static void test_counts_are_folded_and_sleepers_swept(void **state) {
    struct fixture *f = *state;
    struct keeper_options options = {.log = &f->log,
                                     .datasource = "main",
                                     .service = f->service,
                                     .sql = {.url = f->database, .schema = "jobs"}};
    test_sql(f->database, "insert into jobs.t_job_count_delta select 'acme', 'noop', 'QUEUED', 1 "
                          "from generate_series(1, 12000); "
                          "update jobs.t_job_wake set sleepers = array[gen_random_uuid()]");
    OK(keeper_start(&options, &f->keeper, &err));
    keeper_hold(f->keeper, true);
    assert_true(test_wait_sql(f->database, LONG_MS,
                              "select not exists (select from jobs.t_job_count_delta) and "
                              "(select sleepers = '{}' from jobs.t_job_wake)"));
    assert_int_equal(test_sql_integer(f->database, "select n from jobs.t_job_count"), 12000);
    assert_int_equal(stats_of(f->keeper).folded, 12000);
    assert_false(stats_of(f->keeper).consuming);
}

static void add_user(const char *name, char url[256]) {
    const char *base = test_amqp_url(), *at = strrchr(base, '@');
    assert_non_null(at);
    test_amqp_ctl("add_user", name, "secret", NULL);
    test_amqp_ctl("set_permissions", name, ".*", ".*", ".*", NULL);
    snprintf(url, 256, "amqp://%s:secret%s", name, at);
}

static int make_users(void **state) {
    static struct users users; /* cmocka hands one pointer to all tests */
    snprintf(users.alice, sizeof users.alice, "%s-alice", test_service_name());
    snprintf(users.bob, sizeof users.bob, "%s-bob", test_service_name());
    add_user(users.alice, users.alice_url);
    add_user(users.bob, users.bob_url);
    *state = &users;
    return 0;
}

static int remove_users(void **state) {
    const struct users *users = *state;
    test_amqp_ctl("delete_user", users->alice, NULL);
    test_amqp_ctl("delete_user", users->bob, NULL);
    return 0;
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
#define BARE(test) cmocka_unit_test_setup_teardown(test, set_up_without_keeper, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_a_tenants_user_stops_a_job),
        CASE(test_users_named_like_the_tenant_and_the_administrator),
        CASE(test_nobody_stops_the_jobs_of_others),
        CASE(test_a_dead_lettered_command_does_not_count),
        CASE(test_what_cannot_be_read_is_buried),
        CASE(test_unknown_jobs_and_tenants),
        CASE(test_a_version_names_one_state),
        CASE(test_answers_go_to_the_tenants_queues_only),
        CASE(test_answers_that_cannot_be_delivered),
        BARE(test_trust_in_the_virtual_host),
        BARE(test_tenants_come_and_go_with_several_datasources),
        BARE(test_commands_wait_for_a_database_that_is_away),
        CASE(test_a_locked_job_delays_its_own_command_only),
        CASE(test_queues_that_are_deleted_come_back),
        CASE(test_only_the_holder_takes_commands),
        BARE(test_counts_are_folded_and_sleepers_swept),
    };
    return cmocka_run_group_tests(tests, make_users, remove_users);
}
