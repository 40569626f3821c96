/* What others did: queued jobs of which tenants, timers, classes of other instances, stop requests;
 * and the word that this instance sleeps or wakes. */
#include "module/base/clock.h"
#include "module/base/mem.h"
#include "module/service/lives.h"
#include "module/service/tick_steps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCAN_BATCH 300                /* tenants in one tick */
#define LOOK_ASLEEP CLOCK_SECOND      /* losing every notification costs at most this */
#define LOOK_SETTLING (50 * CLOCK_MS) /* submitters may still have read "awake" */
#define LOOK_AWAKE (2 * CLOCK_MS)
#define LOOK_FED (50 * CLOCK_MS)   /* there is work at hand */
#define LOOK_MANY (500 * CLOCK_MS) /* of so many tenants that a look takes a tenth of a second */
#define GUESS_PAYS 32              /* jobs that a claim found: the next one may come soon */
#define AWAKE_WINDOW (200 * CLOCK_MS)
#define AWAKE_WAKES 25 /* so many notifications in a window are more dear than looking */
#define ASLEEP_JOBS 20 /* so few jobs in a window, submitted or claimed, are not */

/* ---- who has work: a rotating scan over lanes and tenants ---- */

/* There is work at hand: newcomers are looked for a sixth of the time at most. */
static int64_t look_fed(const struct datasource *ds) {
    int64_t interval = 5 * ds->scan_took;
    return interval < LOOK_FED ? LOOK_FED : interval < LOOK_MANY ? interval : LOOK_MANY;
}

/* Guesses (tick_guess.c) are claims, which take what they find: half of the time, or a fifth where they find
 * little. */
static int64_t guess_interval(const struct datasource *ds) {
    return (int64_t)((ds->claim_found < GUESS_PAYS ? 5 : 2) * ds->tick_time);
}

/* Nobody notifies: often, but for a small part of the time. */
static int64_t look_awake(const struct datasource *ds) {
    int64_t interval = ds->sweep.on ? guess_interval(ds) : 20 * ds->scan_took;
    int64_t most = look_fed(ds);
    return interval < LOOK_AWAKE ? LOOK_AWAKE : interval < most ? interval : most;
}

static int64_t look_interval(const struct datasource *ds) {
    if (ds->awake)
        return look_awake(ds);
    if (ds->shares.active_count > 0)
        return look_fed(ds);
    return ds->last_look < ds->settling_until ? LOOK_SETTLING : LOOK_ASLEEP;
}

int64_t tick_next_look(const struct datasource *ds) { return ds->last_look + look_interval(ds); }

static void scan_ended(struct datasource *ds, int64_t now) {
    ds->scan_tenant[0] = '\0';
    ds->scanning = ++ds->scan_lane <= ds->lane_count;
    if (!ds->scanning) {
        sweep_note_scan(ds, ds->scan_taking, ds->scan_found);
        ds->scan_took = ds->scan_taking;
        ds->scan_taking = 0;
        ds->scan_found = 0;
        ds->scan_lane = 0;
        ds->last_look = now;
    }
}

static const char *scan_lane(const struct datasource *ds) {
    return ds->scan_lane == 0 ? "" : ds->lanes[ds->scan_lane - 1];
}

/* The last row is no tenant's. */
static void apply_scan(struct tick *tick, const struct sql_result *rows) {
    struct datasource *ds = tick->ds;
    int tenant = sql_column(rows, "tenant"), seq = sql_column(rows, "seq");
    size_t n = sql_count(rows) - 1;
    ds->scan_taking += sql_get_integer(rows, n, sql_column(rows, "took"), 0);
    ds->scan_found += n;
    ds->drawn = sql_get_integer(rows, n, sql_column(rows, "drawn"), 0);
    ds->drawn_at = tick->now;
    for (size_t i = 0; i < n; i++)
        datasource_see(ds, scan_lane(ds), rows, i)->head = sql_get_integer(rows, i, seq, 0);
    if (n == SCAN_BATCH)
        snprintf(ds->scan_tenant, sizeof ds->scan_tenant, "%s", sql_get(rows, n - 1, tenant));
    else
        scan_ended(ds, tick->now);
}

/* One that was recorded while this look was under way may not be in its answer. */
static void apply_timer_next(struct tick *tick, const struct sql_result *rows) {
    struct datasource *ds = tick->ds;
    int64_t next = INT64_MAX;
    if (sql_count(rows) > 0)
        next = tick->now + sql_get_integer(rows, 0, sql_column(rows, "wait"), 0);
    if (ds->timer_recorded_at < tick->now)
        ds->recorded_timer = INT64_MAX;
    ds->next_timer = next < ds->recorded_timer ? next : ds->recorded_timer;
}

/* Timers that were promoted are in the way of a look as claimed rows are. */
static const char *timers_after(const struct datasource *ds) {
    return ds->sweep.on && ds->promoted[0] ? ds->promoted : "-infinity";
}

void tick_add_timer_next(struct tick *tick) {
    struct tick_step *step = tick_add(tick, "timer_next", false, false, apply_timer_next);
    sql_add_text(&step->parameters, timers_after(tick->ds));
}

static void begin_window(struct datasource *ds, int64_t now, long long notified) {
    ds->wakes_since = now;
    ds->notified = notified;
    ds->drawn_then = ds->drawn;
    ds->claimed_awake = 0;
}

/* A notification does not say whose jobs came: who had some lately is asked at once, in this very
 * tick. */
void tick_hear(struct tick *tick) {
    struct datasource *ds = tick->ds;
    int64_t now = tick->now;
    if (!atomic_exchange(&ds->look, false))
        return;
    long long notified = atomic_load(&ds->counters.notifications);
    if (now - ds->wakes_since > AWAKE_WINDOW)
        begin_window(ds, now, notified);
    /* Not how often it was woken: where notifications make commits slow, a wake-up is for many. */
    if (notified - ds->notified > AWAKE_WAKES && !ds->awake) {
        ds->awake = ds->wake_pending = true;
        begin_window(ds, now, notified); /* asleep not before a whole one was seen */
    }
    tick->heard = true;
    ds->next_lanes = 0;
    ds->scanning = true;
    ds->scan_lane = 0;
    ds->scan_tenant[0] = '\0';
    shares_wake_recent(&ds->shares, now - TICK_RECENT, TICK_RECENT_MOST, false);
}

bool tick_is_urgent(const struct tick *tick) { return tick->heard && tick->share_count > 0; }

void tick_add_scan(struct tick *tick) {
    struct datasource *ds = tick->ds;
    if (atomic_load(&ds->draining) || tick_is_urgent(tick))
        return;
    if (ds->sweep.on) {
        tick_add_others(tick);
        return;
    }
    if (!ds->scanning && tick->now < tick_next_look(ds))
        return;
    if (!ds->scanning)
        shares_forget(&ds->shares, tick->now - 2 * TICK_RECENT);
    struct tick_step *step = tick_add(tick, "ready_tenants", false, false, apply_scan);
    sql_add_text(&step->parameters, scan_lane(ds));
    sql_add_text(&step->parameters, ds->scan_tenant);
    sql_add_integer(&step->parameters, SCAN_BATCH);
    tick_add_timer_next(tick);
}

/* ---- timers ---- */

static void apply_timers(struct tick *tick, const struct sql_result *rows) {
    struct datasource *ds = tick->ds;
    int lane = sql_column(rows, "lane"), tenant = sql_column(rows, "tenant");
    if (sql_count(rows) > 0)
        snprintf(ds->promoted, sizeof ds->promoted, "%s",
                 sql_get(rows, 0, sql_column(rows, "promoted")));
    count(&ds->counters.promoted, (long long)sql_count(rows));
    for (size_t i = 0; i < sql_count(rows); i++)
        shares_set_hungry(&ds->shares,
                          shares_find(&ds->shares, sql_get(rows, i, lane),
                                      sql_get(rows, i, tenant)),
                          true);
}

void tick_add_timers(struct tick *tick) {
    struct datasource *ds = tick->ds;
    if (tick->now < ds->next_timer || atomic_load(&ds->draining))
        return;
    struct tick_step *step = tick_add(tick, "timer_promote", true, false, apply_timers);
    sql_add_integer(&step->parameters, TICK_BATCH);
    sql_add_text(&step->parameters, timers_after(ds));
    tick_add_timer_next(tick);
}

/* ---- jobs of a class that this instance does not have ---- */

/* Ends one that nobody has, saying what could be meant or done. */
static void end_classless(struct live *live, const struct classes *classes,
                          const char *const *names, size_t count) {
    const char *why = classes_why_not(classes, live->class_name);
    char *similar = classes_similar(names, count, live->class_name), text[1500];
    snprintf(text, sizeof text, "no running instance has class \"%s\"%s%s%s%s", live->class_name,
             why ? ": " : "", why ? why : "", similar[0] ? "; similar: " : "", similar);
    if (!why && !similar[0])
        snprintf(
            text, sizeof text,
            "no running instance has class \"%s\" or a similar one: is it in jobs.classes.dir, "
            "and was jobsd started since?",
            live->class_name);
    live_set_end(live, JOB_FAILED, false, "FAILED", 0, "CLASS", text);
    free(similar);
}

static void apply_classes(struct tick *tick, const struct sql_result *rows) {
    struct datasource *ds = tick->ds;
    const struct classes *classes = ds->service->classes;
    size_t others = sql_count(rows), own = classes_count(classes);
    const char **names = mem_zero(others + own + 1, sizeof *names);
    for (size_t i = 0; i < others; i++)
        names[i] = sql_get(rows, i, 0);
    for (size_t i = 0; i < own; i++)
        names[others + i] = classes_at(classes, i)->class->name;
    LIST_EACH (&ds->lives[LIVE_CLASSLESS], p) {
        struct live *live = LIST_ENTRY(p, struct live, link);
        bool elsewhere = false;
        for (size_t i = 0; i < others; i++)
            elsewhere |= strcmp(names[i], live->class_name) == 0;
        if (elsewhere) {
            live_set_end(live, JOB_PENDING, true, "HANDED_BACK", 1000, NULL, NULL);
        } else {
            end_classless(live, classes, names, others + own);
        }
        live_move(ds, live, LIVE_ENDING);
    }
    free(names);
}

void tick_add_classes(struct tick *tick) {
    if (!list_empty(&tick->ds->lives[LIVE_CLASSLESS]))
        tick_add(tick, "instance_classes", false, true, apply_classes);
}

/* ---- parameters that were too large for the claim ---- */

/* One that was handed back meanwhile needs none. */
static void apply_parameters(struct tick *tick, const struct sql_result *rows) {
    struct live *live = table_get(&tick->ds->by_id, tick->fetches[tick->fetch_count++]);
    if (live && live->state == LIVE_FETCHING)
        live_launch(tick->ds, live, sql_get(rows, 0, sql_column(rows, "parameters")));
}

void tick_add_parameters(struct tick *tick) {
    size_t n = 0;
    LIST_EACH (&tick->ds->lives[LIVE_FETCHING], p) {
        if (n == FETCH_BATCH)
            break;
        struct live *live = LIST_ENTRY(p, struct live, link);
        struct tick_step *step = tick_add(tick, "run_parameters", false, false, apply_parameters);
        snprintf(tick->fetches[n], sizeof tick->fetches[n], "%s", live->id);
        sql_add_text(&step->parameters, tick->fetches[n++]);
    }
    tick->fetch_count = 0; /* apply counts them again, in the same order */
}

/* ---- stop requests ---- */

static void apply_stops(struct tick *tick, const struct sql_result *rows) {
    int id = sql_column(rows, "id");
    for (size_t i = 0; i < sql_count(rows); i++) {
        struct live *live = tick_live(tick, rows, i, id);
        if (live)
            live_stop(tick->ds, live);
    }
}

void tick_add_stops(struct tick *tick) {
    struct datasource *ds = tick->ds;
    if (!atomic_exchange(&ds->look_at_stops, false) || ds->live_count == ds->ending_count)
        return;
    struct tick_step *step = tick_add(tick, "stop_look", false, true, apply_stops);
    tick->looks_at_stops = true;
    struct buf *ids = tick_array(tick);
    for (int state = 0; state < LIVE_ENDING; state++)
        LIST_EACH (&ds->lives[state], p)
            sql_array_plain(ids, LIST_ENTRY(p, struct live, link)->id);
    tick_add_array(step, ids);
}

/* ---- asleep or awake ---- */

static void apply_wake(struct tick *tick, const struct sql_result *rows) {
    struct datasource *ds = tick->ds;
    if (sql_count(rows) == 0) { /* somebody writes it at this moment: again */
        ds->wake_at = tick->now + BUSY_PAUSE;
        return;
    }
    ds->wake_pending = false;
    if (!ds->awake) { /* committed: look again, what came before was not notified */
        ds->settling_until = tick->now + CLOCK_SECOND;
        ds->last_look = 0;
    }
}

/* So few jobs that being woken for each of them is quicker, and costs less, than looking. Jobs that are
 * submitted count also where they may not be claimed here: their submitters would have to notify. */
static void fall_asleep(struct datasource *ds, int64_t now) {
    int64_t seen = ds->sweep.on ? now : ds->drawn_at; /* nobody looks beside a sweep */
    if (!ds->awake || seen - ds->wakes_since < AWAKE_WINDOW)
        return;
    if (ds->claimed_awake < ASLEEP_JOBS && ds->drawn - ds->drawn_then < ASLEEP_JOBS &&
        ds->shares.active_count == 0) {
        ds->awake = false;
        ds->wake_pending = true;
    }
    begin_window(ds, now, atomic_load(&ds->counters.notifications));
}

void tick_add_wake(struct tick *tick) {
    struct datasource *ds = tick->ds;
    fall_asleep(ds, tick->now);
    if (!ds->wake_pending || tick->now < ds->wake_at)
        return;
    struct tick_step *step = tick_add(tick, "wake_sleep", true, true, apply_wake);
    sql_add_boolean(&step->parameters, !ds->awake && !atomic_load(&ds->draining));
}
