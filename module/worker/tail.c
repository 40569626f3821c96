#include "module/worker/tail.h"

#include "module/base/mem.h"
#include "module/base/text.h"

#include <stdlib.h>
#include <string.h>

void tail_add(struct tail *tail, const char *bytes, size_t length) {
    if (length == 0)
        return;
    if (!tail->bytes)
        tail->bytes = mem_alloc(TAIL_MAX);
    size_t skip = length > TAIL_MAX ? length - TAIL_MAX : 0;
    tail->total += skip;
    for (size_t i = skip; i < length;) {
        size_t at = tail->total % TAIL_MAX, n = TAIL_MAX - at;
        n = n < length - i ? n : length - i;
        memcpy(tail->bytes + at, bytes + i, n);
        tail->total += n;
        i += n;
    }
}

void tail_get(const struct tail *tail, size_t most, struct buf *out) {
    size_t kept = tail->total < TAIL_MAX ? tail->total : TAIL_MAX;
    size_t length = kept < most ? kept : most, from = tail->total - length;
    if (length == 0)
        return;
    char *flat = mem_alloc(length);
    for (size_t i = 0; i < length; i++)
        flat[i] = tail->bytes[(from + i) % TAIL_MAX];
    const char *newline = NULL;
    if (length < tail->total) /* half a line at the front is not worth showing */
        newline = memchr(flat, '\n', length - 1);
    const char *start = newline ? newline + 1 : flat;
    length -= (size_t)(start - flat);
    char *clean = text_clean(start, length, length * 3 + 1);
    buf_text(out, clean);
    free(clean);
    free(flat);
}

void tail_done(struct tail *tail) {
    free(tail->bytes);
    *tail = (struct tail){0};
}
