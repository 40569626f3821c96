/* jobctl class set, pause, resume: limits and pauses of job classes. */
#include "module/cli/cli.h"
#include "module/cli/verb.h"
#include "module/store/store.h"

#include <string.h>

static const char *name_of(const struct cli *cli) { return cli->command.arguments[0]; }

/* -1: none. *ret_given: its address, or NULL when the option is not there. */
static int read_limit(const struct cli *cli, const char *option, int64_t *limit,
                      const int64_t **ret_given) {
    const char *text = cli_text(cli, option);
    *limit = -1;
    *ret_given = text ? limit : NULL;
    return !text || strcmp(text, "none") == 0 ? EXIT_OK
                                              : cli_integer(cli, option, 0, INT32_MAX, limit);
}

int verb_class_set(struct cli *cli) {
    struct jobs_error err;
    int64_t all, each;
    const int64_t *max_running, *per_tenant;
    int status = read_limit(cli, "max-running", &all, &max_running);
    if (!status)
        status = read_limit(cli, "max-running-per-tenant", &each, &per_tenant);
    if (!status && !max_running && !per_tenant)
        status =
            cli_misuse(cli,
                       "what shall be changed? Give --max-running or --max-running-per-tenant");
    if (!status)
        status = cli_connect(cli);
    if (!status && store_class_set(&cli->store, name_of(cli), max_running, per_tenant, &err) < 0)
        status = cli_fail(&err);
    return status;
}

int verb_class_pause(struct cli *cli) {
    struct jobs_error err;
    int status = cli_connect(cli);
    if (!status && store_class_pause(&cli->store, name_of(cli), cli_text(cli, "tenant"), &err) < 0)
        status = cli_fail(&err);
    return status;
}

int verb_class_resume(struct cli *cli) {
    struct jobs_error err;
    int status = cli_connect(cli);
    if (!status && store_class_resume(&cli->store, name_of(cli), cli_text(cli, "tenant"), &err) < 0)
        status = cli_fail(&err);
    return status;
}
