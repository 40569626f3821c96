/* jobctl tenant move: a tenant with all its jobs goes to another datasource. */
#include "module/base/error.h"
#include "module/cli/cli.h"
#include "tenant/move.h"

#include <inttypes.h>
#include <string.h>

/* The datasource that is named; or the one that has the tenant, but for the target, and if none has
 * it (a move that was all but done) any other. */
static int find_source(struct cli *cli, const char *tenant, const char *target,
                       struct job_info_service *ret) {
    struct jobs_error err;
    struct job_info_service other = {0};
    const char *named = cli_text(cli, "datasource");
    if (named)
        return cli_connect_to(cli, named, ret);
    for (size_t i = 0; i < config_datasource_count(cli->config); i++) {
        const char *name = config_datasource_name(cli->config, i);
        struct tenant found;
        if (strcmp(name, target) == 0)
            continue;
        int status = cli_connect_to(cli, name, &other);
        if (status)
            return status;
        *ret = other;
        int rc = tenant_get(&other, tenant, &found, &err);
        if (rc != JOBS_ENOENT)
            return rc < 0 ? cli_fail(&err) : EXIT_OK;
    }
    return other.db ? EXIT_OK : cli_misuse(cli, "there is no datasource but %s", target);
}

static void print_progress(void *arg, const char *what) {
    cli_note("tenant \"%s\": %s", (const char *)arg, what);
}

static int read_options(struct cli *cli, struct tenant_move *move) {
    move->target_name = cli_text(cli, "to");
    if (!move->target_name)
        return cli_misuse(cli, "where to? Give --to DATASOURCE");
    if (cli_has(cli, "url") || cli_has(cli, "schema"))
        return cli_misuse(cli, "both datasources must be configured (-c FILE): --url and --schema "
                               "name only one");
    int status = cli_duration(cli, "timeout", &move->timeout);
    if (!status)
        status = cli_duration(cli, "events-for", &move->events_for);
    return status ? status : cli_configure(cli);
}

int verb_tenant_move(struct cli *cli) {
    struct jobs_error err;
    struct job_info_service source = {0}, target = {0};
    const char *tenant = cli->command.arguments[0];
    struct tenant_move move = {
        .name = tenant,
        .source = &source,
        .target = &target,
        .stop = cli_has(cli, "stop"),
        .events_for = 10000,
        .progress = print_progress,
        .arg = (void *)(uintptr_t)tenant,
    };
    int64_t jobs;
    int status = read_options(cli, &move);
    if (!status)
        status = cli_connect_to(cli, move.target_name, &target);
    if (!status)
        status = find_source(cli, tenant, move.target_name, &source);
    if (status)
        return status;
    if (source.db == target.db)
        return cli_misuse(cli, "source and target are the same datasource");
    if (cli_has(cli, "cancel"))
        return tenant_move_cancel(&move, &err) < 0 ? cli_fail(&err) : EXIT_OK;
    if (tenant_move(&move, &jobs, &err) < 0)
        return cli_fail(&err);
    cli_note("tenant \"%s\" is moved to %s", tenant, move.target_name);
    return EXIT_OK;
}
