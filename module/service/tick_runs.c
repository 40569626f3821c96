/* Runs that have begun: RUNNING, and their completion. */
#include "module/base/clock.h"
#include "module/service/lives.h"
#include "module/service/tick_steps.h"
#include "module/service/turns.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PROGRESS_LOOK (100 * CLOCK_MS)

static void recorded(struct tick *tick, struct live *live, int version, bool stop_requested) {
    struct datasource *ds = tick->ds;
    live->version = version;
    live->recorded = true;
    live->percent_at = tick->now;
    if (live->state == LIVE_STARTED)
        live_move(ds, live, LIVE_RUNNING);
    else if (live->state == LIVE_CAREFUL)
        live_start_careful(ds, live);
    if (stop_requested)
        live_stop(ds, live);
}

static void apply_starts(struct tick *tick, const struct sql_result *rows) {
    struct datasource *ds = tick->ds;
    int id = sql_column(rows, "id"), state = sql_column(rows, "state"),
        version = sql_column(rows, "version"), stop = sql_column(rows, "stop_requested");
    for (size_t i = 0; i < sql_count(rows); i++) {
        struct live *live = tick_live(tick, rows, i, id);
        const char *said = sql_get(rows, i, state);
        if (!live)
            continue;
        if (strcmp(said, "applied") == 0)
            recorded(tick, live, (int)sql_get_integer(rows, i, version, 0),
                     sql_get_boolean(rows, i, stop));
        else if (strcmp(said, "fenced") == 0)
            live_fence(ds, live);
        else
            count(&ds->counters.busy, 1), live->retry_at = tick->now + BUSY_PAUSE;
    }
}

/* A careful one is recorded first, and only once a slot is kept for it. */
static bool wants_start(struct datasource *ds, struct live *live) {
    if (live->recorded) {
        live_start_careful(ds, live); /* the control connection was silent before */
        return false;
    }
    bool first;
    if (!live->reserved)
        live->reserved = turns_take(ds, 1, &first) == 1;
    return live->reserved;
}

void tick_add_starts(struct tick *tick) {
    struct datasource *ds = tick->ds;
    LIST_EACH (&ds->lives[LIVE_STARTED], p) {
        struct live *live = LIST_ENTRY(p, struct live, link);
        if (tick->start_count < TICK_BATCH && !live->fenced && live->retry_at <= tick->now)
            tick->starts[tick->start_count++] = live;
    }
    LIST_EACH (&ds->lives[LIVE_CAREFUL], p) {
        struct live *live = LIST_ENTRY(p, struct live, link);
        if (tick->start_count < TICK_BATCH && live->retry_at <= tick->now && wants_start(ds, live))
            tick->starts[tick->start_count++] = live;
    }
    if (tick->start_count == 0)
        return;
    struct tick_step *step = tick_add(tick, "run_start", true, true, apply_starts);
    struct buf *ids = tick_array(tick), *versions = tick_array(tick), *ages = tick_array(tick),
               *percents = tick_array(tick);
    for (size_t i = 0; i < tick->start_count; i++) {
        const struct live *live = tick->starts[i];
        sql_array_plain(ids, live->id);
        sql_array_integer(versions, live->version);
        sql_array_integer(ages, live->state == LIVE_STARTED ? tick->now - live->began_at : 0);
        sql_array_integer(percents, run_percent(live->task.job));
    }
    tick_add_array(step, ids);
    tick_add_array(step, versions);
    tick_add_array(step, ages);
    tick_add_array(step, percents);
}

/* Nothing frees them while they are under way: an end is sent only once the start is known. */
void tick_forget_starts(struct tick *tick) {
    for (size_t i = 0; i < tick->start_count; i++)
        tick->starts[i]->starting = false;
    tick->start_count = 0;
}

void tick_release_starts(struct tick *tick) {
    for (size_t i = 0; i < tick->start_count; i++)
        live_release(tick->ds, tick->starts[i]);
}

/* Microseconds the rest will take if it goes on as it did; -1: unknown. */
static int64_t rest_of(const struct tick *tick, const struct live *live, unsigned percent) {
    return percent == 0
               ? -1
               : (tick->now - live->began_at) * (100 - (int64_t)percent) / (int64_t)percent;
}

/* By this host's clock, in microseconds since 1970: subscribers compare it with their own. */
static int64_t date_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * CLOCK_SECOND + now.tv_nsec / 1000;
}

static void tell_progress(const struct tick *tick, const struct live *live, unsigned percent) {
    struct progress *progress = tick->ds->service->progress;
    if (!progress)
        return;
    int64_t date = date_now(), rest = rest_of(tick, live, percent);
    char *text = run_text(live->task.job);
    progress_tell(progress, &(struct job_progress){.tenant = live->tenant,
                                                   .id = live->id,
                                                   .class_name = live->class_name,
                                                   .version = live->version,
                                                   .attempt = live->attempt,
                                                   .percent = percent,
                                                   .estimated = rest < 0 ? 0 : date + rest,
                                                   .date = date,
                                                   .text = text});
    free(text);
}

static void apply_progress(struct tick *tick, const struct sql_result *rows) {
    int id = sql_column(rows, "id");
    for (size_t i = 0; i < sql_count(rows); i++) {
        struct live *live = tick_live(tick, rows, i, id);
        for (size_t k = 0; live && k < tick->progress_count; k++)
            if (tick->progress[k] == live) {
                live->percent_written = tick->progress_percent[k], live->percent_at = tick->now;
                tell_progress(tick, live, live->percent_written);
            }
    }
}

void tick_add_progress(struct tick *tick) {
    struct datasource *ds = tick->ds;
    if (list_empty(&ds->lives[LIVE_RUNNING]) || tick->now < ds->next_progress)
        return;
    ds->next_progress = tick->now + PROGRESS_LOOK;
    int64_t rate =
        config_integer(service_config(ds->service), "jobs.completion.update.rate.ms") * CLOCK_MS;
    LIST_EACH (&ds->lives[LIVE_RUNNING], p) {
        struct live *live = LIST_ENTRY(p, struct live, link);
        unsigned percent = run_percent(live->task.job);
        if (live->fenced || percent == live->percent_written ||
            tick->now - live->percent_at < rate || tick->progress_count == TICK_BATCH)
            continue;
        tick->progress[tick->progress_count] = live;
        tick->progress_percent[tick->progress_count++] = percent;
    }
    if (tick->progress_count == 0)
        return;
    struct tick_step *step = tick_add(tick, "run_progress", true, true, apply_progress);
    struct buf *ids = tick_array(tick), *versions = tick_array(tick), *percents = tick_array(tick),
               *rests = tick_array(tick);
    for (size_t i = 0; i < tick->progress_count; i++) {
        const struct live *live = tick->progress[i];
        int64_t rest = rest_of(tick, live, tick->progress_percent[i]);
        sql_array_plain(ids, live->id);
        sql_array_integer(versions, live->version);
        sql_array_integer(percents, tick->progress_percent[i]);
        if (rest < 0)
            sql_array_null(rests);
        else
            sql_array_integer(rests, rest);
    }
    tick_add_array(step, ids);
    tick_add_array(step, versions);
    tick_add_array(step, percents);
    tick_add_array(step, rests);
}
