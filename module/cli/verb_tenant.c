/* jobctl tenant … */
#include "module/cli/verb_tenant.h"
#include "module/base/error.h"
#include "module/cli/print.h"
#include "module/cli/roles.h"
#include "module/cli/subscription.h"
#include "module/job/status.h"
#include "module/store/store.h"
#include "tenant/remove.h"

#include <inttypes.h>
#include <stdlib.h>

static const char *name_of(const struct cli *cli) { return cli->command.arguments[0]; }

int verb_tenant_create(struct cli *cli) {
    int status = cli_tenant_create(cli);
    if (!status && cli_has(cli, "role"))
        status = cli_set_role(cli, name_of(cli), cli_text(cli, "role"));
    return status;
}

static int set_state(struct cli *cli, enum tenant_state state) {
    struct jobs_error err;
    int status = cli_connect(cli);
    if (!status && tenant_set_state(&cli->store, name_of(cli), state, &err) < 0)
        status = cli_fail(&err);
    return status;
}

int verb_tenant_pause(struct cli *cli) { return set_state(cli, TENANT_PAUSED); }

int verb_tenant_resume(struct cli *cli) { return set_state(cli, TENANT_ACTIVE); }

int verb_tenant_maintenance(struct cli *cli) { return set_state(cli, TENANT_MAINTENANCE); }

int verb_tenant_remove(struct cli *cli) {
    struct jobs_error err;
    struct tenant_removal how = {.force = cli_has(cli, "force"),
                                 .discard_events = cli_has(cli, "discard-events")};
    struct subscription_queues queues;
    int64_t jobs;
    int status = cli_duration(cli, "timeout", &how.timeout);
    if (!status)
        status = cli_connect(cli);
    if (!status)
        status = subscription_queues_find(cli, name_of(cli), &queues);
    if (status)
        return status;
    int rc = tenant_remove(&cli->store, name_of(cli), &how, &jobs, &err);
    status = subscription_queues_end(&queues, rc == 0);
    if (rc < 0)
        return cli_fail(&err);
    cli_note("tenant \"%s\" is removed, with %" PRId64 " jobs", name_of(cli), jobs);
    return status;
}

struct listing {
    struct print_table *table;
    struct buf *out; /* JSON, when there is no table */
};

static void tenant_members(struct buf *out, const struct tenant *tenant) {
    json_text(out, "tenant", tenant->name);
    json_text(out, "state", tenant_state_name(tenant->state));
    json_integer(out, "weight", tenant->weight);
    if (tenant->max_running >= 0)
        json_integer(out, "max_running", tenant->max_running);
    if (tenant->max_queued >= 0)
        json_integer(out, "max_queued", tenant->max_queued);
    if (*tenant->role)
        json_text(out, "role", tenant->role);
    json_date(out, "created_date", tenant->created_date);
}

static void add_limit(struct print_table *table, int64_t limit) {
    if (limit < 0)
        table_add(table, "-");
    else
        table_add_integer(table, limit);
}

static void add_tenant(void *arg, const struct tenant *tenant) {
    struct listing *listing = arg;
    if (!listing->table) {
        json_begin(listing->out);
        tenant_members(listing->out, tenant);
        json_end(listing->out);
        buf_char(listing->out, '\n');
        return;
    }
    table_add(listing->table, tenant->name);
    table_add(listing->table, tenant_state_name(tenant->state));
    table_add_integer(listing->table, tenant->weight);
    add_limit(listing->table, tenant->max_running);
    add_limit(listing->table, tenant->max_queued);
    table_add_date(listing->table, tenant->created_date);
}

static struct print_table *tenant_table(const struct cli *cli) {
    return cli->json ? NULL : table_new("TENANT|STATE|>WEIGHT|>MAX RUNNING|>MAX QUEUED|CREATED");
}

int verb_tenant_list(struct cli *cli) {
    struct jobs_error err;
    struct buf out = {0};
    int status = cli_connect(cli);
    if (status)
        return status;
    struct listing listing = {tenant_table(cli), &out};
    if (tenant_list(&cli->store, add_tenant, &listing, &err) < 0)
        status = cli_fail(&err);
    if (listing.table)
        table_print(listing.table, cli, &out);
    if (!status)
        status = print_flush(&out);
    buf_done(&out);
    return status;
}

static void add_count_json(void *arg, const struct store_count *count) {
    struct buf *out = arg;
    if (out->data[out->length - 1] != '[')
        buf_char(out, ',');
    json_begin(out);
    json_text(out, "class_name", count->class_name);
    for (int i = 0; i < JOB_STATUS_COUNT; i++)
        json_integer(out, status_name((enum job_status)i), count->n[i]);
    json_end(out);
}

static void add_count_row(void *arg, const struct store_count *count) {
    table_add(arg, count->class_name);
    for (int i = 0; i < JOB_STATUS_COUNT; i++)
        table_add_integer(arg, count->n[i]);
}

static int show_json(struct cli *cli, const struct tenant *tenant, struct buf *out,
                     struct jobs_error *err) {
    struct buf jobs = {0};
    buf_char(&jobs, '[');
    int rc = store_counts(&cli->store, tenant->name, add_count_json, &jobs, err);
    buf_char(&jobs, ']');
    json_begin(out);
    tenant_members(out, tenant);
    json_raw(out, "jobs", buf_get(&jobs));
    json_end(out);
    buf_char(out, '\n');
    buf_done(&jobs);
    return rc;
}

static int show_tables(struct cli *cli, const struct tenant *tenant, struct buf *out,
                       struct jobs_error *err) {
    struct listing listing = {tenant_table(cli), out};
    struct print_table *counts =
        table_new("CLASS|>PENDING|>QUEUED|>TO_BE_RUN|>RUNNING|>SUCCEEDED|>FAILED|>ABORTED");
    add_tenant(&listing, tenant);
    table_print(listing.table, cli, out);
    buf_char(out, '\n');
    int rc = store_counts(&cli->store, tenant->name, add_count_row, counts, err);
    table_print(counts, cli, out);
    return rc;
}

int verb_tenant_show(struct cli *cli) {
    struct jobs_error err;
    struct tenant tenant;
    struct buf out = {0};
    int status = cli_connect(cli);
    if (status)
        return status;
    int rc = tenant_get(&cli->store, name_of(cli), &tenant, &err);
    if (rc == 0)
        rc =
            cli->json ? show_json(cli, &tenant, &out, &err) : show_tables(cli, &tenant, &out, &err);
    status = rc < 0 ? cli_fail(&err) : print_flush(&out);
    buf_done(&out);
    return status;
}
