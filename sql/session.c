#include "sql/session.h"

#include "module/base/clock.h"
#include "module/base/config.h"
#include "module/base/error.h"
#include "module/base/mem.h"
#include "sql/hosts.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define DEFAULT_TIMEOUT 30000
#define DEFAULT_CONNECT_TIMEOUT 10000

static void silent(void *arg, const PGresult *result) {
    (void)arg;
    (void)result; /* notices belong to nobody here */
}

static struct sql *session_new(PGconn *db, const char *schema, bool borrowed) {
    struct sql *sql = MEM_NEW(struct sql);
    sql->db = db;
    sql->schema = mem_text(schema);
    sql->borrowed = borrowed;
    sql->timeout = DEFAULT_TIMEOUT;
    for (const struct sql_text *text = sql_texts; text->name; text++)
        sql->statement_count++;
    sql->statements = mem_zero(sql->statement_count, sizeof *sql->statements);
    return sql;
}

/* libpq's messages end with a line feed and may hold several lines. */
static void one_line(char *text) {
    size_t n = strlen(text);
    while (n > 0 && text[n - 1] == '\n')
        text[--n] = '\0';
    for (; *text; text++)
        if (*text == '\n' || *text == '\t')
            *text = ' ';
}

/* Adds why to `reasons`, ends the attempt. */
static void note_failure(PGconn *db, const char *why, struct buf *reasons) {
    char reason[512];
    snprintf(reason, sizeof reason, "%s", why ? why : PQerrorMessage(db));
    one_line(reason);
    buf_format(reasons, "%s%s", reasons->length > 0 ? "; " : "", reason);
    PQfinish(db);
}

/* Polls the connection attempt to its end or the deadline. */
static int connect_wait(PGconn *db, int64_t deadline) {
    PostgresPollingStatusType state = PGRES_POLLING_WRITING;
    while (state != PGRES_POLLING_OK && state != PGRES_POLLING_FAILED) {
        int64_t left = (deadline - clock_now()) / CLOCK_MS;
        if (left <= 0)
            return -1;
        struct pollfd fd = {.fd = PQsocket(db),
                            .events = state == PGRES_POLLING_READING ? POLLIN : POLLOUT};
        if (poll(&fd, 1, (int)left) < 0 && errno != EINTR)
            return -1;
        if (fd.revents)
            state = PQconnectPoll(db);
    }
    return state == PGRES_POLLING_OK ? 0 : 1;
}

static int pin_settings(struct sql *sql, const struct sql_options *options,
                        struct jobs_error *err) {
    char schema[80], statement[32], lock[32];
    /* The server gives up a little before this side closes the socket. */
    snprintf(statement, sizeof statement, "%lld", (long long)(sql->timeout * 9 / 10));
    snprintf(lock, sizeof lock, "%lld",
             (long long)(options->lock_timeout ? options->lock_timeout : sql->timeout * 8 / 10));
    snprintf(schema, sizeof schema, "\"%s\"", sql->schema);
    struct sql_parameters p = {0};
    sql_add_text(&p, schema);
    sql_add_text(&p, statement);
    sql_add_text(&p, lock);
    sql_add_boolean(&p, options->fenced_plans);
    struct sql_result *row;
    int rc = sql_call(sql, "session_settings", &p, SQL_ONE, &row, err);
    if (rc < 0)
        return rc;
    int64_t pid = sql_get_integer(row, 0, sql_column(row, "pid"), 0);
    sql_result_free(row);
    if (pid != PQbackendPID(sql->db))
        return error_set(
            err, JOBS_ECONFIG,
            "the connection goes through a transaction pooler (backend %lld answers, %d was "
            "greeted): sessions of jobs need the server itself or session pooling",
            (long long)pid, PQbackendPID(sql->db));
    return 0;
}

/* To host number `i`; of a URL without a list to what libpq makes of it. NULL: `reasons` say why
 * not. */
static PGconn *connect_one(const struct sql_options *options, const struct hosts *hosts, size_t i,
                           int64_t wait, struct buf *reasons) {
    const char *name = options->application_name ? options->application_name : "jobs";
    /* What stands before dbname may be overridden by the URL, what stands behind it overrides. */
    const char *keys[] = {"fallback_application_name",
                          "tcp_user_timeout",
                          "keepalives_idle",
                          "dbname",
                          "client_encoding",
                          "host",
                          "hostaddr",
                          "port",
                          NULL};
    const char *values[] = {name,
                            "15000",
                            "10",
                            options->url,
                            "UTF8",
                            hosts->names ? hosts->names[i] : NULL,
                            hosts->addresses ? hosts->addresses[i] : NULL,
                            hosts->ports ? hosts->ports[i] : NULL,
                            NULL};
    PGconn *db = PQconnectStartParams(keys, values, 1);
    bool begun = db && PQstatus(db) != CONNECTION_BAD;
    int state = begun ? connect_wait(db, clock_now() + wait * CLOCK_MS) : 1;
    if (state == 0)
        return db;
    note_failure(db, state < 0 ? "no answer in time" : NULL, reasons);
    return NULL;
}

/* Each host has its share of the time. */
static PGconn *connect_any(const struct sql_options *options, struct jobs_error *err) {
    int64_t wait = options->connect_timeout ? options->connect_timeout : DEFAULT_CONNECT_TIMEOUT;
    struct hosts hosts;
    struct buf reasons = {0};
    PGconn *db = NULL;
    hosts_read(&hosts, options->url);
    size_t count = hosts.count > 0 ? hosts.count : 1;
    for (size_t i = 0; i < count && !db; i++)
        db = connect_one(options, &hosts, i, wait / (int64_t)count, &reasons);
    if (!db) {
        char *masked = config_mask(options->url);
        error_set(err, JOBS_EDB, "cannot connect to PostgreSQL (%s): %s", masked,
                  buf_get(&reasons));
        free(masked);
    }
    buf_done(&reasons);
    hosts_done(&hosts);
    return db;
}

int sql_open(const struct sql_options *options, struct sql **ret, struct jobs_error *err) {
    if (!sql_schema_is_valid(options->schema))
        return error_set(err, JOBS_ECONFIG,
                         "\"%s\" is no schema name: 1 to 57 of A-Z a-z 0-9 _, no digit first",
                         options->schema ? options->schema : "");
    PGconn *db = connect_any(options, err);
    if (!db)
        return JOBS_EDB;
    PQsetNoticeReceiver(db, silent, NULL);
    PQsetnonblocking(db, 1);
    struct sql *sql = session_new(db, options->schema, false);
    if (options->timeout)
        sql->timeout = options->timeout;
    int rc = pin_settings(sql, options, err);
    if (rc < 0) {
        sql_close(sql);
        return rc;
    }
    *ret = sql;
    return 0;
}

int sql_borrow(struct pg_conn *db, const char *schema, struct sql **ret, struct jobs_error *err) {
    if (!db)
        return error_set(err, JOBS_EINVAL, "no database connection was given (db is NULL)");
    if (!sql_schema_is_valid(schema))
        return error_set(err, JOBS_EINVAL, "\"%.80s\" is no schema name", schema ? schema : "");
    *ret = session_new(db, schema, true);
    return 0;
}

void sql_close(struct sql *sql) {
    if (!sql)
        return;
    for (size_t i = 0; i < sql->statement_count; i++)
        free(sql->statements[i].text);
    free(sql->statements);
    free(sql->schema);
    if (!sql->borrowed)
        PQfinish(sql->db);
    free(sql);
}

const char *sql_schema(const struct sql *sql) { return sql->schema; }

bool sql_is_broken(const struct sql *sql) {
    return sql->broken || PQstatus(sql->db) != CONNECTION_OK;
}

int sql_fd(const struct sql *sql) { return PQsocket(sql->db); }

struct sql_statement *session_statement(struct sql *sql, const char *name) {
    char path[80];
    snprintf(path, sizeof path, "query/%s", name);
    const struct sql_text *text = sql_text_find(path);
    assert(text);
    struct sql_statement *statement = &sql->statements[text - sql_texts];
    if (!statement->text)
        statement->text = sql_text_for_schema(text, sql->schema);
    return statement;
}

int64_t session_deadline(const struct sql *sql) { return clock_now() + sql->timeout * CLOCK_MS; }

int session_break(struct sql *sql, int code, const char *what, const char *why,
                  struct jobs_error *err) {
    char reason[512];
    snprintf(reason, sizeof reason, "%s", why);
    one_line(reason);
    sql->broken = true;
    if (!sql->borrowed && PQsocket(sql->db) >= 0)
        shutdown(PQsocket(sql->db),
                 SHUT_RDWR); /* no PQcancel: it may hang, or hit the next statement */
    return error_set(err, code, "%s: %s", what, reason);
}

int session_wait_result(struct sql *sql, int64_t deadline, const char *what,
                        struct jobs_error *err) {
    for (;;) {
        int unsent = PQflush(sql->db);
        if (unsent < 0)
            return session_break(sql, JOBS_EUNSURE, what, PQerrorMessage(sql->db), err);
        if (unsent == 0 && !PQisBusy(sql->db))
            return 0;
        int64_t left = (deadline - clock_now()) / CLOCK_MS;
        if (left <= 0)
            return session_break(sql, JOBS_EUNSURE, what, "no answer from PostgreSQL in time", err);
        struct pollfd fd = {.fd = PQsocket(sql->db),
                            .events = (short)(POLLIN | (unsent ? POLLOUT : 0))};
        if (poll(&fd, 1, (int)left) < 0 && errno != EINTR)
            return session_break(sql, JOBS_EUNSURE, what, strerror(errno), err);
        if ((fd.revents & (POLLIN | POLLHUP | POLLERR)) && !PQconsumeInput(sql->db))
            return session_break(sql, JOBS_EUNSURE, what, PQerrorMessage(sql->db), err);
    }
}

int session_failure(struct sql *sql, const PGresult *result, const char *what,
                    struct jobs_error *err) {
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    if (!state) { /* libpq's own: the connection is gone, what was sent may have been done */
        char reason[512];
        snprintf(reason, sizeof reason, "%s", PQresultErrorMessage(result));
        one_line(reason);
        if (PQstatus(sql->db) != CONNECTION_OK)
            return session_break(sql, JOBS_EUNSURE, what, reason, err);
        return error_set(err, JOBS_EDB, "%s: %s", what, reason);
    }
    /* Our own SQLSTATEs have texts for users; the server's are told with the statement they came
     * from. */
    int code = sql_error_code(state);
    if (strncmp(state, "JB", 2) == 0)
        return error_set_sql(err, code, state, "%s", text ? text : "?");
    return error_set_sql(err, code, state, "%s: %s (SQLSTATE %s)", what, text ? text : "?", state);
}

int sql_error_code(const char *sqlstate) {
    static const struct {
        const char *prefix;
        int code;
    } codes[] = {{"JB001", JOBS_ENOENT},  {"JB007", JOBS_ENOENT},   {"JB002", JOBS_EINVAL},
                 {"JB003", JOBS_EINVAL},  {"JB004", JOBS_EREFUSED}, {"JB005", JOBS_EREFUSED},
                 {"JB006", JOBS_ESTATUS}, {"JB008", JOBS_EREFUSED}, {"JB009", JOBS_EREFUSED},
                 {"22", JOBS_EINVAL},     {"54", JOBS_EINVAL},      {"23", JOBS_EINVAL},
                 {"3F000", JOBS_ESCHEMA}, {"42P01", JOBS_ESCHEMA},  {"42883", JOBS_ESCHEMA},
                 {"42703", JOBS_ESCHEMA}, {"57014", JOBS_ETIMEOUT}, {"55P03", JOBS_ETIMEOUT}};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (strncmp(sqlstate, codes[i].prefix, strlen(codes[i].prefix)) == 0)
            return codes[i].code;
    return JOBS_EDB;
}
