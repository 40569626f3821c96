#include "module/service/sweep.h"

#include "module/base/clock.h"
#include "module/service/datasource.h"
#include "module/service/tick.h"

#include <limits.h>
#include <stdio.h>

#define TIMEOUT 120000 /* ms for a page: millions of rows may be in the way */
#define CONNECT_TIMEOUT 2000
#define PAGE 500
#define EVERY CLOCK_SECOND
#define PART 50 /* it takes a fiftieth of one processor at most */
#define TRY_AGAIN (10 * CLOCK_SECOND)
#define SLOW_SCANS 3 /* one alone may have waited for a processor */

/* So many microseconds a scan may take at least. Awake, the time between two looks is a multiple of it; under
 * load each claim pays as much; else it only matters where a snapshot is held. */
static int64_t least_slow(const struct datasource *ds) {
    return ds->awake ? 300 : ds->recorder ? 600 : 2000;
}

/* More than it takes to find that many rows with nothing in between (measured: floors pay from there on;
 * shared machines are allowed twice that). */
static bool is_slow(const struct datasource *ds, int64_t took, size_t rows) {
    int64_t n = (int64_t)rows, least = least_slow(ds);
    return took > (10 * n > least ? 10 * n : least) + 20 * n;
}

static void end_it(struct datasource *ds) {
    log_debug(&ds->service->log, "datasource %s: deleted rows are cleaned away: claims look at all",
              ds->name);
    sweep_drop(ds);
    ds->sweep.on = false;
    ds->sweep.slow_scans = 0;
}

void sweep_note_scan(struct datasource *ds, int64_t took, size_t tenants) {
    struct sweep *sweep = &ds->sweep;
    sweep->slow_scans = is_slow(ds, took, tenants) ? sweep->slow_scans + 1 : 0;
    if (sweep->slow_scans < SLOW_SCANS)
        return;
    log_debug(&ds->service->log,
              "datasource %s: deleted rows that are not cleaned away yet (a session holds an old "
              "snapshot, or vacuum is still to come) slow down the search for jobs: it took %.1f "
              "ms; claims leave them out",
              ds->name, (double)took / CLOCK_MS);
    sweep->on = true;
    sweep->next_at = 0;
}

void sweep_drop(struct datasource *ds) {
    sql_close(ds->sweep.sql);
    ds->sweep.sql = NULL;
    ds->sweep.under_way = false;
}

static int open_session(struct datasource *ds, struct jobs_error *err) {
    static const char *const statements[] = {"ready_sweep", "timer_next"};
    struct sql_options options = datasource_sql_options(ds, "jobs sweep");
    struct sql *sql;
    options.connect_timeout = CONNECT_TIMEOUT;
    options.timeout = TIMEOUT;
    options.fenced_plans = true;
    int rc = sql_open(&options, &sql, err);
    if (rc < 0)
        return rc;
    rc = sql_prepare(sql, statements, 2, err);
    if (rc < 0)
        sql_close(sql);
    else
        ds->sweep.sql = sql;
    return rc;
}

static void failed(struct datasource *ds) {
    log_info(&ds->service->log,
             "datasource %s: cannot look for jobs that were passed over: %s (tried again)",
             ds->name, ds->sweep.err.text);
    sweep_drop(ds);
    ds->sweep.next_at = clock_now() + TRY_AGAIN;
}

static void send(struct datasource *ds, const char *statement) {
    struct sweep *sweep = &ds->sweep;
    sweep->step = (struct sql_step){.name = statement, .parameters = &sweep->parameters};
    sweep->under_way = sql_pipeline_send(sweep->sql, &sweep->step, 1, &sweep->err) == 0;
    if (!sweep->under_way)
        failed(ds);
}

/* ---- pages ---- */

static const char *lane_name(const struct datasource *ds) {
    return ds->sweep.lane == 0 ? "" : ds->lanes[ds->sweep.lane - 1];
}

static void ask(struct datasource *ds) {
    struct sweep *sweep = &ds->sweep;
    sweep->parameters.count = 0;
    sql_add_text(&sweep->parameters, lane_name(ds));
    sql_add_text(&sweep->parameters, sweep->tenant);
    sql_add_integer(&sweep->parameters, sweep->priority);
    sql_add_integer(&sweep->parameters, PAGE);
    send(ds, "ready_sweep");
}

static void begin_lane(struct sweep *sweep, size_t lane) {
    sweep->lane = lane;
    sweep->tenant[0] = '\0';
    sweep->priority = INT_MIN;
}

void sweep_begin(struct datasource *ds) {
    struct sweep *sweep = &ds->sweep;
    if (!sweep->on || sweep->under_way || clock_now() < sweep->next_at)
        return;
    if (!sweep->sql && open_session(ds, &sweep->err) < 0) {
        failed(ds);
        return;
    }
    begin_lane(sweep, 0);
    sweep->asks_for_timers = false;
    sweep->took = 0;
    sweep->found = 0;
    shares_sweep_begins(&ds->shares);
    ask(ds);
}

/* The last row is no tenant's. Returns how many there are besides. */
static size_t apply(struct datasource *ds, const struct sql_result *rows) {
    int tenant = sql_column(rows, "tenant"), priority = sql_column(rows, "priority"),
        seq = sql_column(rows, "seq");
    struct sweep *sweep = &ds->sweep;
    size_t n = sql_count(rows) - 1;
    for (size_t i = 0; i < n; i++) {
        struct share *share = datasource_see(ds, lane_name(ds), rows, i);
        sweep->priority = sql_get_integer(rows, i, priority, 0);
        snprintf(sweep->tenant, sizeof sweep->tenant, "%s", sql_get(rows, i, tenant));
        floors_sweep_found(&share->floors, (int)sweep->priority, sql_get_integer(rows, i, seq, 0));
    }
    sweep->took += sql_get_integer(rows, n, sql_column(rows, "took"), 0);
    sweep->found += n;
    return n;
}

/* Behind the lanes: is a timer due that was passed over? */
static void ask_for_timers(struct datasource *ds) {
    ds->sweep.parameters.count = 0;
    sql_add_text(&ds->sweep.parameters, "-infinity");
    ds->sweep.asks_for_timers = true;
    send(ds, "timer_next");
}

static void apply_timers(struct datasource *ds, const struct sql_result *rows) {
    if (sql_count(rows) == 0 || sql_get_integer(rows, 0, sql_column(rows, "wait"), 1) > 0)
        return;
    ds->promoted[0] = '\0'; /* or it is only just due: then one full look too many */
    ds->next_timer = 0;
}

static void finish_pass(struct datasource *ds) {
    struct sweep *sweep = &ds->sweep;
    int64_t pause = sweep->took * PART > EVERY ? sweep->took * PART : EVERY;
    sweep->next_at = clock_now() + pause;
    if (!is_slow(ds, sweep->took, sweep->found))
        end_it(ds);
}

/* Lanes may have gone meanwhile. */
static void go_on(struct datasource *ds, const struct sql_result *page) {
    struct sweep *sweep = &ds->sweep;
    size_t rows = sweep->lane <= ds->lane_count ? apply(ds, page) : 0;
    if (rows < PAGE)
        begin_lane(sweep, sweep->lane + 1);
    if (sweep->lane <= ds->lane_count)
        ask(ds);
    else
        ask_for_timers(ds);
}

void sweep_finish(struct datasource *ds) {
    struct sweep *sweep = &ds->sweep;
    if (!sweep->under_way)
        return;
    int rc = sql_pipeline_receive(sweep->sql, NULL, &sweep->err);
    if (rc > 0)
        return;
    sweep->under_way = false;
    if (rc < 0) {
        failed(ds);
        return;
    }
    struct sql_result *answer = sweep->step.result;
    if (sweep->asks_for_timers) {
        apply_timers(ds, answer);
        finish_pass(ds);
    } else {
        go_on(ds, answer);
    }
    sql_result_free(answer);
}

struct pollfd sweep_answer(const struct datasource *ds, int64_t *until) {
    const struct sweep *sweep = &ds->sweep;
    if (!sweep->under_way)
        return (struct pollfd){.fd = -1};
    if (sql_pipeline_deadline(sweep->sql) < *until)
        *until = sql_pipeline_deadline(sweep->sql);
    return (struct pollfd){.fd = sql_fd(sweep->sql), .events = sql_pipeline_events(sweep->sql)};
}

int64_t sweep_at(const struct datasource *ds) {
    return ds->sweep.on && !ds->sweep.under_way ? ds->sweep.next_at : INT64_MAX;
}
