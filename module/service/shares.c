#include "module/service/shares.h"

#include "module/base/buf.h"
#include "module/base/clock.h"
#include "module/base/mem.h"

#include <stdlib.h>

static void share_free(void *arg) {
    struct share *share = arg;
    free(share->lane);
    free(share);
}

void shares_done(struct shares *shares) {
    table_done(&shares->by_key, share_free);
    free(shares->heap);
    accounts_done(&shares->accounts);
    *shares = (struct shares){0};
}

struct share *shares_find(struct shares *shares, const char *lane, const char *tenant) {
    struct buf key = {0};
    buf_format(&key, "%s|%s", lane, tenant);
    struct share *share = table_get(&shares->by_key, buf_get(&key));
    if (!share) {
        share = MEM_NEW(struct share);
        share->lane = mem_text(lane);
        share->account = accounts_find(&shares->accounts, tenant);
        accounts_join(share->account);
        table_put(&shares->by_key, buf_get(&key), share);
    }
    buf_done(&key);
    return share;
}

void shares_set_weight(struct shares *shares, struct share *share, int weight) {
    if (share->account->weight != weight)
        account_set_weight(&shares->accounts, share->account, weight);
}

void shares_set_hungry(struct shares *shares, struct share *share, bool hungry) {
    struct account *account = share->account;
    if (hungry) {
        share->recent = account->recent = clock_now();
        if (account->backlog == 0 && account->time < shares->accounts.now)
            account->time = shares->accounts.now; /* no credit for its absence */
    }
    if (share->hungry == hungry)
        return;
    share->hungry = hungry;
    shares->hungry_count += hungry ? 1 : (size_t)-1;
    account_set_backlog(&shares->accounts, account, hungry);
}

void shares_wake_recent(struct shares *shares, int64_t since, size_t most) {
    size_t at = 0, n = 0;
    void *value;
    while (n < most && table_next(&shares->by_key, &at, NULL, &value)) {
        struct share *share = value;
        if (share->recent < since || share->hungry)
            continue;
        int64_t recent = share->recent, of_all = share->account->recent;
        shares_set_hungry(shares, share, true);
        share->recent = recent; /* a guess, not a sighting */
        share->account->recent = of_all;
        n++;
    }
}

void shares_forget(struct shares *shares, int64_t before) {
    size_t at = 0;
    const char *key;
    void *value;
    while (table_next(&shares->by_key, &at, &key, &value)) {
        struct share *share = value;
        if (share->hungry || share->lives > 0 || share->recent >= before ||
            share->account->time > shares->accounts.now)
            continue;
        accounts_leave(&shares->accounts, share->account);
        share_free(table_take(&shares->by_key, key));
    }
}

/* ---- the heap of the hungry, smallest virtual time first ----
 * Lanes of one tenant have its time in common: what one is dealt makes the others' keys too small.
 * A time only grows while quotas are dealt, so it is enough to look when one comes to the top. */

static bool comes_before(const struct share *a, const struct share *b) {
    return a->key < b->key || (a->key == b->key && a->quota < b->quota);
}

static void heap_sift_down(struct share **heap, size_t count, size_t i) {
    for (;;) {
        size_t least = i;
        for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < count; child++)
            if (comes_before(heap[child], heap[least]))
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
        share->key = share->account->time;
        if (share->hungry)
            shares->heap[shares->heap_count++] = share;
    }
    for (size_t i = shares->heap_count / 2; i-- > 0;)
        heap_sift_down(shares->heap, shares->heap_count, i);
}

static struct share *heap_first(struct shares *shares) {
    for (;;) {
        struct share *first = shares->heap[0];
        if (first->key == first->account->time)
            return first;
        first->key = first->account->time;
        heap_sift_down(shares->heap, shares->heap_count, 0);
    }
}

static double cost(const struct share *share) { return share->estimate / share->account->weight; }

size_t shares_deal(struct shares *shares, size_t room, struct share **ret_shares, size_t most) {
    if (shares->hungry_count == 0 || room == 0)
        return 0;
    heap_build(shares);
    size_t n = 0;
    for (; room > 0; room--) {
        struct share *first = heap_first(shares);
        if (first->quota == 0) {
            if (n == most)
                break;
            ret_shares[n++] = first;
            first->estimate = first->account->run_time;
        }
        first->quota++;
        if (first->key > shares->accounts.now)
            shares->accounts.now = first->key;
        first->account->time += cost(first);
        first->key = first->account->time;
        heap_sift_down(shares->heap, shares->heap_count, 0);
    }
    return n;
}

void shares_settle(struct shares *shares, struct share *share) {
    if (share->got > 0)
        share->recent = share->account->recent = clock_now();
    if (share->got < share->quota) {
        share->account->time -= (double)(share->quota - share->got) * cost(share);
        shares_set_hungry(shares, share, false);
    }
    share->quota = share->got = 0;
}

void shares_undo(struct share *share) {
    share->account->time -= (double)share->quota * cost(share);
    share->quota = share->got = 0;
}

void shares_ended(struct share *share, double estimate, double took) {
    struct account *account = share->account;
    account->time += (took - estimate) / account->weight;
    account->run_time += (took - account->run_time) / 16; /* forgets in some dozen runs */
    if (account->run_time < 1)
        account->run_time = 1;
}

void shares_refund(struct share *share, double estimate) {
    share->account->time -= estimate / share->account->weight;
}
