/* Bytes as they come, cut into lines. Lines that are not looked for cost no memory, however long
 * they are. */
#ifndef WORKER_LINES_H
#define WORKER_LINES_H
#include "module/base/buf.h"

struct lines {
    const char *prefix; /* only lines that begin so count, and come without it; NULL: all */
    size_t max;         /* bytes of a line */
    /* `line` ends in NUL and may hold others. NULL: it was longer than max. */
    void (*line)(void *arg, const char *line, size_t length);
    void *arg;

    struct buf part; /* the beginning of a line whose end has not come */
    enum { LINES_READ, LINES_SKIP, LINES_TOO_LONG } state;
};

void lines_feed(struct lines *lines, const char *bytes, size_t length);
/* The end of the output: what has come of a last line without a newline counts as one. */
void lines_end(struct lines *lines);
void lines_done(struct lines *lines);
#endif
