#include "module/service/shares.h"

#include "module/base/buf.h"
#include "module/base/clock.h"
#include "module/base/mem.h"

#include <stdlib.h>

#define FIRST_ESTIMATE 1000.0 /* microseconds, until a run has ended */

static void share_free(void *arg) {
    struct share *share = arg;
    free(share->lane);
    free(share->tenant);
    free(share);
}

void shares_done(struct shares *shares) {
    table_done(&shares->by_key, share_free);
    free(shares->heap);
    *shares = (struct shares){0};
}

struct share *shares_find(struct shares *shares, const char *lane, const char *tenant) {
    struct buf key = {0};
    buf_format(&key, "%s|%s", lane, tenant);
    struct share *share = table_get(&shares->by_key, buf_get(&key));
    if (!share) {
        share = MEM_NEW(struct share);
        share->lane = mem_text(lane);
        share->tenant = mem_text(tenant);
        share->weight = 1;
        share->time = shares->now;
        share->run_time = FIRST_ESTIMATE;
        table_put(&shares->by_key, buf_get(&key), share);
    }
    buf_done(&key);
    return share;
}

void shares_set_hungry(struct shares *shares, struct share *share, bool hungry) {
    if (hungry) {
        share->recent = clock_now();
        if (!share->hungry && share->time < shares->now)
            share->time = shares->now; /* no credit for its absence */
    }
    if (share->hungry == hungry)
        return;
    share->hungry = hungry;
    shares->hungry_count += hungry ? 1 : (size_t)-1;
}

void shares_wake_recent(struct shares *shares, int64_t since, size_t most) {
    size_t at = 0, n = 0;
    void *value;
    while (n < most && table_next(&shares->by_key, &at, NULL, &value)) {
        struct share *share = value;
        if (share->recent < since || share->hungry)
            continue;
        int64_t recent = share->recent;
        shares_set_hungry(shares, share, true);
        share->recent = recent; /* a guess, not a sighting */
        n++;
    }
}

void shares_forget(struct shares *shares, int64_t before) {
    size_t at = 0;
    const char *key;
    void *value;
    while (table_next(&shares->by_key, &at, &key, &value)) {
        struct share *share = value;
        if (!share->hungry && share->lives == 0 && share->recent < before &&
            share->time <= shares->now)
            share_free(table_take(&shares->by_key, key));
    }
}

/* ---- the heap of the hungry, smallest virtual time first ---- */

static void heap_sift_down(struct share **heap, size_t count, size_t i) {
    for (;;) {
        size_t least = i;
        for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < count; child++)
            if (heap[child]->time < heap[least]->time)
                least = child;
        if (least == i)
            return;
        struct share *moved = heap[i];
        heap[i] = heap[least];
        heap[least] = moved;
        i = least;
    }
}

static void heap_build(struct shares *shares) {
    size_t at = 0;
    void *value;
    shares->heap_count = 0;
    if (shares->heap_capacity < shares->by_key.count) {
        shares->heap_capacity = shares->by_key.count * 2;
        shares->heap = mem_grow(shares->heap, shares->heap_capacity, sizeof *shares->heap);
    }
    while (table_next(&shares->by_key, &at, NULL, &value)) {
        struct share *share = value;
        share->quota = share->got = 0;
        if (share->hungry)
            shares->heap[shares->heap_count++] = share;
    }
    for (size_t i = shares->heap_count / 2; i-- > 0;)
        heap_sift_down(shares->heap, shares->heap_count, i);
}

static double cost(const struct share *share) { return share->run_time / share->weight; }

size_t shares_deal(struct shares *shares, size_t room, struct share **ret_shares, size_t most) {
    if (shares->hungry_count == 0 || room == 0)
        return 0;
    heap_build(shares);
    size_t n = 0;
    for (; room > 0; room--) {
        struct share *first = shares->heap[0];
        if (first->quota == 0) {
            if (n == most)
                break;
            ret_shares[n++] = first;
        }
        first->quota++;
        if (first->time > shares->now)
            shares->now = first->time;
        first->time += cost(first);
        heap_sift_down(shares->heap, shares->heap_count, 0);
    }
    return n;
}

void shares_settle(struct shares *shares, struct share *share) {
    if (share->got > 0)
        share->recent = clock_now();
    if (share->got < share->quota) {
        share->time -= (double)(share->quota - share->got) * cost(share);
        shares_set_hungry(shares, share, false);
    }
    share->quota = share->got = 0;
}

void shares_undo(struct share *share) {
    share->time -= (double)share->quota * cost(share);
    share->quota = share->got = 0;
}

void shares_ended(struct share *share, double estimate, double took) {
    share->time += (took - estimate) / share->weight;
    share->run_time += (took - share->run_time) / 16; /* forgets in some dozen runs */
    if (share->run_time < 1)
        share->run_time = 1;
}

void shares_refund(struct share *share, double estimate) {
    share->time -= estimate / share->weight;
}
