#include "module/store/ended.h"

#include "module/store/store.h"
#include "sql/sql.h"

int store_ended(const struct job_info_service *s, const char *const *ids, size_t count,
                void (*ended)(void *arg, const char *id), void *arg, struct jobs_error *err) {
    struct buf array = {0};
    struct sql_parameters p = {0};
    struct sql_result *rows;
    struct sql *sql;
    int rc = store_begin(s, &sql, err);
    if (rc < 0)
        return rc;
    sql_array_begin(&array);
    for (size_t i = 0; i < count; i++)
        sql_array_plain(&array, ids[i]);
    sql_array_end(&array);
    sql_add_text(&p, buf_get(&array));
    rc = sql_call(sql, "job_ended", &p, SQL_ROWS, &rows, err);
    for (size_t i = 0; rc == 0 && i < sql_count(rows); i++)
        ended(arg, sql_get(rows, i, sql_column(rows, "id")));
    if (rc == 0)
        sql_result_free(rows);
    buf_done(&array);
    sql_close(sql);
    return rc;
}
