/* Ends of runs, and the receipts they leave without jobs. */
#include "module/base/clock.h"
#include "module/job/status.h"
#include "module/service/lives.h"
#include "module/service/tick_steps.h"

#include <string.h>

#define DATA_MAX ((size_t)8 << 20)   /* results, errors and logs in one tick */
#define CLOSE_ALONE (100 * CLOCK_MS) /* receipts with nothing else to write wait for so long */

/* The arrays of run_succeed. */
enum { OK_IDS, OK_VERSIONS, OK_START_AGES, OK_END_AGES, OK_RESULTS, OK_RESULT_CLASSES, OK_ARRAYS };

/* The arrays of run_end. */
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
    struct datasource *ds = tick->ds;
    int64_t due = tick->now + delay_of(live);
    if (live->end.target != JOB_PENDING)
        return;
    ds->timer_recorded_at = clock_now();
    if (due < ds->recorded_timer)
        ds->recorded_timer = due;
    if (due < ds->next_timer)
        ds->next_timer = due;
}

static size_t length(const char *text) { return text ? strlen(text) : 0; }

/* Of what users can make long. */
static size_t live_end_bytes(const struct live *live) {
    return length(live->end.result) + length(live->end.error) + length(live->end.log);
}

/* Nothing but a status, dates and perhaps a result. */
static bool is_plain_success(const struct live *live) {
    const struct live_end *end = &live->end;
    return end->target == JOB_SUCCEEDED && live->began && !end->spare && !end->error_kind &&
           !end->log;
}

static void put_success(struct tick *tick, struct buf **a, const struct live *live) {
    sql_array_plain(a[OK_IDS], live->id);
    sql_array_integer(a[OK_VERSIONS], live->version);
    if (live->recorded)
        sql_array_plain(a[OK_START_AGES], "NULL");
    else
        sql_array_integer(a[OK_START_AGES], tick->now - live->began_at);
    sql_array_integer(a[OK_END_AGES], tick->now - live->ended_at);
    sql_array_text(a[OK_RESULTS], live->end.result);
    sql_array_text(a[OK_RESULT_CLASSES], live->end.result_class_name);
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
        if (live->share && live->end.target == JOB_QUEUED)
            floors_lower(&live->share->floors, live->priority, live->seq);
        live_finish(ds, live);
    }
    if (ds->end_limit < TICK_BATCH)
        ds->end_limit = ds->end_limit * 2 < TICK_BATCH ? ds->end_limit * 2 : TICK_BATCH;
}

static void add_step(struct tick *tick, const char *statement, struct buf **arrays, size_t count) {
    if (!arrays[0])
        return;
    struct tick_step *step = tick_add(tick, statement, true, true, apply_ends);
    for (size_t i = 0; i < count; i++)
        tick_add_array(step, arrays[i]);
}

static void begin_arrays(struct tick *tick, struct buf **arrays, size_t count) {
    for (size_t i = 0; !arrays[count - 1] && i < count; i++)
        arrays[i] = tick_array(tick);
}

void tick_add_ends(struct tick *tick) {
    struct datasource *ds = tick->ds;
    struct buf *plain[OK_ARRAYS] = {0}, *arrays[ARRAYS] = {0};
    size_t bytes = 0;
    LIST_EACH (&ds->lives[LIVE_ENDING], p) {
        struct live *live = LIST_ENTRY(p, struct live, link);
        if (live->retry_at > tick->now)
            continue;
        if (tick->end_count == ds->end_limit || bytes > DATA_MAX)
            break;
        tick->ends[tick->end_count++] = live;
        bytes += live_end_bytes(live);
        if (is_plain_success(live)) {
            begin_arrays(tick, plain, OK_ARRAYS);
            put_success(tick, plain, live);
        } else {
            begin_arrays(tick, arrays, ARRAYS);
            put_end(tick, arrays, live);
        }
    }
    add_step(tick, "run_succeed", plain, OK_ARRAYS);
    add_step(tick, "run_end", arrays, ARRAYS);
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
