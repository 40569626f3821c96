/* Taking in what a claim brought: its rows become live jobs, in the order in which they are to begin. */
#include "module/base/clock.h"
#include "module/base/mem.h"
#include "module/service/lives.h"
#include "module/service/tick_steps.h"
#include "module/service/turns.h"

#include <string.h>

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

void tick_hold(struct tick *tick, const struct sql_result *rows) {
    struct claim *held = &tick->held;
    const struct live_columns of = live_columns(rows);
    *held = (struct claim){.rows = (struct sql_result *)(uintptr_t)rows,
                           .of = of,
                           .waited = sql_column(rows, "waited"),
                           .parameters = sql_column(rows, "parameters"),
                           .number = tick->ds->tick,
                           .claimed_at = tick->now,
                           .count = sql_count(rows),
                           .reserved = tick->reserved};
    tick->reserved = 0;
    for (size_t i = 0; i < held->count; i++) {
        struct share *share =
            shares_find(&tick->ds->shares, sql_get(rows, i, of.lane), sql_get(rows, i, of.tenant));
        share->got++;
        share->receipt = NULL;
        tick->held_entries[i] =
            (struct claim_entry){.share = share,
                                 .quota = share->quota > 0 ? share->quota : 1,
                                 .charged = share->estimate,
                                 .priority = sql_get_integer(rows, i, of.priority, 0),
                                 .seq = sql_get_integer(rows, i, of.seq, 0),
                                 .row = i};
    }
}

static void take(struct datasource *ds, const struct claim *held, const struct claim_entry *entry) {
    const struct sql_result *rows = held->rows;
    struct share *share = entry->share;
    share->head = entry->seq;
    floors_note(&share->floors, (int)entry->priority, share->head, held->claimed_at);
    if (strcmp(sql_get(rows, entry->row, held->of.status), "FAILED") == 0) {
        shares_refund(share, entry->charged); /* expired: it is over already */
        count(&ds->counters.expired, 1);
        count_result(&ds->counters, "FAILED", "", "EXPIRED");
        return;
    }
    histogram_add(&ds->counters.waited, &histogram_waits,
                  sql_get_integer(rows, entry->row, held->waited, 0));
    struct live *live = live_from_row(ds, rows, entry->row, &held->of, share);
    live->estimate = shares_estimate(&ds->shares, share, entry->charged, live->class_name);
    if (!share->receipt) /* one for all of its jobs */
        share->receipt =
            receipts_find(&ds->receipts, held->number, share->account->tenant, share->lane->name);
    live->receipt = share->receipt;
    receipt_join(live->receipt);
    lives_enter(ds, live, LIVE_FETCHING);
    live_launch(ds, live, sql_get(rows, entry->row, held->parameters));
}

void tick_take(struct tick *tick) {
    struct datasource *ds = tick->ds;
    struct claim *held = &tick->held;
    if (!held->rows)
        return;
    pool_release(ds->service->pool, held->reserved);
    if (held->count < held->reserved)
        turns_wake(ds);
    claim_order(tick->held_entries, held->count);
    lives_gather(ds);
    for (size_t i = 0; i < held->count; i++)
        take(ds, held, &tick->held_entries[i]);
    lives_put(ds);
    sql_result_free(held->rows);
    *held = (struct claim){0};
}
