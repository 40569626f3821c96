#include "module/cli/print.h"

#include "module/job/status.h"

#include <errno.h>
#include <inttypes.h>
#include <langinfo.h>
#include <locale.h>
#include <string.h>
#include <time.h>

int print_flush(struct buf *out) {
    size_t written = fwrite(buf_get(out), 1, out->length, stdout);
    bool failed = written < out->length || fflush(stdout) != 0;
    buf_clear(out);
    if (failed &&
        errno != EPIPE) /* a reader that is gone is no news, also where SIGPIPE is ignored */
        cli_note("cannot write to standard output");
    return failed ? EXIT_FAILED : EXIT_OK;
}

/* Whole seconds and the rest, also before 1970. */
static time_t seconds_of(int64_t date, int *ret_microseconds) {
    int64_t rest = date % 1000000;
    if (rest < 0)
        rest += 1000000;
    *ret_microseconds = (int)rest;
    return (time_t)((date - rest) / 1000000);
}

void print_date(struct buf *out, int64_t date) {
    char text[64];
    struct tm tm;
    int rest;
    time_t seconds = seconds_of(date, &rest);
    if (date && localtime_r(&seconds, &tm) &&
        strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm) > 0)
        buf_text(out, text);
}

void print_duration(struct buf *out, int64_t microseconds) {
    int64_t ms = microseconds / 1000, s = ms / 1000;
    if (ms < 1000)
        buf_format(out, "%" PRId64 " ms", ms);
    else if (s < 60)
        buf_format(out, "%" PRId64 ".%" PRId64 " s", s, ms % 1000 / 100);
    else if (s < 3600)
        buf_format(out, "%" PRId64 " min %" PRId64 " s", s / 60, s % 60);
    else if (s < 86400)
        buf_format(out, "%" PRId64 " h %" PRId64 " min", s / 3600, s % 3600 / 60);
    else
        buf_format(out, "%" PRId64 " d %" PRId64 " h", s / 86400, s % 86400 / 3600);
}

void print_clean(struct buf *out, const char *text, bool lines) {
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (*p == '\n' && lines)
            buf_char(out, '\n');
        else if (*p == '\n' || *p == '\t')
            buf_char(out, ' ');
        else if (*p < ' ' || *p == 0x7f)
            buf_char(out, '?');
        else if (*p == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f) /* C1 controls */
            buf_char(out, '?'), p++;
        else
            buf_char(out, (char)*p);
    }
}

static bool output_is_utf8(void) {
    locale_t locale = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
    if (!locale)
        return false;
    bool utf8 = strcmp(nl_langinfo_l(CODESET, locale), "UTF-8") == 0;
    freelocale(locale);
    return utf8;
}

void print_bar(struct buf *out, unsigned percent, unsigned width) {
    bool utf8 = output_is_utf8();
    unsigned full = (percent > 100 ? 100 : percent) * width / 100;
    for (unsigned i = 0; i < width; i++)
        buf_text(out, i < full ? (utf8 ? "█" : "#") : (utf8 ? "░" : "-"));
}

void print_coloured(struct buf *out, const struct cli *cli, enum print_colour colour,
                    const char *text) {
    if (cli->colours)
        buf_format(out, "\x1b[%dm%s\x1b[0m", (int)colour, text);
    else
        buf_text(out, text);
}

void print_status(struct buf *out, const struct cli *cli, enum job_status status) {
    static const enum print_colour colours[JOB_STATUS_COUNT] = {
        [JOB_PENDING] = PRINT_DIM,      [JOB_QUEUED] = PRINT_YELLOW,
        [JOB_TO_BE_RUN] = PRINT_YELLOW, [JOB_RUNNING] = PRINT_CYAN,
        [JOB_SUCCEEDED] = PRINT_GREEN,  [JOB_FAILED] = PRINT_RED,
        [JOB_ABORTED] = PRINT_MAGENTA,
    };
    print_coloured(out, cli, colours[status], status_name(status));
}
