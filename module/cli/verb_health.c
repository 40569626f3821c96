/* jobctl health: may work be sent there? Asks database and broker itself, or a jobsd over HTTP, which
 * answers in the same form (GET /health/ready). */
#include "amqp/bus.h"
#include "module/base/error.h"
#include "module/base/mem.h"
#include "module/cli/print.h"
#include "module/cli/remote.h"
#include "module/store/store.h"

#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

enum { TIMEOUT = 5000 /* ms, for each server */ };

struct health {
    struct print_table *table; /* NULL: JSON */
    struct buf out;
    bool down;
    unsigned count;
};

static void begin(const struct cli *cli, struct health *health) {
    *health = (struct health){.table = cli->json ? NULL : table_new("CHECK|STATUS|DETAIL")};
}

/* "ok", "warning", "down" */
static void add(struct health *health, const char *name, const char *status, const char *detail) {
    health->down |= strcmp(status, "down") == 0;
    if (health->table) {
        table_add(health->table, name);
        table_add(health->table, status);
        table_add(health->table, detail);
        return;
    }
    buf_text(&health->out, health->count++ ? "," : "\"checks\":[");
    json_begin(&health->out);
    json_text(&health->out, "name", name);
    json_text(&health->out, "status", status);
    json_text(&health->out, "detail", detail && *detail ? detail : NULL);
    json_end(&health->out);
}

static int end(struct cli *cli, struct health *health) {
    struct buf all = {0};
    if (health->table)
        table_print(health->table, cli, &all);
    else
        buf_format(&all, "{\"status\":\"%s\",%s]}\n", health->down ? "down" : "ok",
                   health->count ? buf_get(&health->out) : "\"checks\":[");
    int status = print_flush(&all);
    buf_done(&all);
    buf_done(&health->out);
    return status ? status : health->down ? EXIT_FAILED : EXIT_OK;
}

/* ---- a jobsd ---- */

static void read_check(struct health *health, const struct json_value *one) {
    char *name = remote_text(one, "name"), *status = remote_text(one, "status"),
         *detail = remote_text(one, "detail");
    add(health, name ? name : "?", status ? status : "down", detail);
    free(name), free(status), free(detail);
}

static void ask_remote(struct cli *cli, struct health *health) {
    struct buf answer = {0};
    struct json_value all, list, one;
    struct jobs_error err;
    int rc = remote_ready(cli->remote, TIMEOUT, &answer, &err);
    if (rc == 0)
        rc = json_read(buf_get(&answer), answer.length, &all, &err);
    if (rc < 0)
        add(health, "jobsd", "down", err.text);
    else
        list = remote_member(&all, "checks");
    for (const char *at = NULL;
         rc == 0 && list.kind == JSON_ARRAY && json_next(&list, &at, NULL, &one);)
        read_check(health, &one);
    buf_done(&answer);
}

/* ---- the servers ---- */

static void count_living(void *arg, const struct store_instance *instance) {
    *(int *)arg += !instance->lost && instance->connected;
}

static int look_at_database(PGconn *db, const char *schema, int *ret_living,
                            struct jobs_error *err) {
    struct job_info_service s = {db, schema};
    if (PQstatus(db) != CONNECTION_OK) {
        const char *text = PQerrorMessage(db);
        return error_set(err, JOBS_EDB, "%.*s", (int)strcspn(text, "\n"), text);
    }
    return store_instances(&s, count_living, ret_living, err);
}

static void ask_database(struct health *health, const char *name, const char *url,
                         const char *schema) {
    const char *keys[] = {"fallback_application_name", "connect_timeout", "options", "dbname",
                          NULL};
    const char *values[] = {"jobctl health", "5", "-c statement_timeout=5s", url, NULL};
    struct buf check = {0};
    struct jobs_error err;
    int living = 0;
    PGconn *db = PQconnectdbParams(keys, values, 1);
    buf_format(&check, "datasource:%s", name);
    if (look_at_database(db, schema, &living, &err) < 0)
        add(health, buf_get(&check), "down", err.text);
    else if (living == 0)
        add(health, buf_get(&check), "warning", "no jobsd is there: jobs wait");
    else
        add(health, buf_get(&check), "ok", NULL);
    buf_done(&check);
    PQfinish(db);
}

static void ask_broker(struct health *health, const char *url) {
    struct bus_options options = {.url = url, .name = "jobctl health", .timeout = TIMEOUT};
    struct jobs_error err;
    struct bus *bus;
    if (!url[0]) {
        add(health, "amqp", "warning", "jobs.amqp.url is empty: events are kept, not broadcast");
    } else if (bus_open(&options, &bus, &err) < 0) {
        add(health, "amqp", "down", err.text);
    } else {
        add(health, "amqp", "ok", NULL);
        bus_close(bus);
    }
}

static void ask_configured(const struct cli *cli, struct health *health) {
    for (size_t i = 0; i < config_datasource_count(cli->config); i++)
        ask_database(health, config_datasource_name(cli->config, i),
                     config_datasource_text(cli->config, i, "url"),
                     config_datasource_text(cli->config, i, "schema"));
}

/* The database that is named, or all that are configured. */
static int ask_servers(struct cli *cli) {
    const char *name = cli_text(cli, "datasource"), *broker = cli_text(cli, "amqp-url");
    char *url = NULL, *schema = NULL;
    struct health health;
    int status = cli_configure(cli);
    if (!status && (name || cli_text(cli, "url") || config_datasource_count(cli->config) == 0))
        status = cli_datasource(cli, &url, &schema);
    if (status)
        return status;
    begin(cli, &health);
    if (url)
        ask_database(&health, name ? name : "main", url, schema);
    else
        ask_configured(cli, &health);
    ask_broker(&health, broker ? broker : config_text(cli->config, "jobs.amqp.url"));
    free(url);
    free(schema);
    return end(cli, &health);
}

int verb_health(struct cli *cli) {
    const char *url = cli_text(cli, "url");
    struct health health;
    if (!url || !remote_is_url(url))
        return ask_servers(cli);
    int status = cli_connect(cli);
    if (status)
        return status;
    begin(cli, &health);
    ask_remote(cli, &health);
    return end(cli, &health);
}
