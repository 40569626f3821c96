/* SQL from tests: a connection per call, so that it also works between two restarts of a server. */
#include "module/base/buf.h"
#include "module/base/mem.h"
#include "tests/lib/program.h"
#include "tests/lib/servers.h"

#include <libpq-fe.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static __attribute__((format(printf, 1, 0))) char *text_of(const char *format, va_list args) {
    char *text;
    if (vasprintf(&text, format, args) < 0)
        program_give_up("out of memory");
    return text;
}

static void say_nothing(void *arg, const char *text) { (void)arg, (void)text; }

static PGconn *connected(const char *conninfo) {
    PGconn *db = PQconnectdb(conninfo);
    if (PQstatus(db) != CONNECTION_OK)
        program_give_up("%s: %s", conninfo, PQerrorMessage(db));
    PQsetNoticeProcessor(db, say_nothing, NULL);
    return db;
}

/* The first value, or NULL; frees `sql`. */
static char *run(const char *conninfo, char *sql) {
    PGconn *db = connected(conninfo);
    PGresult *result = PQexec(db, sql);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        program_give_up("%s: %s", sql, PQresultErrorMessage(result));
    char *value = NULL;
    if (PQntuples(result) > 0 && PQnfields(result) > 0 && !PQgetisnull(result, 0, 0))
        value = mem_text(PQgetvalue(result, 0, 0));
    PQclear(result);
    PQfinish(db);
    free(sql);
    return value;
}

void test_sql(const char *conninfo, const char *format, ...) {
    va_list args;
    va_start(args, format);
    free(run(conninfo, text_of(format, args)));
    va_end(args);
}

char *test_sql_value(const char *conninfo, const char *format, ...) {
    va_list args;
    va_start(args, format);
    char *value = run(conninfo, text_of(format, args));
    va_end(args);
    return value;
}

int64_t test_sql_integer(const char *conninfo, const char *format, ...) {
    va_list args;
    va_start(args, format);
    char *value = run(conninfo, text_of(format, args));
    va_end(args);
    int64_t number = value ? strtoll(value, NULL, 10) : -1;
    free(value);
    return number;
}

struct question {
    const char *conninfo, *sql;
};

static bool is_true(void *arg) {
    const struct question *question = arg;
    char *value = run(question->conninfo, mem_text(question->sql));
    bool yes = value && strcmp(value, "t") == 0;
    free(value);
    return yes;
}

bool test_wait_sql(const char *conninfo, int64_t timeout, const char *format, ...) {
    va_list args;
    va_start(args, format);
    char *sql = text_of(format, args);
    va_end(args);
    bool yes = test_wait(is_true, &(struct question){conninfo, sql}, timeout);
    free(sql);
    return yes;
}
