/* What attempts printed and logged, as far as it is kept. */
#include "module/base/error.h"
#include "module/store/store.h"
#include "sql/sql.h"

static void give(const struct sql_result *rows,
                 void (*row)(void *arg, unsigned attempt, const char *tail), void *arg) {
    int attempt = sql_column(rows, "attempt"), tail = sql_column(rows, "tail");
    for (size_t i = 0; i < sql_count(rows); i++)
        if (sql_get(rows, i, tail))
            row(arg, (unsigned)sql_get_integer(rows, i, attempt, 0), sql_get(rows, i, tail));
}

int store_logs(const struct job_info_service *s, const char *tenant, const char *id,
               unsigned attempt, void (*row)(void *arg, unsigned attempt, const char *tail),
               void *arg, struct jobs_error *err) {
    struct sql *sql;
    struct sql_result *rows;
    struct sql_parameters p = {0};
    int rc = store_check_one(tenant, id, err);
    if (rc == 0)
        rc = store_begin(s, &sql, err);
    if (rc < 0)
        return rc;
    sql_add_text(&p, tenant);
    sql_add_text(&p, id);
    if (attempt)
        sql_add_integer(&p, attempt);
    else
        sql_add_text(&p, NULL);
    rc = sql_call(sql, "job_logs", &p, SQL_ROWS, &rows, err);
    sql_close(sql);
    if (rc < 0)
        return store_blame(rc, tenant, id, err);
    if (sql_count(rows) == 0)
        rc = error_set(err, JOBS_ENOENT, "tenant \"%.80s\" has no job %s", tenant, id);
    else
        give(rows, row, arg);
    sql_result_free(rows);
    return rc;
}
