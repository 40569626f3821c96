#include "module/base/error.h"
#include "sql/session.h"

/* Sends with the prepared name on own sessions (preparing first), as a one-off on a borrowed one.
 */
static int send_statement(struct sql *sql, const char *name, const struct sql_parameters *p) {
    const struct sql_statement *statement = session_statement(sql, name);
    int count = p ? p->count : 0;
    const char *const *values = p ? p->values : NULL;
    return statement->prepared
               ? PQsendQueryPrepared(sql->db, name, count, values, NULL, NULL, 0)
               : PQsendQueryParams(sql->db, statement->text, count, NULL, values, NULL, NULL, 0);
}

/* Reads to the end of the answer; keeps the last result. */
static int read_answer(struct sql *sql, const char *name, PGresult **ret, struct jobs_error *err) {
    int64_t deadline = session_deadline(sql);
    PGresult *last = NULL;
    for (;;) {
        int rc = session_wait_result(sql, deadline, name, err);
        if (rc < 0) {
            PQclear(last);
            return rc;
        }
        PGresult *next = PQgetResult(sql->db);
        if (!next)
            break;
        PQclear(last);
        last = next;
    }
    *ret = last;
    return 0;
}

static int execute(struct sql *sql, const char *name, const struct sql_parameters *p,
                   PGresult **ret, struct jobs_error *err) {
    if (sql->borrowed) { /* in the caller's mode, blocking or not */
        *ret = kept_execute(sql, name, p);
        return 0;
    }
    if (sql_is_broken(sql))
        return error_set(err, JOBS_EDB, "%s: the connection to PostgreSQL is gone", name);
    if (!send_statement(sql, name, p))
        return session_break(sql, JOBS_EUNSURE, name, PQerrorMessage(sql->db), err);
    return read_answer(sql, name, ret, err);
}

static int check_shape(const char *name, const PGresult *rows, enum sql_shape shape,
                       struct jobs_error *err) {
    int n = PQntuples(rows);
    bool fits = shape == SQL_ROWS || (shape == SQL_ONE && n == 1) ||
                (shape == SQL_AT_MOST_ONE && n <= 1) ||
                (shape == SQL_NOTHING && (n == 0 || PQnfields(rows) == 1));
    return fits ? 0
                : error_set(err, JOBS_EDB, "%s: an answer of %d rows was not expected", name, n);
}

int sql_call(struct sql *sql, const char *name, const struct sql_parameters *p,
             enum sql_shape shape, struct sql_result **ret, struct jobs_error *err) {
    PGresult *rows = NULL;
    int rc = execute(sql, name, p, &rows, err);
    if (rc < 0)
        return rc;
    ExecStatusType status = PQresultStatus(rows);
    if (!rows)
        rc = session_break(sql, JOBS_EUNSURE, name, "the connection to PostgreSQL was lost", err);
    else if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
        rc = session_failure(sql, rows, name, err);
    else
        rc = check_shape(name, rows, shape, err);
    if (rc < 0 || !ret) {
        PQclear(rows);
        return rc;
    }
    *ret = session_result(rows);
    return 0;
}

int sql_listen(struct sql *sql, struct jobs_error *err) {
    return sql_call(sql, "listen", NULL, SQL_NOTHING, NULL, err);
}

int sql_notifications(struct sql *sql, void (*heard)(void *arg, const char *payload), void *arg,
                      struct jobs_error *err) {
    if (sql_is_broken(sql) || !PQconsumeInput(sql->db))
        return session_break(sql, JOBS_EDB, "listen", PQerrorMessage(sql->db), err);
    for (PGnotify *notify; (notify = PQnotifies(sql->db)); PQfreemem(notify))
        heard(arg, notify->extra);
    return 0;
}
