/* The tenants of a keeper's datasource. */
#include "module/service/keeper_private.h"

#include "module/base/mem.h"

#include <stdlib.h>
#include <string.h>

#define LOOK_AGAIN (100 * CLOCK_MS) /* at most so often for names that are not known */

static void free_tenant(void *value) {
    struct keeper_tenant *tenant = value;
    free(tenant->user);
    free(tenant);
}

static void take(struct keeper *keeper, const char *name, const char *user) {
    struct keeper_tenant *tenant = table_get(&keeper->tenants, name);
    if (!tenant) {
        tenant = MEM_NEW(struct keeper_tenant);
        table_put(&keeper->tenants, name, tenant);
        keeper->bindings_due = true;
    }
    tenant->seen = true;
    if (!tenant->user || strcmp(tenant->user, user) != 0) {
        free(tenant->user);
        tenant->user = mem_text(user);
    }
}

static void forget_seen(struct keeper *keeper) {
    void *value;
    for (size_t at = 0; table_next(&keeper->tenants, &at, NULL, &value);)
        ((struct keeper_tenant *)value)->seen = false;
}

int keeper_look(struct keeper *keeper, struct jobs_error *err) {
    struct sql_result *rows;
    int rc = sql_call(keeper->sql, "command_tenants", NULL, SQL_ROWS, &rows, err);
    if (rc < 0)
        return rc;
    forget_seen(keeper);
    int tenant = sql_column(rows, "tenant"), user = sql_column(rows, "amqp_user");
    for (size_t i = 0; i < sql_count(rows); i++)
        take(keeper, sql_get(rows, i, tenant), sql_get(rows, i, user));
    if (sql_count(rows) < keeper->tenants.count)
        keeper->bindings_due = true; /* somebody is gone */
    sql_result_free(rows);
    keeper->looked_at = clock_now();
    return 0;
}

int keeper_tenant_user(struct keeper *keeper, const char *tenant, const char **ret,
                       struct jobs_error *err) {
    const struct keeper_tenant *found = table_get(&keeper->tenants, tenant);
    if (!found && clock_now() - keeper->looked_at > LOOK_AGAIN) {
        int rc = keeper_look(keeper, err);
        if (rc < 0)
            return rc;
        found = table_get(&keeper->tenants, tenant);
    }
    *ret = found && found->seen ? found->user : NULL;
    return 0;
}

void keeper_forget_bindings(struct keeper *keeper) {
    void *value;
    for (size_t at = 0; table_next(&keeper->tenants, &at, NULL, &value);)
        ((struct keeper_tenant *)value)->bound = false;
    keeper->bindings_due = true;
}

void keeper_forget_tenants(struct keeper *keeper) {
    table_done(&keeper->tenants, free_tenant);
    keeper->looked_at = 0;
}
