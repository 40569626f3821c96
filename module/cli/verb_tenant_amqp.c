/* jobctl tenant amqp: what a tenant's user may do on the broker, as commands or done. */
#include "amqp/bus.h"
#include "module/base/error.h"
#include "module/cli/broker_api.h"
#include "module/cli/print.h"
#include "tenant/rights.h"
#include "tenant/role.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct plan {
    struct tenant_rights rights;
    bool alone;
    char service_user[256], vhost[256], user[256];
    const char *tenant, *service;
};

/* ---- as commands ---- */

/* For a shell; names and expressions hold no quote, users may. */
static void add_quoted(struct buf *out, const char *text) {
    buf_text(out, " '");
    for (; *text; text++)
        if (*text == '\'')
            buf_text(out, "'\\''");
        else
            buf_char(out, *text);
    buf_char(out, '\'');
}

static void add_command(struct buf *out, const char *verb, const char *const *words) {
    buf_format(out, "rabbitmqctl %s", verb);
    for (; *words; words++)
        add_quoted(out, *words);
    buf_char(out, '\n');
}
#define COMMAND(out, verb, ...) add_command(out, verb, (const char *const[]){__VA_ARGS__, NULL})

static int print_plan(const struct plan *plan) {
    const struct tenant_rights *rights = &plan->rights;
    struct buf out = {0};
    if (plan->alone) {
        COMMAND(&out, "add_vhost", plan->vhost);
        COMMAND(&out, "set_permissions -p", plan->vhost, plan->service_user, ".*", ".*", ".*");
    }
    buf_text(&out, "# asks for a password; leave it out for a user that is there\n");
    COMMAND(&out, "add_user", plan->user);
    COMMAND(&out, "set_permissions -p", plan->vhost, plan->user, rights->configure, rights->write,
            rights->read);
    for (size_t i = 0; i < rights->topic_count; i++)
        COMMAND(&out, "set_topic_permissions -p", plan->vhost, plan->user,
                rights->topics[i].exchange, rights->topics[i].write, rights->topics[i].read);
    int status = print_flush(&out);
    buf_done(&out);
    return status;
}

/* ---- done ---- */

static int put(struct broker_api *api, const char *kind, const char *const *names, struct buf *body,
               struct jobs_error *err) {
    int rc = broker_api_call(api, "PUT", kind, names, buf_get(body), err);
    buf_clear(body);
    return rc;
}

static int put_permissions(struct broker_api *api, const struct plan *plan, const char *user,
                           const char *configure, const char *write, const char *read,
                           struct buf *body, struct jobs_error *err) {
    json_begin(body);
    json_text(body, "configure", configure);
    json_text(body, "write", write);
    json_text(body, "read", read);
    json_end(body);
    return put(api, "permissions", (const char *const[]){plan->vhost, user, NULL}, body, err);
}

/* A user that is there keeps its password unless one is given; a new one without cannot log in by
 * password. */
static int put_user(struct broker_api *api, const struct plan *plan, const char *password,
                    struct buf *body, struct jobs_error *err) {
    const char *const names[] = {plan->user, NULL};
    bool there = false;
    int rc = password ? 0 : broker_api_exists(api, "users", names, &there, err);
    if (rc < 0 || there)
        return rc;
    json_begin(body);
    json_text(body, password ? "password" : "password_hash", password ? password : "");
    json_text(body, "tags", "");
    json_end(body);
    if (!password)
        cli_note("user \"%s\" is made without a password: give --password-file, or let it log in "
                 "otherwise",
                 plan->user);
    return put(api, "users", names, body, err);
}

static int put_topics(struct broker_api *api, const struct plan *plan, struct buf *body,
                      struct jobs_error *err) {
    const char *const names[] = {plan->vhost, plan->user, NULL};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < plan->rights.topic_count; i++) {
        json_begin(body);
        json_text(body, "exchange", plan->rights.topics[i].exchange);
        json_text(body, "write", plan->rights.topics[i].write);
        json_text(body, "read", plan->rights.topics[i].read);
        json_end(body);
        rc = put(api, "topic-permissions", names, body, err);
    }
    return rc;
}

/* Topic permissions first: without them the others would open every routing key. */
static int apply(struct broker_api *api, const struct plan *plan, const char *password,
                 struct jobs_error *err) {
    const struct tenant_rights *rights = &plan->rights;
    struct buf body = {0};
    int rc = 0;
    if (plan->alone) {
        rc = broker_api_call(api, "PUT", "vhosts", (const char *const[]){plan->vhost, NULL}, "{}",
                             err);
        if (rc == 0)
            rc = put_permissions(api, plan, plan->service_user, ".*", ".*", ".*", &body, err);
    }
    if (rc == 0)
        rc = put_user(api, plan, password, &body, err);
    if (rc == 0)
        rc = put_topics(api, plan, &body, err);
    if (rc == 0)
        rc = put_permissions(api, plan, plan->user, rights->configure, rights->write, rights->read,
                             &body, err);
    buf_done(&body);
    if (rc < 0)
        error_prefix(err, "tenant \"%s\"", plan->tenant);
    return rc;
}

/* The first line of the file. Caller frees; NULL: *ret_status says why, or no file was named. */
static char *read_password(struct cli *cli, int *ret_status) {
    const char *path = cli_text(cli, "password-file");
    char line[512];
    *ret_status = EXIT_OK;
    if (!path)
        return NULL;
    FILE *file = fopen(path, "re");
    bool read = file && fgets(line, sizeof line, file);
    if (!read)
        *ret_status = cli_misuse(cli, "no password can be read from %s: %s", path,
                                 file ? "it is empty" : strerror(errno));
    if (file)
        fclose(file);
    return read ? strndup(line, strcspn(line, "\r\n")) : NULL;
}

static int apply_plan(struct cli *cli, const struct plan *plan) {
    struct jobs_error err;
    struct broker_api *api = NULL;
    int status = cli_configure(cli);
    if (status)
        return status;
    const char *url = config_text(cli->config, "jobs.amqp.management.url");
    if (!url || !*url)
        return cli_misuse(cli, "where is the broker's management? Give -c FILE, or set "
                               "JOBS_AMQP_MANAGEMENT_URL");
    char *password = read_password(cli, &status);
    if (!status && (broker_api_open(url, &api, &err) < 0 || apply(api, plan, password, &err) < 0))
        status = cli_fail(&err);
    broker_api_close(api);
    free(password);
    if (!status)
        cli_note("tenant \"%s\": user \"%s\" has its rights in virtual host \"%s\"", plan->tenant,
                 plan->user, plan->vhost);
    return status;
}

/* ---- both ---- */

static int make_plan(struct cli *cli, struct plan *plan) {
    struct jobs_error err;
    const char *url = cli_text(cli, "amqp-url");
    plan->tenant = cli->command.arguments[0];
    int status = cli_configure(cli);
    if (status)
        return status;
    plan->service = cli_service(cli);
    plan->alone = strcmp(config_text(cli->config, "jobs.amqp.vhost.mode"), "tenant") == 0;
    url = url ? url : config_text(cli->config, "jobs.amqp.url");
    if (!url || !*url)
        return cli_misuse(cli, "which broker? Give --amqp-url, -c FILE, or set JOBS_AMQP_URL");
    if (bus_url_parts(url, plan->service_user, plan->vhost, &err) < 0)
        return cli_fail(&err);
    const char *user = cli_text(cli, "user");
    if (user && strcmp(user, plan->service_user) == 0)
        return cli_misuse(cli, "\"%s\" is the service's own user: name another", user);
    status = cli_connect(cli);
    if (status)
        return status;
    if (tenant_amqp_user(&cli->store, plan->tenant, user, plan->user, &err) < 0 ||
        tenant_rights(plan->service, plan->tenant, plan->alone, &plan->rights, &err) < 0)
        return cli_fail(&err);
    if (strcmp(plan->user, plan->service_user) == 0)
        return cli_misuse(cli, "\"%s\" is the service's own user: name another with --user",
                          plan->user);
    if (plan->alone)
        tenant_vhost_name(plan->service, plan->tenant, plan->vhost);
    return EXIT_OK;
}

int verb_tenant_amqp(struct cli *cli) {
    struct plan plan = {0};
    int status = make_plan(cli, &plan);
    if (status)
        return status;
    return cli_has(cli, "apply") ? apply_plan(cli, &plan) : print_plan(&plan);
}
