/* The audit log: who changed what. */
#include "module/base/error.h"
#include "module/store/access.h"
#include "sql/sql.h"

static int call(const struct job_info_service *s, const char *statement,
                const struct sql_parameters *p, struct sql_result **ret, struct jobs_error *err) {
    struct sql *sql;
    int rc = store_begin(s, &sql, err);
    if (rc < 0)
        return rc;
    rc = sql_call(sql, statement, p, SQL_ROWS, ret, err);
    sql_close(sql);
    return rc;
}

int store_audit_add(const struct job_info_service *s, const struct store_audit *entry,
                    struct jobs_error *err) {
    const char *texts[] = {entry->who, entry->address, entry->action, entry->tenant,
                           entry->job, entry->outcome, entry->detail};
    struct buf arrays[8] = {0};
    struct sql_parameters p = {0};
    struct sql_result *rows;
    for (size_t i = 0, text = 0; i < 8; i++) {
        sql_array_begin(&arrays[i]);
        if (i != 5)
            sql_array_text(&arrays[i], texts[text++]);
        else if (entry->count)
            sql_array_integer(&arrays[i], entry->count);
        else
            sql_array_null(&arrays[i]);
        sql_array_end(&arrays[i]);
        sql_add_text(&p, buf_get(&arrays[i]));
    }
    int rc = call(s, "audit_add", &p, &rows, err);
    if (rc == 0)
        sql_result_free(rows);
    for (size_t i = 0; i < 8; i++)
        buf_done(&arrays[i]);
    return rc;
}

int store_audits(const struct job_info_service *s, const char *tenant, const char *job,
                 int64_t before, int64_t limit,
                 void (*row)(void *arg, const struct store_audit *entry), void *arg,
                 struct jobs_error *err) {
    struct sql_parameters p = {0};
    struct sql_result *rows;
    sql_add_text(&p, tenant);
    sql_add_text(&p, job);
    if (before)
        sql_add_integer(&p, before);
    else
        sql_add_text(&p, NULL);
    sql_add_integer(&p, limit);
    int rc = call(s, "audit_list", &p, &rows, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < sql_count(rows); i++) {
        struct store_audit entry = {.id = sql_get_integer(rows, i, sql_column(rows, "id"), 0),
                                    .date = sql_get_integer(rows, i, sql_column(rows, "date"), 0),
                                    .who = sql_get(rows, i, sql_column(rows, "who")),
                                    .address = sql_get(rows, i, sql_column(rows, "address")),
                                    .action = sql_get(rows, i, sql_column(rows, "action")),
                                    .tenant = sql_get(rows, i, sql_column(rows, "tenant")),
                                    .job = sql_get(rows, i, sql_column(rows, "job")),
                                    .count = sql_get_integer(rows, i, sql_column(rows, "count"), 0),
                                    .outcome = sql_get(rows, i, sql_column(rows, "outcome")),
                                    .detail = sql_get(rows, i, sql_column(rows, "detail"))};
        row(arg, &entry);
    }
    sql_result_free(rows);
    return 0;
}
