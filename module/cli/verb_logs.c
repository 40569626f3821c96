/* jobctl logs: what a job's attempts printed and logged. */
#include "module/cli/print.h"
#include "module/store/store.h"

struct listing {
    const struct cli *cli;
    unsigned last; /* attempt printed; 0: none yet */
    bool headings;
    struct buf out;
};

static void add_log(void *arg, unsigned attempt, const char *tail) {
    struct listing *listing = arg;
    struct buf *out = &listing->out;
    if (listing->cli->json) {
        json_begin(out);
        json_integer(out, "attempt", attempt);
        json_text(out, "log", tail);
        json_end(out);
        buf_char(out, '\n');
    } else {
        if (listing->headings)
            buf_format(out, "%s==> attempt %u\n", listing->last ? "\n" : "", attempt);
        print_clean(out, tail, true);
        if (out->length > 0 && out->data[out->length - 1] != '\n')
            buf_char(out, '\n');
    }
    listing->last = attempt;
}

int verb_logs(struct cli *cli) {
    struct jobs_error err;
    struct listing listing = {.cli = cli};
    const char *tenant, *id = cli->command.arguments[0];
    int64_t attempt = 0;
    int status = cli_tenant(cli, &tenant);
    if (!status)
        status = cli_check_ids(cli);
    if (!status)
        status = cli_integer(cli, "attempt", 1, INT32_MAX, &attempt);
    if (!status)
        status = cli_connect(cli);
    if (status)
        return status;
    listing.headings = attempt == 0;
    if (store_logs(&cli->store, tenant, id, (unsigned)attempt, add_log, &listing, &err) < 0)
        return cli_fail(&err);
    if (!listing.last)
        cli_note("nothing was printed or logged, as far as it is kept");
    status = print_flush(&listing.out);
    buf_done(&listing.out);
    return status;
}
