#include "tenant/settle.h"

#include "module/base/clock.h"
#include "sql/sql.h"

#include <poll.h>
#include <stdio.h>

enum { LOOK_MS = 50 };

static int look(struct sql *sql, char barrier[24], char ret_who[TENANT_HOLDER_SIZE],
                struct jobs_error *err) {
    struct sql_parameters p = {0};
    struct sql_result *row;
    sql_add_text(&p, *barrier ? barrier : NULL);
    int rc = sql_call(sql, "tenant_settled", &p, SQL_ONE, &row, err);
    if (rc < 0)
        return rc;
    const char *holder = sql_get(row, 0, sql_column(row, "holder"));
    snprintf(barrier, 24, "%s", sql_get(row, 0, sql_column(row, "barrier")));
    snprintf(ret_who, TENANT_HOLDER_SIZE, "%s", holder ? holder : "");
    sql_result_free(row);
    return 0;
}

int tenant_settle(struct sql *sql, int64_t deadline, char ret_who[TENANT_HOLDER_SIZE],
                  struct jobs_error *err) {
    char barrier[24] = "";
    for (;;) {
        int rc = look(sql, barrier, ret_who, err);
        if (rc < 0 || !*ret_who || clock_now() >= deadline)
            return rc;
        poll(NULL, 0, LOOK_MS);
    }
}

int tenant_name_holder(struct sql *sql, char ret[TENANT_HOLDER_SIZE]) {
    struct sql_result *row;
    int rc = sql_call(sql, "tenant_holder", NULL, SQL_ONE, &row, NULL);
    snprintf(ret, TENANT_HOLDER_SIZE, "nobody any more");
    if (rc < 0)
        return rc;
    if (sql_get(row, 0, 0))
        snprintf(ret, TENANT_HOLDER_SIZE, "%s", sql_get(row, 0, 0));
    sql_result_free(row);
    return 0;
}
