#include "module/base/clock.h"
#include "module/base/mem.h"
#include "module/service/lives.h"
#include "module/service/recorder.h"
#include "module/service/tick_steps.h"
#include "module/service/turns.h"

#include <stdlib.h>
#include <string.h>

#define KEEP_LEAST (50 * CLOCK_MS)
#define KEEP_MOST CLOCK_SECOND
#define ASIDE_FIRST CLOCK_SECOND
#define ASIDE_MOST (64 * CLOCK_SECOND)

const char *const tick_statements[] = {"tick_begin", "run_succeed", "run_end", "run_start",
                                       "run_progress", "receipt_close",
                                       /* Those above record. */
                                       "timer_promote", "timer_next", "ready_move", "ready_room",
                                       "ready_claim", "class_lanes", "limit_look", "ready_tenants",
                                       "ready_others", "instance_classes", "run_parameters",
                                       "stop_look", "wake_sleep", "share_publish"};
const size_t tick_statement_count = sizeof tick_statements / sizeof *tick_statements;
const size_t tick_recording_count = 6;

struct tick *tick_new(struct datasource *ds) {
    struct tick *tick = MEM_NEW(struct tick);
    tick->ds = ds;
    return tick;
}

void tick_free(struct tick *tick) {
    if (!tick)
        return;
    for (size_t i = 0; i < BUFS_MAX; i++)
        buf_done(&tick->bufs[i]);
    free(tick);
}

struct tick_step *tick_add(struct tick *tick, const char *name, bool writes, bool with_instance,
                           void (*apply)(struct tick *tick, const struct sql_result *result)) {
    struct tick_step *step = &tick->steps[tick->count];
    step->apply = apply;
    step->keeps = false;
    step->parameters.count = 0;
    tick->sql[tick->count++] = (struct sql_step){.name = name, .parameters = &step->parameters};
    tick->writes |= writes;
    if (with_instance)
        sql_add_text(&step->parameters, tick->instance);
    return step;
}

struct buf *tick_array(struct tick *tick) {
    struct buf *array = &tick->bufs[tick->buf_count++];
    sql_array_begin(array);
    return array;
}

void tick_add_array(struct tick_step *step, struct buf *array) {
    sql_array_end(array);
    sql_add_text(&step->parameters, buf_get(array));
}

struct live *tick_live(struct tick *tick, const struct sql_result *result, size_t row,
                       int id_column) {
    return table_get(&tick->ds->by_id, sql_get(result, row, id_column));
}

static void begin(struct tick *tick, unsigned parts) {
    tick->now = clock_now();
    tick->parts = parts;
    tick->count = tick->buf_count = 0;
    tick->writes = tick->looks_at_stops = tick->heard = false;
    tick->end_count = tick->start_count = tick->progress_count = tick->receipt_count = 0;
    tick->share_count = tick->reserved = tick->fetch_count = tick->claimed = 0;
    datasource_instance(tick->ds, tick->instance);
    struct tick_step *first = tick_add(tick, "tick_begin", false, true, NULL);
    sql_add_integer(&first->parameters, tick->ds->epoch);
}

static void add_records(struct tick *tick) {
    tick_add_ends(tick);
    tick_add_starts(tick);
    tick_add_progress(tick);
}

static void add_choices(struct tick *tick) {
    tick_guess(tick);
    tick_add_timers(tick);
    tick_add_claim(tick);
    tick_add_lanes(tick);
    tick_add_scan(tick); /* forgets shares: before shares are noted for the next */
    tick_add_limit_look(tick);
    tick_add_classes(tick);
    tick_add_parameters(tick);
    tick_add_stops(tick);
    tick_add_wake(tick);
    tick_add_shares(tick);
}

bool tick_build(struct tick *tick, unsigned parts) {
    begin(tick, parts);
    if (parts & TICK_CHOOSES)
        tick_hear(tick);
    if (parts & TICK_RECORDS)
        add_records(tick);
    /* Beside ends, the claim may have the places that they leave under a limit. */
    bool whole = parts == TICK_WHOLE;
    for (size_t i = 0; whole && i < tick->end_count; i++)
        if (tick->ends[i]->share)
            shares_leaving(&tick->ds->shares, tick->ends[i]->share);
    if (parts & TICK_CHOOSES)
        add_choices(tick);
    for (size_t i = 0; whole && i < tick->end_count; i++)
        if (tick->ends[i]->share)
            shares_stay(tick->ends[i]->share);
    if (parts & TICK_RECORDS)
        tick_add_receipts(tick); /* last: alone they can wait, beside others they cost little */
    return tick->count > 1;
}

static void apply_all(struct tick *tick) {
    for (size_t i = tick->first; i < tick->count; i++) {
        if (tick->steps[i].apply)
            tick->steps[i].apply(tick, tick->sql[i].result);
        if (!tick->steps[i].keeps)
            sql_result_free(tick->sql[i].result);
        tick->sql[i].result = NULL;
    }
}

static void measure(const struct tick *tick, int64_t answered_at) {
    struct datasource_counters *counters = &tick->ds->counters;
    int64_t now = clock_now(), took = answered_at - tick->sent_at;
    count(&counters->ticks, 1);
    count(&counters->outcomes[tick->writes ? TICK_COMMITTED : TICK_LOOKED], 1);
    atomic_store_explicit(&counters->ticked_at, now, memory_order_relaxed);
    atomic_store_explicit(&counters->live, (long long)tick->ds->live_count, memory_order_relaxed);
    if (!tick->writes)
        return;
    histogram_add(&counters->tick_time, &histogram_ticks, now - tick->now);
    histogram_add(&counters->commit_time, &histogram_ticks, took);
    if (tick->claimed > 0) {
        recorder_note_load(tick->ds, tick->claimed);
        histogram_add(&counters->claim_time, &histogram_ticks, took);
        histogram_add(&counters->claim_size, &histogram_batches, (int64_t)tick->claimed);
    }
    if (tick->end_count > 0)
        histogram_add(&counters->end_size, &histogram_batches, (int64_t)tick->end_count);
}

int tick_send(struct tick *tick, struct sql *session, struct jobs_error *err) {
    tick->session = session;
    tick->first = tick->writes ? 0 : 1;
    tick->sent_at = clock_now();
    tick->let_go = false;
    for (size_t i = 0; i < tick->start_count; i++)
        tick->starts[i]->starting = true;
    int rc = sql_pipeline_send(session, tick->sql + tick->first, tick->count - tick->first, err);
    if (rc < 0)
        tick_abandon(tick);
    return rc;
}

static void set_stalled(struct tick *tick, bool stalled) {
    if (tick->parts & TICK_CHOOSES)
        atomic_store(&tick->ds->stalled, stalled);
}

/* A few times what a tick takes: then something is wrong with this datasource, and the pool is the
 * others', too. */
int64_t tick_lets_go_at(const struct tick *tick) {
    int64_t keep = (int64_t)(4 * tick->ds->tick_time);
    keep = keep < KEEP_LEAST ? KEEP_LEAST : keep < KEEP_MOST ? keep : KEEP_MOST;
    return tick->let_go ? INT64_MAX : tick->sent_at + keep;
}

void tick_let_go(struct tick *tick) {
    tick->let_go = true;
    set_stalled(tick, true);
    tick_release_starts(tick);
    pool_release(tick->ds->service->pool, tick->reserved);
    tick->reserved = 0;
    turns_wake(tick->ds);
}

void tick_abandon(struct tick *tick) {
    set_stalled(tick, true);
    tick_undo_claim(tick);
    tick_forget_starts(tick);
    if (tick->looks_at_stops)
        atomic_store(&tick->ds->look_at_stops, true);
}

int tick_receive(struct tick *tick, struct jobs_error *err) {
    struct datasource *ds = tick->ds;
    int rc = sql_pipeline_receive(tick->session, &tick->failed, err);
    if (rc > 0)
        return rc;
    tick->failed += tick->first;
    if (rc < 0) {
        tick_abandon(tick);
        return rc;
    }
    int64_t answered_at = clock_now();
    set_stalled(tick, false);
    if (tick->parts & TICK_CHOOSES)
        ds->tick_time += ((double)(answered_at - tick->now) - ds->tick_time) / 8;
    tick_forget_starts(tick);
    apply_all(tick);
    measure(tick, answered_at);
    if (tick->writes && ds->relay)
        relay_wake(ds->relay);
    return 0;
}

/* Others go on; it stays ours, and whoever takes over finds its receipt. */
static void set_aside(struct datasource *ds, struct live *live, const struct jobs_error *err) {
    log_about(&ds->service->log, LOG_LEVEL_ERROR, live->tenant, live->id,
              "its end cannot be written (tried again): %s", err->text);
    count(&ds->counters.set_aside, 1);
    live->aside = live->aside == 0 ? ASIDE_FIRST : live->aside * 2;
    live->aside = live->aside < ASIDE_MOST ? live->aside : ASIDE_MOST;
    live->retry_at = clock_now() + live->aside;
}

/* The value stands alone and is refused: its job fails without it. */
static void refuse(struct datasource *ds, struct live *live, const struct jobs_error *err) {
    count(&ds->counters.refused, 1);
    if (live->refused) { /* not its data then */
        set_aside(ds, live, err);
        return;
    }
    live->refused = true;
    log_about(&ds->service->log, LOG_LEVEL_WARNING, live->tenant, live->id,
              "its result is refused by the database: %s", err->text);
    live_set_end(live, JOB_FAILED, false, "FAILED", 0, "RESULT", err->text);
}

static bool is_data_error(const char *sqlstate) {
    static const char *const classes[] = {"21", "22", "23", "54"};
    bool data = false;
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        data |= strncmp(sqlstate, classes[i], 2) == 0;
    return data;
}

static bool is_end(const char *statement) {
    return strcmp(statement, "run_end") == 0 || strcmp(statement, "run_succeed") == 0;
}

bool tick_narrow(struct tick *tick, const struct jobs_error *err) {
    struct datasource *ds = tick->ds;
    bool data = is_data_error(err->sqlstate), slow = strcmp(err->sqlstate, "57014") == 0;
    if ((!data && !slow) || tick->failed >= tick->count || !is_end(tick->sql[tick->failed].name))
        return false;
    if (tick->end_count > 1) {
        ds->end_limit = tick->end_count / 2;
        return true;
    }
    if (data)
        refuse(ds, tick->ends[0], err);
    else /* the server may be at fault: nothing is thrown away */
        set_aside(ds, tick->ends[0], err);
    ds->end_limit = TICK_BATCH;
    return true;
}
