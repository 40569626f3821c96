/* jobctl purge: retention by hand. */
#include "module/cli/print.h"
#include "module/store/store.h"

#include <inttypes.h>
#include <stdlib.h>

#define DAY_MS (INT64_C(24) * 3600 * 1000)

/* What jobsd would keep. */
static int configured(struct cli *cli, const char *key, int64_t *ret) {
    int status = cli_configure(cli);
    if (status)
        return status;
    int64_t days = config_integer(cli->config, key);
    *ret = days > 0 ? days * DAY_MS : -1;
    return EXIT_OK;
}

static int take_ages(struct cli *cli, struct store_keep *keep) {
    int64_t older = -1;
    int status = cli_duration(cli, "older-than", &older);
    keep->succeeded = keep->failed = older;
    if (!status && older < 0)
        status = configured(cli, "jobs.retention.succeeded.days", &keep->succeeded);
    if (!status && older < 0)
        status = configured(cli, "jobs.retention.failed.days", &keep->failed);
    keep->aborted = keep->failed;
    return status;
}

static int take_statuses(const struct cli *cli, struct store_keep *keep) {
    const unsigned final = 1u << JOB_SUCCEEDED | 1u << JOB_FAILED | 1u << JOB_ABORTED;
    unsigned statuses = 0;
    int status = cli_statuses(cli, &statuses);
    if (status)
        return status;
    if (statuses & ~final)
        return cli_misuse(cli, "only jobs that are SUCCEEDED, FAILED or ABORTED can be removed");
    if (!statuses)
        statuses = final;
    keep->succeeded = statuses & 1u << JOB_SUCCEEDED ? keep->succeeded : -1;
    keep->failed = statuses & 1u << JOB_FAILED ? keep->failed : -1;
    keep->aborted = statuses & 1u << JOB_ABORTED ? keep->aborted : -1;
    return EXIT_OK;
}

int verb_purge(struct cli *cli) {
    struct jobs_error err;
    struct store_keep keep = {.tenant = cli_text(cli, "tenant")};
    int64_t removed;
    if (!keep.tenant)
        keep.tenant = getenv("JOBS_TENANT");
    if (keep.tenant && !*keep.tenant)
        keep.tenant = NULL;
    int status = take_ages(cli, &keep);
    if (!status)
        status = take_statuses(cli, &keep);
    if (!status)
        status = cli_connect(cli);
    if (status)
        return status;
    if (store_purge(&cli->store, &keep, &removed, &err) < 0)
        status = cli_fail(&err);
    printf("%" PRId64 "\n", removed);
    return status;
}
