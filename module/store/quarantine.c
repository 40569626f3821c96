/* Quarantines as jobctl sees them: classes that are parked for a tenant. */
#include "module/base/error.h"
#include "module/store/store.h"
#include "sql/sql.h"

static int read_rows(const struct job_info_service *s, const char *statement,
                     const struct sql_parameters *p, struct sql_result **ret,
                     struct jobs_error *err) {
    struct sql *sql;
    int rc = store_begin(s, &sql, err);
    if (rc < 0)
        return rc;
    rc = sql_call(sql, statement, p, SQL_ROWS, ret, err);
    sql_close(sql);
    return rc;
}

int store_quarantines(const struct job_info_service *s, const char *tenant,
                      void (*row)(void *arg, const struct store_quarantine *quarantine), void *arg,
                      struct jobs_error *err) {
    struct sql_parameters p = {0};
    struct sql_result *rows;
    sql_add_text(&p, tenant);
    int rc = read_rows(s, "quarantine_list", &p, &rows, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < sql_count(rows); i++) {
        struct store_quarantine quarantine = {
            .tenant = sql_get(rows, i, sql_column(rows, "tenant")),
            .class_name = sql_get(rows, i, sql_column(rows, "class_name")),
            .until = sql_get_integer(rows, i, sql_column(rows, "until"), 0),
            .crashes = sql_get_integer(rows, i, sql_column(rows, "crashes"), 0),
            .reason = sql_get(rows, i, sql_column(rows, "reason")),
        };
        row(arg, &quarantine);
    }
    sql_result_free(rows);
    return 0;
}

int store_quarantine_release(const struct job_info_service *s, const char *tenant,
                             const char *class_name, struct jobs_error *err) {
    struct sql_parameters p = {0};
    struct sql_result *rows;
    sql_add_text(&p, tenant);
    sql_add_text(&p, class_name);
    int rc = read_rows(s, "quarantine_release", &p, &rows, err);
    if (rc < 0)
        return store_blame(rc, tenant, NULL, err);
    bool there = sql_get_boolean(rows, 0, sql_column(rows, "there"));
    sql_result_free(rows);
    return there
               ? 0
               : error_set(err, JOBS_ENOENT, "class \"%.128s\" is not in quarantine for \"%.80s\"",
                           class_name, tenant);
}
