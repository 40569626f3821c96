/* Holds a datasource to its invariants. Each check is one statement whose rows are findings. */
#include "module/base/error.h"
#include "module/store/store.h"
#include "sql/sql.h"

#include <libpq-fe.h>

/* fsck_<name>.sql */
static const char *const checks[] = {"fsck_ready",  "fsck_receipt", "fsck_final",  "fsck_timer",
                                     "fsck_orphan", "fsck_count",   "fsck_outbox", "fsck_identity"};
enum { CHECKS = sizeof checks / sizeof *checks, PREFIX = sizeof "fsck_" - 1 };

static int check(struct sql *sql, const char *statement,
                 void (*row)(void *arg, const struct store_finding *finding), void *arg,
                 struct jobs_error *err) {
    struct sql_result *rows;
    int rc = sql_call(sql, statement, NULL, SQL_ROWS, &rows, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < sql_count(rows); i++) {
        struct store_finding finding = {
            .check = statement + PREFIX,
            .tenant = sql_get(rows, i, sql_column(rows, "tenant")),
            .id = sql_get(rows, i, sql_column(rows, "id")),
            .text = sql_get(rows, i, sql_column(rows, "text")),
        };
        row(arg, &finding);
    }
    sql_result_free(rows);
    return 0;
}

int store_fsck(const struct job_info_service *s,
               void (*row)(void *arg, const struct store_finding *finding), void *arg,
               struct jobs_error *err) {
    struct sql *sql;
    int rc = store_begin(s, &sql, err);
    if (rc < 0)
        return rc;
    if (PQtransactionStatus(s->db) != PQTRANS_IDLE)
        rc = error_set(err, JOBS_EINVAL,
                       "fsck needs a snapshot of its own: no transaction may be open");
    else
        rc = sql_call(sql, "fsck_begin", NULL, SQL_NOTHING, NULL, err);
    if (rc == 0) {
        for (int i = 0; i < CHECKS && rc == 0; i++)
            rc = check(sql, checks[i], row, arg, err);
        int end = sql_call(sql, "fsck_end", NULL, SQL_NOTHING, NULL, rc < 0 ? NULL : err);
        rc = rc < 0 ? rc : end;
    }
    sql_close(sql);
    return rc;
}
