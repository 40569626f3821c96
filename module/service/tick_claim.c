/* Choosing jobs: how many, whose, and what they become. */
#include "module/base/clock.h"
#include "module/base/mem.h"
#include "module/job/status.h"
#include "module/service/lives.h"
#include "module/service/tick_steps.h"
#include "module/service/turns.h"

#include <stdio.h>
#include <string.h>

/* Beyond the free slots as much as the pool will have run before the next claim can be there:
 * nothing of long jobs, a batch of no-op jobs. */
static size_t prefetch(struct datasource *ds) {
    double runs = (double)pool_slots(ds->service->pool) * ds->tick_time * 1.5 /
                  (ds->run_time > 1 ? ds->run_time : 1);
    pthread_mutex_lock(&ds->inbox_lock);
    size_t waiting = ds->pooled;
    pthread_mutex_unlock(&ds->inbox_lock);
    size_t wanted = runs > TICK_BATCH ? TICK_BATCH : (size_t)runs;
    return wanted > waiting ? wanted - waiting : 0;
}

static struct receipt *receipt_of(struct tick *tick, const char *tenant) {
    return receipts_find(&tick->ds->receipts, tick->ds->tick, tenant);
}

struct live *live_from_row(struct datasource *ds, const struct sql_result *rows, size_t row) {
    struct live *live = MEM_NEW(struct live);
    live->ds = ds;
    snprintf(live->id, sizeof live->id, "%s", sql_get(rows, row, sql_column(rows, "id")));
    live->tenant = mem_text(sql_get(rows, row, sql_column(rows, "tenant")));
    live->class_name = mem_text(sql_get(rows, row, sql_column(rows, "class_name")));
    live->traceparent = mem_text(sql_get(rows, row, sql_column(rows, "traceparent")));
    live->version = (int)sql_get_integer(rows, row, sql_column(rows, "version"), 0);
    live->attempt = (int)sql_get_integer(rows, row, sql_column(rows, "attempt"), 0);
    live->attempt_base = (int)sql_get_integer(rows, row, sql_column(rows, "attempt_base"), 0);
    live->max_attempts = (int)sql_get_integer(rows, row, sql_column(rows, "max_attempts"), 0);
    live->timeout = sql_get_integer(rows, row, sql_column(rows, "timeout"), 0);
    live->backoff = sql_get_integer(rows, row, sql_column(rows, "backoff"), 0);
    live->entry = classes_find(ds->service->classes, live->class_name);
    live->careful = sql_get_boolean(rows, row, sql_column(rows, "suspect")) ||
                    (live->entry && live->entry->class->at_most_once);
    live->claimed_at = clock_now();
    live->share =
        shares_find(&ds->shares, sql_get(rows, row, sql_column(rows, "lane")), live->tenant);
    live->share->lives++;
    live->estimate = live->share->estimate;
    return live;
}

static void apply_claim(struct tick *tick, const struct sql_result *rows) {
    struct datasource *ds = tick->ds;
    int status = sql_column(rows, "status"), parameters = sql_column(rows, "parameters"),
        lane = sql_column(rows, "lane"), tenant = sql_column(rows, "tenant"),
        waited = sql_column(rows, "waited");
    pool_release(ds->service->pool, tick->reserved);
    tick->reserved = 0;
    for (size_t i = 0; i < sql_count(rows); i++) {
        struct share *share =
            shares_find(&ds->shares, sql_get(rows, i, lane), sql_get(rows, i, tenant));
        share->got++;
        if (strcmp(sql_get(rows, i, status), "FAILED") == 0) { /* expired: it is over already */
            shares_refund(share, share->estimate);
            count(&ds->counters.expired, 1);
            count_result(&ds->counters, "FAILED", "", "EXPIRED");
            continue;
        }
        histogram_add(&ds->counters.waited, &histogram_waits, sql_get_integer(rows, i, waited, 0));
        struct live *live = live_from_row(ds, rows, i);
        live->receipt = receipt_of(tick, live->tenant);
        receipt_join(live->receipt);
        lives_enter(ds, live, LIVE_FETCHING);
        live_launch(ds, live, sql_get(rows, i, parameters));
    }
    for (size_t i = 0; i < tick->share_count; i++)
        shares_settle(&ds->shares, tick->shares[i]);
    tick->claimed = sql_count(rows);
    count(&ds->counters.claimed, (long long)tick->claimed);
    if (sql_count(rows) > 0)
        ds->last_work = tick->now;
}

void tick_undo_claim(struct tick *tick) {
    for (size_t i = 0; i < tick->share_count; i++)
        shares_undo(tick->shares[i]);
    pool_release(tick->ds->service->pool, tick->reserved);
    tick->share_count = tick->reserved = 0;
}

void tick_add_claim(struct tick *tick) {
    struct datasource *ds = tick->ds;
    if (ds->shares.hungry_count == 0 || atomic_load(&ds->draining))
        return;
    bool first;
    tick->reserved = turns_take(ds, TICK_BATCH, &first);
    size_t room = tick->reserved + (first ? prefetch(ds) : 0);
    if (room > TICK_BATCH)
        room = TICK_BATCH;
    tick->share_count = shares_deal(&ds->shares, room, tick->shares, TICK_BATCH);
    if (tick->share_count == 0) {
        tick_undo_claim(tick);
        return;
    }
    struct tick_step *step = tick_add(tick, "ready_claim", true, true, apply_claim);
    struct buf *lanes = tick_array(tick), *tenants = tick_array(tick), *quotas = tick_array(tick);
    for (size_t i = 0; i < tick->share_count; i++) {
        sql_array_text(lanes, tick->shares[i]->lane);
        sql_array_text(tenants, tick->shares[i]->account->tenant);
        sql_array_integer(quotas, (int64_t)tick->shares[i]->quota);
    }
    sql_add_integer(&step->parameters, ++ds->tick); /* names the receipts; never used twice */
    tick_add_array(step, lanes);
    tick_add_array(step, tenants);
    tick_add_array(step, quotas);
    sql_add_integer(&step->parameters, (int64_t)room);
}
