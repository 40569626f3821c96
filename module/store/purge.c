/* Removing jobs that ended long enough ago: a batch of the walk, and the whole of it. */
#include "module/base/error.h"
#include "module/store/store.h"
#include "sql/sql.h"

#include <libpq-fe.h>
#include <stdio.h>

enum { BATCH = 500 };

static void add_keep(struct sql_parameters *p, const struct store_keep *keep,
                     enum job_status status) {
    int64_t ms = status == JOB_SUCCEEDED ? keep->succeeded
                 : status == JOB_FAILED  ? keep->failed
                                         : keep->aborted;
    if (ms < 0)
        sql_add_text(p, NULL);
    else
        sql_add_integer(p, ms < STORE_KEEP_MOST ? ms : STORE_KEEP_MOST);
}

int store_purge_batch(struct sql *sql, const struct store_keep *keep, int64_t batch,
                      struct store_purge *walk, struct jobs_error *err) {
    struct sql_parameters p = {0};
    struct sql_result *row;
    sql_add_text(&p, walk->after[0] ? walk->after : NULL);
    sql_add_integer(&p, batch);
    add_keep(&p, keep, JOB_SUCCEEDED);
    add_keep(&p, keep, JOB_FAILED);
    add_keep(&p, keep, JOB_ABORTED);
    sql_add_text(&p, keep->tenant);
    int rc = sql_call(sql, "job_purge", &p, SQL_ONE, &row, err);
    if (rc < 0)
        return rc;
    const char *last = sql_get(row, 0, sql_column(row, "last"));
    snprintf(walk->after, sizeof walk->after, "%s", last ? last : "");
    walk->removed += sql_get_integer(row, 0, sql_column(row, "removed"), 0);
    sql_result_free(row);
    return 0;
}

int store_purge(const struct job_info_service *s, const struct store_keep *keep,
                int64_t *ret_removed, struct jobs_error *err) {
    struct sql *sql;
    struct store_purge walk = {0};
    int rc = store_begin(s, &sql, err);
    if (rc < 0)
        return rc;
    if (PQtransactionStatus(s->db) != PQTRANS_IDLE)
        rc = error_set(err, JOBS_EINVAL,
                       "a purge commits batch by batch: no transaction may be open");
    do
        rc = rc < 0 ? rc : store_purge_batch(sql, keep, BATCH, &walk, err);
    while (rc == 0 && walk.after[0]);
    sql_close(sql);
    *ret_removed = walk.removed;
    return rc;
}
