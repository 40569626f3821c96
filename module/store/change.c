/* What is asked of one job: release, stop, retry, lock. Each is one function of the database; all
 * answer with the status after the call. */
#include "module/job/status.h"
#include "module/store/store.h"
#include "sql/sql.h"

static int change(const struct job_info_service *s, const char *statement, const char *tenant,
                  const char *id, const bool *flag, enum job_status *ret_now,
                  struct jobs_error *err) {
    struct sql *sql;
    int rc = store_check_one(tenant, id, err);
    if (rc == 0)
        rc = store_begin(s, &sql, err);
    if (rc < 0)
        return rc;
    struct sql_parameters p = {0};
    sql_add_text(&p, tenant);
    sql_add_text(&p, id);
    if (flag)
        sql_add_boolean(&p, *flag);
    struct sql_result *row;
    rc = sql_call(sql, statement, &p, SQL_ONE, &row, err);
    if (rc < 0)
        store_blame(rc, tenant, id, err);
    else if (ret_now)
        *ret_now = (enum job_status)status_of_name(sql_get(row, 0, sql_column(row, "status")));
    if (rc == 0)
        sql_result_free(row);
    sql_close(sql);
    return rc;
}

int job_info_release(const struct job_info_service *s, const char *tenant, const char *id,
                     struct jobs_error *err) {
    return change(s, "job_release", tenant, id, NULL, NULL, err);
}

int job_info_stop(const struct job_info_service *s, const char *tenant, const char *id,
                  enum job_status *ret_now, struct jobs_error *err) {
    return change(s, "job_stop", tenant, id, NULL, ret_now, err);
}

int job_info_retry(const struct job_info_service *s, const char *tenant, const char *id,
                   struct jobs_error *err) {
    return change(s, "job_retry", tenant, id, NULL, NULL, err);
}

int job_info_lock(const struct job_info_service *s, const char *tenant, const char *id, bool lock,
                  struct jobs_error *err) {
    return change(s, "job_lock", tenant, id, &lock, NULL, err);
}
