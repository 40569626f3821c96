/* jobctl tenant shares: what tenants are owed, got and lag behind. */
#include "module/cli/print.h"
#include "module/cli/repeat.h"
#include "module/store/store.h"

#include <unistd.h>

struct look {
    struct cli *cli;
    const char *tenant; /* NULL: all */
    bool terminal, once;
    struct print_table *table;
    struct buf out;
};

/* Slot-microseconds as slot-seconds. */
static void add_seconds(struct print_table *table, int64_t microseconds) {
    struct buf text = {0};
    buf_format(&text, "%.3f", (double)microseconds / 1e6);
    table_add(table, buf_get(&text));
    buf_done(&text);
}

static void add_row(void *arg, const struct store_share *share) {
    struct print_table *table = ((struct look *)arg)->table;
    table_add(table, share->tenant);
    table_add_integer(table, share->weight);
    add_seconds(table, share->owed);
    add_seconds(table, share->got);
    add_seconds(table, share->lag);
    table_add_integer(table, share->running);
    table_add(table, share->backlogged ? "yes" : "no");
    table_add_integer(table, share->instances);
}

static void add_json(void *arg, const struct store_share *share) {
    struct buf *out = &((struct look *)arg)->out;
    json_begin(out);
    json_text(out, "tenant", share->tenant);
    json_integer(out, "weight", share->weight);
    json_integer(out, "owed_us", share->owed);
    json_integer(out, "got_us", share->got);
    json_integer(out, "lag_us", share->lag);
    json_integer(out, "running", share->running);
    json_boolean(out, "backlogged", share->backlogged);
    json_integer(out, "instances", share->instances);
    json_date(out, "updated", share->updated);
    json_end(out);
    buf_char(out, '\n');
}

static int look(void *arg, bool *ret_done) {
    struct look *look = arg;
    struct jobs_error err;
    bool json = look->cli->json;
    *ret_done = look->once;
    if (look->terminal && !look->once)
        repeat_home(&look->out);
    if (!json)
        look->table = table_new("TENANT|>WEIGHT|>OWED|>GOT|>LAG|>RUNNING|WAITS|>INSTANCES");
    int rc = store_shares(&look->cli->store, look->tenant, json ? add_json : add_row, look, &err);
    if (!json)
        table_print(look->table, look->cli, &look->out);
    if (!json && !look->once && !look->terminal)
        buf_char(&look->out, '\n');
    return rc < 0 ? cli_fail(&err) : print_flush(&look->out);
}

int verb_tenant_shares(struct cli *cli) {
    struct look it = {.cli = cli, .once = !cli_has(cli, "watch")};
    int64_t interval = 1000;
    int status = cli_duration(cli, "interval", &interval);
    if (!status && cli_has(cli, "interval") && it.once)
        status = cli_misuse(cli, "--interval goes with --watch");
    if (!status)
        status = cli_connect(cli);
    if (status)
        return status;
    it.tenant = cli->command.argument_count ? cli->command.arguments[0] : NULL;
    it.terminal = isatty(STDOUT_FILENO) && !cli->json;
    status = repeat(it.terminal && !it.once, interval, look, &it);
    buf_done(&it.out);
    return status;
}
