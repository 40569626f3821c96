#include "tenant/role.h"

#include "module/base/error.h"
#include "sql/sql.h"
#include "tenant/tenant.h"

#include <stdio.h>
#include <string.h>

static int check(const char *tenant, const char *role, struct jobs_error *err) {
    if (!tenant || !tenant_name_is_valid(tenant))
        return error_set(err, JOBS_EINVAL, "\"%.80s\" is no tenant name", tenant ? tenant : "");
    if (role && (!*role || strlen(role) >= TENANT_ROLE_SIZE))
        return error_set(err, JOBS_EINVAL,
                         "tenant \"%s\": a role's name has 1 to 63 bytes, \"%.80s\" has not",
                         tenant, role);
    return 0;
}

int tenant_role_name(const struct job_info_service *s, const char *tenant,
                     char ret[TENANT_ROLE_SIZE], struct jobs_error *err) {
    int rc = check(tenant, NULL, err);
    if (rc < 0)
        return rc;
    int n = snprintf(ret, TENANT_ROLE_SIZE, "%s_tenant_%s", s->schema ? s->schema : "jobs", tenant);
    if (n >= TENANT_ROLE_SIZE)
        return error_set(err, JOBS_EINVAL,
                         "tenant \"%s\": a role named after it would have %d bytes, 63 is the "
                         "most: name one",
                         tenant, n);
    return 0;
}

/* A call about a tenant and its role or (`user`) something else that the statement takes. */
static int call(const struct job_info_service *s, const char *statement, const char *tenant,
                const char *role, const char *user, struct sql_result **ret,
                struct jobs_error *err) {
    struct sql *sql;
    struct sql_parameters p = {0};
    int rc = check(tenant, role, err);
    if (rc == 0)
        rc = sql_borrow(s->db, s->schema ? s->schema : "jobs", &sql, err);
    if (rc < 0)
        return rc;
    sql_add_text(&p, tenant);
    sql_add_text(&p, user ? user : role);
    rc = sql_call(sql, statement, &p, SQL_ROWS, ret, err);
    sql_close(sql);
    if (rc < 0 && err && strncmp(err->sqlstate, "JB", 2) != 0)
        error_prefix(err, "tenant \"%s\"", tenant);
    return rc;
}

int tenant_set_role(const struct job_info_service *s, const char *tenant, const char *role,
                    struct jobs_error *err) {
    struct sql_result *row;
    int rc = call(s, "tenant_role", tenant, role, NULL, &row, err);
    if (rc == 0)
        sql_result_free(row);
    return rc;
}

int tenant_print_role(const struct job_info_service *s, const char *tenant, const char *role,
                      void (*line)(void *arg, const char *statement), void *arg,
                      struct jobs_error *err) {
    struct sql_result *rows;
    int rc = call(s, "tenant_role_print", tenant, role, NULL, &rows, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < sql_count(rows); i++)
        line(arg, sql_get(rows, i, sql_column(rows, "statement")));
    sql_result_free(rows);
    return 0;
}

int tenant_amqp_user(const struct job_info_service *s, const char *tenant, const char *user,
                     char ret[256], struct jobs_error *err) {
    struct sql_result *row;
    if (user && (!*user || strlen(user) > 255))
        return error_set(err, JOBS_EINVAL, "tenant \"%s\": a user has 1 to 255 bytes", tenant);
    int rc = call(s, "tenant_amqp_user", tenant, NULL, user, &row, err);
    if (rc < 0)
        return rc;
    if (sql_count(row) == 0)
        rc = error_set(err, JOBS_ENOENT, "tenant \"%s\" is unknown here", tenant);
    else if (sql_get_boolean(row, 0, sql_column(row, "taken")))
        rc = error_set(err, JOBS_EINVAL,
                       "tenant \"%s\": the broker's user \"%s\" is another tenant's", tenant,
                       sql_get(row, 0, sql_column(row, "amqp_user")));
    else
        snprintf(ret, 256, "%s", sql_get(row, 0, sql_column(row, "amqp_user")));
    sql_result_free(row);
    return rc;
}
