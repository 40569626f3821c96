#include "module/service/shares.h"

#include "module/base/clock.h"
#include "module/base/mem.h"

#include <stdlib.h>

/* Claims of many tenants: each of them costs an index probe and a receipt, about as much as a job. With 10,000 tenants a job costs
 * 51 us one at a time, 37 by fours, 27 by eights (measured). */
#define BURST 8

static void lane_free(void *arg) {
    struct lane *lane = arg;
    free(lane->name);
    free(lane);
}

void shares_init(struct shares *shares) {
    *shares = (struct shares){0};
    list_init(&shares->capped);
}

static void share_free(void *arg) {
    struct share *share = arg;
    floors_done(&share->floors);
    free(share);
}

void shares_done(struct shares *shares) {
    table_done(&shares->by_key, share_free);
    table_done(&shares->lanes, lane_free);
    table_done(&shares->run_times, free);
    free(shares->heap);
    buf_done(&shares->key);
    accounts_done(&shares->accounts);
    shares_init(shares);
}

static struct lane *lane_find(struct shares *shares, const char *name) {
    struct lane *lane = table_get(&shares->lanes, name);
    if (!lane) {
        lane = MEM_NEW(struct lane);
        lane->name = mem_text(name);
        lane->max_running = lane->max_per_tenant = -1;
        table_put(&shares->lanes, name, lane);
    }
    return lane;
}

struct share *shares_find(struct shares *shares, const char *lane, const char *tenant) {
    struct buf *key = &shares->key;
    buf_clear(key);
    buf_text(key, lane);
    buf_char(key, '|');
    buf_text(key, tenant);
    struct share *share = table_get(&shares->by_key, buf_get(key));
    if (!share) {
        share = MEM_NEW(struct share);
        list_init(&share->capped_link);
        share->lane = lane_find(shares, lane);
        share->account = accounts_find(&shares->accounts, tenant);
        accounts_join(share->account);
        table_put(&shares->by_key, buf_get(key), share);
    }
    return share;
}

void shares_set_weight(struct shares *shares, struct share *share, int weight) {
    if (share->account->weight != weight)
        account_set_weight(&shares->accounts, share->account, weight);
}

static void set_active(struct shares *shares, struct share *share) {
    struct account *account = share->account;
    bool active = share->hungry && !share->capped;
    if (share->active == active)
        return;
    if (active && account->backlog == 0 && account->time < shares->accounts.now)
        account->time = shares->accounts.now; /* no credit for its absence */
    share->active = active;
    shares->active_count += active ? 1 : (size_t)-1;
    account_set_backlog(&shares->accounts, account, active);
}

void shares_set_hungry(struct shares *shares, struct share *share, bool hungry) {
    if (hungry)
        share->recent = share->account->recent = clock_now();
    share->hungry = hungry && !share->lane->closed;
    set_active(shares, share);
}

/* ---- limits ---- */

bool share_is_limited(const struct share *share) {
    return share->account->max_running >= 0 || share->lane->max_running >= 0 ||
           share->lane->max_per_tenant >= 0;
}

void shares_cap(struct shares *shares, struct share *share) {
    list_remove(&share->capped_link);
    list_push_back(&shares->capped, &share->capped_link);
    shares->capped_count += share->capped ? 0 : 1;
    share->capped = true;
    set_active(shares, share);
}

void shares_uncap(struct shares *shares, struct share *share) {
    if (!share->capped)
        return;
    list_remove(&share->capped_link);
    shares->capped_count--;
    share->capped = false;
    set_active(shares, share);
}

/* All that may have been held back by what has changed for that tenant, or lane. */
static void uncap_all(struct shares *shares, const struct account *account,
                      const struct lane *lane) {
    LIST_EACH (&shares->capped, p) {
        struct share *share = LIST_ENTRY(p, struct share, capped_link);
        if (share->account == account || share->lane == lane)
            shares_uncap(shares, share);
    }
}

void shares_set_lane(struct shares *shares, const char *name, int64_t max_running,
                     int64_t max_per_tenant) {
    struct lane *lane = lane_find(shares, name);
    lane->closed = false;
    if (lane->max_running == max_running && lane->max_per_tenant == max_per_tenant)
        return;
    lane->max_running = max_running;
    lane->max_per_tenant = max_per_tenant;
    uncap_all(shares, NULL, lane);
}

void shares_close_lane(struct shares *shares, const char *name) {
    struct lane *lane = lane_find(shares, name);
    const char *key;
    void *share;
    if (lane->closed)
        return;
    lane->closed = true;
    for (size_t at = 0; table_next(&shares->by_key, &at, &key, &share);)
        if (((struct share *)share)->lane == lane)
            shares_set_hungry(shares, share, false);
}

void shares_set_limit(struct shares *shares, struct share *share, int64_t max_running) {
    if (share->account->max_running == max_running)
        return;
    share->account->max_running = max_running;
    uncap_all(shares, share->account, NULL);
}

void shares_join(struct share *share) {
    share->lives++;
    share->account->lives++;
    share->lane->lives++;
}

void shares_leave(struct shares *shares, struct share *share) {
    share->lives--;
    share->account->lives--;
    share->lane->lives--;
    if (share_is_limited(share))
        uncap_all(shares, share->account, share->lane);
}

void shares_leaving(struct shares *shares, struct share *share) {
    share->leaving++;
    share->account->leaving++;
    share->lane->leaving++;
    if (share_is_limited(share))
        uncap_all(shares, share->account, share->lane);
}

void shares_stay(struct share *share) {
    share->leaving--;
    share->account->leaving--;
    share->lane->leaving--;
}

static size_t room_under(int64_t limit, size_t lives, size_t leaving) {
    if (limit < 0)
        return SIZE_MAX;
    size_t taken = lives - leaving;
    return taken < (size_t)limit ? (size_t)limit - taken : 0;
}

static void find_room(struct share *share) {
    struct account *account = share->account;
    struct lane *lane = share->lane;
    account->room = room_under(account->max_running, account->lives, account->leaving);
    lane->room = room_under(lane->max_running, lane->lives, lane->leaving);
    share->room = room_under(lane->max_per_tenant, share->lives, share->leaving);
}

static bool has_room(const struct share *share) {
    return share->room > 0 && share->account->room > 0 && share->lane->room > 0;
}

static void take_room(struct share *share) {
    size_t *rooms[] = {&share->room, &share->account->room, &share->lane->room};
    for (size_t i = 0; i < 3; i++)
        *rooms[i] -= *rooms[i] == SIZE_MAX ? 0 : 1;
}

/* ---- who had work ---- */

void shares_wake_recent(struct shares *shares, int64_t since, size_t most, bool above_floors) {
    void *value;
    for (size_t left = shares->by_key.count; left > 0 && most > 0; left--) {
        if (!table_next(&shares->by_key, &shares->wake_at, NULL, &value)) {
            shares->wake_at = 0; /* round */
            table_next(&shares->by_key, &shares->wake_at, NULL, &value);
        }
        struct share *share = value;
        if (share->recent < since || share->hungry)
            continue;
        int64_t recent = share->recent, of_all = share->account->recent;
        shares_set_hungry(shares, share, true);
        share->recent = recent; /* a guess, not a sighting */
        share->account->recent = of_all;
        size_t places = above_floors ? share->floors.count + 1 : 1;
        most -= places < most ? places : most;
    }
}

size_t shares_recent(const struct shares *shares, int64_t since, struct share **ret, size_t most) {
    size_t at = 0, n = 0;
    void *value;
    while (table_next(&shares->by_key, &at, NULL, &value)) {
        struct share *share = value;
        if (share->recent < since && !share->hungry)
            continue;
        if (n < most)
            ret[n] = share;
        n++;
    }
    return n;
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
        shares_uncap(shares, share);
        accounts_leave(&shares->accounts, share->account);
        share_free(table_take(&shares->by_key, key));
    }
}

void shares_sweep_begins(struct shares *shares) {
    size_t at = 0;
    void *value;
    while (table_next(&shares->by_key, &at, NULL, &value))
        floors_sweep_begins(&((struct share *)value)->floors);
}

void shares_clear_floors(struct shares *shares) {
    size_t at = 0;
    void *value;
    while (table_next(&shares->by_key, &at, NULL, &value))
        floors_clear(&((struct share *)value)->floors);
}

/* ---- the heap of the active, smallest virtual time first ----
 * Lanes of one tenant have its time in common: what one is dealt makes the others' keys too small.
 * A time only grows while quotas are dealt, so it is enough to look when one comes to the top. */

/* Among equals the one whose job was queued first: that is fair, and jobs that were queued at about the same
 * time lie side by side in the tables. */
static bool comes_before(const struct share *a, const struct share *b) {
    if (a->key != b->key)
        return a->key < b->key;
    return a->quota != b->quota ? a->quota < b->quota : a->head < b->head;
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
        share->quota = share->got = share->moved = 0;
        share->key = share->account->time;
        if (!share->active)
            continue;
        find_room(share);
        shares->heap[shares->heap_count++] = share;
    }
    for (size_t i = shares->heap_count / 2; i-- > 0;)
        heap_sift_down(shares->heap, shares->heap_count, i);
}

static void heap_drop_first(struct shares *shares) {
    shares->heap[0] = shares->heap[--shares->heap_count];
    heap_sift_down(shares->heap, shares->heap_count, 0);
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

static void give(struct shares *shares, struct share *share, size_t places) {
    if (share->key > shares->accounts.now)
        shares->accounts.now = share->key;
    for (size_t i = 0; i < places; i++)
        take_room(share);
    share->quota += places;
    share->account->time += (double)places * cost(share);
    share->key = share->account->time;
    heap_sift_down(shares->heap, shares->heap_count, 0);
}

/* One place at a time; several where more tenants wait than there are places, of those that no slot is
 * free for yet: such runs are short, and each tenant of a claim costs as much as a job. Limited ones
 * have no such places. */
static size_t places_at_once(bool crowded, size_t room, size_t firm) {
    if (firm > 0 || !crowded)
        return 1;
    return room < BURST ? room : BURST;
}

/* A limited one that must not have a place now: dropped, and if its limit is why, capped. */
static bool passes_over(struct shares *shares, struct share *share, size_t firm) {
    bool limited = share_is_limited(share), full = limited && !has_room(share);
    if (!full && (!limited || firm > 0))
        return false;
    heap_drop_first(shares);
    if (full && share->quota == 0)
        shares_cap(shares, share);
    return true;
}

size_t shares_deal(struct shares *shares, size_t room, size_t firm, struct share **ret_shares,
                   size_t most) {
    if (shares->active_count == 0 || room == 0)
        return 0;
    heap_build(shares);
    bool crowded = shares->active_count > room;
    size_t n = 0;
    while (room > 0 && shares->heap_count > 0) {
        struct share *first = heap_first(shares);
        if (passes_over(shares, first, firm))
            continue;
        if (first->quota == 0) {
            if (n == most)
                break;
            ret_shares[n++] = first;
            first->estimate = first->account->run_time;
        }
        size_t places = places_at_once(crowded, room, firm);
        give(shares, first, places);
        room -= places;
        firm -= firm > 0;
    }
    for (size_t i = 0; i < n; i++)
        ret_shares[i]->allowed = ret_shares[i]->quota;
    return n;
}

void shares_settle(struct shares *shares, struct share *share) {
    if (share->got > 0)
        share->recent = share->account->recent = clock_now();
    if (share->got < share->quota)
        share->account->time -= (double)(share->quota - share->got) * cost(share);
    if (share->got < share->allowed && share->moved == 0)
        shares_set_hungry(shares, share, false);
    else if (share->allowed < share->quota)
        shares_cap(shares, share);
    share->quota = share->got = share->moved = 0;
}

void shares_undo(struct share *share) {
    share->account->time -= (double)share->quota * cost(share);
    share->quota = share->got = share->moved = 0;
}

double shares_estimate(const struct shares *shares, struct share *share, double charged,
                       const char *class_name) {
    const double *known = table_get(&shares->run_times, class_name);
    if (!known)
        return charged;
    share->account->time += (*known - charged) / share->account->weight;
    return *known;
}

void shares_learn(struct shares *shares, const char *class_name, double took) {
    double *known = table_get(&shares->run_times, class_name);
    if (!known) {
        known = MEM_NEW(double);
        *known = took;
        table_put(&shares->run_times, class_name, known);
    }
    *known += (took - *known) / 16;
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
