#include "module/base/clock.h"
#include "module/base/error.h"
#include "module/base/mem.h"
#include "sql/session.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

/* One transaction, one round trip. The tick is the implicit transaction of a pipeline up to its
 * Sync: with BEGIN … COMMIT inside, an error would skip the COMMIT and leave the session in a
 * failed transaction. */

#define LATER 1 /* not all answers are there yet */

static int enter(struct sql *sql, const char *what, struct jobs_error *err) {
    if (sql_is_broken(sql))
        return error_set(err, JOBS_EDB, "%s: the connection to PostgreSQL is gone", what);
    if (!PQenterPipelineMode(sql->db))
        return session_break(sql, JOBS_EDB, what, PQerrorMessage(sql->db), err);
    return 0;
}

/* What was queued goes out, its answers are awaited from now on. */
static int sync_up(struct sql *sql, bool sent, struct sql_step *steps, size_t count,
                   const char *what, struct jobs_error *err) {
    sql->pipeline = (struct sql_pipeline){.steps = steps,
                                          .count = count,
                                          .failed = count,
                                          .deadline = session_deadline(sql)};
    if (!sent || !PQpipelineSync(sql->db) || PQflush(sql->db) < 0)
        return session_break(sql, JOBS_EUNSURE, what, PQerrorMessage(sql->db), err);
    return 0;
}

/* Keeps one statement's answer. Of several failures the first is told. */
static void keep(struct sql *sql, PGresult *result, const char *what, struct jobs_error *err) {
    struct sql_pipeline *p = &sql->pipeline;
    ExecStatusType status = PQresultStatus(result);
    if (p->at < p->count && (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK)) {
        p->steps[p->at].result = session_result(result);
        return;
    }
    if (!p->failure && status != PGRES_PIPELINE_ABORTED) {
        p->failure = session_failure(sql, result, what, err);
        p->failed = p->at;
    }
    PQclear(result);
}

/* Reads what has come, up to the Sync's answer: each statement's, and the NULL behind it. */
static int read_some(struct sql *sql, struct jobs_error *err) {
    struct sql_pipeline *p = &sql->pipeline;
    for (;;) {
        const char *what = p->at < p->count ? p->steps[p->at].name : "commit";
        if (PQflush(sql->db) < 0)
            return session_break(sql, JOBS_EUNSURE, what, PQerrorMessage(sql->db), err);
        if (PQisBusy(sql->db))
            return LATER;
        PGresult *result = PQgetResult(sql->db);
        if (p->behind) {
            PQclear(result);
            p->behind = false;
            p->at += p->at < p->count;
            continue;
        }
        if (!result)
            return session_break(sql, JOBS_EUNSURE, what, "the connection to PostgreSQL was lost",
                                 err);
        if (PQresultStatus(result) == PGRES_PIPELINE_SYNC) {
            PQclear(result);
            return 0;
        }
        keep(sql, result, what, err);
        if (sql->broken)
            return p->failure;
        p->behind = true;
    }
}

static void drop_results(struct sql_step *steps, size_t count) {
    for (size_t i = 0; i < count; i++) {
        sql_result_free(steps[i].result);
        steps[i].result = NULL;
    }
}

int sql_pipeline_send(struct sql *sql, struct sql_step *steps, size_t count,
                      struct jobs_error *err) {
    for (size_t i = 0; i < count; i++)
        steps[i].result = NULL;
    int rc = enter(sql, "pipeline", err);
    if (rc < 0)
        return rc;
    int sent = 1;
    for (size_t i = 0; sent && i < count; i++) {
        const struct sql_parameters *p = steps[i].parameters;
        sent = PQsendQueryPrepared(sql->db, steps[i].name, p ? p->count : 0, p ? p->values : NULL,
                                   NULL, NULL, 0);
    }
    return sync_up(sql, sent, steps, count, "pipeline", err);
}

int sql_pipeline_receive(struct sql *sql, size_t *ret_failed, struct jobs_error *err) {
    struct sql_pipeline *p = &sql->pipeline;
    struct jobs_error later; /* of what broke behind the first failure */
    int rc = PQconsumeInput(sql->db)
                 ? read_some(sql, p->failure ? &later : err)
                 : session_break(sql, JOBS_EUNSURE, "pipeline", PQerrorMessage(sql->db),
                                 p->failure ? &later : err);
    if (rc == LATER && clock_now() < p->deadline)
        return LATER;
    if (rc == LATER)
        rc = session_break(sql, JOBS_EUNSURE, p->at < p->count ? p->steps[p->at].name : "commit",
                           "no answer from PostgreSQL in time", p->failure ? &later : err);
    if (p->failure)
        rc = p->failure;
    if (!sql->broken)
        PQexitPipelineMode(sql->db);
    if (rc < 0)
        drop_results(p->steps, p->count);
    if (ret_failed)
        *ret_failed = p->failed;
    return rc;
}

short sql_pipeline_events(const struct sql *sql) {
    /* Nothing is left to be sent unless the server reads more slowly than it is written to. */
    return (short)(POLLIN | (PQflush(sql->db) == 1 ? POLLOUT : 0));
}

int64_t sql_pipeline_deadline(const struct sql *sql) { return sql->pipeline.deadline; }

/* Waits for all answers. */
static int receive_all(struct sql *sql, size_t *ret_failed, struct jobs_error *err) {
    int rc;
    while ((rc = sql_pipeline_receive(sql, ret_failed, err)) == LATER) {
        int64_t left = (sql->pipeline.deadline - clock_now()) / CLOCK_MS;
        struct pollfd fd = {.fd = PQsocket(sql->db), .events = sql_pipeline_events(sql)};
        if (poll(&fd, 1, left > 0 ? (int)left + 1 : 0) < 0 && errno != EINTR)
            return session_break(sql, JOBS_EUNSURE, "pipeline", strerror(errno), err);
    }
    return rc;
}

int sql_pipeline(struct sql *sql, struct sql_step *steps, size_t count, size_t *ret_failed,
                 struct jobs_error *err) {
    if (ret_failed)
        *ret_failed = count;
    int rc = sql_pipeline_send(sql, steps, count, err);
    return rc < 0 ? rc : receive_all(sql, ret_failed, err);
}

int sql_prepare(struct sql *sql, const char *const *names, size_t count, struct jobs_error *err) {
    int rc = enter(sql, "prepare", err);
    if (rc < 0)
        return rc;
    struct sql_step *steps = mem_zero(count, sizeof *steps);
    int sent = 1;
    for (size_t i = 0; i < count; i++)
        steps[i].name = names[i];
    for (size_t i = 0; sent && i < count; i++)
        sent = PQsendPrepare(sql->db, names[i], session_statement(sql, names[i])->text, 0, NULL);
    rc = sync_up(sql, sent, steps, count, "prepare", err);
    if (rc == 0)
        rc = receive_all(sql, NULL, err);
    for (size_t i = 0; rc == 0 && i < count; i++)
        session_statement(sql, names[i])->prepared = true;
    drop_results(steps, count);
    free(steps);
    return rc;
}
