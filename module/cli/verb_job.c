/* jobctl show, release, retry, lock, wait: what is done with single jobs. */
#include "module/base/clock.h"
#include "module/cli/job.h"
#include "module/cli/many.h"
#include "module/cli/print.h"
#include "module/cli/source.h"

static void add_attempt_json(void *arg, const struct store_attempt *attempt) {
    struct buf *out = arg;
    if (out->data[out->length - 1] != '[')
        buf_char(out, ',');
    json_begin(out);
    json_integer(out, "attempt", attempt->attempt);
    json_text(out, "outcome", attempt->outcome);
    json_date(out, "start_date", attempt->start_date);
    json_date(out, "stop_date", attempt->stop_date);
    json_text(out, "instance", attempt->instance);
    json_text(out, "error_kind", attempt->error_kind);
    json_text(out, "error", attempt->error);
    json_end(out);
}

static void add_attempt_row(void *arg, const struct store_attempt *attempt) {
    struct buf duration = {0};
    if (attempt->start_date && attempt->stop_date)
        print_duration(&duration, attempt->stop_date - attempt->start_date);
    table_add_integer(arg, attempt->attempt);
    table_add(arg, attempt->outcome);
    table_add_date(arg, attempt->start_date);
    table_add_date(arg, attempt->stop_date);
    table_add(arg, buf_get(&duration));
    table_add(arg, attempt->instance);
    table_add(arg, attempt->error_kind);
    table_add(arg, attempt->error);
    buf_done(&duration);
}

/* Adds the job with, if wanted, its attempts. */
static int print_job(struct cli *cli, const struct job_info *job, struct buf *out,
                     struct jobs_error *err) {
    bool attempts = cli_has(cli, "attempts");
    int rc = 0;
    if (cli->json) {
        struct buf array = {0};
        buf_char(&array, '[');
        if (attempts)
            rc = source_attempts(cli, job->tenant, job->id, add_attempt_json, &array, err);
        buf_char(&array, ']');
        json_begin(out);
        json_job_members(out, job);
        json_raw(out, "attempts", attempts ? buf_get(&array) : NULL);
        json_end(out);
        buf_char(out, '\n');
        buf_done(&array);
        return rc;
    }
    job_print(cli, job, out);
    if (attempts) {
        struct print_table *table =
            table_new(">ATTEMPT|OUTCOME|STARTED|ENDED|TOOK|INSTANCE|KIND|ERROR");
        rc = source_attempts(cli, job->tenant, job->id, add_attempt_row, table, err);
        buf_char(out, '\n');
        table_print(table, cli, out);
    }
    return rc;
}

/* Tenant, ids and connection, as all of these verbs need them. */
static int begin(struct cli *cli, const char **ret_tenant) {
    int status = cli_tenant(cli, ret_tenant);
    if (!status)
        status = cli_check_ids(cli);
    return status ? status : cli_connect(cli);
}

int verb_show(struct cli *cli) {
    struct jobs_error err;
    struct job_info_list *list;
    struct buf out = {0};
    const char *tenant;
    int status = begin(cli, &tenant);
    if (status)
        return status;
    if (source_get(cli, tenant, cli->command.arguments[0], &list, &err) < 0)
        return cli_fail(&err);
    int rc = print_job(cli, &list->infos[0], &out, &err);
    status = rc < 0 ? cli_fail(&err) : print_flush(&out);
    job_info_free(list);
    buf_done(&out);
    return status;
}

/* Does one thing with each job, goes on after a failure, and returns the first failure's status. */
static int each(struct cli *cli, int (*act)(struct cli *cli, const char *tenant, const char *id,
                                            struct jobs_error *err)) {
    struct jobs_error err;
    const char *tenant;
    int status = begin(cli, &tenant), first = EXIT_OK;
    for (size_t i = 0; !status && i < cli->command.argument_count; i++) {
        if (act(cli, tenant, cli->command.arguments[i], &err) == 0)
            continue;
        int failure = cli_fail(&err);
        first = first ? first : failure;
    }
    return status ? status : first;
}

static int release(struct cli *cli, const char *tenant, const char *id, struct jobs_error *err) {
    return source_release(cli, tenant, id, err);
}

int verb_release(struct cli *cli) { return each(cli, release); }

static int retry(struct cli *cli, const char *tenant, const char *id, struct jobs_error *err) {
    return source_retry(cli, tenant, id, err);
}

int verb_retry(struct cli *cli) {
    bool filtered;
    int status = many_check(cli, &filtered);
    if (status)
        return status;
    return filtered ? many_retry(cli) : each(cli, retry);
}

static int lock(struct cli *cli, const char *tenant, const char *id, struct jobs_error *err) {
    return source_lock(cli, tenant, id, !cli_has(cli, "off"), err);
}

int verb_lock(struct cli *cli) { return each(cli, lock); }

int verb_wait(struct cli *cli) {
    const char *tenant;
    int64_t timeout = -1;
    int worst = EXIT_OK;
    int status = cli_duration(cli, "timeout", &timeout);
    if (!status)
        status = begin(cli, &tenant);
    int64_t started = clock_now();
    for (size_t i = 0; !status && i < cli->command.argument_count; i++) {
        int64_t left = timeout < 0 ? -1 : timeout - (clock_now() - started) / CLOCK_MS;
        int one = job_wait_and_print(cli, tenant, cli->command.arguments[i],
                                     timeout >= 0 && left < 0 ? 0 : left);
        worst = one > worst ? one : worst; /* 124 before 3 before 1 */
    }
    return status ? status : worst;
}
