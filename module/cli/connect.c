/* Where the database and the broker are, and connections to them. */
#include "amqp/bus.h"
#include "module/base/error.h"
#include "module/base/mem.h"
#include "module/cli/cli.h"
#include "module/cli/remote.h"
#include "tenant/rights.h"

#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int cli_configure(struct cli *cli) {
    struct jobs_error err;
    if (cli->config)
        return EXIT_OK;
    if (config_load(cli_text(cli, "config"), environ, NULL, NULL, &cli->config, &err) < 0)
        return cli_fail(&err);
    return EXIT_OK;
}

static int which_datasource(struct cli *cli, const char *wanted, size_t *ret) {
    size_t count = config_datasource_count(cli->config);
    struct buf names = {0};
    int status = EXIT_OK;
    *ret = count;
    for (size_t i = 0; i < count; i++) {
        const char *name = config_datasource_name(cli->config, i);
        buf_format(&names, "%s%s", names.length ? ", " : "", name);
        if (wanted ? strcmp(name, wanted) == 0 : count == 1)
            *ret = i;
    }
    if (count == 0)
        status =
            cli_misuse(cli, "which database? Give --url, -c FILE, or set JOBS_DATASOURCE_MAIN_URL");
    else if (*ret == count && wanted)
        status =
            cli_misuse(cli, "there is no datasource \"%.80s\", but %s", wanted, buf_get(&names));
    else if (*ret == count)
        status = cli_misuse(cli, "which datasource? There are %s: choose with --datasource",
                            buf_get(&names));
    buf_done(&names);
    return status;
}

int cli_datasource(struct cli *cli, char **ret_url, char **ret_schema) {
    const char *url = cli_text(cli, "url"), *schema = cli_text(cli, "schema");
    if (url && remote_is_url(url))
        return cli_misuse(cli, "this needs the database: it does not go over HTTP");
    if (url && cli_text(cli, "datasource"))
        return cli_misuse(cli, "--url and --datasource do not go together");
    if (!url) {
        size_t i;
        int status = cli_configure(cli);
        if (!status)
            status = which_datasource(cli, cli_text(cli, "datasource"), &i);
        if (status)
            return status;
        url = config_datasource_text(cli->config, i, "url");
        schema = schema ? schema : config_datasource_text(cli->config, i, "schema");
    }
    *ret_url = mem_text(url);
    *ret_schema = mem_text(schema ? schema : "jobs");
    return EXIT_OK;
}

static void silent(void *arg, const PGresult *result) {
    (void)arg;
    (void)result;
}

static int connect_failure(PGconn *db, const char *url) {
    struct jobs_error err;
    char *masked = config_mask(url);
    char reason[512];
    snprintf(reason, sizeof reason, "%s", PQerrorMessage(db));
    for (size_t n = strlen(reason); n > 0 && reason[n - 1] == '\n';)
        reason[--n] = '\0';
    for (char *p = reason; *p; p++)
        if (*p == '\n' || *p == '\t')
            *p = ' ';
    error_set(&err, JOBS_EDB, "cannot connect to PostgreSQL (%s): %s", masked, reason);
    free(masked);
    PQfinish(db);
    return cli_fail(&err);
}

static int open_database(const char *url, PGconn **ret) {
    /* What stands before dbname may be overridden by the URL. No session settings: a transaction
     * pooler will do. */
    const char *keys[] = {"fallback_application_name", "connect_timeout", "dbname",
                          "client_encoding", NULL};
    const char *values[] = {"jobctl", "10", url, "UTF8", NULL};
    PGconn *db = PQconnectdbParams(keys, values, 1);
    if (PQstatus(db) != CONNECTION_OK)
        return connect_failure(db, url);
    PQsetNoticeReceiver(db, silent, NULL);
    *ret = db;
    return EXIT_OK;
}

static int open_remote(struct cli *cli, const char *url) {
    const char *token = cli_text(cli, "token");
    if (cli_text(cli, "datasource") || cli_text(cli, "schema"))
        return cli_misuse(cli, "--datasource and --schema do not go with a URL of HTTP");
    cli->remote = remote_new(url, token ? token : getenv("JOBS_TOKEN"));
    return EXIT_OK;
}

int cli_connect(struct cli *cli) {
    const char *given = cli_text(cli, "url");
    char *url;
    if (cli->store.db || cli->remote)
        return EXIT_OK;
    if (given && remote_is_url(given) && cli->command.verb->with & WITH_HTTP)
        return open_remote(cli, given);
    int status = cli_datasource(cli, &url, &cli->schema);
    if (status)
        return status;
    PGconn *db;
    status = open_database(url, &db);
    if (!status)
        cli->store = (struct job_info_service){db, cli->schema};
    free(url);
    return status;
}

static struct cli_store *find_store(struct cli *cli, const char *name) {
    for (size_t i = 0; i < cli->store_count; i++)
        if (strcmp(cli->stores[i].name, name) == 0)
            return &cli->stores[i];
    return NULL;
}

static int open_store(struct cli *cli, const char *name, struct cli_store **ret) {
    size_t i;
    PGconn *db;
    int status = cli_configure(cli);
    if (!status)
        status = which_datasource(cli, name, &i);
    if (!status)
        status = open_database(config_datasource_text(cli->config, i, "url"), &db);
    if (status)
        return status;
    cli->stores = mem_grow(cli->stores, cli->store_count + 1, sizeof *cli->stores);
    *ret = &cli->stores[cli->store_count++];
    **ret = (struct cli_store){mem_text(name),
                               mem_text(config_datasource_text(cli->config, i, "schema")), db};
    return EXIT_OK;
}

int cli_connect_to(struct cli *cli, const char *datasource, struct job_info_service *ret) {
    struct cli_store *store = find_store(cli, datasource);
    int status = EXIT_OK;
    if (!*datasource) {
        status = cli_connect(cli);
        *ret = cli->store;
        return status;
    }
    if (!store)
        status = open_store(cli, datasource, &store);
    if (!status)
        *ret = (struct job_info_service){store->db, store->schema};
    return status;
}

/* With a virtual host per tenant: this tenant's, else the URL's (NULL). */
static const char *vhost_of(struct cli *cli, const char *tenant, char vhost[TENANT_VHOST_SIZE]) {
    const char *service = cli_service(cli);
    if (strcmp(config_text(cli->config, "jobs.amqp.vhost.mode"), "tenant") != 0)
        return NULL;
    if (!tenant || !*tenant || !service)
        return NULL;
    tenant_vhost_name(service, tenant, vhost);
    return vhost;
}

int cli_open_tenant_bus(struct cli *cli, const char *tenant, struct bus **ret) {
    struct jobs_error err;
    char vhost[TENANT_VHOST_SIZE];
    const char *url = cli_text(cli, "amqp-url"), *where = NULL;
    if (!url) {
        int status = cli_configure(cli);
        if (status)
            return status;
        url = config_text(cli->config, "jobs.amqp.url");
        where = vhost_of(cli, tenant, vhost);
    }
    if (!url || !*url)
        return cli_misuse(cli, "which broker? Give --amqp-url, -c FILE, or set JOBS_AMQP_URL");
    struct bus_options options = {.url = url, .vhost = where, .name = "jobctl", .confirms = true};
    if (bus_open(&options, ret, &err) < 0)
        return cli_fail(&err);
    return EXIT_OK;
}

int cli_open_bus(struct cli *cli, struct bus **ret) {
    const char *tenant = NULL;
    if (cli->command.verb->with & WITH_TENANT)
        tenant = cli_text(cli, "tenant") ? cli_text(cli, "tenant") : getenv("JOBS_TENANT");
    return cli_open_tenant_bus(cli, tenant, ret);
}

const char *cli_service(struct cli *cli) {
    const char *service = cli_text(cli, "service");
    if (service)
        return service;
    return cli_configure(cli) == EXIT_OK ? config_text(cli->config, "jobs.service") : NULL;
}
