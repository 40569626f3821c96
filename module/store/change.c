/* What is asked of one job: release, stop, retry, lock. Each is one function of the database; all
 * answer with the status after the call. */
#include "module/base/error.h"
#include "module/job/status.h"
#include "module/store/access.h"
#include "module/store/act.h"
#include "module/store/store.h"
#include "sql/sql.h"

/* `p`: what comes after tenant and id. */
static int call(const struct job_info_service *s, const char *statement, const char *tenant,
                const char *id, const struct sql_parameters *more, enum job_status *ret_now,
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
    for (int i = 0; more && i < more->count; i++)
        sql_add_text(&p, more->values[i]);
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

static int change(const struct job_info_service *s, const char *statement, const char *tenant,
                  const char *id, const bool *flag, enum job_status *ret_now,
                  struct jobs_error *err) {
    struct sql_parameters more = {0};
    if (flag)
        sql_add_boolean(&more, *flag);
    return call(s, statement, tenant, id, &more, ret_now, err);
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

/* ---- with what <jobs.h> does not have ---- */

static int set(const struct job_info_service *s, const struct store_act *act,
               enum job_status *ret_now, struct jobs_error *err) {
    struct sql_parameters more = {0};
    if (act->has_priority)
        sql_add_integer(&more, act->priority);
    else
        sql_add_text(&more, NULL);
    sql_add_boolean(&more, act->has_expires);
    if (act->expires)
        sql_add_integer(&more, act->expires);
    else
        sql_add_text(&more, NULL);
    return call(s, "job_change", act->tenant, act->id, &more, ret_now, err);
}

static int act_only(const struct job_info_service *s, const struct store_act *act,
                    enum job_status *ret_now, struct jobs_error *err) {
    static const char *const statements[] = {"job_release", "job_stop", "job_retry", "job_lock",
                                             "job_lock",    NULL,       "job_delete"};
    bool lock = act->action == STORE_LOCK;
    if (act->action == STORE_SET)
        return set(s, act, ret_now, err);
    return change(s, statements[act->action], act->tenant, act->id,
                  lock || act->action == STORE_UNLOCK ? &lock : NULL, ret_now, err);
}

static int simple(const struct job_info_service *s, const char *statement, struct jobs_error *err) {
    struct sql *sql;
    int rc = store_begin(s, &sql, err);
    if (rc < 0)
        return rc;
    rc = sql_call(sql, statement, NULL, SQL_NOTHING, NULL, err);
    sql_close(sql);
    return rc;
}

int store_act(const struct job_info_service *s, const struct store_act *act,
              struct store_audit *entry, enum job_status *ret_now, struct jobs_error *err) {
    struct jobs_error ignored;
    enum job_status now;
    int rc = simple(s, "change_begin", err);
    if (rc < 0)
        return rc;
    rc = act_only(s, act, &now, err);
    entry->outcome = "ok";
    if (rc == 0)
        rc = store_audit_add(s, entry, err);
    if (rc == 0)
        rc = simple(s, "change_commit", err);
    if (rc == 0) {
        *ret_now = now;
        return 0;
    }
    simple(s, "change_rollback", &ignored);
    entry->outcome = err->sqlstate[0] ? err->sqlstate : error_name(err->code);
    store_audit_add(s, entry, &ignored); /* that it was tried */
    return rc;
}
