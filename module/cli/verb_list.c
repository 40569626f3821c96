/* jobctl list */
#include "module/base/text.h"
#include "module/cli/job.h"
#include "module/cli/print.h"
#include "module/cli/source.h"

static void add_row(const struct cli *cli, const struct job_info *job, struct print_table *table) {
    struct buf text = {0};
    table_add(table, job->id);
    print_status(&text, cli, job->status);
    table_add_raw(table, &text);
    table_add(table, job->class_name);
    table_add_integer(table, job->priority);
    table_add_integer(table, job->percent_completed);
    table_add_date(table, job->created_date);
    buf_clear(&text);
    job_print_time(job, &text);
    table_add(table, buf_get(&text));
    table_add(table, job->error_kind ? job->error_kind : job->description);
    buf_done(&text);
}

static void print_list(const struct cli *cli, const struct job_info_list *list, struct buf *out) {
    struct print_table *table =
        cli->json
            ? NULL
            : table_new("ID|STATUS|CLASS|>PRIORITY|>%|CREATED|TIME|DESCRIPTION OR KIND OF ERROR");
    for (size_t i = 0; i < list->count; i++) {
        if (table) {
            add_row(cli, &list->infos[i], table);
            continue;
        }
        json_job(out, &list->infos[i]);
        buf_char(out, '\n');
    }
    if (table)
        table_print(table, cli, out);
}

int verb_list(struct cli *cli) {
    struct jobs_error err;
    struct job_info_filter filter = JOB_INFO_FILTER(.limit = 0);
    struct job_info_list *list;
    struct buf out = {0};
    int status = cli_filter(cli, &filter);
    filter.after_id = cli_text(cli, "after");
    if (!status && filter.after_id && !text_is_uuid(filter.after_id))
        status = cli_misuse(cli, "--after %.80s: it is a job id (a uuid)", filter.after_id);
    if (!status)
        status = cli_connect(cli);
    if (status)
        return status;
    if (source_list(cli, &filter, !cli->json, &list, &err) < 0)
        return cli_fail(&err);
    print_list(cli, list, &out);
    status = print_flush(&out);
    size_t full = filter.limit ? filter.limit : 100;
    if (!status && !cli->json && list->count == full)
        cli_note("there may be more: --after %s", list->infos[list->count - 1].id);
    job_info_free(list);
    buf_done(&out);
    return status;
}
