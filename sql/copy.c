#include "module/base/error.h"
#include "sql/session.h"

#include <stdlib.h>

/* Begins a COPY; `want` is what the server must answer. */
static int begin_copy(struct sql *sql, const char *command, ExecStatusType want,
                      struct jobs_error *err) {
    PGresult *result = PQexec(sql->db, command);
    int rc = 0;
    if (PQresultStatus(result) != want)
        rc = session_failure(sql, result, "copy", err);
    PQclear(result);
    return rc;
}

/* Reads the answer to the end of the COPY; *ret_rows (may be NULL) how many rows. */
static int end_copy(struct sql *sql, int64_t *ret_rows, struct jobs_error *err) {
    int rc = 0;
    for (PGresult *result; (result = PQgetResult(sql->db)); PQclear(result)) {
        if (PQresultStatus(result) != PGRES_COMMAND_OK)
            rc = rc < 0 ? rc : session_failure(sql, result, "copy", err);
        else if (ret_rows)
            *ret_rows = strtoll(PQcmdTuples(result), NULL, 10);
    }
    return rc;
}

/* Hands rows on, one at a time. 0, 1: `to` takes no more, 2: `from` has failed. */
static int pass_rows(struct sql *from, struct sql *to) {
    for (;;) {
        char *row;
        int n = PQgetCopyData(from->db, &row, 0);
        if (n < 0)
            return n == -1 ? 0 : 2;
        int taken = PQputCopyData(to->db, row, n);
        PQfreemem(row);
        if (taken != 1)
            return 1;
    }
}

/* What is left when the target refused. */
static void drain(struct sql *from) {
    char *row;
    while (PQgetCopyData(from->db, &row, 0) > 0)
        PQfreemem(row);
}

int sql_copy(struct sql *from, const char *copy_out, struct sql *to, const char *copy_in,
             int64_t *ret_rows, struct jobs_error *err) {
    int rc = begin_copy(from, copy_out, PGRES_COPY_OUT, err);
    if (rc < 0)
        return rc;
    rc = begin_copy(to, copy_in, PGRES_COPY_IN, err);
    if (rc == 0) {
        int stopped = pass_rows(from, to);
        PQputCopyEnd(to->db, stopped == 2 ? "the source has failed" : NULL);
        rc = end_copy(to, ret_rows, stopped == 2 ? NULL : err);
        rc = stopped == 2 ? 0 : rc; /* the source says why */
    }
    drain(from);
    int end = end_copy(from, NULL, rc < 0 ? NULL : err);
    return rc < 0 ? rc : end;
}
