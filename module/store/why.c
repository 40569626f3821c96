/* Why a job does not run. */
#include "module/base/mem.h"
#include "module/store/store.h"
#include "sql/sql.h"

int store_why(const struct job_info_service *s, const char *tenant, const char *id, char **ret,
              struct jobs_error *err) {
    struct sql *sql;
    struct sql_result *row;
    struct sql_parameters p = {0};
    int rc = store_check_one(tenant, id, err);
    if (rc == 0)
        rc = store_begin(s, &sql, err);
    if (rc < 0)
        return rc;
    sql_add_text(&p, tenant);
    sql_add_text(&p, id);
    rc = sql_call(sql, "job_why", &p, SQL_ONE, &row, err);
    sql_close(sql);
    if (rc < 0)
        return store_blame(rc, tenant, id, err);
    *ret = mem_text(sql_get(row, 0, sql_column(row, "why")));
    sql_result_free(row);
    return 0;
}
