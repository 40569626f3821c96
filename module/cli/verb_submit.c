/* jobctl submit */
#include "module/base/text.h"
#include "module/cli/job.h"
#include "module/cli/print.h"
#include "module/cli/source.h"

#include <limits.h>
#include <string.h>

static int read_numbers(const struct cli *cli, struct job_info *job) {
    int64_t priority = 0, attempts = 0;
    int status = cli_integer(cli, "priority", INT32_MIN, INT32_MAX, &priority);
    if (!status)
        status = cli_integer(cli, "attempts", 1, 1000, &attempts);
    if (!status)
        status = cli_duration(cli, "timeout", &job->timeout);
    if (!status)
        status = cli_duration(cli, "backoff", &job->backoff);
    job->priority = (int32_t)priority;
    job->attempts = (unsigned)attempts;
    return status;
}

static int read_texts(const struct cli *cli, struct job_info *job) {
    job->class_name = cli->command.arguments[0];
    job->id = cli_text(cli, "id");
    job->description = cli_text(cli, "description");
    job->owner = cli_text(cli, "owner");
    job->related_type = cli_text(cli, "related-type");
    job->related_id = cli_text(cli, "related-id");
    job->traceparent = cli_text(cli, "traceparent");
    job->locked = cli_has(cli, "locked");
    if (job->id && !text_is_uuid(job->id))
        return cli_misuse(cli, "--id %.80s: it is a uuid", job->id);
    return cli_tenant(cli, &job->tenant);
}

/* Dates as the server reads them; --in counts from the server's now. */
static int read_dates(struct cli *cli, struct job_info *job) {
    struct jobs_error err;
    const char *at = cli_text(cli, "at"), *expires = cli_text(cli, "expires");
    int64_t in = 0;
    int status = cli_duration(cli, "in", &in);
    if (status)
        return status;
    if (at && cli_has(cli, "in"))
        return cli_misuse(cli, "--at and --in do not go together");
    const char *trigger = cli_has(cli, "in") ? "now" : at;
    int rc = trigger ? source_date(cli, trigger, &job->trigger_after_date, &err) : 0;
    if (rc == 0 && expires)
        rc = source_date(cli, expires, &job->expiration_date, &err);
    job->trigger_after_date += in * 1000;
    if (rc == JOBS_EINVAL)
        return cli_misuse(cli, "%s", err.text);
    return rc < 0 ? cli_fail(&err) : EXIT_OK;
}

static int print_id(const struct cli *cli, const char *id) {
    struct buf out = {0};
    if (cli->json) {
        json_begin(&out);
        json_text(&out, "id", id);
        json_end(&out);
    } else
        buf_text(&out, id);
    buf_char(&out, '\n');
    int status = print_flush(&out);
    buf_done(&out);
    return status;
}

static int create(struct cli *cli, const struct job_info *job) {
    struct jobs_error err;
    struct job_uuid id;
    int64_t timeout = -1;
    int rc = source_create(cli, job, cli_has(cli, "pending"), &id, &err);
    if (rc < 0)
        return cli_fail(&err);
    bool wait = cli_has(cli, "wait");
    int status = wait && cli->json ? EXIT_OK : print_id(cli, id.text);
    if (status || !wait)
        return status;
    status = cli_duration(cli, "wait-timeout", &timeout);
    return status ? status : job_wait_and_print(cli, job->tenant, id.text, timeout);
}

int verb_submit(struct cli *cli) {
    struct job_info job = JOB_INFO(.priority = 0);
    struct buf parameters = {0};
    int64_t timeout;
    int status = read_texts(cli, &job);
    if (!status)
        status = read_numbers(cli, &job);
    if (!status)
        status = cli_duration(cli, "wait-timeout",
                              &timeout); /* what is wrong is told before anything is done */
    if (!status)
        status = cli_parameters(cli, &parameters);
    if (!status)
        status = cli_connect(cli);
    if (!status)
        status = read_dates(cli, &job);
    job.parameters = buf_get(&parameters);
    if (!status)
        status = create(cli, &job);
    buf_done(&parameters);
    return status;
}
