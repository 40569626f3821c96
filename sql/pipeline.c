#include "module/base/error.h"
#include "sql/session.h"

/* One transaction, one round trip. The tick is the implicit transaction of a pipeline up to its
 * Sync: with BEGIN … COMMIT inside, an error would skip the COMMIT and leave the session in a
 * failed transaction. */

static int enter(struct sql *sql, const char *what, struct jobs_error *err) {
    if (sql_is_broken(sql))
        return error_set(err, JOBS_EDB, "%s: the connection to PostgreSQL is gone", what);
    if (!PQenterPipelineMode(sql->db))
        return session_break(sql, JOBS_EDB, what, PQerrorMessage(sql->db), err);
    return 0;
}

/* Reads one statement's answer (or the Sync's) and the NULL behind it. */
static int read_one(struct sql *sql, int64_t deadline, const char *what, PGresult **ret,
                    struct jobs_error *err) {
    int rc = session_wait_result(sql, deadline, what, err);
    if (rc < 0)
        return rc;
    PGresult *result = PQgetResult(sql->db);
    if (!result)
        return session_break(sql, JOBS_EUNSURE, what, "the connection to PostgreSQL was lost", err);
    if (PQresultStatus(result) != PGRES_PIPELINE_SYNC) {
        rc = session_wait_result(sql, deadline, what, err);
        if (rc < 0) {
            PQclear(result);
            return rc;
        }
        PQclear(PQgetResult(sql->db)); /* NULL: end of this statement */
    }
    *ret = result;
    return 0;
}

/* Reads all answers up to the Sync. The first failure is kept in err, the rest is read all the
 * same. */
static int read_all(struct sql *sql, struct sql_step *steps, size_t count, size_t *ret_failed,
                    struct jobs_error *err) {
    int64_t deadline = session_deadline(sql);
    int failure = 0;
    for (size_t i = 0;; i++) {
        const char *what = i < count ? steps[i].name : "commit";
        PGresult *result = NULL;
        int rc = read_one(sql, deadline, what, &result, failure ? NULL : err);
        if (rc < 0)
            return failure ? failure : rc;
        ExecStatusType status = PQresultStatus(result);
        if (status == PGRES_PIPELINE_SYNC) {
            PQclear(result);
            return failure;
        }
        if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
            if (i < count)
                steps[i].result = session_result(result);
            else
                PQclear(result);
            continue;
        }
        if (!failure && status != PGRES_PIPELINE_ABORTED) {
            failure = session_failure(sql, result, what, err);
            if (ret_failed)
                *ret_failed = i < count ? i : count;
        }
        PQclear(result);
        if (sql->broken)
            return failure;
    }
}

static void drop_results(struct sql_step *steps, size_t count) {
    for (size_t i = 0; i < count; i++) {
        sql_result_free(steps[i].result);
        steps[i].result = NULL;
    }
}

int sql_pipeline(struct sql *sql, struct sql_step *steps, size_t count, size_t *ret_failed,
                 struct jobs_error *err) {
    int rc = enter(sql, "pipeline", err);
    if (rc < 0)
        return rc;
    int sent = 1;
    for (size_t i = 0; sent && i < count; i++) {
        const struct sql_parameters *p = steps[i].parameters;
        steps[i].result = NULL;
        sent = PQsendQueryPrepared(sql->db, steps[i].name, p ? p->count : 0, p ? p->values : NULL,
                                   NULL, NULL, 0);
    }
    if (ret_failed)
        *ret_failed = count;
    if (!sent || !PQpipelineSync(sql->db))
        return session_break(sql, JOBS_EUNSURE, "pipeline", PQerrorMessage(sql->db), err);
    rc = read_all(sql, steps, count, ret_failed, err);
    if (!sql->broken)
        PQexitPipelineMode(sql->db);
    if (rc < 0)
        drop_results(steps, count);
    return rc;
}

int sql_prepare(struct sql *sql, const char *const *names, size_t count, struct jobs_error *err) {
    int rc = enter(sql, "prepare", err);
    if (rc < 0)
        return rc;
    int sent = 1;
    for (size_t i = 0; sent && i < count; i++)
        sent = PQsendPrepare(sql->db, names[i], session_statement(sql, names[i])->text, 0, NULL);
    if (!sent || !PQpipelineSync(sql->db))
        return session_break(sql, JOBS_EDB, "prepare", PQerrorMessage(sql->db), err);
    int64_t deadline = session_deadline(sql);
    for (size_t i = 0; i <= count; i++) {
        PGresult *result = NULL;
        int got =
            read_one(sql, deadline, i < count ? names[i] : "prepare", &result, rc ? NULL : err);
        if (got < 0)
            return rc ? rc : got;
        ExecStatusType status = PQresultStatus(result);
        if (rc == 0 && status != PGRES_COMMAND_OK && status != PGRES_PIPELINE_SYNC)
            rc = session_failure(sql, result, names[i], err);
        PQclear(result);
    }
    PQexitPipelineMode(sql->db);
    for (size_t i = 0; rc == 0 && i < count; i++)
        session_statement(sql, names[i])->prepared = true;
    return rc;
}
