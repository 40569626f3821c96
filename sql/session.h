/* Inside of a session, for the files of this folder. */
#ifndef SQL_SESSION_H
#define SQL_SESSION_H
#include "sql/sql.h"
#include "sql/text.h"

#include <libpq-fe.h>

struct sql_statement { /* one per embedded file, at the file's index in sql_texts */
    char *text;        /* for this schema; NULL until asked for */
    bool prepared;
};

struct sql_pipeline { /* that was sent */
    struct sql_step *steps;
    size_t count, at; /* answers awaited; those that were read */
    bool behind;      /* the NULL behind an answer comes next */
    int failure;      /* the first one's code */
    size_t failed;    /* its step */
    int64_t deadline; /* clock_now() */
};

struct sql {
    PGconn *db;
    char *schema;
    bool borrowed, broken;
    int64_t timeout; /* ms */
    struct sql_statement *statements;
    size_t statement_count;
    struct sql_pipeline pipeline;
};

struct sql_result {
    PGresult *rows;
};

/* The statement sql/query/<name>.sql; a name without a file is a bug (assert). */
struct sql_statement *session_statement(struct sql *sql, const char *name);
/* The name under which it is prepared: that of its file. */
/* Sends what is buffered and waits until a result can be read, or the deadline (microseconds of
 * clock_now()). 0, or the session is broken and err says why. */
int session_wait_result(struct sql *sql, int64_t deadline, const char *what,
                        struct jobs_error *err);
int64_t session_deadline(const struct sql *sql);
/* Closes the socket: nothing of this session is used again. Returns code. */
int session_break(struct sql *sql, int code, const char *what, const char *why,
                  struct jobs_error *err);
/* Fills err from a failed result; returns the code. */
int session_failure(struct sql *sql, const PGresult *result, const char *what,
                    struct jobs_error *err);
/* On a borrowed session: by its prepared name if that is kept (sql_keep_prepared), else as a
 * one-off. */
PGresult *kept_execute(struct sql *sql, const char *name, const struct sql_parameters *p);
struct sql_result *session_result(PGresult *rows);
#endif
