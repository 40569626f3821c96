/* Waiting for a job's end: polls with growing pauses. A notification would need LISTEN, which
 * changes the caller's session and does not pass a transaction pooler. */
#include "module/base/clock.h"
#include "module/base/error.h"
#include "module/job/status.h"
#include "module/store/store.h"
#include "sql/sql.h"

#include <inttypes.h>
#include <time.h>

#define PAUSE_MIN (5 * CLOCK_MS)
#define PAUSE_MAX (250 * CLOCK_MS)

static int look(struct sql *sql, const char *tenant, const char *id, enum job_status *ret_now,
                struct jobs_error *err) {
    struct sql_parameters p = {0};
    struct sql_result *row;
    sql_add_text(&p, tenant);
    sql_add_text(&p, id);
    int rc = sql_call(sql, "job_status", &p, SQL_AT_MOST_ONE, &row, err);
    if (rc < 0)
        return store_blame(rc, tenant, id, err);
    if (sql_count(row) == 0)
        rc = error_set_sql(err, JOBS_ENOENT, "JB007", "tenant \"%.80s\" has no job %s", tenant, id);
    else
        *ret_now = (enum job_status)status_of_name(sql_get(row, 0, sql_column(row, "status")));
    sql_result_free(row);
    return rc;
}

static void pause_for(int64_t microseconds) {
    struct timespec time = {.tv_sec = microseconds / CLOCK_SECOND,
                            .tv_nsec = (long)(microseconds % CLOCK_SECOND) * 1000};
    nanosleep(&time, NULL); /* a signal may end it early: one look more */
}

static int poll_until(struct sql *sql, const char *tenant, const char *id, int64_t timeout,
                      enum job_status *ret_now, struct jobs_error *err) {
    int64_t begin = clock_now(), pause = PAUSE_MIN;
    for (;;) {
        enum job_status now;
        int rc = look(sql, tenant, id, &now, err);
        if (rc < 0)
            return rc;
        if (status_is_final(now)) {
            if (ret_now)
                *ret_now = now;
            return 0;
        }
        /* The age in ms first: timeout * 1000 could overflow. */
        int64_t left = timeout < 0 ? INT64_MAX : timeout - (clock_now() - begin) / CLOCK_MS;
        if (left <= 0)
            return error_set(err, JOBS_ETIMEOUT,
                             "tenant \"%.80s\", job %s: still %s after %" PRId64 " ms", tenant, id,
                             status_name(now), timeout);
        pause_for(left < pause / CLOCK_MS ? left * CLOCK_MS : pause);
        pause = pause * 2 < PAUSE_MAX ? pause * 2 : PAUSE_MAX;
    }
}

int job_info_wait(const struct job_info_service *s, const char *tenant, const char *id,
                  int64_t timeout, enum job_status *ret_now, struct jobs_error *err) {
    struct sql *sql;
    int rc = store_check_one(tenant, id, err);
    if (rc == 0)
        rc = store_begin(s, &sql, err);
    if (rc < 0)
        return rc;
    rc = poll_until(sql, tenant, id, timeout, ret_now, err);
    sql_close(sql);
    return rc;
}
