/* jobctl watch: the same few queries again and again; a table that is painted over on a terminal, a
 * line for each change elsewhere. */
#include "module/base/clock.h"
#include "module/base/mem.h"
#include "module/base/table.h"
#include "module/cli/job.h"
#include "module/cli/print.h"
#include "module/cli/repeat.h"
#include "module/job/status.h"
#include "module/store/store.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define LIVE (1u << JOB_TO_BE_RUN | 1u << JOB_RUNNING)

struct watch {
    struct cli *cli;
    const char *tenant;
    struct job_info_filter filter;
    bool terminal;
    size_t rows;       /* jobs that fit */
    struct table seen; /* id to "version percent": what was printed last */
    struct buf out;
    bool all_final;
    int status;
};

static size_t terminal_rows(void) {
    struct winsize size;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 6 ? (size_t)size.ws_row - 4
                                                                           : 20;
}

/* ---- Lines ---- */

static void print_change(struct watch *watch, const struct job_info *job) {
    struct buf *out = &watch->out;
    char now[32];
    snprintf(now, sizeof now, "%u %u", job->version, job->percent_completed);
    char *before = table_get(&watch->seen, job->id);
    if (before && strcmp(before, now) == 0)
        return;
    free(before);
    table_put(&watch->seen, job->id, mem_text(now));
    if (watch->cli->json) {
        json_job(out, job);
        buf_char(out, '\n');
        return;
    }
    buf_format(out, "%s %s ", job->id, job->class_name);
    print_status(out, watch->cli, job->status);
    buf_format(out, " %u %%", job->percent_completed);
    if (job->error_kind)
        buf_format(out, " %s", job->error_kind);
    buf_char(out, '\n');
}

/* ---- Table ---- */

static void add_row(struct watch *watch, struct print_table *table, const struct job_info *job) {
    struct buf text = {0};
    table_add(table, job->id);
    table_add(table, job->class_name);
    print_status(&text, watch->cli, job->status);
    table_add_raw(table, &text);
    buf_clear(&text);
    if (job->status == JOB_RUNNING || job->status == JOB_SUCCEEDED) {
        print_bar(&text, job->percent_completed, 20);
        buf_format(&text, " %3u %%", job->percent_completed);
    }
    table_add_raw(table, &text);
    buf_clear(&text);
    job_print_time(job, &text);
    table_add(table, buf_get(&text));
    table_add(table, job->error_kind ? job->error_kind : job->description);
    buf_done(&text);
}

struct totals {
    int64_t n[JOB_STATUS_COUNT];
};

static void add_totals(void *arg, const struct store_count *count) {
    for (int i = 0; i < JOB_STATUS_COUNT; i++)
        ((struct totals *)arg)->n[i] += count->n[i];
}

static int print_totals(struct watch *watch, struct jobs_error *err) {
    struct totals totals = {0};
    int rc = store_counts(&watch->cli->store, watch->tenant, add_totals, &totals, err);
    buf_format(&watch->out, "%s  ", watch->tenant);
    for (int i = 0; i < JOB_STATUS_COUNT; i++) {
        print_status(&watch->out, watch->cli, (enum job_status)i);
        buf_format(&watch->out, " %lld  ", (long long)totals.n[i]);
    }
    buf_text(&watch->out, "\n\n");
    return rc;
}

/* ---- What is shown ---- */

static bool holds(const struct job_info_list *list, const char *id) {
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->infos[i].id, id) == 0)
            return true;
    return false;
}

static void show(struct watch *watch, struct print_table *table, const struct job_info *job) {
    watch->all_final = watch->all_final && status_is_final(job->status);
    if (table)
        add_row(watch, table, job);
    else
        print_change(watch, job);
}

/* Jobs that run first, then the newest others. */
static int show_tenant(struct watch *watch, struct print_table *table, struct jobs_error *err) {
    const struct job_info_service *s = &watch->cli->store;
    struct job_info_filter live = watch->filter;
    struct job_info_list *running, *newest;
    live.statuses = live.statuses ? live.statuses & LIVE : LIVE;
    bool wants_live = live.statuses != 0;
    if (!wants_live)
        live = watch->filter;
    int rc = store_list(s, &live, true, &running, err);
    if (rc < 0)
        return rc;
    rc = store_list(s, &watch->filter, true, &newest, err);
    size_t shown = 0;
    for (size_t i = 0; rc == 0 && wants_live && i < running->count && shown < watch->rows;
         i++, shown++)
        show(watch, table, &running->infos[i]);
    for (size_t i = 0; rc == 0 && i < newest->count && shown < watch->rows; i++)
        if (!wants_live || !holds(running, newest->infos[i].id)) {
            show(watch, table, &newest->infos[i]);
            shown++;
        }
    job_info_free(running);
    if (rc == 0)
        job_info_free(newest);
    return rc;
}

static int show_named(struct watch *watch, struct print_table *table, struct jobs_error *err) {
    const struct command_line *command = &watch->cli->command;
    for (size_t i = 0; i < command->argument_count; i++) {
        struct job_info_list *list;
        int rc = job_info_get(&watch->cli->store, watch->tenant, command->arguments[i], &list, err);
        if (rc < 0)
            return rc;
        show(watch, table, &list->infos[0]);
        job_info_free(list);
    }
    return 0;
}

static int look(void *arg, bool *ret_done) {
    struct watch *watch = arg;
    struct jobs_error err;
    bool named = watch->cli->command.argument_count > 0;
    int rc = 0;
    struct print_table *table = NULL;
    watch->all_final = true;
    if (watch->terminal) {
        repeat_home(&watch->out);
        rc = print_totals(watch, &err);
        table = table_new("JOB|CLASS|STATUS|PROGRESS|TIME|DESCRIPTION OR KIND OF ERROR");
    }
    if (rc == 0)
        rc = named ? show_named(watch, table, &err) : show_tenant(watch, table, &err);
    if (table)
        table_print(table, watch->cli, &watch->out);
    *ret_done = named && watch->all_final;
    return rc < 0 ? cli_fail(&err) : print_flush(&watch->out);
}

int verb_watch(struct cli *cli) {
    struct watch watch = {.cli = cli, .filter = JOB_INFO_FILTER(.limit = 0)};
    int64_t interval = 500;
    int status = cli_filter(cli, 1000, &watch.filter);
    if (!status)
        status = cli_duration(cli, "interval", &interval);
    if (!status)
        status = cli_check_ids(cli);
    if (!status)
        status = cli_connect(cli);
    if (status)
        return status;
    watch.tenant = watch.filter.tenant;
    watch.terminal = isatty(STDOUT_FILENO) && !cli->json;
    watch.rows = watch.filter.limit ? watch.filter.limit : watch.terminal ? terminal_rows() : 100;
    status = repeat(watch.terminal, interval, look, &watch);
    table_done(&watch.seen, free);
    buf_done(&watch.out);
    return status;
}
