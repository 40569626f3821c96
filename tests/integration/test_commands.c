/* Commands over AMQP against real servers: who may give them, and which are none. Each ends where it
 * should, carried out or with the dead. */
#include "module/base/mem.h"
#include "tests/lib/commands.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_a_tenants_user_stops_a_job(void **state) {
    struct commands_fixture *f = *state;
    char *id = commands_submit(f, "acme");
    commands_send_stop(f, &f->sender, f->users->alice, "acme", id);
    commands_assert_reply(&f->sender, 1, id, "ABORTED");
    commands_assert_status(f, id, "ABORTED");
    commands_send_stop(f, &f->sender, f->users->alice, "acme", id); /* again: nothing to do */
    commands_assert_reply(&f->sender, 2, id, "ABORTED");
    assert_int_equal(commands_stats(f->keeper).commands, 2);
    assert_int_equal(commands_stats(f->keeper).dead, 0);
    free(id);
}

static void test_users_named_like_the_tenant_and_the_administrator(void **state) {
    struct commands_fixture *f = *state;
    struct commands_client bob = {0}, guest = {0};
    commands_open_client(&bob, f->users->bob_url, COMMANDS_DIRECT_REPLY);
    commands_open_client(&guest, test_amqp_url(), COMMANDS_DIRECT_REPLY);
    char *first = commands_submit(f, f->tenant_of_bob), *second = commands_submit(f, "acme");
    commands_send_stop(f, &bob, f->users->bob, f->tenant_of_bob, first);
    commands_assert_reply(&bob, 1, first, "ABORTED");
    commands_send_stop(f, &guest, "guest", "acme", second);
    commands_assert_reply(&guest, 1, second, "ABORTED");
    bus_close(bob.bus);
    bus_close(guest.bus);
    free(first);
    free(second);
}

static void test_nobody_stops_the_jobs_of_others(void **state) {
    struct commands_fixture *f = *state;
    char *id = commands_submit(f, f->tenant_of_bob);
    char key[128];
    snprintf(key, sizeof key, "%s.stop", f->tenant_of_bob);
    commands_send_stop(f, &f->sender, f->users->alice, f->tenant_of_bob, id);
    commands_wait(&f->graves, 1);
    assert_string_equal(f->graves.reason, "its user_id is not the user of this tenant");
    assert_string_equal(f->graves.original_key, key);
    assert_non_null(strstr(f->graves.body, id));
    commands_send_stop(f, &f->sender, NULL, f->tenant_of_bob, id);
    commands_wait(&f->graves, 2);
    assert_string_equal(f->graves.reason, "it has no user_id: nobody can tell who sent it");
    /* In the own tenant the others' job does not exist. */
    commands_send_stop(f, &f->sender, f->users->alice, "acme", id);
    commands_wait(&f->sender, 1);
    assert_non_null(strstr(f->sender.body, "\"code\":\"JOBS_ENOENT\""));
    commands_assert_status(f, id, "QUEUED");
    free(id);
}

static void test_a_dead_lettered_command_does_not_count(void **state) {
    struct commands_fixture *f = *state;
    char *id = commands_submit(f, f->tenant_of_bob), queue[256], key[128], body[128];
    snprintf(key, sizeof key, "%s.stop", f->tenant_of_bob);
    snprintf(body, sizeof body, "{\"jobId\": \"%s\"}", id);
    const struct bus_argument arguments[] = {{.name = "x-dead-letter-exchange",
                                              .text = f->commands},
                                             {.name = "x-dead-letter-routing-key", .text = key},
                                             {.name = "x-message-ttl", .number = 1}};
    COMMANDS_OK(bus_declare_queue(f->sender.bus, "", BUS_EXCLUSIVE, arguments, 3, queue, &err));
    struct bus_message stop = commands_message(f, queue, body, f->users->alice);
    stop.exchange = "";
    COMMANDS_OK(bus_publish(f->sender.bus, &stop, NULL, &err));
    commands_wait(&f->graves, 1);
    assert_non_null(strstr(f->graves.reason, "x-death"));
    commands_assert_status(f, id, "QUEUED");
    free(id);
}

static void test_what_cannot_be_read_is_buried(void **state) {
    struct commands_fixture *f = *state;
    char *id = commands_submit(f, "acme");
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
        struct bus_message bad = commands_message(f, "acme.stop", bodies[i], f->users->alice);
        COMMANDS_OK(bus_publish(f->sender.bus, &bad, NULL, &err));
        commands_wait(&f->graves, i + 1);
        assert_string_equal(f->graves.body, bodies[i]);
        assert_true(f->graves.reason[0]);
        commands_wait(&f->sender, i + 1);
        assert_string_equal(f->sender.content_type, "application/problem+json");
        assert_non_null(strstr(f->sender.body, "\"title\":\"not a command\""));
    }
    char *huge = mem_zero(1, 70001);
    memset(huge, ' ', 70000);
    struct bus_message bad = commands_message(f, "acme.stop", huge, f->users->alice);
    COMMANDS_OK(bus_publish(f->sender.bus, &bad, NULL, &err));
    commands_wait(&f->graves, count + 1);
    assert_string_equal(f->graves.reason, "the body is too long");
    commands_assert_status(f, id, "QUEUED");
    assert_int_equal(commands_stats(f->keeper).dead, count + 1);
    assert_int_equal(commands_stats(f->keeper).commands, 0);
    free(huge);
    free(id);
}

static void test_unknown_jobs_and_tenants(void **state) {
    struct commands_fixture *f = *state;
    static const char nowhere[] = "0189d2f0-0000-7000-8000-000000000000";
    commands_send_stop(f, &f->sender, f->users->alice, "acme", nowhere);
    commands_wait(&f->sender, 1);
    assert_string_equal(f->sender.correlation_id, "c1");
    assert_string_equal(f->sender.content_type, "application/problem+json");
    assert_non_null(strstr(f->sender.body, "{\"type\":\"about:blank\",\"title\":\"unknown job\","));
    assert_non_null(strstr(f->sender.body, "\"code\":\"JOBS_ENOENT\""));
    commands_send_stop(f, &f->sender, f->users->alice, "nobody", nowhere);
    commands_wait(&f->graves, 1);
    assert_string_equal(f->graves.reason, "the tenant is unknown here");
    /* What is no command at all finds no queue but that of the dead. */
    struct bus_message other = commands_message(f, "acme.start", "{}", f->users->alice);
    COMMANDS_OK(bus_publish(f->sender.bus, &other, NULL, &err));
    commands_wait(&f->graves, 2);
    assert_string_equal(f->graves.body, "{}");
    assert_int_equal(commands_stats(f->keeper).dead, 1);
}

static void test_a_version_names_one_state(void **state) {
    struct commands_fixture *f = *state;
    char *id = commands_submit(f, "acme"), body[128];
    test_sql(f->database, "select jobs.job_stop('acme', '%s'); select jobs.job_retry('acme', '%s')",
             id, id);
    snprintf(body, sizeof body, "{\"jobId\":\"%s\",\"version\":1}", id);
    struct bus_message late = commands_message(f, "acme.stop", body, f->users->alice);
    COMMANDS_OK(bus_publish(f->sender.bus, &late, NULL, &err));
    commands_assert_reply(&f->sender, 1, id, "QUEUED");
    commands_assert_status(f, id, "QUEUED");
    snprintf(body, sizeof body, "{\"jobId\":\"%s\",\"version\":3}", id);
    struct bus_message right = commands_message(f, "acme.stop", body, f->users->alice);
    COMMANDS_OK(bus_publish(f->sender.bus, &right, NULL, &err));
    commands_assert_reply(&f->sender, 2, id, "ABORTED");
    free(id);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        COMMANDS_CASE(test_a_tenants_user_stops_a_job),
        COMMANDS_CASE(test_users_named_like_the_tenant_and_the_administrator),
        COMMANDS_CASE(test_nobody_stops_the_jobs_of_others),
        COMMANDS_CASE(test_a_dead_lettered_command_does_not_count),
        COMMANDS_CASE(test_what_cannot_be_read_is_buried),
        COMMANDS_CASE(test_unknown_jobs_and_tenants),
        COMMANDS_CASE(test_a_version_names_one_state),
    };
    return cmocka_run_group_tests(tests, commands_make_users, commands_remove_users);
}
