/* Choosing jobs: how many, and whose. */
#include "module/base/clock.h"
#include "module/service/lives.h"
#include "module/service/tick_steps.h"
#include "module/service/turns.h"

#include <stdio.h>
#include <string.h>

#define ENDS_MOST (3 * TICK_BATCH)
#define AHEAD_MOST (2 * TICK_BATCH) /* one batch runs while the next is claimed */
#define LASTING 8                   /* times the average run */

/* Beyond the free slots as much as the pool will have run before the next claim can be there:
 * nothing of long jobs, batches of no-op jobs. A slot whose run lasts for far longer than usual will not
 * come free so soon, whatever the average says. And a few runs that were short promise no batch of them:
 * each that ended makes room for one more. */
static size_t prefetch(const struct tick *tick) {
    struct datasource *ds = tick->ds;
    double run = ds->run_time > 1 ? ds->run_time : 1, until_next = ds->tick_time * 1.5;
    size_t slots = pool_slots(ds->service->pool),
           lasting = lives_lasting(ds, tick->now, (int64_t)(until_next + LASTING * run));
    double runs = lasting < slots ? (double)(slots - lasting) * until_next / run : 0;
    pthread_mutex_lock(&ds->inbox_lock);
    size_t waiting = ds->pooled + tick->held.count;
    pthread_mutex_unlock(&ds->inbox_lock);
    size_t wanted = runs > AHEAD_MOST ? AHEAD_MOST : (size_t)runs;
    if (wanted > ds->ahead_most)
        wanted = ds->ahead_most;
    return wanted > waiting ? wanted - waiting : 0;
}

static void apply(struct tick *tick, const struct sql_result *rows, size_t from, size_t to) {
    struct datasource *ds = tick->ds;
    tick_hold(tick, rows);
    for (size_t i = from; i < to; i++)
        shares_settle(&ds->shares, tick->shares[i]);
    tick->claimed += sql_count(rows);
    ds->claim_found = tick->claimed;
    count(&ds->counters.claimed, (long long)sql_count(rows));
    ds->claimed_awake += sql_count(rows);
}

/* Taken in at once: what runs under a limit counts in the next claim. */
static void apply_limited(struct tick *tick, const struct sql_result *rows) {
    apply(tick, rows, 0, tick->limited_count);
    tick_take(tick);
}

/* Nothing of those who had work: others took it, or a limit is new that ready_claim saw and this instance
 * does not know. It looks again, once. */
static void apply_claim(struct tick *tick, const struct sql_result *rows) {
    struct datasource *ds = tick->ds;
    bool nothing = sql_count(rows) == 0;
    if (nothing && !ds->found_nothing)
        ds->last_look = ds->next_lanes = ds->sweep.next_at = 0;
    ds->found_nothing = nothing;
    apply(tick, rows, tick->limited_count, tick->share_count);
}

void tick_undo_claim(struct tick *tick) {
    for (size_t i = 0; i < tick->share_count; i++)
        shares_undo(tick->shares[i]);
    pool_release(tick->ds->service->pool, tick->reserved);
    if (tick->reserved > 0)
        turns_wake(tick->ds);
    tick->share_count = tick->reserved = 0;
}

/* Limited ones first: what they are given begins at once. */
static void sort_limited(struct tick *tick) {
    tick->limited_count = 0;
    for (size_t i = 0; i < tick->share_count; i++) {
        struct share *share = tick->shares[i];
        if (!share_is_limited(share))
            continue;
        tick->shares[i] = tick->shares[tick->limited_count];
        tick->shares[tick->limited_count++] = share;
    }
}

/* Where each of them is looked for: everywhere, or above its floors. */
static void add_ranges(struct tick *tick, struct tick_step *step, size_t from, size_t to) {
    struct buf *firsts = tick_array(tick), *lasts = tick_array(tick), *his = tick_array(tick),
               *los = tick_array(tick), *seqs = tick_array(tick);
    bool skips = tick->ds->sweep.on;
    size_t count = skips ? 0 : floors_ranges(NULL, his, los, seqs);
    for (size_t i = from; i < to; i++) {
        size_t first = skips ? count + 1 : 1;
        if (skips)
            count += floors_ranges(&tick->shares[i]->floors, his, los, seqs);
        sql_array_integer(firsts, (int64_t)first);
        sql_array_integer(lasts, (int64_t)count);
    }
    tick_add_array(step, firsts);
    tick_add_array(step, lasts);
    tick_add_array(step, his);
    tick_add_array(step, los);
    tick_add_array(step, seqs);
}

static void add(struct tick *tick, size_t from, size_t to, size_t most) {
    bool limited = from < tick->limited_count;
    struct tick_step *step =
        tick_add(tick, "ready_claim", true, true, limited ? apply_limited : apply_claim);
    step->keeps = true;
    struct buf *lanes = tick_array(tick), *tenants = tick_array(tick), *quotas = tick_array(tick);
    for (size_t i = from; i < to; i++) {
        sql_array_text(lanes, tick->shares[i]->lane->name);
        sql_array_text(tenants, tick->shares[i]->account->tenant);
        sql_array_integer(quotas, (int64_t)tick->shares[i]->quota);
    }
    sql_add_integer(&step->parameters, tick->ds->tick);
    tick_add_array(step, lanes);
    tick_add_array(step, tenants);
    tick_add_array(step, quotas);
    if (limited) /* the quotas are what ready_room finds */
        step->parameters.values[step->parameters.count - 1] = NULL;
    sql_add_integer(&step->parameters, (int64_t)most);
    add_ranges(tick, step, from, to);
}

/* Ends wait to be recorded, more than another session can be about to: no more is begun. Those whose
 * row somebody holds do not count. */
static bool is_behind(const struct datasource *ds, int64_t now) {
    size_t due = 0;
    if (ds->ending_count <= ENDS_MOST)
        return false;
    LIST_EACH (&ds->lives[LIVE_ENDING], p)
        due += LIST_ENTRY(p, struct live, link)->retry_at <= now;
    return due > ENDS_MOST;
}

/* One job, to see whether it answers again; no slot is kept for that. */
static size_t deal_stalled(struct tick *tick) {
    size_t kept = tick->reserved;
    tick->share_count = shares_deal(&tick->ds->shares, 1, kept, tick->shares, TICK_BATCH);
    pool_release(tick->ds->service->pool, kept);
    tick->reserved = 0;
    if (kept > 0)
        turns_wake(tick->ds);
    return tick->share_count;
}

void tick_add_claim(struct tick *tick) {
    struct datasource *ds = tick->ds;
    if (ds->shares.active_count == 0 || atomic_load(&ds->draining) || is_behind(ds, tick->now))
        return;
    bool first;
    tick->reserved = turns_take(ds, TICK_BATCH, &first);
    size_t room = tick->reserved + (first ? prefetch(tick) : 0);
    if (room > TICK_BATCH)
        room = TICK_BATCH;
    if (atomic_load(&ds->stalled) && room > 0)
        room = deal_stalled(tick);
    else
        tick->share_count =
            shares_deal(&ds->shares, room, tick->reserved, tick->shares, TICK_BATCH);
    if (tick->share_count == 0) {
        tick_undo_claim(tick);
        return;
    }
    sort_limited(tick);
    ds->tick++; /* names the receipts; never used twice */
    if (ds->lanes_elsewhere)
        tick_add_move(tick);
    if (tick->limited_count > 0) {
        tick_add_rooms(tick);
        add(tick, 0, tick->limited_count, room);
    }
    if (tick->share_count > tick->limited_count)
        add(tick, tick->limited_count, tick->share_count, room);
}
