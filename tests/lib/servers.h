/* Servers for tests: real PostgreSQL and RabbitMQ, private to the run, on 127.0.0.1.
 *
 * Shared ones serve the whole suite: ctest starts them once (fixture "servers") and a test that is
 * run by hand starts its own at the first call; isolation is by a fresh database, service name and
 * virtual host per test. A test that stops, kills or reconfigures a server starts one of its own.
 *
 * What cannot be done (no server, SQL error) is printed to stderr and ends the test program with
 * exit status 1: no call here returns an error. Call from one thread at a time. Texts that are
 * returned as `const char *` live until the program ends. Servers are removed with all that is in
 * them when the program (the shared ones: when ctest) ends, also when it crashes. */
#ifndef TESTS_LIB_SERVERS_H
#define TESTS_LIB_SERVERS_H
#include "module/jobs.h"

#include <stdbool.h>

/* ---- Shared servers ---- */
/* Conninfo of a database that was made by this call and is empty. Superuser "jobs". */
const char *test_database(void);
/* URL of the shared broker, virtual host "/", user guest (administrator). */
const char *test_amqp_url(void);
/* The same in a virtual host that was made by this call (takes 2 s; prefer a service name). */
const char *test_vhost(void);
/* A new value for jobs.service: no other test's exchanges and queues have this prefix. */
const char *test_service_name(void);
/* rabbitmqctl on the shared broker, for virtual hosts, users, permissions (last argument NULL). */
void test_amqp_ctl(const char *first, ...) __attribute__((sentinel));
/* URL of its management interface, user guest; the first call takes some seconds. */
const char *test_amqp_management(void);

/* ---- A PostgreSQL of one's own (starts in about 1 s) ---- */
struct test_pg;
struct test_pg *test_pg_start(void);
const char *test_pg_url(const struct test_pg *pg);      /* database "postgres" */
const char *test_pg_database(const struct test_pg *pg); /* a new database there */
void test_pg_stop(struct test_pg *pg);                  /* orderly: sessions are ended */
void test_pg_crash(struct test_pg *pg);   /* no checkpoint; recovers at the next start */
void test_pg_restart(struct test_pg *pg); /* after stop or crash: same port, same data */
void test_pg_kill(struct test_pg *pg);    /* SIGKILL for all its processes; it does not come back */
/* A synchronous standby: from now on each commit of `primary` waits until it is there as well. */
struct test_pg *test_pg_standby(struct test_pg *primary);
void test_pg_promote(struct test_pg *standby); /* until it takes writes */
void test_pg_free(struct test_pg *pg);         /* stops and deletes it; NULL is fine */

/* ---- A RabbitMQ of one's own (starts in about 6 s) ---- */
struct test_broker;
struct test_broker *test_broker_start(void);
const char *test_broker_url(const struct test_broker *broker);
void test_broker_stop(struct test_broker *broker);    /* orderly */
void test_broker_kill(struct test_broker *broker);    /* SIGKILL */
void test_broker_restart(struct test_broker *broker); /* same ports, same data */
/* rabbitmqctl, e.g. "set_vm_memory_high_watermark", "0", NULL: a blocked broker. */
void test_broker_ctl(struct test_broker *broker, const char *first, ...) __attribute__((sentinel));
void test_broker_free(struct test_broker *broker);

/* ---- SQL, each call on a connection of its own ---- */
/* One or several statements. */
void test_sql(const char *conninfo, const char *format, ...) JOBS_PRINTF(2, 3);
/* First column of the first row as text; NULL: no row or SQL null. Caller frees. */
char *test_sql_value(const char *conninfo, const char *format, ...) JOBS_PRINTF(2, 3);
/* The same as a number; no row or SQL null is -1. */
int64_t test_sql_integer(const char *conninfo, const char *format, ...) JOBS_PRINTF(2, 3);

/* ---- Waiting ---- */
/* Calls ready(arg) every few ms until it is true; false when it still is not after `timeout` ms
 * (times test_time_factor()). */
bool test_wait(bool (*ready)(void *arg), void *arg, int64_t timeout);
/* Until the SQL expression query ("select count(*) = 3 from …") gives true. */
bool test_wait_sql(const char *conninfo, int64_t timeout, const char *format, ...)
    JOBS_PRINTF(3, 4);
/* How much longer things may take in this build: 1, more under sanitizers (JOBS_TEST_TIME_FACTOR).
 */
int test_time_factor(void);
#endif
