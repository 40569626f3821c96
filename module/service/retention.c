#include "module/service/retention.h"

#include "module/base/clock.h"

#define BATCH 500
#define BATCH_LEAST 10
#define AUDIT_BATCH 5000
#define PAUSES 5 /* times as long as a batch took */
#define PAUSE_LEAST (10 * CLOCK_MS)
#define PASS_WAIT (60 * CLOCK_SECOND)
#define FORGET_WAIT (3600 * CLOCK_SECOND)
#define FAILURE_WAIT (10 * CLOCK_SECOND)
#define DAY_MS (INT64_C(24) * 3600 * 1000)

static int64_t keep_of(int64_t days) { return days > 0 ? days * DAY_MS : -1; }

void retention_init(struct retention *r, const struct log *log, const char *datasource,
                    int64_t succeeded_days, int64_t failed_days, int64_t audit_days) {
    *r = (struct retention){.log = log,
                            .datasource = datasource,
                            .keep = {.succeeded = keep_of(succeeded_days),
                                     .failed = keep_of(failed_days),
                                     .aborted = keep_of(failed_days)},
                            .audit_days = audit_days,
                            .batch = BATCH};
    if (r->keep.succeeded < 0 && r->keep.failed < 0)
        r->next = INT64_MAX;
    if (audit_days == 0)
        r->next_audit = INT64_MAX;
}

int64_t retention_at(const struct retention *r) {
    int64_t at = r->next < r->next_forget ? r->next : r->next_forget;
    return at < r->next_audit ? at : r->next_audit;
}

/* Entries of the audit log that are too old, as many as may be. */
static int purge_audit(struct retention *r, struct sql *sql, struct jobs_error *err) {
    struct sql_parameters p = {0};
    struct sql_result *rows;
    sql_add_integer(&p, r->audit_days);
    sql_add_integer(&p, AUDIT_BATCH);
    r->next_audit = clock_now() + FAILURE_WAIT;
    int rc = sql_call(sql, "audit_purge", &p, SQL_NOTHING, &rows, err);
    if (rc < 0)
        return rc;
    if (sql_affected(rows) < AUDIT_BATCH)
        r->next_audit = clock_now() + PASS_WAIT;
    else
        r->next_audit = clock_now() + CLOCK_SECOND;
    sql_result_free(rows);
    return 0;
}

/* A batch may be too much for a slow disk or a row that somebody holds: smaller, and later. */
static void failed(struct retention *r, const struct jobs_error *why) {
    if (!r->failing)
        log_warning(r->log, "datasource %s: retention: %s (tried again)", r->datasource, why->text);
    r->failing = true;
    r->batch = r->batch / 2 > BATCH_LEAST ? r->batch / 2 : BATCH_LEAST;
    r->next = clock_now() + FAILURE_WAIT;
}

static void pass_ended(struct retention *r) {
    if (r->walk.removed > 0)
        log_info(r->log, "datasource %s: retention removed %lld jobs", r->datasource,
                 (long long)r->walk.removed);
    r->walk.removed = 0;
    r->next = clock_now() + PASS_WAIT;
}

static int purge(struct retention *r, struct sql *sql, int64_t *ret_removed,
                 struct jobs_error *err) {
    int64_t began = clock_now(), before = r->walk.removed;
    int rc = store_purge_batch(sql, &r->keep, r->batch, &r->walk, err);
    if (rc < 0)
        return rc;
    int64_t now = clock_now(), pause = (now - began) * PAUSES;
    r->next = now + (pause > PAUSE_LEAST ? pause : PAUSE_LEAST);
    r->failing = false;
    r->batch = r->batch * 2 < BATCH ? r->batch * 2 : BATCH;
    *ret_removed = r->walk.removed - before;
    if (!r->walk.after[0])
        pass_ended(r);
    return 0;
}

int retention_work(struct retention *r, struct sql *sql, int64_t *ret_removed,
                   struct jobs_error *err) {
    int rc = 0;
    int64_t now = clock_now();
    *ret_removed = 0;
    if (now >= r->next_forget) {
        r->next_forget = now + FORGET_WAIT;
        rc = sql_call(sql, "instance_forget", NULL, SQL_NOTHING, NULL, err);
    }
    if (rc == 0 && now >= r->next_audit)
        rc = purge_audit(r, sql, err);
    if (rc == 0 && now >= r->next)
        rc = purge(r, sql, ret_removed, err);
    if (rc < 0 && sql_is_broken(sql))
        return rc;
    if (rc < 0)
        failed(r, err);
    return 0;
}
