/* The last bytes of an output. Zeroed storage is an empty one. */
#ifndef WORKER_TAIL_H
#define WORKER_TAIL_H
#include "module/base/buf.h"

#define TAIL_MAX ((size_t)16 << 10)

struct tail {
    char *bytes;  /* a ring of TAIL_MAX, made with the first byte */
    size_t total; /* ever added */
};

void tail_add(struct tail *tail, const char *bytes, size_t length);
/* Appends what is kept, at most the last `most` bytes of it, as valid UTF-8 from the start of a
 * line on if a line begins in it. */
void tail_get(const struct tail *tail, size_t most, struct buf *out);
void tail_done(struct tail *tail);
#endif
