/* jobctl list */
#include "module/base/text.h"
#include "module/cli/job.h"
#include "module/cli/print.h"
#include "module/cli/source.h"

enum { PAGE = 1000, LIMIT_MOST = 1000000 };

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

static void add_page(const struct cli *cli, const struct job_info_list *page,
                     struct print_table *table, struct buf *out) {
    for (size_t i = 0; i < page->count; i++) {
        if (table) {
            add_row(cli, &page->infos[i], table);
            continue;
        }
        json_job(out, &page->infos[i]);
        buf_char(out, '\n');
    }
}

struct listing {
    unsigned left; /* jobs that may still be printed */
    char last[37]; /* the last one that was, or "" */
    char next[37]; /* where the next page begins; "": there is none */
    struct buf out;
};

/* JSON goes out page by page; a table is as wide as all its rows want. */
static int list_pages(struct cli *cli, struct job_info_filter *filter, struct listing *listing,
                      struct print_table *table) {
    struct jobs_error err;
    struct job_info_list *page;
    int status = EXIT_OK;
    do {
        filter->limit = listing->left < PAGE ? listing->left : PAGE;
        if (source_list(cli, filter, !cli->json, &page, listing->next, &err) < 0)
            return cli_fail(&err);
        add_page(cli, page, table, &listing->out);
        if (!table)
            status = print_flush(&listing->out);
        listing->left -= (unsigned)page->count;
        if (page->count > 0)
            snprintf(listing->last, sizeof listing->last, "%s", page->infos[page->count - 1].id);
        job_info_free(page);
        filter->after_id = listing->next;
    } while (!status && listing->next[0] && listing->left > 0);
    return status;
}

int verb_list(struct cli *cli) {
    struct job_info_filter filter = JOB_INFO_FILTER(.limit = 0);
    int status = cli_filter(cli, LIMIT_MOST, &filter);
    filter.after_id = cli_text(cli, "after");
    if (!status && filter.after_id && !text_is_uuid(filter.after_id))
        status = cli_misuse(cli, "--after %.80s: it is a job id (a uuid)", filter.after_id);
    if (!status)
        status = cli_connect(cli);
    if (status)
        return status;
    struct listing listing = {.left = filter.limit ? filter.limit : 100};
    struct print_table *table =
        cli->json
            ? NULL
            : table_new("ID|STATUS|CLASS|>PRIORITY|>%|CREATED|TIME|DESCRIPTION OR KIND OF ERROR");
    status = list_pages(cli, &filter, &listing, table);
    if (table)
        table_print(table, cli, &listing.out);
    if (!status)
        status = print_flush(&listing.out);
    if (!status && !cli->json && listing.next[0])
        cli_note("there may be more: --after %s", listing.last);
    buf_done(&listing.out);
    return status;
}
