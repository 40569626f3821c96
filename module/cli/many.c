#include "module/cli/many.h"

#include "module/base/error.h"
#include "module/store/many.h"

#include <inttypes.h>

static bool has_filter(const struct cli *cli) {
    static const char *const names[] = {"all",          "status",     "class",      "owner",
                                        "related-type", "related-id", "older-than", "newer-than"};
    bool found = false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        found |= cli_has(cli, names[i]);
    return found;
}

/* `jobctl retry` alone has these. */
static bool has_failure_filter(const struct cli *cli) {
    return cli->command.verb->run == verb_retry &&
           (cli_has(cli, "failed") || cli_has(cli, "error-kind"));
}

int many_check(const struct cli *cli, bool *ret_filtered) {
    bool ids = cli->command.argument_count > 0;
    bool filtered = has_filter(cli) || has_failure_filter(cli);
    if (ids && filtered)
        return cli_misuse(cli, "ids or a filter, not both");
    if (!ids && !filtered)
        return cli_misuse(cli, "which jobs? Give ids, or a filter such as --class, or --all");
    if (ids && cli_has(cli, "limit"))
        return cli_misuse(cli, "--limit goes with a filter");
    *ret_filtered = filtered;
    return EXIT_OK;
}

static int read_filter(struct cli *cli, struct store_many *many) {
    int status = cli_tenant(cli, &many->tenant);
    many->class_name = cli_text(cli, "class");
    many->owner = cli_text(cli, "owner");
    many->related_type = cli_text(cli, "related-type");
    many->related_id = cli_text(cli, "related-id");
    if (!status)
        status = cli_statuses(cli, &many->statuses);
    if (!status)
        status = cli_duration(cli, "older-than", &many->older_than);
    if (!status)
        status = cli_duration(cli, "newer-than", &many->newer_than);
    if (!status)
        status = cli_integer(cli, "limit", 1, INT32_MAX, &many->most);
    if (!status)
        status = cli_connect(cli);
    if (!status && cli->remote)
        return cli_misuse(cli, "filters do not go over HTTP here: give ids, or POST …/jobs:stop");
    return status;
}

int many_stop(struct cli *cli) {
    struct jobs_error err;
    struct store_many many = {0};
    struct store_many_done done;
    int status = read_filter(cli, &many);
    if (status)
        return status;
    if (store_stop_many(&cli->store, &many, &done, &err) < 0)
        status = cli_fail(&err);
    printf("%" PRId64 " ABORTED, %" PRId64 " asked to stop\n", done.aborted, done.asked);
    return status;
}

int many_retry(struct cli *cli) {
    struct jobs_error err;
    struct store_many many = {0};
    struct store_many_done done;
    int status = read_filter(cli, &many);
    if (status)
        return status;
    if (cli_has(cli, "failed"))
        many.statuses |= 1u << JOB_FAILED;
    many.error_kind = cli_text(cli, "error-kind");
    if (store_retry_many(&cli->store, &many, &done, &err) < 0)
        status = cli_fail(&err);
    printf("%" PRId64 " QUEUED\n", done.queued);
    return status;
}
