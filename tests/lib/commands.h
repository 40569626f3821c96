/* Commands over AMQP, with a keeper and without a service: two users of the broker, a schema with
 * their tenants, somebody who sends and somebody who reads what ended with the dead. */
#ifndef TESTS_LIB_COMMANDS_H
#define TESTS_LIB_COMMANDS_H
#include "amqp/bus.h"
#include "module/service/keeper.h"
#include "tests/lib/servers.h"

#include <stdatomic.h>

#define COMMANDS_LONG_MS 30000
#define COMMANDS_DIRECT_REPLY "amq.rabbitmq.reply-to"
#define COMMANDS_OK(call)                        \
    do {                                         \
        struct jobs_error err = {0};             \
        if ((call) < 0)                          \
            fail_msg("%s: %s", #call, err.text); \
    } while (0)

/* Two users of the broker, for all tests here: `alice` is tenant acme's by its settings, the
 * other one's tenant has the user's own name. */
struct commands_users {
    char alice[80], bob[80], alice_url[256], bob_url[256];
};

/* A connection and the latest message that came in on it. */
struct commands_client {
    struct bus *bus;
    char queue[256];
    int received;
    char body[512], reason[256], original_key[256], correlation_id[64], content_type[64];
};

struct commands_fixture {
    const struct commands_users *users;
    const char *database, *service;
    char commands[128], dead[128], tenant_of_bob[80];
    struct keeper *keeper;
    struct commands_client sender, graves; /* alice; an administrator who reads <service>.dead */
    struct log log;
    atomic_int warnings;
};

/* ---- cmocka's: for the group, for each test ---- */
int commands_make_users(void **state);
int commands_remove_users(void **state);
/* The usual case: the keeper consumes, for the only datasource. */
int commands_set_up(void **state);
int commands_set_up_without_keeper(void **state);
int commands_tear_down(void **state);
#define COMMANDS_CASE(test) \
    cmocka_unit_test_setup_teardown(test, commands_set_up, commands_tear_down)
#define COMMANDS_BARE(test) \
    cmocka_unit_test_setup_teardown(test, commands_set_up_without_keeper, commands_tear_down)

/* ---- the keeper ---- */
void commands_keeper(struct commands_fixture *f, const char *database, enum command_trust trust,
                     bool only);
struct keeper_stats commands_stats(const struct keeper *keeper);
bool commands_is_consuming(void *keeper);
bool commands_is_not_consuming(void *keeper);
void commands_assert_consumes(struct commands_fixture *f);

/* ---- clients ---- */
/* Listens on `queue`, or on one of its own if that is NULL. */
void commands_open_client(struct commands_client *client, const char *url, const char *queue);
void commands_open_clients(struct commands_fixture *f); /* sender and graves */
/* Until so many have come in all, and no more. */
void commands_wait(struct commands_client *client, int count);
void commands_received(void *arg, const struct bus_delivery *delivery); /* arg: the client */

/* ---- jobs and what is sent about them ---- */
char *commands_submit(const struct commands_fixture *f, const char *tenant);
void commands_assert_status(const struct commands_fixture *f, const char *id, const char *status);
void commands_assert_reply(struct commands_client *client, int count, const char *id,
                           const char *status);
struct bus_message commands_message(const struct commands_fixture *f, const char *key,
                                    const char *body, const char *user);
void commands_send_stop(const struct commands_fixture *f, const struct commands_client *from,
                        const char *user, const char *tenant, const char *id);
#endif
