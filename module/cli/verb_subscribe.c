/* jobctl subscribe: queues that get a tenant's events, whether or not somebody listens. */
#include "module/cli/print.h"
#include "module/cli/subscription.h"

#include <stdlib.h>
#include <string.h>

#define TTL (INT64_C(7) * 24 * 3600 * 1000)
#define MOST INT64_C(1000000)

/* ---- --list ---- */

struct listing {
    struct print_table *table; /* NULL: JSON */
    struct buf out;
};

static void join_keys(const struct store_subscription *what, struct buf *out) {
    for (size_t i = 0; i < what->key_count; i++) {
        buf_text(out, i ? " " : "");
        buf_text(out, what->keys[i]);
    }
}

static void add_row(struct print_table *table, const struct store_subscription *what) {
    struct buf text = {0};
    table_add(table, what->name);
    table_add(table, what->tenant);
    join_keys(what, &text);
    table_add(table, buf_get(&text));
    table_add(table, what->kind);
    buf_clear(&text);
    if (what->ttl)
        print_duration(&text, what->ttl * 1000);
    table_add(table, buf_get(&text));
    buf_clear(&text);
    if (what->most)
        buf_integer(&text, what->most);
    table_add(table, buf_get(&text));
    table_add_date(table, what->created_date);
    buf_done(&text);
}

static void add_json(struct buf *out, const struct store_subscription *what) {
    struct buf keys = {0};
    for (size_t i = 0; i < what->key_count; i++) {
        buf_char(&keys, i ? ',' : '[');
        buf_json_string(&keys, what->keys[i]);
    }
    buf_char(&keys, ']');
    json_begin(out);
    json_text(out, "name", what->name);
    json_text(out, "tenant", what->tenant);
    json_raw(out, "keys", buf_get(&keys));
    json_text(out, "kind", what->kind);
    if (what->ttl)
        json_integer(out, "ttl", what->ttl);
    if (what->most)
        json_integer(out, "max_length", what->most);
    json_date(out, "created_date", what->created_date);
    json_end(out);
    buf_char(out, '\n');
    buf_done(&keys);
}

static void add(void *arg, const struct store_subscription *what) {
    struct listing *listing = arg;
    if (listing->table)
        add_row(listing->table, what);
    else
        add_json(&listing->out, what);
}

static int list(struct cli *cli) {
    struct jobs_error err;
    struct listing listing = {0};
    const char *tenant = cli_text(cli, "tenant");
    int status = cli_connect(cli);
    if (status)
        return status;
    if (!cli->json)
        listing.table = table_new("QUEUE|TENANT|KEYS|KIND|TTL|>MOST|CREATED");
    int rc = store_subscriptions(&cli->store, tenant, add, &listing, &err);
    if (listing.table)
        table_print(listing.table, cli, &listing.out);
    status = rc < 0 ? cli_fail(&err) : print_flush(&listing.out);
    buf_done(&listing.out);
    return status;
}

/* ---- make and delete ---- */

static int read_keys(const struct cli *cli, const char *tenant, struct buf *otherwise,
                     const char **keys, size_t *ret_count) {
    size_t n = 0;
    for (size_t i = 0; i < cli->command.given_count; i++)
        if (strcmp(cli->command.given[i].option->name, "key") == 0)
            keys[n++] = cli->command.given[i].value;
    if (n == 0) {
        buf_format(otherwise, "%s.#", tenant);
        keys[n++] = buf_get(otherwise);
    }
    *ret_count = n;
    return EXIT_OK;
}

static int read_kind(const struct cli *cli, struct store_subscription *what) {
    const char *kind = cli_text(cli, "kind");
    what->kind = kind ? kind : "quorum";
    bool stream = strcmp(what->kind, "stream") == 0;
    if (!stream && strcmp(what->kind, "quorum") != 0 && strcmp(what->kind, "classic") != 0)
        return cli_misuse(cli, "--kind: quorum, classic or stream, not \"%.80s\"", kind);
    if (stream && cli_has(cli, "max-length"))
        return cli_misuse(cli, "a stream is bound by its size, not by --max-length");
    what->most = stream ? 0 : MOST;
    what->ttl = TTL;
    int status = cli_integer(cli, "max-length", 0, INT64_MAX, &what->most);
    return status ? status : cli_duration(cli, "ttl", &what->ttl);
}

/* Recorded first, so that nothing is on the broker that nobody knows of. */
static int make(struct cli *cli, struct bus *bus, const char *service,
                const struct store_subscription *what) {
    struct jobs_error err, ignored;
    char **before = NULL;
    size_t count = 0;
    if (store_subscribe(&cli->store, what, &before, &count, &err) < 0)
        return cli_fail(&err);
    int rc = subscription_declare(bus, service, what, before, count, &err);
    if (rc < 0 && !before)
        store_unsubscribe(&cli->store, what->tenant, what->name, &ignored);
    free(before);
    return rc < 0 ? cli_fail(&err) : EXIT_OK;
}

static int subscribe(struct cli *cli, const char *tenant) {
    struct store_subscription what = {.name = cli->command.arguments[0], .tenant = tenant};
    const char *service = cli_service(cli);
    struct buf otherwise = {0}, out = {0};
    struct bus *bus = NULL;
    const char **keys = calloc(cli->command.given_count + 1, sizeof *keys);
    int status = service && keys ? EXIT_OK : EXIT_USAGE;
    if (!status)
        status = read_keys(cli, tenant, &otherwise, keys, &what.key_count);
    what.keys = keys;
    if (!status)
        status = read_kind(cli, &what);
    if (!status)
        status = cli_connect(cli);
    if (!status)
        status = cli_open_tenant_bus(cli, tenant, &bus);
    if (!status)
        status = make(cli, bus, service, &what);
    if (!status) {
        buf_format(&out, "%s: from now on every event of ", what.name);
        join_keys(&what, &out);
        buf_char(&out, '\n');
        status = print_flush(&out);
    }
    bus_close(bus);
    buf_done(&otherwise);
    buf_done(&out);
    free(keys);
    return status;
}

/* The queue first: a subscription without a queue can be deleted again. */
static int delete (struct cli *cli, const char *tenant) {
    struct jobs_error err;
    struct bus *bus;
    const char *name = cli->command.arguments[0];
    size_t length = strlen(tenant);
    if (strncmp(name, tenant, length) != 0 || name[length] != '.')
        return cli_misuse(cli, "a queue of tenant \"%s\" is named \"%s.…\"", tenant, tenant);
    int status = cli_connect(cli);
    if (!status)
        status = cli_open_tenant_bus(cli, tenant, &bus);
    if (status)
        return status;
    int rc = bus_delete_queue(bus, name, &err);
    if (rc == 0)
        rc = store_unsubscribe(&cli->store, tenant, name, &err);
    bus_close(bus);
    return rc < 0 ? cli_fail(&err) : EXIT_OK;
}

int verb_subscribe(struct cli *cli) {
    const char *tenant;
    if (cli_has(cli, "list") && cli_has(cli, "delete"))
        return cli_misuse(cli, "--list and --delete do not go together");
    if (cli_has(cli, "list"))
        return cli->command.argument_count ? cli_misuse(cli, "--list takes no name") : list(cli);
    if (cli->command.argument_count == 0)
        return cli_misuse(cli, "NAME is missing");
    int status = cli_tenant(cli, &tenant);
    if (status)
        return status;
    return cli_has(cli, "delete") ? delete (cli, tenant) : subscribe(cli, tenant);
}
