/* The man page, made from the table of verbs. */
#include "module/cli/verb.h"

#include <string.h>

/* Text with what troff would take as its own escaped. */
static void escape(struct buf *out, const char *text) {
    bool line_begins = true;
    for (; *text; text++) {
        if (line_begins && (*text == '.' || *text == '\''))
            buf_text(out, "\\&");
        if (*text == '\\')
            buf_text(out, "\\e");
        else if (*text == '-')
            buf_text(out, "\\-");
        else if ((unsigned char)*text == 0xe2 && strncmp(text, "…", 3) == 0)
            buf_text(out, "\\&..."), text += 2;
        else
            buf_char(out, *text);
        line_begins = *text == '\n';
    }
}

static void print_option(void *arg, const struct option *option) {
    struct buf *out = arg;
    buf_text(out, ".TP\n\\fB");
    if (option->letter)
        buf_format(out, "\\-%c\\fR, \\fB", option->letter);
    buf_text(out, "\\-\\-");
    escape(out, option->name);
    buf_text(out, "\\fR");
    if (option->argument) {
        buf_text(out, " \\fI");
        escape(out, option->argument);
        buf_text(out, "\\fR");
    }
    buf_char(out, '\n');
    escape(out, option->help);
    buf_char(out, '\n');
}

static void print_verb(const struct verb *verb, struct buf *out) {
    buf_text(out, ".SS \"jobctl ");
    escape(out, verb->name);
    if (verb->arguments) {
        buf_char(out, ' ');
        escape(out, verb->arguments);
    }
    buf_text(out, "\"\n");
    escape(out, verb->summary);
    buf_text(out, ".\n");
    if (verb->help) {
        escape(out, verb->help);
        buf_char(out, '\n');
    }
    verb_each_option(verb, print_option, out);
}

static const char head[] =
    ".\\\" Made by `jobctl completion man`.\n"
    ".TH JOBCTL 1 \"\" \"Jobs " JOBS_VERSION "\" \"User Commands\"\n"
    ".SH NAME\njobctl \\- create, show and steer background jobs\n"
    ".SH SYNOPSIS\n.B jobctl\n.I VERB\n.RI [ OPTION ...]\n.RI [ ARGUMENT ...]\n"
    ".SH DESCRIPTION\n"
    "Data goes to standard output, messages to standard error. With \\fB\\-\\-json\\fR every verb "
    "that reads prints one JSON "
    "object a line, members named as in the view v_job; dates are then ISO 8601 in UTC and "
    "durations milliseconds. "
    "Durations on the command line carry their unit (500ms, 10s, 5m, 2h, 1d); dates are as "
    "PostgreSQL reads them, in the "
    "time zone of the session (PGTZ) unless they name one.\n.PP\n"
    "A database is found by \\fB\\-\\-url\\fR, or as the datasource of \\fB\\-c\\fR \\fIFILE\\fR "
    "or of the environment. "
    "A connection through a transaction pooler will do, but for \\fBmigrate\\fR.\n"
    ".SH VERBS\n";

static const char tail[] =
    ".SH EXIT STATUS\n"
    ".TP\n0\ndone; of \\fBwait\\fR: all SUCCEEDED\n"
    ".TP\n1\nfailed; of \\fBwait\\fR: one FAILED or was ABORTED; of \\fBfsck\\fR: there are "
    "findings\n"
    ".TP\n2\nwrong use or configuration\n"
    ".TP\n3\nno such job, tenant or class\n"
    ".TP\n124\nthe time is over\n"
    ".SH ENVIRONMENT\n"
    ".TP\nJOBS_TENANT\nthe tenant, when \\fB\\-t\\fR is not given\n"
    ".TP\nJOBS_TOKEN\nthe token for a \\fB\\-\\-url\\fR of a jobsd, when \\fB\\-\\-token\\fR is "
    "not given\n"
    ".TP\nJOBS_DATASOURCE_\\fINAME\\fR_URL, JOBS_DATASOURCE_\\fINAME\\fR_SCHEMA, JOBS_AMQP_URL, "
    "JOBS_SERVICE\n"
    "as in jobsd.properties; they win over the file\n"
    ".TP\nNO_COLOR\nno colours, also on a terminal\n"
    ".TP\nPGPASSFILE, PGSERVICEFILE, PGTZ, ...\nas for every program that uses libpq\n"
    ".SH SEE ALSO\n.BR jobsd (8)\n";

void verbs_print_man(struct buf *out) {
    buf_text(out, head);
    for (const struct verb *verb = verbs; verb->name; verb++)
        if (!verb->hidden)
            print_verb(verb, out);
    buf_text(out, tail);
}
