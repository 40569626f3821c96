/* A commit whose answer was lost is settled in two steps: (1) the own instance row is locked FOR
 * UPDATE, which waits for the old session's tick, and its epoch raised: no older tick can commit
 * any more. (2) The jobs of the own receipts are compared with memory by version: gone: it was
 * written, or taken over; same: send again; newer: take that state; not in memory: claimed but
 * never heard of. */
#include "module/service/reconnect.h"

#include "module/base/clock.h"
#include "module/base/error.h"
#include "module/base/uuid.h"
#include "module/job/status.h"
#include "module/service/lives.h"
#include "module/service/tick.h"
#include "module/service/tick_steps.h"

#include <string.h>

#define LOCK_TIMEOUT 1000 /* ms: so long the old sessions may take to end by themselves */

static int call_with_instance(struct datasource *ds, const char *name, enum sql_shape shape,
                              struct sql_result **ret, struct jobs_error *err) {
    char id[37];
    datasource_instance(ds, id);
    struct sql_parameters p = {0};
    sql_add_text(&p, id);
    return sql_call(ds->sql, name, &p, shape, ret, err);
}

/* This instance was declared lost: what it has is somebody else's; it goes on under a new name. */
static int start_anew(struct datasource *ds, struct jobs_error *err) {
    log_warning(&ds->service->log,
                "datasource %s: this instance was declared lost and goes on under a new id",
                ds->name);
    count(&ds->counters.lost_self, 1);
    for (int state = 0; state < LIVE_STATES; state++)
        LIST_EACH (&ds->lives[state], p)
            live_fence(ds, LIST_ENTRY(p, struct live, link));
    receipts_clear(&ds->receipts);
    pthread_mutex_lock(&ds->instance_lock);
    uuid_random(ds->instance);
    ds->introduced = false;
    pthread_mutex_unlock(&ds->instance_lock);
    return datasource_introduce(ds, ds->sql, err);
}

static int raise_epoch(struct datasource *ds, struct jobs_error *err) {
    for (int attempt = 0; attempt < 10; attempt++) {
        struct sql_result *row;
        int rc = call_with_instance(ds, "instance_epoch", SQL_AT_MOST_ONE, &row, err);
        if (rc == JOBS_ETIMEOUT) { /* an old tick still holds the row */
            rc = call_with_instance(ds, "instance_terminate", SQL_ROWS, NULL, err);
            if (rc < 0)
                return rc;
            continue;
        }
        if (rc < 0)
            return rc;
        bool ours = sql_count(row) == 1;
        if (ours)
            ds->epoch = (int)sql_get_integer(row, 0, sql_column(row, "epoch"), 0);
        sql_result_free(row);
        if (ours)
            return 0;
        rc = start_anew(ds, err);
        if (rc < 0)
            return rc;
    }
    return error_set(err, JOBS_EDB, "datasource %s: the instance's row stays locked", ds->name);
}

/* Claimed in a tick whose answer was lost: as if its claim had just been answered. A RUNNING one
 * was begun by an incarnation of this datasource's session that forgot it, which cannot be; it is
 * handed back rather than left. */
static void adopt(struct datasource *ds, const struct sql_result *rows, size_t row,
                  enum job_status status) {
    const struct live_columns of = live_columns(rows);
    struct share *share =
        shares_find(&ds->shares, sql_get(rows, row, of.lane), sql_get(rows, row, of.tenant));
    struct live *live = live_from_row(ds, rows, row, &of, share);
    lives_enter(ds, live, LIVE_FETCHING);
    live->receipt =
        receipts_find(&ds->receipts, sql_get_integer(rows, row, sql_column(rows, "tick"), 0),
                      live->tenant, sql_get(rows, row, sql_column(rows, "receipt_lane")));
    receipt_join(live->receipt);
    live->recorded = status == JOB_RUNNING;
    if (live->recorded) {
        bool once = live->entry && live->entry->class->at_most_once;
        live_set_end(
            live, once ? JOB_FAILED : JOB_QUEUED, !once, "HANDED_BACK", 0, once ? "CRASH" : NULL,
            once ? "its run was forgotten; an at_most_once job is not run again unless retried"
                 : NULL);
        live_move(ds, live, LIVE_ENDING);
    } else {
        live_launch(ds, live, NULL);
    }
    if (sql_get_boolean(rows, row, sql_column(rows, "stop_requested")))
        live_stop(ds, live);
}

static void compare(struct datasource *ds, const struct sql_result *rows, struct table *seen) {
    int id = sql_column(rows, "id"), version = sql_column(rows, "version"),
        tick = sql_column(rows, "tick"), lane = sql_column(rows, "receipt_lane");
    int status = sql_column(rows, "status"), stop = sql_column(rows, "stop_requested");
    for (size_t i = 0; i < sql_count(rows); i++) {
        const char *job = sql_get(rows, i, id);
        struct live *live = table_get(&ds->by_id, job);
        enum job_status now = (enum job_status)status_of_name(sql_get(rows, i, status));
        if (table_get(seen, job))
            continue; /* on two receipts: one is enough */
        table_put(seen, job, ds);
        if (!live) {
            adopt(ds, rows, i, now);
            continue;
        }
        live->receipt = receipts_find(&ds->receipts, sql_get_integer(rows, i, tick, 0),
                                      live->tenant, sql_get(rows, i, lane));
        receipt_join(live->receipt);
        live->version = (int)sql_get_integer(rows, i, version, 0);
        live->retry_at = 0;
        if (now == JOB_RUNNING && !live->recorded) {
            live->recorded = true;
            if (live->state == LIVE_STARTED)
                live_move(ds, live, LIVE_RUNNING);
        }
        if (sql_get_boolean(rows, i, stop))
            live_stop(ds, live);
    }
}

static int settle(struct datasource *ds, struct jobs_error *err) {
    struct sql_result *rows, *receipts;
    int rc = call_with_instance(ds, "receipt_own", SQL_ROWS, &rows, err);
    if (rc < 0)
        return rc;
    rc = call_with_instance(ds, "receipt_list", SQL_ROWS, &receipts, err);
    if (rc < 0) {
        sql_result_free(rows);
        return rc;
    }
    for (int state = 0; state < LIVE_STATES; state++)
        LIST_EACH (&ds->lives[state], p)
            LIST_ENTRY(p, struct live, link)->receipt = NULL;
    receipts_clear(&ds->receipts);
    for (size_t i = 0; i < sql_count(receipts); i++) {
        int64_t tick = sql_get_integer(receipts, i, sql_column(receipts, "tick"), 0);
        receipts_find(&ds->receipts, tick, sql_get(receipts, i, sql_column(receipts, "tenant")),
                      sql_get(receipts, i, sql_column(receipts, "lane")));
        if (tick > ds->tick)
            ds->tick = tick;
    }
    struct table seen = {0};
    compare(ds, rows, &seen);
    for (int state = 0; state < LIVE_STATES; state++)
        LIST_EACH (&ds->lives[state], p) {
            struct live *live = LIST_ENTRY(p, struct live, link);
            if (!table_get(&seen, live->id) && !live->fenced)
                live_fence(ds, live); /* its end was written, or somebody took it over */
        }
    table_done(&seen, NULL);
    receipts_sort(&ds->receipts);
    sql_result_free(receipts);
    sql_result_free(rows);
    return 0;
}

static int set_up(struct datasource *ds, struct jobs_error *err) {
    int rc = datasource_introduce(ds, ds->sql, err);
    if (rc == 0)
        rc = raise_epoch(ds, err);
    if (rc == 0)
        rc = sql_prepare(ds->sql, tick_statements, tick_statement_count, err);
    return rc == 0 ? settle(ds, err) : rc;
}

int reconnect(struct datasource *ds, struct jobs_error *err) {
    struct sql_options options = datasource_sql_options(ds, "jobs tick");
    options.timeout = TICK_TIMEOUT;
    options.lock_timeout = LOCK_TIMEOUT;
    options.fenced_plans = true;
    int rc = sql_open(&options, &ds->sql, err);
    if (rc < 0) {
        ds->sql = NULL;
        return rc;
    }
    rc = set_up(ds, err);
    if (rc == 0)
        rc = sql_call(ds->sql, "tick_settings", NULL, SQL_ONE, NULL, err);
    if (rc < 0) {
        sql_close(ds->sql);
        ds->sql = NULL;
        return rc;
    }
    ds->recorded_timer = INT64_MAX;
    count(&ds->counters.sessions, 1);
    atomic_store(&ds->counters.session_since, clock_now());
    ds->wake_pending = true;
    ds->last_look = ds->next_timer = ds->next_takeover = ds->next_lanes = 0;
    atomic_store(&ds->look, true);
    atomic_store(&ds->look_at_stops, true);
    return 0;
}
