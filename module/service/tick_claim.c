/* Choosing jobs: how many, whose, and what they become. */
#include "module/base/clock.h"
#include "module/base/mem.h"
#include "module/job/status.h"
#include "module/service/claim_order.h"
#include "module/service/lives.h"
#include "module/service/tick_steps.h"
#include "module/service/turns.h"

#include <stdio.h>
#include <string.h>

#define ENDS_MOST (3 * TICK_BATCH)
#define LASTING 8 /* times the average run */

/* Beyond the free slots as much as the pool will have run before the next claim can be there:
 * nothing of long jobs, a batch of no-op jobs. A slot whose run lasts for far longer than usual will not
 * come free so soon, whatever the average says. And a few runs that were short promise no batch of them:
 * each that ended makes room for one more. */
static size_t prefetch(struct datasource *ds, int64_t now) {
    double run = ds->run_time > 1 ? ds->run_time : 1, until_next = ds->tick_time * 1.5;
    size_t slots = pool_slots(ds->service->pool),
           lasting = lives_lasting(ds, now, (int64_t)(until_next + LASTING * run));
    double runs = lasting < slots ? (double)(slots - lasting) * until_next / run : 0;
    pthread_mutex_lock(&ds->inbox_lock);
    size_t waiting = ds->pooled;
    pthread_mutex_unlock(&ds->inbox_lock);
    size_t wanted = runs > TICK_BATCH ? TICK_BATCH : (size_t)runs;
    if (wanted > ds->ahead_most)
        wanted = ds->ahead_most;
    return wanted > waiting ? wanted - waiting : 0;
}

struct live_columns live_columns(const struct sql_result *rows) {
    return (struct live_columns){.id = sql_column(rows, "id"),
                                 .lane = sql_column(rows, "lane"),
                                 .tenant = sql_column(rows, "tenant"),
                                 .class_name = sql_column(rows, "class_name"),
                                 .status = sql_column(rows, "status"),
                                 .traceparent = sql_column(rows, "traceparent"),
                                 .priority = sql_column(rows, "priority"),
                                 .seq = sql_column(rows, "ready_seq"),
                                 .version = sql_column(rows, "version"),
                                 .attempt = sql_column(rows, "attempt"),
                                 .attempt_base = sql_column(rows, "attempt_base"),
                                 .max_attempts = sql_column(rows, "max_attempts"),
                                 .timeout = sql_column(rows, "timeout"),
                                 .backoff = sql_column(rows, "backoff"),
                                 .suspect = sql_column(rows, "suspect")};
}

struct live *live_from_row(struct datasource *ds, const struct sql_result *rows, size_t row,
                           const struct live_columns *of, struct share *share) {
    struct live *live = MEM_NEW(struct live);
    live->ds = ds;
    memccpy(live->id, sql_get(rows, row, of->id), '\0', sizeof live->id - 1);
    live->tenant = mem_text(sql_get(rows, row, of->tenant));
    live->class_name = mem_text(sql_get(rows, row, of->class_name));
    live->traceparent = mem_text(sql_get(rows, row, of->traceparent));
    live->priority = (int)sql_get_integer(rows, row, of->priority, 0);
    live->seq = sql_get_integer(rows, row, of->seq, 0);
    live->version = (int)sql_get_integer(rows, row, of->version, 0);
    live->attempt = (int)sql_get_integer(rows, row, of->attempt, 0);
    live->attempt_base = (int)sql_get_integer(rows, row, of->attempt_base, 0);
    live->max_attempts = (int)sql_get_integer(rows, row, of->max_attempts, 0);
    live->timeout = sql_get_integer(rows, row, of->timeout, 0);
    live->backoff = sql_get_integer(rows, row, of->backoff, 0);
    live->entry = classes_find(ds->service->classes, live->class_name);
    live->careful = sql_get_boolean(rows, row, of->suspect) ||
                    (live->entry && live->entry->class->at_most_once);
    live->claimed_at = clock_now();
    live->share = share;
    shares_join(share);
    return live;
}

/* What the answer to a claim is read by. */
struct claimed {
    const struct sql_result *rows;
    struct live_columns of;
    int waited, parameters;
};

static void take(struct tick *tick, const struct claimed *claimed,
                 const struct claim_entry *entry) {
    struct datasource *ds = tick->ds;
    struct share *share = entry->share;
    share->got++;
    share->head = entry->seq;
    floors_note(&share->floors, (int)entry->priority, share->head, tick->now);
    if (strcmp(sql_get(claimed->rows, entry->row, claimed->of.status), "FAILED") == 0) {
        shares_refund(share, share->estimate); /* expired: it is over already */
        count(&ds->counters.expired, 1);
        count_result(&ds->counters, "FAILED", "", "EXPIRED");
        return;
    }
    histogram_add(&ds->counters.waited, &histogram_waits,
                  sql_get_integer(claimed->rows, entry->row, claimed->waited, 0));
    struct live *live = live_from_row(ds, claimed->rows, entry->row, &claimed->of, share);
    live->estimate = shares_estimate(&ds->shares, share, live->class_name);
    if (!share->receipt) /* one for all of its jobs */
        share->receipt =
            receipts_find(&ds->receipts, ds->tick, share->account->tenant, share->lane->name);
    live->receipt = share->receipt;
    receipt_join(live->receipt);
    lives_enter(ds, live, LIVE_FETCHING);
    live_launch(ds, live, sql_get(claimed->rows, entry->row, claimed->parameters));
}

/* The order of the rows is the order of the pool's queue. */
static void take_all(struct tick *tick, const struct sql_result *rows) {
    struct claim_entry entries[TICK_BATCH];
    size_t count = sql_count(rows);
    const struct claimed claimed = {.rows = rows,
                                    .of = live_columns(rows),
                                    .waited = sql_column(rows, "waited"),
                                    .parameters = sql_column(rows, "parameters")};
    for (size_t i = 0; i < count; i++) {
        struct share *share =
            shares_find(&tick->ds->shares, sql_get(rows, i, claimed.of.lane),
                        sql_get(rows, i, claimed.of.tenant));
        share->receipt = NULL;
        entries[i] = (struct claim_entry){
            .share = share,
            .quota = share->quota > 0 ? share->quota : 1,
            .priority = sql_get_integer(rows, i, claimed.of.priority, 0),
            .seq = sql_get_integer(rows, i, claimed.of.seq, 0),
            .row = i,
        };
    }
    claim_order(entries, count);
    lives_gather(tick->ds);
    for (size_t i = 0; i < count; i++)
        take(tick, &claimed, &entries[i]);
    lives_put(tick->ds);
}

static void apply(struct tick *tick, const struct sql_result *rows, size_t from, size_t to) {
    struct datasource *ds = tick->ds;
    pool_release(ds->service->pool, tick->reserved);
    tick->reserved = 0;
    take_all(tick, rows);
    for (size_t i = from; i < to; i++)
        shares_settle(&ds->shares, tick->shares[i]);
    tick->claimed += sql_count(rows);
    ds->claim_found = tick->claimed;
    count(&ds->counters.claimed, (long long)sql_count(rows));
    ds->claimed_awake += sql_count(rows);
}

static void apply_limited(struct tick *tick, const struct sql_result *rows) {
    apply(tick, rows, 0, tick->limited_count);
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
    size_t room = tick->reserved + (first ? prefetch(ds, tick->now) : 0);
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
