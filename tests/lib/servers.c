#include "tests/lib/servers.h"

#include "module/base/buf.h"
#include "module/base/mem.h"
#include "tests/lib/program.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define MAX_ARGUMENTS 16

static const char servers_sh[] = TESTS_LIB_DIR "/servers.sh";

/* One folder of servers.sh, with at most one server of each kind. */
struct test_pg {
    char *dir, *url;
};
struct test_broker {
    char *dir, *url;
};

/* What this process made, for texts that live until it ends and for the clean-up then. A test
 * program is one test, so this is the one place with state of the process. */
static struct {
    pid_t pid;
    char *dir, *pg_url, *amqp_url; /* shared servers; NULL: not looked up yet */
    bool dir_is_ours;
    char *texts[4096];
    size_t text_count;
    unsigned names;
} state;

static void at_exit(void) {
    if (getpid() != state.pid)
        return; /* a fork of the test */
    for (size_t i = 0; i < state.text_count; i++)
        free(state.texts[i]);
    if (state.dir_is_ours)
        free(program_read((const char *const[]){servers_sh, "remove", state.dir, NULL}));
    free(state.dir), free(state.pg_url), free(state.amqp_url);
}

static void begin(void) {
    if (state.pid == getpid())
        return;
    state.pid = getpid();
    atexit(at_exit);
}

static const char *keep(char *text) {
    begin();
    if (state.text_count == sizeof state.texts / sizeof *state.texts)
        program_give_up("too many databases and names in one test program");
    state.texts[state.text_count++] = text;
    return text;
}

static char *shell(const char *verb, const char *argument, const char *more) {
    begin();
    return program_read((const char *const[]){servers_sh, verb, argument, more, NULL});
}

/* A folder whose servers end with this process, whatever ends it. */
static char *make_dir(void) {
    char pid[24];
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    return shell("create", pid, NULL);
}

/* A name nobody else uses on servers that several test programs share. */
static void make_name(char *name, size_t size, const char *kind) {
    unsigned salt;
    if (getrandom(&salt, sizeof salt, 0) != sizeof salt)
        program_give_up("getrandom failed");
    snprintf(name, size, "%s%d_%u_%08x", kind, (int)getpid(), ++state.names, salt);
}

/* ---- Shared servers ---- */

/* The line NAME=… of the fixture's file; NULL when there is none. */
static char *fixture_value(const char *name) {
    const char *path = getenv("JOBS_TEST_SERVERS");
    FILE *file = path ? fopen(path, "re") : NULL;
    if (!file)
        return NULL;
    char line[512], *value = NULL;
    size_t n = strlen(name);
    while (!value && fgets(line, sizeof line, file))
        if (strncmp(line, name, n) == 0 && line[n] == '=')
            value = mem_text_n(line + n + 1, strcspn(line + n + 1, "\n"));
    fclose(file);
    return value;
}

/* From the environment, from the fixture, or started now. */
static const char *shared(char **url, const char *name, const char *verb) {
    if (*url)
        return *url;
    begin();
    *url = getenv(name) ? mem_text(getenv(name)) : fixture_value(name);
    if (*url)
        return *url;
    if (!state.dir)
        state.dir = make_dir(), state.dir_is_ours = true;
    return *url = shell(verb, state.dir, NULL);
}

static const char *shared_pg(void) { return shared(&state.pg_url, "JOBS_TEST_PG_URL", "pg-start"); }

const char *test_amqp_url(void) {
    return shared(&state.amqp_url, "JOBS_TEST_AMQP_URL", "broker-start");
}

static const char *shared_dir(void) {
    test_amqp_url();
    if (!state.dir)
        state.dir = getenv("JOBS_TEST_SERVERS_DIR") ? mem_text(getenv("JOBS_TEST_SERVERS_DIR"))
                                                    : fixture_value("JOBS_TEST_SERVERS_DIR");
    if (!state.dir)
        program_give_up("JOBS_TEST_AMQP_URL is set, but not JOBS_TEST_SERVERS_DIR for rabbitmqctl");
    return state.dir;
}

/* The URL with another last part: database or virtual host. */
static char *with_path(const char *url, const char *path) {
    struct buf out = {0};
    buf_add(&out, url, (size_t)(strrchr(url, '/') - url) + 1);
    buf_text(&out, path);
    return buf_take(&out);
}

static const char *make_database(const char *url) {
    char name[64];
    make_name(name, sizeof name, "test");
    test_sql(url, "create database %s", name);
    return keep(with_path(url, name));
}

const char *test_database(void) { return make_database(shared_pg()); }

const char *test_service_name(void) {
    char name[64];
    make_name(name, sizeof name, "t");
    return keep(mem_text(name));
}

const char *test_vhost(void) {
    char name[64];
    make_name(name, sizeof name, "vhost");
    test_amqp_ctl("add_vhost", name, NULL);
    test_amqp_ctl("set_permissions", "-p", name, "guest", ".*", ".*", ".*", NULL);
    return keep(with_path(test_amqp_url(), name));
}

static void ctl(const char *dir, const char *first, va_list more) {
    const char *argv[MAX_ARGUMENTS + 1] = {servers_sh, "broker-ctl", dir, first};
    size_t n = 4;
    while (n < MAX_ARGUMENTS && (argv[n] = va_arg(more, const char *)))
        n++;
    free(program_read(argv));
}

void test_amqp_ctl(const char *first, ...) {
    va_list more;
    va_start(more, first);
    ctl(shared_dir(), first, more);
    va_end(more);
}

const char *test_amqp_management(void) {
    return keep(shell("broker-management", shared_dir(), NULL));
}

/* ---- A PostgreSQL of one's own ---- */

struct test_pg *test_pg_start(void) {
    struct test_pg *pg = MEM_NEW(struct test_pg);
    pg->dir = make_dir();
    pg->url = shell("pg-start", pg->dir, NULL);
    return pg;
}

const char *test_pg_url(const struct test_pg *pg) { return pg->url; }

const char *test_pg_database(const struct test_pg *pg) { return make_database(pg->url); }

void test_pg_stop(struct test_pg *pg) { free(shell("pg-stop", pg->dir, "fast")); }

void test_pg_crash(struct test_pg *pg) { free(shell("pg-stop", pg->dir, "immediate")); }

void test_pg_restart(struct test_pg *pg) { free(shell("pg-start", pg->dir, NULL)); }

void test_pg_kill(struct test_pg *pg) { free(shell("pg-stop", pg->dir, "kill")); }

struct test_pg *test_pg_standby(struct test_pg *primary) {
    struct test_pg *pg = MEM_NEW(struct test_pg);
    pg->dir = make_dir();
    pg->url = shell("pg-standby", pg->dir, primary->dir);
    return pg;
}

void test_pg_promote(struct test_pg *standby) { free(shell("pg-promote", standby->dir, NULL)); }

void test_pg_free(struct test_pg *pg) {
    if (!pg)
        return;
    free(shell("remove", pg->dir, NULL));
    free(pg->dir), free(pg->url), free(pg);
}

/* ---- A RabbitMQ of one's own ---- */

struct test_broker *test_broker_start(void) {
    struct test_broker *broker = MEM_NEW(struct test_broker);
    broker->dir = make_dir();
    broker->url = shell("broker-start", broker->dir, NULL);
    return broker;
}

const char *test_broker_url(const struct test_broker *broker) { return broker->url; }

void test_broker_stop(struct test_broker *broker) {
    free(shell("broker-stop", broker->dir, "fast"));
}

void test_broker_kill(struct test_broker *broker) {
    free(shell("broker-stop", broker->dir, "kill"));
}

void test_broker_restart(struct test_broker *broker) {
    free(shell("broker-start", broker->dir, NULL));
}

void test_broker_ctl(struct test_broker *broker, const char *first, ...) {
    va_list more;
    va_start(more, first);
    ctl(broker->dir, first, more);
    va_end(more);
}

void test_broker_free(struct test_broker *broker) {
    if (!broker)
        return;
    free(shell("remove", broker->dir, NULL));
    free(broker->dir), free(broker->url), free(broker);
}
