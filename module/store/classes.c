/* Limits and pauses of job classes. */
#include "module/base/error.h"
#include "module/store/store.h"
#include "sql/sql.h"

static int call(const struct job_info_service *s, const char *statement,
                const struct sql_parameters *p, struct sql_result **ret, struct jobs_error *err) {
    struct sql *sql;
    int rc = store_begin(s, &sql, err);
    if (rc < 0)
        return rc;
    rc = sql_call(sql, statement, p, SQL_ONE, ret, err);
    sql_close(sql);
    return rc;
}

static void add_limit(struct sql_parameters *p, const int64_t *limit) {
    sql_add_boolean(p, limit != NULL);
    if (limit && *limit >= 0)
        sql_add_integer(p, *limit);
    else
        sql_add_text(p, NULL);
}

int store_class_set(const struct job_info_service *s, const char *class_name,
                    const int64_t *max_running, const int64_t *max_running_per_tenant,
                    struct jobs_error *err) {
    struct sql_parameters p = {0};
    sql_add_text(&p, class_name);
    add_limit(&p, max_running);
    add_limit(&p, max_running_per_tenant);
    return call(s, "class_set", &p, NULL, err);
}

int store_class_pause(const struct job_info_service *s, const char *class_name, const char *tenant,
                      struct jobs_error *err) {
    struct sql_parameters p = {0};
    sql_add_text(&p, class_name);
    sql_add_text(&p, tenant);
    return call(s, "class_pause", &p, NULL, err);
}

int store_class_resume(const struct job_info_service *s, const char *class_name, const char *tenant,
                       struct jobs_error *err) {
    struct sql_parameters p = {0};
    struct sql_result *row;
    sql_add_text(&p, class_name);
    sql_add_text(&p, tenant);
    int rc = call(s, "class_resume", &p, &row, err);
    if (rc < 0)
        return rc;
    bool done = sql_get_boolean(row, 0, sql_column(row, "done"));
    sql_result_free(row);
    if (done)
        return 0;
    return tenant ? error_set(err, JOBS_ENOENT, "class \"%.128s\" is not paused for \"%.80s\"",
                              class_name, tenant)
                  : error_set(err, JOBS_ENOENT,
                              "class \"%.128s\" is not paused for all (a pause for one tenant ends "
                              "with --tenant)",
                              class_name);
}
