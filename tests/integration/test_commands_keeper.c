/* The keeper while things come and go: tenants, the database, its queues, its hold of the datasource.
 * And what else it does. */
#include "module/base/clock.h"
#include "tests/lib/commands.h"
#include "tests/lib/proxy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libpq-fe.h>

static void test_trust_in_the_virtual_host(void **state) {
    struct commands_fixture *f = *state;
    commands_keeper(f, f->database, COMMAND_TRUST_VHOST, true);
    commands_open_clients(f);
    char *id = commands_submit(f, "acme");
    commands_send_stop(f, &f->sender, NULL, "acme", id);
    commands_assert_reply(&f->sender, 1, id, "ABORTED");
    free(id);
}

/* Sends a stop. True: it ended with the dead; false: it was answered. */
static bool send_ends_with_the_dead(struct commands_fixture *f, const char *tenant,
                                    const char *id) {
    struct bus_handlers graves = {.arg = &f->graves, .delivered = commands_received};
    struct bus_handlers sender = {.arg = &f->sender, .delivered = commands_received};
    int dead = f->graves.received, answers = f->sender.received;
    int64_t until = clock_now() + COMMANDS_LONG_MS * CLOCK_MS * test_time_factor();
    commands_send_stop(f, &f->sender, f->users->alice, tenant, id);
    while (f->graves.received == dead && f->sender.received == answers) {
        COMMANDS_OK(bus_poll(f->graves.bus, 20, &graves, &err));
        COMMANDS_OK(bus_poll(f->sender.bus, 20, &sender, &err));
        assert_true(clock_now() < until);
    }
    return f->graves.received > dead;
}

static void test_tenants_come_and_go_with_several_datasources(void **state) {
    struct commands_fixture *f = *state;
    commands_keeper(f, f->database, COMMAND_TRUST_USER_ID, false);
    commands_open_clients(f);
    char *id = commands_submit(f, "acme"), *fresh_id;
    int replies = 0;
    commands_send_stop(f, &f->sender, f->users->alice, "acme", id);
    commands_assert_reply(&f->sender, ++replies, id, "ABORTED");
    /* Not this datasource's: nobody takes it. */
    commands_send_stop(f, &f->sender, f->users->alice, "fresh", id);
    commands_wait(&f->graves, 1);
    assert_string_equal(f->graves.reason, "");
    test_sql(f->database,
             "insert into jobs.t_tenant (tenant, settings) values "
             "('fresh', '{\"amqp_user\": \"%s\"}')",
             f->users->alice);
    fresh_id = commands_submit(f, "fresh");
    while (send_ends_with_the_dead(f, "fresh", fresh_id))
        continue; /* until it is bound */
    commands_assert_status(f, fresh_id, "ABORTED");
    test_sql(f->database, "delete from jobs.t_tenant where tenant = 'acme'");
    /* At first it is still carried out, then the keeper knows, then it is unbound. */
    while (!send_ends_with_the_dead(f, "acme", id) || f->graves.reason[0])
        continue;
    free(id);
    free(fresh_id);
}

static void test_commands_wait_for_a_database_that_is_away(void **state) {
    struct commands_fixture *f = *state;
    struct proxy *proxy = proxy_start(f->database, false);
    commands_keeper(f, proxy_url(proxy), COMMAND_TRUST_USER_ID, true);
    commands_open_clients(f);
    char *id = commands_submit(f, "acme");
    proxy_refuse(proxy, true);
    proxy_cut(proxy);
    assert_true(test_wait(commands_is_not_consuming, f->keeper, COMMANDS_LONG_MS));
    commands_send_stop(f, &f->sender, f->users->alice, "acme", id);
    while (proxy_connections(proxy) < 3) /* it keeps trying */
        COMMANDS_OK(bus_poll(f->sender.bus, 20, NULL, &err));
    commands_assert_status(f, id, "QUEUED");
    proxy_refuse(proxy, false);
    commands_assert_reply(&f->sender, 1, id, "ABORTED");
    assert_int_equal(f->warnings, 1);
    keeper_stop(f->keeper);
    f->keeper = NULL;
    proxy_stop(proxy);
    free(id);
}

static void test_a_locked_job_delays_its_own_command_only(void **state) {
    struct commands_fixture *f = *state;
    char *locked = commands_submit(f, "acme"), *other = commands_submit(f, "acme");
    PGconn *client = PQconnectdb(f->database);
    char lock[160];
    snprintf(lock, sizeof lock, "begin; select from jobs.t_job_ready where id = '%s' for update",
             locked);
    PQclear(PQexec(client, lock));
    assert_int_equal(PQtransactionStatus(client), PQTRANS_INTRANS);
    commands_send_stop(f, &f->sender, f->users->alice, "acme", locked);
    commands_send_stop(f, &f->sender, f->users->alice, "acme", other);
    commands_assert_reply(&f->sender, 1, other, "ABORTED");
    commands_assert_status(f, locked, "QUEUED");
    PQfinish(client);
    commands_assert_reply(&f->sender, 2, locked, "ABORTED");
    free(locked);
    free(other);
}

static void test_queues_that_are_deleted_come_back(void **state) {
    struct commands_fixture *f = *state;
    char queue[160], *id = commands_submit(f, "acme");
    snprintf(queue, sizeof queue, "%s.main", f->commands);
    bus_close(f->graves.bus);
    f->graves = (struct commands_client){0};
    COMMANDS_OK(bus_delete_queue(f->sender.bus, f->dead, &err));
    commands_send_stop(f, &f->sender, NULL, "acme", id);
    struct bus_handlers nothing = {0};
    for (int rc = -1; rc < 0;) /* until the keeper has declared it again */
        rc = bus_declare_queue(f->sender.bus, f->dead, BUS_PASSIVE, NULL, 0, NULL, NULL);
    commands_open_client(&f->graves, test_amqp_url(), f->dead);
    commands_wait(&f->graves, 1);
    COMMANDS_OK(bus_poll(f->sender.bus, 0, &nothing, &err));
    COMMANDS_OK(bus_delete_queue(f->sender.bus, queue, &err));
    assert_true(test_wait(commands_is_not_consuming, f->keeper, COMMANDS_LONG_MS));
    commands_assert_consumes(f);
    commands_send_stop(f, &f->sender, f->users->alice, "acme", id);
    commands_assert_reply(&f->sender, 1, id, "ABORTED");
    free(id);
}

static void test_only_the_holder_takes_commands(void **state) {
    struct commands_fixture *f = *state;
    char *id = commands_submit(f, "acme");
    keeper_hold(f->keeper, false);
    assert_true(test_wait(commands_is_not_consuming, f->keeper, COMMANDS_LONG_MS));
    commands_send_stop(f, &f->sender, f->users->alice, "acme", id);
    assert_true(test_wait_sql(f->database, COMMANDS_LONG_MS,
                              "select count(*) = 1 from pg_stat_activity where "
                              "datname = current_database()"));
    commands_assert_status(f, id, "QUEUED");
    keeper_hold(f->keeper, true);
    commands_assert_reply(&f->sender, 1, id, "ABORTED");
    free(id);
}

static void test_counts_are_folded_and_sleepers_swept(void **state) {
    struct commands_fixture *f = *state;
    struct keeper_options options = {.log = &f->log,
                                     .datasource = "main",
                                     .service = f->service,
                                     .sql = {.url = f->database, .schema = "jobs"}};
    test_sql(f->database, "insert into jobs.t_job_count_delta select 'acme', 'noop', 'QUEUED', 1 "
                          "from generate_series(1, 12000); "
                          "update jobs.t_job_wake set sleepers = array[gen_random_uuid()]");
    COMMANDS_OK(keeper_start(&options, &f->keeper, &err));
    keeper_hold(f->keeper, true);
    assert_true(test_wait_sql(f->database, COMMANDS_LONG_MS,
                              "select not exists (select from jobs.t_job_count_delta) and "
                              "(select sleepers = '{}' from jobs.t_job_wake)"));
    assert_int_equal(test_sql_integer(f->database, "select n from jobs.t_job_count"), 12000);
    assert_int_equal(commands_stats(f->keeper).folded, 12000);
    assert_false(commands_stats(f->keeper).consuming);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        COMMANDS_BARE(test_trust_in_the_virtual_host),
        COMMANDS_BARE(test_tenants_come_and_go_with_several_datasources),
        COMMANDS_BARE(test_commands_wait_for_a_database_that_is_away),
        COMMANDS_CASE(test_a_locked_job_delays_its_own_command_only),
        COMMANDS_CASE(test_queues_that_are_deleted_come_back),
        COMMANDS_CASE(test_only_the_holder_takes_commands),
        COMMANDS_BARE(test_counts_are_folded_and_sleepers_swept),
    };
    return cmocka_run_group_tests(tests, commands_make_users, commands_remove_users);
}
