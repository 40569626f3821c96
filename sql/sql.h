/* Sessions with PostgreSQL and the statements of sql/query/. A statement is called by its file
 * name; only functions made for one statement each call these (module/store, module/service,
 * tenant): no SQL text in C.
 *
 * One thread at a time per session. Every call has a deadline; past it the socket is closed and the
 * session is broken: each later call fails at once with JOBS_EDB, until it is closed. */
#ifndef SQL_SQL_H
#define SQL_SQL_H
#include "module/base/buf.h"
#include "module/jobs.h"

struct sql;
struct sql_result; /* rows of one statement; free with sql_result_free */

struct sql_options {
    const char *url; /* libpq connection string or URI */
    const char *schema;
    const char *application_name; /* shown in pg_stat_activity; NULL: "jobs" */
    int64_t connect_timeout;      /* ms, 0: 10 s; several hosts share it */
    int64_t
        timeout; /* ms for one call, 0: 30 s; the server's statement_timeout is a little shorter */
    int64_t lock_timeout; /* ms, 0: that of statements. The tick uses 100 */
    bool fenced_plans;    /* the daemon's planner settings: index driven plans only */
};

/* Connects; pins search_path, encoding, time zone, isolation and time-outs. JOBS_EDB: not reached,
 * or refused (text masks the password); JOBS_ECONFIG: a transaction pooler is in between, or the
 * schema name is none. */
int sql_open(const struct sql_options *options, struct sql **ret, struct jobs_error *err);
/* A session on the caller's own PGconn: nothing is set or prepared, its transaction is used if one
 * is open; works through a transaction pooler. The PGconn stays the caller's. No deadline but the
 * caller's own settings. */
int sql_borrow(struct pg_conn *db, const char *schema, struct sql **ret, struct jobs_error *err);
/* For a PGconn that its owner keeps, once, with no transaction pooler in between: sessions borrowed
 * from it for `schema` prepare these statements when they are first called, and need not parse and
 * plan them again. names: static, last NULL, 16 at most. */
int sql_keep_prepared(struct pg_conn *db, const char *schema, const char *const *names,
                      struct jobs_error *err);
void sql_close(struct sql *sql); /* NULL is fine; a borrowed PGconn stays open */
const char *sql_schema(const struct sql *sql);
bool sql_is_broken(const struct sql *sql);
int sql_fd(const struct sql *sql);

/* ---- Parameters: texts in order; NULL is SQL null. Texts are kept by reference unless said
 * otherwise ---- */
#define SQL_PARAMETERS_MAX 24
struct sql_parameters {
    const char *values[SQL_PARAMETERS_MAX];
    char numbers[SQL_PARAMETERS_MAX][24]; /* room for those made from numbers */
    int count;
};
void sql_add_text(struct sql_parameters *p, const char *text);
void sql_add_integer(struct sql_parameters *p, int64_t value); /* copied */
void sql_add_boolean(struct sql_parameters *p, bool value);
/* An array literal grows in a buf: begin, add…, end, then sql_add_text(p, buf_get(buf)). */
void sql_array_begin(struct buf *buf);
void sql_array_text(struct buf *buf, const char *text); /* quoted and escaped; NULL: null */
void sql_array_plain(struct buf *buf,
                     const char *text); /* needs no quotes: uuids, names of statuses */
void sql_array_integer(struct buf *buf, int64_t value);
void sql_array_null(struct buf *buf);
void sql_array_boolean(struct buf *buf, bool value);
void sql_array_end(struct buf *buf);

/* ---- One statement, one answer ---- */
enum sql_shape {
    SQL_NOTHING /* rows are an error */,
    SQL_ONE /* exactly one row */,
    SQL_AT_MOST_ONE,
    SQL_ROWS
};

/* Calls sql/query/<name>.sql. `p` may be NULL, `ret` too when nothing is to be read. Errors: the
 * server's text and SQLSTATE with a code by sql_error_code; JOBS_EUNSURE when the connection was
 * lost after sending; JOBS_EDB: another shape than asked for. */
int sql_call(struct sql *sql, const char *name, const struct sql_parameters *p,
             enum sql_shape shape, struct sql_result **ret, struct jobs_error *err);
/* JB001, JB007: ENOENT; JB002, JB003, class 22: EINVAL; JB004, JB005, JB008, JB009: EREFUSED; JB006:
 * ESTATUS; 3F000, 42P01, 42883: ESCHEMA; 57014, 55P03: ETIMEOUT; else EDB. */
int sql_error_code(const char *sqlstate);

size_t sql_count(const struct sql_result *r);
size_t sql_affected(const struct sql_result *r); /* rows inserted, updated or deleted */
/* Column by name; asking for one that is not there is a bug (assert). */
int sql_column(const struct sql_result *r, const char *name);
const char *sql_get(const struct sql_result *r, size_t row,
                    int column); /* NULL: SQL null. Valid until the result is freed */
int64_t sql_get_integer(const struct sql_result *r, size_t row, int column,
                        int64_t otherwise); /* otherwise: null */
bool sql_get_boolean(const struct sql_result *r, size_t row, int column);
void sql_result_free(struct sql_result *r);

/* Reads an array literal such as {a,"b c",NULL} as sql_get gives it. Returns a block to free() that
 * holds all: an array of
 * `*ret_count` texts (NULL for null elements). */
char **sql_array_read(const char *literal, size_t *ret_count);

/* ---- Many statements, one transaction, one round trip: a pipeline up to one Sync ---- */
struct sql_step {
    const char *name;
    struct sql_parameters *parameters;
    struct sql_result *result; /* filled on success; free each */
};
/* Prepares statements by name, so that a pipeline can use them. */
int sql_prepare(struct sql *sql, const char *const *names, size_t count, struct jobs_error *err);
/* All steps or none. On 0 everything is committed and every step has its result. Otherwise nothing
 * is committed, but for JOBS_EUNSURE: the connection was lost (or the deadline passed) after
 * sending; then the commit may or may not have happened. err->sqlstate tells the server's reason;
 * *ret_failed (may be NULL) the step that failed, or `count` for the commit itself. */
int sql_pipeline(struct sql *sql, struct sql_step *steps, size_t count, size_t *ret_failed,
                 struct jobs_error *err);
/* The same for who does not want to wait: sends (steps stay the caller's until all is received), then
 * receives what has come: 1 while something is still missing, else as sql_pipeline. In between
 * nothing else may be called on the session; poll(2) its sql_fd for sql_pipeline_events, and come back
 * at the deadline (clock_now()) at the latest. `err`: the same one for all calls of one pipeline. */
int sql_pipeline_send(struct sql *sql, struct sql_step *steps, size_t count,
                      struct jobs_error *err);
int sql_pipeline_receive(struct sql *sql, size_t *ret_failed, struct jobs_error *err);
short sql_pipeline_events(const struct sql *sql);
int64_t sql_pipeline_deadline(const struct sql *sql);

/* ---- Copying from one database to another, on two borrowed connections ---- */
/* Hands the rows of a COPY … TO STDOUT over to a COPY … FROM STDIN, one at a time, so that memory is
 * bounded. The commands come from the database (tenant_move_tables). The transactions are the
 * caller's: after an error both must be rolled back. */
int sql_copy(struct sql *from, const char *copy_out, struct sql *to, const char *copy_in,
             int64_t *ret_rows, struct jobs_error *err);

/* ---- Notifications ---- */
/* LISTEN on the channel named like the schema. */
int sql_listen(struct sql *sql, struct jobs_error *err);
/* Reads what has arrived, without waiting: calls `heard` with the payload ("" or a constant word
 * such as "stop") of each notification. JOBS_EDB when the connection is gone. */
int sql_notifications(struct sql *sql, void (*heard)(void *arg, const char *payload), void *arg,
                      struct jobs_error *err);

/* ---- Schema ---- */
/* The newest migration this build knows. */
int sql_schema_newest(void);
/* Brings the schema up to date (creates it if missing), one at a time, in one transaction;
 * *ret_from / *ret_to (may be NULL) the versions before and after. JOBS_ESCHEMA: newer than this
 * build. */
int sql_migrate(struct sql *sql, int *ret_from, int *ret_to, struct jobs_error *err);
/* Runs an embedded script of several statements that is no migration, such as "role/roles". */
int sql_run_file(struct sql *sql, const char *name, struct jobs_error *err);
/* 0 when the schema is there and of this build's version or a newer, compatible one; else
 * JOBS_ESCHEMA with what to do. */
int sql_schema_check(struct sql *sql, struct jobs_error *err);
#endif
