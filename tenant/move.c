#include "tenant/move.h"

#include "module/base/clock.h"
#include "module/base/error.h"
#include "module/base/mem.h"
#include "module/base/uuid.h"
#include "module/store/many.h"
#include "sql/sql.h"
#include "tenant/settle.h"

#include <inttypes.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOOK_MS = 50, LOCK_MS = 1000, TIMEOUT_MS = 60000, AUDIT_MS = 5000 };
#define BELOW (INT64_C(1) << 40) /* more places than are drawn while a tenant is copied */

enum phase { NOBODY, SETTLED, LEAVING, LEFT, ARRIVING }; /* SETTLED: there, in no move */

struct end {
    enum phase phase;
    char id[37], before[16];
};

struct moving {
    const struct tenant_move *how;
    struct sql *source, *target;
    int64_t deadline; /* clock_now() */
    char id[37], before[16];
    int64_t place; /* in the source's queue, behind all of the tenant's */
    int64_t jobs;
    bool decided; /* the tenant has left */
};

/* ---- statements ---- */

/* One about the tenant, with up to two more texts. */
static int call(struct moving *m, struct sql *sql, const char *statement, const char *second,
                const char *third, enum sql_shape shape, struct sql_result **ret,
                struct jobs_error *err) {
    struct sql_parameters p = {0};
    sql_add_text(&p, m->how->name);
    if (second)
        sql_add_text(&p, second);
    if (third)
        sql_add_text(&p, third);
    int rc = sql_call(sql, statement, &p, shape, ret, err);
    const char *end = sql == m->source ? "source" : "target";
    char who[TENANT_HOLDER_SIZE];
    if (rc < 0 && strcmp(err->sqlstate, "55P03") == 0 && tenant_name_holder(sql, who) == 0)
        return error_set_sql(err, rc, "55P03", "tenant \"%s\", %s: somebody holds its row: %s",
                             m->how->name, end, who);
    if (rc < 0 && strncmp(err->sqlstate, "JB", 2) != 0)
        error_prefix(err, "tenant \"%s\", %s", m->how->name, end);
    return rc;
}

static int plain(struct sql *sql, const char *statement, struct jobs_error *err) {
    return sql_call(sql, statement, NULL, SQL_NOTHING, NULL, err);
}

static void roll_back(struct moving *m) {
    plain(m->target, "move_rollback", NULL);
    plain(m->source, "move_rollback", NULL);
}

static void say(const struct moving *m, const char *what) {
    if (m->how->progress)
        m->how->progress(m->how->arg, what);
}

static bool pause_a_little(const struct moving *m) {
    poll(NULL, 0, LOOK_MS);
    return clock_now() < m->deadline;
}

static int out_of_time(const struct moving *m, const char *what, struct jobs_error *err) {
    return error_set(err, JOBS_ETIMEOUT,
                     "tenant \"%s\" is not moved in time: %s; it stays in MAINTENANCE: move it "
                     "again, or cancel the move",
                     m->how->name, what);
}

/* By `who`, or (NULL) whom the source names now. */
static int held_up(const struct moving *m, const char *what, const char *who,
                   struct jobs_error *err) {
    char named[TENANT_HOLDER_SIZE], text[TENANT_HOLDER_SIZE + 100];
    if (!who)
        tenant_name_holder(m->source, named);
    snprintf(text, sizeof text, "%s is still open: %s", what, who ? who : named);
    return out_of_time(m, text, err);
}

static enum phase phase_of(const char *name) {
    return !name                          ? SETTLED
           : strcmp(name, "LEAVING") == 0 ? LEAVING
           : strcmp(name, "LEFT") == 0    ? LEFT
                                          : ARRIVING;
}

static int look(struct moving *m, struct sql *sql, struct end *ret, struct jobs_error *err) {
    struct sql_result *row;
    *ret = (struct end){.phase = NOBODY};
    int rc = call(m, sql, "tenant_move_look", NULL, NULL, SQL_AT_MOST_ONE, &row, err);
    if (rc < 0)
        return rc;
    if (sql_count(row) == 1) {
        const char *id = sql_get(row, 0, sql_column(row, "id"));
        const char *before = sql_get(row, 0, sql_column(row, "before"));
        ret->phase = phase_of(sql_get(row, 0, sql_column(row, "phase")));
        snprintf(ret->id, sizeof ret->id, "%s", id ? id : "");
        snprintf(ret->before, sizeof ret->before, "%s", before ? before : "");
    }
    sql_result_free(row);
    return 0;
}

/* ---- before the rows are touched ---- */

static int mark(struct moving *m, struct jobs_error *err) {
    struct sql_result *row;
    char id[37];
    uuid_random(id);
    int rc = call(m, m->source, "tenant_move_mark", m->how->target_name, id, SQL_ONE, &row, err);
    if (rc < 0)
        return rc;
    snprintf(m->id, sizeof m->id, "%s", sql_get(row, 0, sql_column(row, "id")));
    snprintf(m->before, sizeof m->before, "%s", sql_get(row, 0, sql_column(row, "before")));
    sql_result_free(row);
    return 0;
}

static int wait_writers(struct moving *m, struct jobs_error *err) {
    char who[TENANT_HOLDER_SIZE];
    int rc = tenant_settle(m->source, m->deadline, who, err);
    return rc < 0 || !*who ? rc
                           : held_up(m, "a transaction that may have submitted a job", who, err);
}

static int look_left(struct moving *m, int64_t *ret_running, bool *ret_events,
                     struct jobs_error *err) {
    struct sql_result *row;
    int rc = call(m, m->source, "tenant_left", NULL, NULL, SQL_ONE, &row, err);
    if (rc < 0)
        return rc;
    *ret_running = sql_get_integer(row, 0, sql_column(row, "to_be_run"), 0) +
                   sql_get_integer(row, 0, sql_column(row, "running"), 0);
    *ret_events = sql_get_boolean(row, 0, sql_column(row, "events"));
    sql_result_free(row);
    return 0;
}

static int stop_runs(struct moving *m, struct jobs_error *err) {
    struct store_many many = {.tenant = m->how->name,
                              .statuses = 1u << JOB_TO_BE_RUN | 1u << JOB_RUNNING};
    struct store_many_done done;
    return store_stop_many(m->how->source, &many, &done, err);
}

static int wait_runs(struct moving *m, struct jobs_error *err) {
    int64_t running, asked_at = 0;
    bool events;
    for (;;) {
        int rc = look_left(m, &running, &events, err);
        if (rc < 0 || running == 0)
            return rc;
        if (m->how->stop && clock_now() - asked_at > CLOCK_SECOND) {
            rc = stop_runs(m, err);
            asked_at = clock_now();
        }
        if (rc < 0)
            return rc;
        if (!pause_a_little(m)) {
            char what[100];
            snprintf(what, sizeof what, "%" PRId64 " jobs still run", running);
            return out_of_time(m, what, err);
        }
    }
}

static int wait_events(struct moving *m, struct jobs_error *err) {
    int64_t running, until = clock_now() + m->how->events_for * CLOCK_MS;
    bool events;
    for (;;) {
        int rc = look_left(m, &running, &events, err);
        if (rc < 0 || !events || clock_now() >= until)
            return rc;
        poll(NULL, 0, LOOK_MS);
    }
}

/* ---- the transactions ---- */

/* A lock is waited for as long as there is time. */
static int begin_at(const struct moving *m, struct sql *sql, struct jobs_error *err) {
    struct sql_parameters p = {0};
    int64_t left = (m->deadline - clock_now()) / CLOCK_MS;
    int rc = plain(sql, "move_begin", err);
    if (rc < 0)
        return rc;
    sql_add_integer(&p, left > LOCK_MS ? left : LOCK_MS);
    return sql_call(sql, "move_patience", &p, SQL_ONE, NULL, err);
}

/* The source's row is locked until the end of its transaction; *ret_row: the tenant as JSON, caller
 * frees. */
static int lock_source(struct moving *m, char **ret_row, struct jobs_error *err) {
    struct sql_result *row;
    for (;;) {
        int rc = begin_at(m, m->source, err);
        if (rc == 0)
            rc = call(m, m->source, "tenant_move_lock", NULL, NULL, SQL_ONE, &row, err);
        if (rc == 0)
            break;
        plain(m->source, "move_rollback", NULL);
        if (strcmp(err->sqlstate, "55P03") != 0)
            return rc;
        if (!pause_a_little(m))
            return held_up(m, "another move of it, or a transaction that holds its row,", NULL,
                           err);
    }
    const char *phase = sql_get(row, 0, sql_column(row, "phase"));
    const char *id = sql_get(row, 0, sql_column(row, "id"));
    bool ours = phase && phase_of(phase) == LEAVING && strcmp(id, m->id) == 0;
    if (ours)
        *ret_row = mem_text(sql_get(row, 0, sql_column(row, "as_json")));
    m->place = sql_get_integer(row, 0, sql_column(row, "place"), 0);
    sql_result_free(row);
    return ours ? 0
                : error_set(err, JOBS_EREFUSED,
                            "tenant \"%s\": another move of it has got further meanwhile",
                            m->how->name);
}

/* What came of a move that was broken off goes. Under the lock of the source's row. */
static int clear_target(struct moving *m, struct jobs_error *err) {
    struct end end;
    int rc = look(m, m->target, &end, err);
    if (rc < 0 || end.phase == NOBODY)
        return rc;
    if (end.phase == LEAVING && strcmp(end.id, m->id) == 0)
        return error_set(err, JOBS_EINVAL, "tenant \"%s\": source and target are the same tables",
                         m->how->name);
    if (end.phase != ARRIVING || strcmp(end.id, m->id) != 0)
        return error_set(err, JOBS_EREFUSED, "the target has a tenant \"%s\" of its own",
                         m->how->name);
    say(m, "what had arrived of a move that was broken off is discarded");
    return call(m, m->target, "tenant_move_discard", m->id, NULL, SQL_NOTHING, NULL, err);
}

static int copy_one(struct moving *m, const struct sql_result *here, const struct sql_result *there,
                    size_t i, struct jobs_error *err) {
    int name = sql_column(here, "name"), columns = sql_column(here, "columns");
    if (strcmp(sql_get(here, i, name), sql_get(there, i, name)) != 0 ||
        strcmp(sql_get(here, i, columns), sql_get(there, i, columns)) != 0)
        return error_set(err, JOBS_ESCHEMA,
                         "table %s differs between source and target: bring both to the same "
                         "release with `jobctl migrate`",
                         sql_get(here, i, name));
    int64_t rows;
    int rc = sql_copy(m->source, sql_get(here, i, sql_column(here, "copy_out")), m->target,
                      sql_get(there, i, sql_column(there, "copy_in")), &rows, err);
    if (rc < 0)
        error_prefix(err, "tenant \"%s\", table %s", m->how->name, sql_get(here, i, name));
    return rc;
}

/* The row at the target, and by how much its jobs' places in the queue are to be lowered so that
 * they stand before all that is submitted there. (A sequence that is set to a higher number instead,
 * while others draw from it, can give one twice.) */
static int arrive(struct moving *m, const char *row, char ret_lower[24], struct jobs_error *err) {
    struct sql_parameters p = {0};
    struct sql_result *arrived;
    sql_add_text(&p, row);
    sql_add_text(&p, m->id);
    int rc = sql_call(m->target, "tenant_move_arrive", &p, SQL_ONE, &arrived, err);
    if (rc < 0)
        return rc;
    int64_t lower = m->place + BELOW - sql_get_integer(arrived, 0, 0, 0);
    snprintf(ret_lower, 24, "%" PRId64, lower > 0 ? lower : 0);
    sql_result_free(arrived);
    return 0;
}

/* `only`: that table; NULL: all. */
static int copy(struct moving *m, const char *lower, const char *only, struct jobs_error *err) {
    struct sql_result *here, *there;
    int rc = call(m, m->source, "tenant_move_tables", lower, NULL, SQL_ROWS, &here, err);
    if (rc < 0)
        return rc;
    rc = call(m, m->target, "tenant_move_tables", lower, NULL, SQL_ROWS, &there, err);
    if (rc < 0) {
        sql_result_free(here);
        return rc;
    }
    if (sql_count(here) != sql_count(there))
        rc = error_set(err, JOBS_ESCHEMA,
                       "source and target have different tables: bring both to the same release "
                       "with `jobctl migrate`");
    for (size_t i = 0; rc == 0 && i < sql_count(here); i++)
        if (!only || strcmp(sql_get(here, i, sql_column(here, "name")), only) == 0)
            rc = copy_one(m, here, there, i, err);
    sql_result_free(here);
    sql_result_free(there);
    return rc;
}

/* *ret_again: a job was chosen at the very last moment and runs. */
static int settle_target(struct moving *m, bool *ret_again, struct jobs_error *err) {
    struct sql_result *row;
    int rc = call(m, m->target, "tenant_move_settle", NULL, NULL, SQL_ONE, &row, err);
    if (rc < 0)
        return rc;
    m->jobs = sql_get_integer(row, 0, sql_column(row, "jobs"), 0);
    *ret_again = sql_get_integer(row, 0, sql_column(row, "running"), 0) > 0;
    sql_result_free(row);
    return 0;
}

/* Both transactions, from the lock on. */
static int carry_locked(struct moving *m, const char *row, bool *ret_again,
                        struct jobs_error *err) {
    char lower[24];
    int rc = clear_target(m, err);
    if (rc == 0)
        rc = begin_at(m, m->target, err);
    if (rc == 0)
        rc = arrive(m, row, lower, err);
    if (rc == 0)
        rc = copy(m, lower, NULL, err);
    if (rc == 0)
        rc = settle_target(m, ret_again, err);
    if (rc < 0 || *ret_again)
        return rc;
    rc = plain(m->target, "move_commit", err);
    if (rc == 0)
        rc = call(m, m->source, "tenant_move_leave", m->id, NULL, SQL_NOTHING, NULL, err);
    return rc == 0 ? plain(m->source, "move_commit", err) : rc;
}

static bool is_passing(const struct jobs_error *err) {
    return strcmp(err->sqlstate, "40P01") == 0 || strcmp(err->sqlstate, "40001") == 0 ||
           strcmp(err->sqlstate, "55P03") == 0;
}

static int carry(struct moving *m, struct jobs_error *err) {
    for (;;) {
        char *row = NULL;
        bool again = false;
        int rc = wait_runs(m, err);
        if (rc < 0)
            return rc;
        rc = lock_source(m, &row, err);
        if (rc == 0) {
            say(m, "its jobs are being copied");
            rc = carry_locked(m, row, &again, err);
        }
        free(row);
        m->decided = rc == 0 && !again;
        if (m->decided)
            return 0;
        roll_back(m);
        if (rc < 0 && !is_passing(err))
            return rc;
        if (!pause_a_little(m))
            return held_up(m, "a transaction that holds jobs of it", NULL, err);
    }
}

/* ---- after the decision ---- */

/* A process that was killed may have sent its last statement before, and the server carries it out
 * meanwhile: what it left behind is what was to be done. */
static int unless_done(struct moving *m, struct sql *sql, enum phase then, int rc,
                       struct jobs_error *err) {
    struct end end;
    struct jobs_error unheard;
    if (rc == 0 || strcmp(err->sqlstate, "JB009") != 0)
        return rc;
    return look(m, sql, &end, &unheard) == 0 && end.phase == then ? 0 : rc;
}

static int activate(struct moving *m, struct jobs_error *err) {
    int rc = call(m, m->target, "tenant_move_activate", m->id, m->before, SQL_NOTHING, NULL, err);
    return unless_done(m, m->target, SETTLED, rc, err);
}

static int forget(struct moving *m, struct jobs_error *err) {
    int rc = call(m, m->source, "tenant_move_forget", m->id, "false", SQL_NOTHING, NULL, err);
    return unless_done(m, m->source, NOBODY, rc, err);
}

/* What was written about the tenant after the copy, such as that somebody tried to change it. Who wrote
 * when it was forgotten is waited for; what comes later still comes along when it is moved again. Broken
 * off between the two commits it leaves entries at both ends. */
static int bring_audit(struct moving *m, struct jobs_error *err) {
    char who[TENANT_HOLDER_SIZE];
    int rc = tenant_settle(m->source, clock_now() + AUDIT_MS * CLOCK_MS, who, err);
    if (rc == 0)
        rc = begin_at(m, m->source, err);
    if (rc == 0)
        rc = begin_at(m, m->target, err);
    if (rc == 0)
        rc = copy(m, "0", "t_job_audit", err);
    if (rc == 0)
        rc = plain(m->target, "move_commit", err);
    if (rc == 0)
        rc = plain(m->source, "move_commit", err);
    if (rc < 0)
        roll_back(m);
    else if (*who)
        say(m, "there may be later entries of the audit log: move it again to bring them");
    return rc;
}

static int finish(struct moving *m, struct jobs_error *err) {
    struct end end;
    int rc = look(m, m->target, &end, err);
    if (rc < 0)
        return rc;
    if (end.phase == NOBODY)
        return error_set(err, JOBS_EDB,
                         "tenant \"%s\" has left the source, but is not at the target: was that "
                         "set back to an older state? Its jobs are in what the target had then",
                         m->how->name);
    if (end.phase == ARRIVING && strcmp(end.id, m->id) == 0)
        rc = activate(m, err);
    else if (end.phase == ARRIVING)
        rc = error_set(err, JOBS_EREFUSED, "the target's \"%s\" is of another move", m->how->name);
    if (rc == 0)
        rc = forget(m, err);
    return rc == 0 ? bring_audit(m, err) : rc;
}

static int go(struct moving *m, struct jobs_error *err) {
    struct end source, target;
    int rc = look(m, m->source, &source, err);
    if (rc == 0)
        rc = look(m, m->target, &target, err);
    if (rc < 0)
        return rc;
    if (source.phase == SETTLED && target.phase != NOBODY)
        return error_set(err, JOBS_EREFUSED, "the target has a tenant \"%s\" of its own",
                         m->how->name);
    if (source.phase == ARRIVING)
        return error_set(err, JOBS_EREFUSED, "tenant \"%s\" is arriving there in another move",
                         m->how->name);
    if (source.phase == NOBODY && target.phase == SETTLED) {
        say(m, "is there already");
        return bring_audit(m, err);
    }
    if (source.phase == LEFT) {
        snprintf(m->id, sizeof m->id, "%s", source.id);
        snprintf(m->before, sizeof m->before, "%s", source.before);
        return finish(m, err);
    }
    rc = mark(m, err);
    if (rc == 0) {
        say(m, "closed; waiting for what runs and what is being submitted");
        rc = wait_writers(m, err);
    }
    if (rc == 0)
        rc = wait_runs(m, err);
    if (rc == 0)
        rc = wait_events(m, err);
    if (rc == 0)
        rc = carry(m, err);
    return rc == 0 ? finish(m, err) : rc;
}

static int begin(const struct tenant_move *move, struct moving *m, struct jobs_error *err) {
    const struct job_info_service *from = move->source, *to = move->target;
    *m = (struct moving){.how = move};
    m->deadline = clock_now() + (move->timeout ? move->timeout : TIMEOUT_MS) * CLOCK_MS;
    if (!tenant_name_is_valid(move->name))
        return error_set(err, JOBS_EINVAL, "\"%.80s\" is no tenant name", move->name);
    if (PQtransactionStatus(from->db) != PQTRANS_IDLE ||
        PQtransactionStatus(to->db) != PQTRANS_IDLE)
        return error_set(err, JOBS_EINVAL,
                         "tenant \"%s\": a move is several transactions: none may be open",
                         move->name);
    int rc = sql_borrow(from->db, from->schema ? from->schema : "jobs", &m->source, err);
    if (rc == 0)
        rc = sql_borrow(to->db, to->schema ? to->schema : "jobs", &m->target, err);
    return rc;
}

static void end(struct moving *m) {
    sql_close(m->source);
    sql_close(m->target);
}

int tenant_move(const struct tenant_move *move, int64_t *ret_jobs, struct jobs_error *err) {
    struct jobs_error own;
    struct moving m;
    err = err ? err : &own;
    int rc = begin(move, &m, err);
    if (rc == 0)
        rc = go(&m, err);
    if (ret_jobs)
        *ret_jobs = m.jobs;
    end(&m);
    return rc;
}

/* Under the lock of the source's row, as a copy is made. */
static int take_back(struct moving *m, struct jobs_error *err) {
    char *row = NULL;
    int rc = lock_source(m, &row, err);
    free(row);
    if (rc == 0)
        rc = clear_target(m, err);
    if (rc == 0)
        rc = call(m, m->source, "tenant_move_forget", m->id, "true", SQL_NOTHING, NULL, err);
    if (rc == 0)
        rc = plain(m->source, "move_commit", err);
    if (rc < 0)
        plain(m->source, "move_rollback", NULL);
    return rc;
}

int tenant_move_cancel(const struct tenant_move *move, struct jobs_error *err) {
    struct jobs_error own;
    struct moving m;
    struct end source;
    err = err ? err : &own;
    int rc = begin(move, &m, err);
    if (rc == 0)
        rc = look(&m, m.source, &source, err);
    if (rc == 0 && source.phase != LEAVING)
        rc = error_set(err, source.phase == NOBODY ? JOBS_ENOENT : JOBS_EREFUSED,
                       source.phase == NOBODY ? "tenant \"%s\" is unknown here"
                       : source.phase == LEFT ? "tenant \"%s\" has left already: move it again to "
                                                "end the move"
                                              : "tenant \"%s\" is not being moved away from here",
                       move->name);
    if (rc == 0) {
        snprintf(m.id, sizeof m.id, "%s", source.id);
        rc = take_back(&m, err);
    }
    end(&m);
    return rc;
}
