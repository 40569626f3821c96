#include "module/service/claim_order.h"

#include <stdlib.h>

static int compare(int64_t a, int64_t b) { return (a > b) - (a < b); }

static int by_share(const void *left, const void *right) {
    const struct claim_entry *a = left, *b = right;
    if (a->share != b->share)
        return (uintptr_t)a->share < (uintptr_t)b->share ? -1 : 1;
    if (a->priority != b->priority)
        return compare(b->priority, a->priority);
    return compare(a->seq, b->seq);
}

static int by_place(const void *left, const void *right) {
    const struct claim_entry *a = left, *b = right;
    if (a->place < b->place || a->place > b->place)
        return a->place < b->place ? -1 : 1;
    return by_share(a, b);
}

void claim_order(struct claim_entry *entries, size_t count) {
    if (count == 0)
        return;
    qsort(entries, count, sizeof *entries, by_share);
    for (size_t from = 0, to; from < count; from = to) {
        for (to = from + 1; to < count && entries[to].share == entries[from].share; to++)
            ;
        for (size_t i = from; i < to; i++)
            entries[i].place = (double)(i - from + 1) / (double)entries[i].quota;
    }
    qsort(entries, count, sizeof *entries, by_place);
}
