#include "module/worker/lines.h"

#include <string.h>

static void put_line(struct lines *lines, char *line, size_t length) {
    size_t skip = lines->prefix ? strlen(lines->prefix) : 0;
    if (length > 0 && line[length - 1] == '\r')
        line[--length] = '\0';
    if (length < skip || (skip && memcmp(line, lines->prefix, skip) != 0))
        return;
    if (!line[strspn(line, " \t\r")])
        return; /* an empty line says nothing */
    lines->line(lines->arg, line + skip, length - skip);
}

/* Is it sure by now that this line does not count, or is too long? */
static void judge(struct lines *lines) {
    size_t known = lines->part.length, skip = lines->prefix ? strlen(lines->prefix) : 0;
    size_t compare = known < skip ? known : skip;
    if (compare && memcmp(lines->part.data, lines->prefix, compare) != 0)
        lines->state = LINES_SKIP;
    else if (known > lines->max + skip)
        lines->state = LINES_TOO_LONG;
}

static void end_line(struct lines *lines) {
    if (lines->state == LINES_TOO_LONG)
        lines->line(lines->arg, NULL, 0);
    else if (lines->state == LINES_READ && lines->part.length > 0)
        put_line(lines, lines->part.data, lines->part.length);
    buf_clear(&lines->part);
    lines->state = LINES_READ;
}

void lines_feed(struct lines *lines, const char *bytes, size_t length) {
    const char *end = bytes + length;
    while (bytes < end) {
        const char *newline = memchr(bytes, '\n', (size_t)(end - bytes));
        const char *stop = newline ? newline : end;
        while (lines->state == LINES_READ && bytes < stop) {
            size_t n = (size_t)(stop - bytes);
            size_t step = lines->prefix && lines->part.length < strlen(lines->prefix)
                              ? strlen(lines->prefix) - lines->part.length
                              : lines->max + 64;
            n = n < step ? n : step;
            buf_add(&lines->part, bytes, n);
            bytes += n;
            judge(lines);
        }
        if (newline)
            end_line(lines);
        bytes = newline ? newline + 1 : end;
    }
}

void lines_end(struct lines *lines) { end_line(lines); }

void lines_done(struct lines *lines) { buf_done(&lines->part); }
