/* jobctl migrate, jobctl tenant role: tables, and who may do what with them. */
#include "module/base/error.h"
#include "module/cli/print.h"
#include "module/cli/roles.h"
#include "module/store/store.h"
#include "tenant/role.h"

#include <stdlib.h>
#include <string.h>

static int migrate(struct cli *cli, const char *url, const char *schema) {
    struct jobs_error err;
    int from, to;
    if (store_migrate(url, schema, &from, &to, &err) < 0)
        return cli_fail(&err);
    if (from == to)
        cli_note("schema \"%s\" is up to date: version %d", schema, to);
    else
        cli_note("schema \"%s\": from version %d to %d", schema, from, to);
    if (!cli_has(cli, "roles"))
        return EXIT_OK;
    if (store_roles(url, schema, &err) < 0)
        return cli_fail(&err);
    cli_note("roles %s_daemon, %s_client and %s_tenant have their rights", schema, schema, schema);
    return EXIT_OK;
}

static int print_roles(const char *schema) {
    struct jobs_error err;
    struct buf out = {0};
    int status = store_roles_print(schema, &out, &err) < 0 ? cli_fail(&err) : print_flush(&out);
    buf_done(&out);
    return status;
}

int verb_migrate(struct cli *cli) {
    char *url, *schema;
    if (cli_has(cli, "print") && !cli_has(cli, "roles"))
        return cli_misuse(cli, "--print goes with --roles");
    int status = cli_datasource(cli, &url, &schema);
    if (status)
        return status;
    status = cli_has(cli, "print") ? print_roles(schema) : migrate(cli, url, schema);
    free(url);
    free(schema);
    return status;
}

/* The role that is meant; "-" or NULL: the usual name. */
static int which_role(struct cli *cli, const char *tenant, const char *given,
                      char ret[TENANT_ROLE_SIZE]) {
    struct jobs_error err;
    if (!given || strcmp(given, "-") == 0)
        return tenant_role_name(&cli->store, tenant, ret, &err) < 0 ? cli_fail(&err) : EXIT_OK;
    if (strlen(given) >= TENANT_ROLE_SIZE)
        return cli_misuse(cli, "\"%.80s\" is too long for a role", given);
    strcpy(ret, given);
    return EXIT_OK;
}

int cli_set_role(struct cli *cli, const char *tenant, const char *given) {
    struct jobs_error err;
    char role[TENANT_ROLE_SIZE];
    int status = which_role(cli, tenant, given, role);
    if (status)
        return status;
    if (tenant_set_role(&cli->store, tenant, role, &err) == 0) {
        cli_note("tenant \"%s\" has the role %s", tenant, role);
        return EXIT_OK;
    }
    if (strcmp(err.sqlstate, "42501") == 0)
        error_prefix(&err,
                     "this login may not do that; let an administrator run what `jobctl tenant "
                     "role %s %s --print` prints",
                     tenant, role);
    return cli_fail(&err);
}

static void add_line(void *arg, const char *statement) { buf_format(arg, "%s\n", statement); }

static int print_role(struct cli *cli, const char *tenant, const char *given) {
    struct jobs_error err;
    struct buf out = {0};
    char role[TENANT_ROLE_SIZE];
    int status = which_role(cli, tenant, given, role);
    if (status)
        return status;
    if (tenant_print_role(&cli->store, tenant, role, add_line, &out, &err) < 0)
        status = cli_fail(&err);
    else
        status = print_flush(&out);
    buf_done(&out);
    return status;
}

int verb_tenant_role(struct cli *cli) {
    struct jobs_error err;
    const char *tenant = cli->command.arguments[0];
    const char *role = cli->command.argument_count > 1 ? cli->command.arguments[1] : NULL;
    bool none = cli_has(cli, "none"), print = cli_has(cli, "print");
    if (none && (role || print))
        return cli_misuse(cli, "--none goes with nothing else");
    int status = cli_connect(cli);
    if (status)
        return status;
    if (print)
        return print_role(cli, tenant, role);
    if (!none)
        return cli_set_role(cli, tenant, role);
    return tenant_set_role(&cli->store, tenant, NULL, &err) < 0 ? cli_fail(&err) : EXIT_OK;
}
