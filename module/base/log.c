#include "module/base/log.h"

#include "module/base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static JOBS_PRINTF(5, 0) void write_out(const struct log *log, int level, const char *tenant,
                                        const char *id, const char *format, va_list args) {
    if (!log || !log->sink || level > atomic_load(&log->level))
        return;
    char text[2048];
    vsnprintf(text, sizeof text, format, args);
    log->sink(log->arg, level, tenant, id, text);
}

void log_write(const struct log *log, enum log_level level, const char *format, ...) {
    va_list args;
    va_start(args, format);
    write_out(log, (int)level, NULL, NULL, format, args);
    va_end(args);
}

void log_about(const struct log *log, enum log_level level, const char *tenant, const char *id,
               const char *format, ...) {
    va_list args;
    va_start(args, format);
    write_out(log, (int)level, tenant, id, format, args);
    va_end(args);
}

const char *log_level_name(int level) {
    static const char *const names[] = {"error", "warning", "info", "debug"};
    return level >= 0 && level <= LOG_LEVEL_DEBUG ? names[level] : "?";
}

static void put_time(struct buf *line) {
    struct timespec now;
    struct tm tm;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    char text[40];
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    buf_format(line, "%s.%03ldZ", text, now.tv_nsec / 1000000);
}

/* One write(2) per line, so that lines of several threads do not mix. */
static void put_line(struct buf *line) {
    buf_char(line, '\n');
    ssize_t ignored = write(STDERR_FILENO, line->data, line->length);
    (void)ignored;
    buf_done(line);
}

void log_text_sink(void *arg, int level, const char *tenant, const char *id, const char *text) {
    (void)arg;
    struct buf line = {0};
    if (!getenv("JOURNAL_STREAM"))
        put_time(&line), buf_char(&line, ' ');
    buf_format(&line, "%-7s ", log_level_name(level));
    if (tenant)
        buf_format(&line, "[%s%s%s] ", tenant, id ? "/" : "", id ? id : "");
    for (const char *p = text; *p; p++) /* a line stays a line */
        buf_char(&line, (unsigned char)*p < 0x20 ? ' ' : *p);
    put_line(&line);
}

void log_json_sink(void *arg, int level, const char *tenant, const char *id, const char *text) {
    (void)arg;
    struct buf line = {0};
    buf_text(&line, "{\"time\":\""), put_time(&line);
    buf_format(&line, "\",\"level\":\"%s\"", log_level_name(level));
    if (tenant)
        buf_text(&line, ",\"tenant\":"), buf_json_string(&line, tenant);
    if (id)
        buf_text(&line, ",\"job\":"), buf_json_string(&line, id);
    buf_text(&line, ",\"message\":"), buf_json_string(&line, text), buf_char(&line, '}');
    put_line(&line);
}
