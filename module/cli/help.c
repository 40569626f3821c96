/* --help, made from the table of verbs. */
#include "module/cli/verb.h"

#include <string.h>

enum { COLUMN = 28 };

static void pad(struct buf *out, size_t written, size_t column) {
    do
        buf_char(out, ' ');
    while (++written < column);
}

static void print_option(void *arg, const struct option *option) {
    struct buf *out = arg;
    size_t start = out->length;
    if (option->letter)
        buf_format(out, "  -%c, --%s", option->letter, option->name);
    else
        buf_format(out, "      --%s", option->name);
    if (option->argument)
        buf_format(out, " %s", option->argument);
    pad(out, out->length - start, COLUMN);
    buf_format(out, "%s\n", option->help);
}

void verb_print_help(const struct verb *verb, struct buf *out) {
    buf_format(out, "Usage: jobctl %s [OPTION…]%s%s\n\n%s.\n", verb->name,
               verb->arguments ? " " : "", verb->arguments ? verb->arguments : "", verb->summary);
    if (verb->help)
        buf_format(out, "%s\n", verb->help);
    buf_text(out, "\nOptions:\n");
    verb_each_option(verb, print_option, out);
}

void verbs_print_help(struct buf *out) {
    buf_text(out, "Usage: jobctl VERB [OPTION…] [ARGUMENT…]\n\n"
                  "Creates, shows and steers background jobs.\n\nVerbs:\n");
    for (const struct verb *verb = verbs; verb->name; verb++) {
        if (verb->hidden)
            continue;
        size_t start = out->length;
        buf_format(out, "  %s", verb->name);
        if (verb->arguments)
            buf_format(out, " %s", verb->arguments);
        pad(out, out->length - start, COLUMN);
        buf_format(out, "%s\n", verb->summary);
    }
    buf_text(
        out,
        "\n`jobctl VERB --help` shows the options of a verb.\n\n"
        "Which database: --url, or the datasource of -c FILE or of JOBS_DATASOURCE_<NAME>_URL.\n"
        "Durations carry their unit (500ms, 10s, 5m, 2h, 1d); dates are as PostgreSQL reads them.\n"
        "Exit status: 0 done, 1 failed, 2 wrong use, 3 not found, 124 the time is over.\n");
}
