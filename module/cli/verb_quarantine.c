/* jobctl quarantine list, release: classes that are parked for a tenant. */
#include "module/cli/print.h"
#include "module/store/store.h"

#include <stdlib.h>

struct listing {
    struct print_table *table;
    struct buf out; /* JSON, when there is no table */
};

static void add_quarantine(void *arg, const struct store_quarantine *quarantine) {
    struct listing *listing = arg;
    if (listing->table) {
        table_add(listing->table, quarantine->tenant);
        table_add(listing->table, quarantine->class_name);
        table_add_date(listing->table, quarantine->until);
        table_add(listing->table, quarantine->reason);
        return;
    }
    json_begin(&listing->out);
    json_text(&listing->out, "tenant", quarantine->tenant);
    json_text(&listing->out, "class_name", quarantine->class_name);
    json_date(&listing->out, "until", quarantine->until);
    json_integer(&listing->out, "crashes", quarantine->crashes);
    json_text(&listing->out, "reason", quarantine->reason);
    json_end(&listing->out);
    buf_char(&listing->out, '\n');
}

int verb_quarantine_list(struct cli *cli) {
    struct jobs_error err;
    const char *tenant = cli_text(cli, "tenant"), *otherwise = getenv("JOBS_TENANT");
    int status = cli_connect(cli);
    if (status)
        return status;
    struct listing listing = {.table = cli->json ? NULL : table_new("TENANT|CLASS|UNTIL|REASON")};
    if (!tenant && otherwise && *otherwise)
        tenant = otherwise;
    if (store_quarantines(&cli->store, tenant, add_quarantine, &listing, &err) < 0)
        status = cli_fail(&err);
    if (listing.table)
        table_print(listing.table, cli, &listing.out);
    if (!status)
        status = print_flush(&listing.out);
    buf_done(&listing.out);
    return status;
}

int verb_quarantine_release(struct cli *cli) {
    struct jobs_error err;
    const char *tenant;
    int status = cli_tenant(cli, &tenant);
    if (!status)
        status = cli_connect(cli);
    if (!status &&
        store_quarantine_release(&cli->store, tenant, cli->command.arguments[0], &err) < 0)
        status = cli_fail(&err);
    return status;
}
