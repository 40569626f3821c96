#include "module/cli/job.h"

#include "module/base/clock.h"
#include "module/cli/print.h"
#include "module/cli/source.h"

#include <string.h>

void job_print_time(const struct job_info *job, struct buf *out) {
    int64_t now = clock_date();
    if (job->status == JOB_RUNNING && job->estimated_completion > now) {
        print_duration(out, job->estimated_completion - now);
        buf_text(out, " left");
    } else if (job->status == JOB_RUNNING && job->start_date)
        print_duration(out, now > job->start_date ? now - job->start_date : 0);
    else if (job->stop_date && job->start_date)
        print_duration(out, job->stop_date - job->start_date);
}

static void heading(const struct cli *cli, struct buf *out, const char *name) {
    print_coloured(out, cli, PRINT_DIM, name);
    for (size_t n = strlen(name); n < 16; n++)
        buf_char(out, ' ');
}

static void line(const struct cli *cli, struct buf *out, const char *name, const char *text) {
    if (!text)
        return;
    heading(cli, out, name);
    print_clean(out, text, false);
    buf_char(out, '\n');
}

static void number_line(const struct cli *cli, struct buf *out, const char *name, int64_t value) {
    heading(cli, out, name);
    buf_integer(out, value);
    buf_char(out, '\n');
}

static void date_line(const struct cli *cli, struct buf *out, const char *name, int64_t date) {
    if (!date)
        return;
    heading(cli, out, name);
    print_date(out, date);
    buf_char(out, '\n');
}

static void duration_line(const struct cli *cli, struct buf *out, const char *name, int64_t ms) {
    if (!ms)
        return;
    heading(cli, out, name);
    print_duration(out, ms * 1000);
    buf_char(out, '\n');
}

static void print_state(const struct cli *cli, const struct job_info *job, struct buf *out) {
    heading(cli, out, "status");
    print_status(out, cli, job->status);
    if (job->status == JOB_RUNNING) {
        buf_char(out, ' ');
        print_bar(out, job->percent_completed, 20);
        buf_format(out, " %u %%", job->percent_completed);
    }
    struct buf time = {0};
    job_print_time(job, &time);
    if (time.length)
        buf_format(out, " (%s)", buf_get(&time));
    buf_done(&time);
    buf_char(out, '\n');
}

static void print_dates(const struct cli *cli, const struct job_info *job, struct buf *out) {
    date_line(cli, out, "created", job->created_date);
    date_line(cli, out, "at", job->trigger_after_date);
    date_line(cli, out, "expires", job->expiration_date);
    date_line(cli, out, "queued", job->queued_date);
    date_line(cli, out, "started", job->start_date);
    date_line(cli, out, "stopped", job->stop_date);
}

void job_print(const struct cli *cli, const struct job_info *job, struct buf *out) {
    line(cli, out, "id", job->id);
    line(cli, out, "tenant", job->tenant);
    line(cli, out, "class", job->class_name);
    print_state(cli, job, out);
    number_line(cli, out, "priority", job->priority);
    number_line(cli, out, "version", job->version);
    number_line(cli, out, "attempt", job->attempt);
    if (job->attempts)
        number_line(cli, out, "attempts", job->attempts);
    duration_line(cli, out, "timeout", job->timeout);
    duration_line(cli, out, "backoff", job->backoff);
    line(cli, out, "description", job->description);
    line(cli, out, "owner", job->owner);
    line(cli, out, "related type", job->related_type);
    line(cli, out, "related id", job->related_id);
    line(cli, out, "traceparent", job->traceparent);
    line(cli, out, "locked", job->locked ? "yes" : NULL);
    print_dates(cli, job, out);
    line(cli, out, "instance", job->instance);
    line(cli, out, "parameters", job->parameters);
    line(cli, out, "result class", job->result_class_name);
    line(cli, out, "result", job->result);
    line(cli, out, "error kind", job->error_kind);
    if (job->error) {
        heading(cli, out, "error");
        print_clean(out, job->error, true);
        buf_char(out, '\n');
    }
}

static void print_end(const struct cli *cli, const struct job_info *job, struct buf *out) {
    if (cli->json) {
        json_job(out, job);
        buf_char(out, '\n');
        return;
    }
    buf_format(out, "%s ", job->id);
    print_status(out, cli, job->status);
    if (job->error_kind)
        buf_format(out, " %s", job->error_kind);
    if (job->error) {
        buf_text(out, ": ");
        print_clean(out, job->error, true);
    }
    buf_char(out, '\n');
    if (job->result)
        buf_format(out, "%s\n", job->result);
}

int job_wait_and_print(struct cli *cli, const char *tenant, const char *id, int64_t timeout) {
    struct jobs_error err;
    struct job_info_list *list;
    struct buf out = {0};
    int rc = source_wait(cli, tenant, id, timeout, &err);
    if (rc == 0)
        rc = source_get(cli, tenant, id, &list, &err);
    if (rc < 0) {
        int status = cli_fail(&err);
        return rc == JOBS_ETIMEOUT && !err.sqlstate[0] ? EXIT_TIMED_OUT : status;
    }
    print_end(cli, &list->infos[0], &out);
    int status = print_flush(&out);
    if (!status && list->infos[0].status != JOB_SUCCEEDED)
        status = EXIT_FAILED;
    job_info_free(list);
    buf_done(&out);
    return status;
}
