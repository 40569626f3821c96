#include "module/store/flow.h"

#include "module/store/store.h"
#include "sql/sql.h"

int store_flow_add(const struct job_info_service *s, const char *tenant, struct store_flow *to,
                   struct jobs_error *err) {
    static const char *const columns[JOB_STATUS_COUNT] = {
        [JOB_PENDING] = "n_pending",     [JOB_QUEUED] = "n_queued",
        [JOB_TO_BE_RUN] = "n_to_be_run", [JOB_RUNNING] = "n_running",
        [JOB_SUCCEEDED] = "n_succeeded", [JOB_FAILED] = "n_failed",
        [JOB_ABORTED] = "n_aborted"};
    struct sql_parameters p = {0};
    struct sql_result *row;
    struct sql *sql;
    int rc = store_begin(s, &sql, err);
    if (rc < 0)
        return rc;
    sql_add_text(&p, tenant);
    rc = sql_call(sql, "count_flow", &p, SQL_ONE, &row, err);
    if (rc == 0) {
        to->succeeded += sql_get_integer(row, 0, sql_column(row, "succeeded"), 0);
        to->failed += sql_get_integer(row, 0, sql_column(row, "failed"), 0);
        to->aborted += sql_get_integer(row, 0, sql_column(row, "aborted"), 0);
        for (int i = 0; i < JOB_STATUS_COUNT; i++)
            to->n[i] += sql_get_integer(row, 0, sql_column(row, columns[i]), 0);
        sql_result_free(row);
    }
    sql_close(sql);
    return rc;
}
