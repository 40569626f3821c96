/* A growing text. Zeroed storage is an empty one; data is NUL-terminated once anything was added. */
#ifndef BASE_BUF_H
#define BASE_BUF_H
#include "module/jobs.h"

struct buf {
    char *data;
    size_t length, capacity;
};

void buf_add(struct buf *buf, const void *data, size_t length);
void buf_text(struct buf *buf, const char *text);
void buf_char(struct buf *buf, char c);
void buf_format(struct buf *buf, const char *format, ...) JOBS_PRINTF(2, 3);
void buf_integer(struct buf *buf, int64_t value);
/* As a JSON string with its quotes: ", \ and control characters escaped, the rest as it is (UTF-8). */
void buf_json_string(struct buf *buf, const char *text);
/* The text so far ("" when empty); the buf keeps it. */
const char *buf_get(const struct buf *buf);
/* Hands the text over (caller frees) and leaves the buf empty. Never NULL. */
char *buf_take(struct buf *buf);
void buf_clear(struct buf *buf); /* empty, memory kept */
void buf_done(struct buf *buf);  /* memory freed, empty again */
#endif
