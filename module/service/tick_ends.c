/* Ends of runs, and the receipts they leave without jobs. */
#include "module/base/clock.h"
#include "module/job/status.h"
#include "module/service/lives.h"
#include "module/service/tick_steps.h"

#include <string.h>

#define DATA_MAX ((size_t)8 << 20)   /* results, errors and logs in one tick */
#define CLOSE_ALONE (100 * CLOCK_MS) /* receipts with nothing else to write wait for so long */

enum {
    IDS,
    VERSIONS,
    TARGETS,
    BEGAN,
    RECORDED,
    START_AGES,
    END_AGES,
    PERCENTS,
    RESULTS,
    RESULT_CLASSES,
    KINDS,
    ERRORS,
    DELAYS,
    SPARES,
    OUTCOMES,
    LOGS,
    ARRAYS
};

/* Microseconds until due. A class may ask for any delay; dates end somewhere. */
static int64_t delay_of(const struct live *live) {
    const int64_t most = INT64_C(100) * 365 * 24 * 3600 * CLOCK_SECOND;
    return live->end.delay < most / CLOCK_MS ? live->end.delay * CLOCK_MS : most;
}

/* Its timer may come before the next look at the timers. */
static void expect_timer(struct tick *tick, const struct live *live) {
    int64_t due = tick->now + delay_of(live);
    if (live->end.target == JOB_PENDING && due < tick->ds->next_timer)
        tick->ds->next_timer = due;
}

static void put_end(struct tick *tick, struct buf **a, const struct live *live) {
    const struct live_end *end = &live->end;
    sql_array_plain(a[IDS], live->id);
    sql_array_integer(a[VERSIONS], live->version);
    sql_array_plain(a[TARGETS], status_name(end->target));
    sql_array_boolean(a[BEGAN], live->began);
    sql_array_boolean(a[RECORDED], live->recorded);
    sql_array_integer(a[START_AGES], live->began ? tick->now - live->began_at : 0);
    sql_array_integer(a[END_AGES], live->began ? tick->now - live->ended_at : 0);
    sql_array_integer(a[PERCENTS], live->task.job ? run_percent(live->task.job) : 0);
    sql_array_text(a[RESULTS], end->result);
    sql_array_text(a[RESULT_CLASSES], end->result_class_name);
    sql_array_text(a[KINDS], end->error_kind);
    sql_array_text(a[ERRORS], end->error);
    sql_array_integer(a[DELAYS], delay_of(live));
    sql_array_boolean(a[SPARES], end->spare);
    sql_array_plain(a[OUTCOMES], end->outcome[0] ? end->outcome : "NULL");
    sql_array_text(a[LOGS], end->log);
}

static void count_end(struct datasource *ds, const struct live *live, const char *said,
                      const char *status) {
    struct datasource_counters *counters = &ds->counters;
    if (said[0] != 'a') {
        count(&counters->fenced, 1);
        return;
    }
    count(&counters->ended, 1);
    count_result(counters, status, live->end.outcome, live->end.error_kind);
    if (live->began)
        histogram_add(&counters->run_time, &histogram_waits, live->ended_at - live->began_at);
}

static void apply_ends(struct tick *tick, const struct sql_result *rows) {
    struct datasource *ds = tick->ds;
    int id = sql_column(rows, "id"), state = sql_column(rows, "state"),
        status = sql_column(rows, "status");
    for (size_t i = 0; i < sql_count(rows); i++) {
        struct live *live = tick_live(tick, rows, i, id);
        const char *said = sql_get(rows, i, state);
        if (!live)
            continue;
        if (strcmp(said, "busy") == 0) { /* somebody holds the row: next tick */
            count(&ds->counters.busy, 1);
            live->retry_at = tick->now + BUSY_PAUSE;
            continue;
        }
        count_end(ds, live, said, sql_get(rows, i, status));
        expect_timer(tick, live);
        live_finish(ds, live);
    }
    if (ds->end_limit < TICK_BATCH)
        ds->end_limit = ds->end_limit * 2 < TICK_BATCH ? ds->end_limit * 2 : TICK_BATCH;
}

void tick_add_ends(struct tick *tick) {
    struct datasource *ds = tick->ds;
    struct buf *arrays[ARRAYS] = {0};
    LIST_EACH (&ds->lives[LIVE_ENDING], p) {
        struct live *live = LIST_ENTRY(p, struct live, link);
        if (live->retry_at > tick->now)
            continue;
        for (int i = 0; !arrays[ARRAYS - 1] && i < ARRAYS; i++)
            arrays[i] = tick_array(tick);
        if (tick->end_count == ds->end_limit ||
            arrays[RESULTS]->length + arrays[ERRORS]->length + arrays[LOGS]->length > DATA_MAX)
            break;
        tick->ends[tick->end_count++] = live;
        if (live->share)
            shares_leaving(&ds->shares, live->share);
        put_end(tick, arrays, live);
    }
    if (tick->end_count == 0)
        return;
    struct tick_step *step = tick_add(tick, "run_end", true, true, apply_ends);
    for (int i = 0; i < ARRAYS; i++)
        tick_add_array(step, arrays[i]);
}

static void apply_receipts(struct tick *tick, const struct sql_result *result) {
    (void)result;
    for (size_t i = 0; i < tick->receipt_count; i++)
        receipt_closed(&tick->ds->receipts, tick->receipts[i]);
}

void tick_add_receipts(struct tick *tick) {
    struct datasource *ds = tick->ds;
    if (list_empty(&ds->receipts.closable)) {
        ds->close_at = 0;
        return;
    }
    if (ds->close_at == 0)
        ds->close_at = tick->now + CLOSE_ALONE;
    if (!tick->writes && tick->now < ds->close_at && !atomic_load(&ds->draining))
        return;
    struct tick_step *step = tick_add(tick, "receipt_close", true, true, apply_receipts);
    struct buf *ticks = tick_array(tick), *tenants = tick_array(tick), *lanes = tick_array(tick);
    LIST_EACH (&ds->receipts.closable, p) {
        if (tick->receipt_count == TICK_BATCH)
            break;
        struct receipt *receipt = LIST_ENTRY(p, struct receipt, link);
        tick->receipts[tick->receipt_count++] = receipt;
        sql_array_integer(ticks, receipt->tick);
        sql_array_text(tenants, receipt->tenant);
        sql_array_text(lanes, receipt->lane);
    }
    tick_add_array(step, ticks);
    tick_add_array(step, tenants);
    tick_add_array(step, lanes);
}
