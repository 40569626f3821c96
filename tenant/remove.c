#include "tenant/remove.h"

#include "module/base/clock.h"
#include "module/base/error.h"
#include "module/store/many.h"
#include "sql/sql.h"
#include "tenant/settle.h"

#include <inttypes.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

enum { BATCH = 500, LOOK_MS = 50, TIMEOUT_MS = 60000 };

struct removal {
    const struct job_info_service *s;
    struct sql *sql;
    const char *name;
    struct tenant_removal how;
    int64_t deadline; /* clock_now() */
    char mark[24];
    enum tenant_state before;
    int64_t deleted;
};

struct left {
    int64_t pending, queued, to_be_run, running;
    bool events, jobs;
};

static int64_t living(const struct left *left) {
    return left->pending + left->queued + left->to_be_run + left->running;
}

static int out_of_time(const struct removal *r, const char *what, struct jobs_error *err) {
    return error_set(
        err, JOBS_ETIMEOUT,
        "tenant \"%s\" is closed (MAINTENANCE), but not removed in time: %s; remove it "
        "again, or set a state to keep it",
        r->name, what);
}

/* By `who`, or (NULL) whom the datasource names now. */
static int held_up(const struct removal *r, const char *what, const char *who,
                   struct jobs_error *err) {
    char named[TENANT_HOLDER_SIZE], text[TENANT_HOLDER_SIZE + 100];
    if (!who)
        tenant_name_holder(r->sql, named);
    snprintf(text, sizeof text, "%s is still open: %s", what, who ? who : named);
    return out_of_time(r, text, err);
}

/* A statement about the tenant; `most`: one that changes a batch, and only while it is closed. */
static int call(struct removal *r, const char *statement, int64_t most, struct sql_result **ret,
                struct jobs_error *err) {
    struct sql_parameters p = {0};
    sql_add_text(&p, r->name);
    if (most) {
        sql_add_integer(&p, most);
        sql_add_text(&p, r->mark);
    }
    int rc = sql_call(r->sql, statement, &p, SQL_ONE, ret, err);
    if (rc < 0 && strcmp(err->sqlstate, "55P03") == 0)
        return held_up(r, "a transaction that holds its row", NULL, err);
    if (rc < 0 && strncmp(err->sqlstate, "JB", 2) != 0)
        error_prefix(err, "tenant \"%s\"", r->name);
    return rc;
}

static int look(struct removal *r, struct left *ret, struct jobs_error *err) {
    struct sql_result *row;
    int rc = call(r, "tenant_left", 0, &row, err);
    if (rc < 0)
        return rc;
    *ret = (struct left){.pending = sql_get_integer(row, 0, sql_column(row, "pending"), 0),
                         .queued = sql_get_integer(row, 0, sql_column(row, "queued"), 0),
                         .to_be_run = sql_get_integer(row, 0, sql_column(row, "to_be_run"), 0),
                         .running = sql_get_integer(row, 0, sql_column(row, "running"), 0),
                         .events = sql_get_boolean(row, 0, sql_column(row, "events")),
                         .jobs = sql_get_boolean(row, 0, sql_column(row, "jobs"))};
    sql_result_free(row);
    return 0;
}

static int lives(const struct removal *r, const struct left *left, int code, const char *what,
                 struct jobs_error *err) {
    return error_set(err, code,
                     "tenant \"%s\" has jobs that have not ended: %" PRId64 " PENDING, %" PRId64
                     " QUEUED, %" PRId64 " TO_BE_RUN, %" PRId64 " RUNNING: %s",
                     r->name, left->pending, left->queued, left->to_be_run, left->running, what);
}

/* false: the time is over. */
static bool pause_a_little(const struct removal *r) {
    poll(NULL, 0, LOOK_MS);
    return clock_now() < r->deadline;
}

/* ---- close ---- */

static int close_tenant(struct removal *r, struct jobs_error *err) {
    struct sql_result *row;
    int rc = call(r, "tenant_close", 0, &row, err);
    if (rc < 0)
        return rc;
    snprintf(r->mark, sizeof r->mark, "%s", sql_get(row, 0, sql_column(row, "mark")));
    const char *before = sql_get(row, 0, sql_column(row, "before"));
    for (int i = TENANT_ACTIVE; i <= TENANT_MAINTENANCE; i++)
        if (strcmp(before, tenant_state_name((enum tenant_state)i)) == 0)
            r->before = (enum tenant_state)i;
    sql_result_free(row);
    return 0;
}

static int settle(struct removal *r, struct jobs_error *err) {
    char who[TENANT_HOLDER_SIZE];
    int rc = tenant_settle(r->sql, r->deadline, who, err);
    return rc < 0 || !*who ? rc
                           : held_up(r, "a transaction that may have submitted a job", who, err);
}

/* ---- end what lives ---- */

static int still_closed(struct removal *r, struct jobs_error *err) {
    struct sql_parameters p = {0};
    sql_add_text(&p, r->name);
    sql_add_text(&p, r->mark);
    return sql_call(r->sql, "tenant_removing", &p, SQL_NOTHING, NULL, err);
}

static int end_all(struct removal *r, struct jobs_error *err) {
    struct left left;
    for (;;) {
        int rc = look(r, &left, err);
        if (rc < 0 || living(&left) == 0)
            return rc;
        if ((rc = still_closed(r, err)) < 0)
            return rc;
        if (!r->how.force) {
            lives(r, &left, JOBS_EREFUSED, "stop them or let them end first", err);
            tenant_set_state(r->s, r->name, r->before, NULL);
            return JOBS_EREFUSED;
        }
        struct store_many many = {.tenant = r->name};
        struct store_many_done done;
        rc = store_stop_many(r->s, &many, &done, err);
        if (rc < 0)
            return rc;
        if (!pause_a_little(r)) {
            char what[300];
            snprintf(what, sizeof what,
                     "%" PRId64 " jobs were asked to stop and have not ended (is a jobsd running?)",
                     left.to_be_run + left.running);
            return out_of_time(r, what, err);
        }
    }
}

/* ---- events, jobs ---- */

static int discard_events(struct removal *r, struct jobs_error *err) {
    int64_t n = 1;
    while (n > 0) {
        struct sql_result *row;
        int rc = call(r, "tenant_discard_events", BATCH, &row, err);
        if (rc < 0)
            return rc;
        n = sql_get_integer(row, 0, sql_column(row, "discarded"), 0);
        sql_result_free(row);
    }
    return 0;
}

static int wait_events(struct removal *r, struct jobs_error *err) {
    struct left left;
    for (;;) {
        int rc = look(r, &left, err);
        if (rc < 0 || !left.events)
            return rc;
        if (!pause_a_little(r))
            return out_of_time(r, "events of it have not been broadcast yet (or discard them)",
                               err);
    }
}

static int delete_jobs(struct removal *r, struct jobs_error *err) {
    for (;;) {
        struct sql_result *row;
        struct left left;
        int rc = call(r, "tenant_delete_jobs", BATCH, &row, err);
        if (rc < 0)
            return rc;
        int64_t deleted = sql_get_integer(row, 0, sql_column(row, "deleted"), 0);
        sql_result_free(row);
        r->deleted += deleted;
        if (deleted > 0)
            continue;
        rc = look(r, &left, err);
        if (rc < 0 || !left.jobs)
            return rc;
        /* Somebody holds one, or it was queued again just before the tenant was closed. */
        if (living(&left) > 0 && (rc = end_all(r, err)) < 0)
            return rc;
        if (!pause_a_little(r))
            return held_up(r, "a transaction that holds a job of it", NULL, err);
    }
}

/* Somebody may hold its row. */
static int delete_tenant(struct removal *r, struct jobs_error *err) {
    for (;;) {
        struct sql_parameters p = {0};
        sql_add_text(&p, r->name);
        sql_add_text(&p, r->mark);
        int rc = sql_call(r->sql, "tenant_delete", &p, SQL_NOTHING, NULL, err);
        if (rc == 0 || strcmp(err->sqlstate, "55P03") != 0)
            return rc;
        if (!pause_a_little(r))
            return held_up(r, "a transaction that holds its row", NULL, err);
    }
}

/* ---- all of it ---- */

static int refuse_early(struct removal *r, struct jobs_error *err) {
    struct tenant tenant;
    struct left left;
    int rc = tenant_get(r->s, r->name, &tenant, err);
    if (rc == 0)
        rc = look(r, &left, err);
    if (rc == 0 && !r->how.force && living(&left) > 0)
        rc = lives(r, &left, JOBS_EREFUSED, "stop them or let them end first", err);
    return rc;
}

static int remove_all(struct removal *r, struct jobs_error *err) {
    int rc = refuse_early(r, err);
    if (rc == 0)
        rc = close_tenant(r, err);
    if (rc == 0)
        rc = settle(r, err);
    if (rc == 0)
        rc = end_all(r, err);
    if (rc == 0)
        rc = r->how.discard_events ? discard_events(r, err) : wait_events(r, err);
    if (rc == 0)
        rc = delete_jobs(r, err);
    /* Deleted jobs say nothing, but one that was queued again and stopped does. */
    if (rc == 0)
        rc = r->how.discard_events ? discard_events(r, err) : wait_events(r, err);
    return rc == 0 ? delete_tenant(r, err) : rc;
}

int tenant_remove(const struct job_info_service *s, const char *name,
                  const struct tenant_removal *how, int64_t *ret_jobs, struct jobs_error *err) {
    struct jobs_error own;
    struct removal r = {.s = s, .name = name, .how = how ? *how : (struct tenant_removal){0}};
    err = err ? err : &own;
    r.deadline = clock_now() + (r.how.timeout ? r.how.timeout : TIMEOUT_MS) * CLOCK_MS;
    if (PQtransactionStatus(s->db) != PQTRANS_IDLE)
        return error_set(err, JOBS_EINVAL,
                         "tenant \"%.80s\": a removal is several transactions: none may be open",
                         name);
    int rc = sql_borrow(s->db, s->schema ? s->schema : "jobs", &r.sql, err);
    if (rc < 0)
        return rc;
    rc = remove_all(&r, err);
    sql_close(r.sql);
    if (ret_jobs)
        *ret_jobs = r.deleted;
    return rc;
}
