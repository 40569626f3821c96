/* Creating jobs: arrays for one call of the database function job_create, so that all are made or
 * none. */
#include "module/base/error.h"
#include "module/base/text.h"
#include "module/store/each.h"
#include "module/store/store.h"
#include "sql/sql.h"

#include <limits.h>
#include <stdio.h>

/* The parameters of job_create.sql, in its order. */
enum column {
    TENANT,
    CLASS_NAME,
    PARAMETERS,
    PRIORITY,
    AT,
    PENDING,
    EXPIRES,
    DESCRIPTION,
    OWNER,
    ATTEMPTS,
    BACKOFF,
    TIMEOUT,
    RELATED_TYPE,
    RELATED_ID,
    LOCKED,
    TRACEPARENT,
    ID,
    COLUMNS
};

static int check(const struct job_info *info, size_t n, size_t count, struct jobs_error *err) {
    if (info->size != sizeof *info)
        return error_set(err, JOBS_EINVAL,
                         "job %zu of %zu: size is %zu, not %zu: set it by JOB_INFO(…), and build "
                         "against this release",
                         n + 1, count, info->size, sizeof *info);
    const char *tenant = info->tenant ? info->tenant : "";
    if (!info->tenant || !info->class_name)
        return error_set(err, JOBS_EINVAL, "tenant \"%.80s\": job %zu of %zu has no %s", tenant,
                         n + 1, count, info->tenant ? "class_name" : "tenant");
    if (info->id && !text_is_uuid(info->id))
        return error_set(err, JOBS_EINVAL, "tenant \"%.80s\": \"%.80s\" is no job id (a uuid)",
                         tenant, info->id);
    if (info->attempts > INT_MAX || info->timeout < 0 || info->backoff < 0)
        return error_set(
            err, JOBS_EINVAL,
            "tenant \"%.80s\": job %zu of %zu: attempts, timeout or backoff out of range", tenant,
            n + 1, count);
    return 0;
}

static void add_given(struct buf *array, int64_t value) { /* 0: not given */
    if (value)
        sql_array_integer(array, value);
    else
        sql_array_null(array);
}

static void add(struct buf *arrays, const struct job_info *info, bool pending) {
    sql_array_text(&arrays[TENANT], info->tenant);
    sql_array_text(&arrays[CLASS_NAME], info->class_name);
    sql_array_text(&arrays[PARAMETERS], info->parameters ? info->parameters : "{}");
    sql_array_integer(&arrays[PRIORITY], info->priority);
    add_given(&arrays[AT], info->trigger_after_date);
    sql_array_boolean(&arrays[PENDING], pending);
    add_given(&arrays[EXPIRES], info->expiration_date);
    sql_array_text(&arrays[DESCRIPTION], info->description);
    sql_array_text(&arrays[OWNER], info->owner);
    add_given(&arrays[ATTEMPTS], info->attempts);
    add_given(&arrays[BACKOFF], info->backoff);
    add_given(&arrays[TIMEOUT], info->timeout);
    sql_array_text(&arrays[RELATED_TYPE], info->related_type);
    sql_array_text(&arrays[RELATED_ID], info->related_id);
    sql_array_boolean(&arrays[LOCKED], info->locked);
    sql_array_text(&arrays[TRACEPARENT], info->traceparent);
    sql_array_text(&arrays[ID], info->id);
}

static int blame(int code, const struct job_info *infos, size_t count, struct jobs_error *err) {
    if (!err)
        return code;
    if (count == 1 && infos->id)
        error_prefix(err, "tenant \"%.80s\", job %s of class %.128s", infos->tenant, infos->id,
                     infos->class_name);
    else if (count == 1)
        error_prefix(err, "tenant \"%.80s\", new job of class %.128s", infos->tenant,
                     infos->class_name);
    else
        error_prefix(err, "tenant \"%.80s\", %zu new jobs", infos->tenant, count);
    return code;
}

static int call(struct sql *sql, struct buf *arrays, size_t count, struct job_uuid *ret_ids,
                struct jobs_error *err) {
    struct sql_parameters p = {0};
    for (int c = 0; c < COLUMNS; c++) {
        sql_array_end(&arrays[c]);
        sql_add_text(&p, buf_get(&arrays[c]));
    }
    struct sql_result *rows;
    int rc = sql_call(sql, "job_create", &p, SQL_ROWS, &rows, err);
    if (rc < 0)
        return rc;
    if (sql_count(rows) != count)
        rc = error_set(err, JOBS_EDB, "%zu ids came back for %zu jobs", sql_count(rows), count);
    int id = sql_column(rows, "id");
    for (size_t i = 0; rc == 0 && ret_ids && i < count; i++)
        snprintf(ret_ids[i].text, sizeof ret_ids[i].text, "%s", sql_get(rows, i, id));
    sql_result_free(rows);
    return rc;
}

static int create(const struct job_info_service *s, const struct job_info *infos, size_t count,
                  bool pending, struct job_uuid *ret_ids, struct jobs_error *err) {
    for (size_t i = 0; i < count; i++) {
        int rc = check(&infos[i], i, count, err);
        if (rc < 0)
            return rc;
    }
    struct sql *sql;
    int rc = store_begin(s, &sql, err);
    if (rc < 0 || count == 0) {
        if (rc == 0)
            sql_close(sql);
        return rc;
    }
    struct buf arrays[COLUMNS] = {0};
    for (int c = 0; c < COLUMNS; c++)
        sql_array_begin(&arrays[c]);
    for (size_t i = 0; i < count; i++)
        add(arrays, &infos[i], pending);
    rc = call(sql, arrays, count, ret_ids, err);
    if (rc < 0)
        blame(rc, infos, count, err);
    for (int c = 0; c < COLUMNS; c++)
        buf_done(&arrays[c]);
    sql_close(sql);
    return rc;
}

int job_info_create_as_queued(const struct job_info_service *s, const struct job_info *infos,
                              size_t count, struct job_uuid *ret_ids, struct jobs_error *err) {
    return create(s, infos, count, false, ret_ids, err);
}

int job_info_create_as_pending(const struct job_info_service *s, const struct job_info *infos,
                               size_t count, struct job_uuid *ret_ids, struct jobs_error *err) {
    return create(s, infos, count, true, ret_ids, err);
}

/* ---- each for itself ---- */

static void read_outcomes(const struct sql_result *rows, struct store_created *ret) {
    int id = sql_column(rows, "id"), state = sql_column(rows, "state"),
        why = sql_column(rows, "why");
    for (size_t i = 0; i < sql_count(rows); i++) {
        const char *made = sql_get(rows, i, id), *bad = sql_get(rows, i, state),
                   *text = sql_get(rows, i, why);
        ret[i] = (struct store_created){0};
        snprintf(ret[i].id, sizeof ret[i].id, "%s", made ? made : "");
        if (bad)
            error_set_sql(&ret[i].err, sql_error_code(bad), bad, "%s", text);
    }
}

static void add_submits(struct buf *arrays, const struct store_submit *submits, size_t count) {
    size_t first = 1;
    for (size_t i = 0; i < count; i++) {
        sql_array_text(&arrays[0], submits[i].who);
        sql_array_text(&arrays[1], submits[i].address);
        sql_array_integer(&arrays[2], (int64_t)first);
        sql_array_integer(&arrays[3], (int64_t)submits[i].count);
        first += submits[i].count;
    }
}

int store_create_each(const struct job_info_service *s, const struct job_info *infos,
                      const bool *pendings, size_t count, const struct store_submit *submits,
                      size_t submit_count, struct store_created *ret, struct jobs_error *err) {
    enum { ALL = COLUMNS + 4 };
    struct buf arrays[ALL] = {0};
    struct sql_parameters p = {0};
    struct sql_result *rows;
    struct sql *sql;
    int rc = store_begin(s, &sql, err);
    if (rc < 0)
        return rc;
    for (int c = 0; c < ALL; c++)
        sql_array_begin(&arrays[c]);
    for (size_t i = 0; i < count; i++)
        add(arrays, &infos[i], pendings[i]);
    add_submits(arrays + COLUMNS, submits, submit_count);
    for (int c = 0; c < ALL; c++) {
        sql_array_end(&arrays[c]);
        sql_add_text(&p, buf_get(&arrays[c]));
    }
    rc = sql_call(sql, "job_create_each", &p, SQL_ROWS, &rows, err);
    if (rc == 0) {
        if (sql_count(rows) == count)
            read_outcomes(rows, ret);
        else
            rc = error_set(err, JOBS_EDB, "%zu outcomes came back for %zu jobs", sql_count(rows),
                           count);
        sql_result_free(rows);
    }
    for (int c = 0; c < ALL; c++)
        buf_done(&arrays[c]);
    sql_close(sql);
    return rc;
}

int store_keep_prepared(const struct job_info_service *s, struct jobs_error *err) {
    static const char *const names[] = {"job_create_each", NULL};
    return sql_keep_prepared(s->db, s->schema ? s->schema : "jobs", names, err);
}
