#include "tenant/tenant.h"

#include "module/base/error.h"
#include "sql/sql.h"
#include "tenant/settings.h"

#include <stdio.h>
#include <string.h>

static const char *const states[] = {"ACTIVE", "PAUSED", "MAINTENANCE"};
enum { STATES = sizeof states / sizeof *states };

bool tenant_name_is_valid(const char *name) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_-";
    size_t n = strspn(name, letters);
    return name[n] == '\0' && n >= 1 && n <= 63 && name[0] != '_' && name[0] != '-';
}

const char *tenant_state_name(enum tenant_state state) { return states[state]; }

static int check_name(const char *name, struct jobs_error *err) {
    if (name && tenant_name_is_valid(name))
        return 0;
    return error_set(err, JOBS_EINVAL,
                     "\"%.80s\" is no tenant name: it is of the form [a-z0-9][a-z0-9_-]{0,62}",
                     name ? name : "");
}

static int unknown(const char *name, struct jobs_error *err) {
    return error_set(err, JOBS_ENOENT, "tenant \"%s\" is unknown here", name);
}

/* Calls a statement about one tenant; `parameters` begin with its name. */
static int call(const struct job_info_service *s, const char *statement,
                const struct sql_parameters *p, enum sql_shape shape, struct sql_result **ret,
                struct jobs_error *err) {
    struct sql *sql;
    int rc = sql_borrow(s->db, s->schema ? s->schema : "jobs", &sql, err);
    if (rc < 0)
        return rc;
    rc = sql_call(sql, statement, p, shape, ret, err);
    if (rc < 0 && err && strncmp(err->sqlstate, "JB", 2) != 0 && p->values[0])
        error_prefix(err, "tenant \"%s\"", p->values[0]);
    sql_close(sql);
    return rc;
}

int tenant_create(const struct job_info_service *s, const char *name, unsigned weight,
                  struct jobs_error *err) {
    struct tenant_entry entry = {.name = name,
                                 .settings = {.given = weight ? TENANT_HAS_WEIGHT : 0,
                                              .weight = weight}};
    return tenant_apply(s, &entry, 1, TENANT_CREATE, false, NULL, NULL, err);
}

static void read_tenant(const struct sql_result *rows, size_t row, struct tenant *ret) {
    *ret = (struct tenant){
        .weight = (unsigned)sql_get_integer(rows, row, sql_column(rows, "weight"), 1),
        .max_running = sql_get_integer(rows, row, sql_column(rows, "max_running"), -1),
        .max_queued = sql_get_integer(rows, row, sql_column(rows, "max_queued"), -1),
        .created_date = sql_get_integer(rows, row, sql_column(rows, "created_date"), 0),
    };
    snprintf(ret->name, sizeof ret->name, "%s", sql_get(rows, row, sql_column(rows, "tenant")));
    const char *role = sql_get(rows, row, sql_column(rows, "role"));
    snprintf(ret->role, sizeof ret->role, "%s", role ? role : "");
    const char *state = sql_get(rows, row, sql_column(rows, "state"));
    for (int i = 0; i < STATES; i++)
        if (strcmp(state, states[i]) == 0)
            ret->state = (enum tenant_state)i;
}

int tenant_get(const struct job_info_service *s, const char *name, struct tenant *ret,
               struct jobs_error *err) {
    struct sql_parameters p = {0};
    struct sql_result *rows;
    int rc = check_name(name, err);
    if (rc < 0)
        return rc;
    sql_add_text(&p, name);
    rc = call(s, "tenant_list", &p, SQL_AT_MOST_ONE, &rows, err);
    if (rc < 0)
        return rc;
    if (sql_count(rows) == 1)
        read_tenant(rows, 0, ret);
    else
        rc = unknown(name, err);
    sql_result_free(rows);
    return rc;
}

int tenant_list(const struct job_info_service *s,
                void (*row)(void *arg, const struct tenant *tenant), void *arg,
                struct jobs_error *err) {
    struct sql_parameters p = {0};
    struct sql_result *rows;
    sql_add_text(&p, NULL);
    int rc = call(s, "tenant_list", &p, SQL_ROWS, &rows, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < sql_count(rows); i++) {
        struct tenant tenant;
        read_tenant(rows, i, &tenant);
        row(arg, &tenant);
    }
    sql_result_free(rows);
    return 0;
}

int tenant_set_state(const struct job_info_service *s, const char *name, enum tenant_state state,
                     struct jobs_error *err) {
    struct tenant_entry entry = {.name = name,
                                 .settings = {.given = TENANT_HAS_STATE, .state = state}};
    return tenant_apply(s, &entry, 1, TENANT_CHANGE, false, NULL, NULL, err);
}

int tenant_set_weight(const struct job_info_service *s, const char *name, unsigned weight,
                      struct jobs_error *err) {
    struct tenant_entry entry = {.name = name,
                                 .settings = {.given = TENANT_HAS_WEIGHT, .weight = weight}};
    return tenant_apply(s, &entry, 1, TENANT_CHANGE, false, NULL, NULL, err);
}
