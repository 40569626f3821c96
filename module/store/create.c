/* Creating jobs: arrays for one call of the database function job_create, so that all are made or
 * none; one alone by job_submit. */
#include "module/base/error.h"
#include "module/base/text.h"
#include "module/store/each.h"
#include "module/store/store.h"
#include "sql/sql.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

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

/* What is the same as not given for all jobs is not sent: the database then leaves it out as a whole,
 * which makes a batch of plain jobs a third cheaper. */
struct columns {
    struct buf arrays[COLUMNS];
    bool given[COLUMNS];
};

static void columns_begin(struct columns *all) {
    *all = (struct columns){.given = {[TENANT] = true, [CLASS_NAME] = true}};
    for (int c = 0; c < COLUMNS; c++)
        sql_array_begin(&all->arrays[c]);
}

static void columns_done(struct columns *all) {
    for (int c = 0; c < COLUMNS; c++)
        buf_done(&all->arrays[c]);
}

static void columns_bind(struct columns *all, struct sql_parameters *p) {
    for (int c = 0; c < COLUMNS; c++) {
        sql_array_end(&all->arrays[c]);
        sql_add_text(p, all->given[c] ? buf_get(&all->arrays[c]) : NULL);
    }
}

static void add_text(struct columns *all, enum column column, const char *text) {
    all->given[column] |= text != NULL;
    sql_array_text(&all->arrays[column], text);
}

/* 0: not given. */
static void add_integer(struct columns *all, enum column column, int64_t value) {
    all->given[column] |= value != 0;
    if (value)
        sql_array_integer(&all->arrays[column], value);
    else
        sql_array_null(&all->arrays[column]);
}

static void add_boolean(struct columns *all, enum column column, bool value) {
    all->given[column] |= value;
    sql_array_boolean(&all->arrays[column], value);
}

static void add_parameters(struct columns *all, const char *text) {
    all->given[PARAMETERS] |= text && strcmp(text, "{}") != 0;
    sql_array_text(&all->arrays[PARAMETERS], text ? text : "{}");
}

static void add(struct columns *all, const struct job_info *info, bool pending) {
    add_text(all, TENANT, info->tenant);
    add_text(all, CLASS_NAME, info->class_name);
    add_parameters(all, info->parameters);
    add_integer(all, PRIORITY, info->priority);
    add_integer(all, AT, info->trigger_after_date);
    add_boolean(all, PENDING, pending);
    add_integer(all, EXPIRES, info->expiration_date);
    add_text(all, DESCRIPTION, info->description);
    add_text(all, OWNER, info->owner);
    add_integer(all, ATTEMPTS, info->attempts);
    add_integer(all, BACKOFF, info->backoff);
    add_integer(all, TIMEOUT, info->timeout);
    add_text(all, RELATED_TYPE, info->related_type);
    add_text(all, RELATED_ID, info->related_id);
    add_boolean(all, LOCKED, info->locked);
    add_text(all, TRACEPARENT, info->traceparent);
    add_text(all, ID, info->id);
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

static int call(struct sql *sql, const char *statement, const struct sql_parameters *p,
                size_t count, struct job_uuid *ret_ids, struct jobs_error *err) {
    struct sql_result *rows;
    int rc = sql_call(sql, statement, p, SQL_ROWS, &rows, err);
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

static int create_many(struct sql *sql, const struct job_info *infos, size_t count, bool pending,
                       struct job_uuid *ret_ids, struct jobs_error *err) {
    struct columns all;
    struct sql_parameters p = {0};
    columns_begin(&all);
    for (size_t i = 0; i < count; i++)
        add(&all, &infos[i], pending);
    columns_bind(&all, &p);
    int rc = call(sql, "job_create", &p, count, ret_ids, err);
    columns_done(&all);
    return rc;
}

/* 0: not given. */
static void bind_integer(struct sql_parameters *p, int64_t value) {
    if (value)
        sql_add_integer(p, value);
    else
        sql_add_text(p, NULL);
}

static int create_one(struct sql *sql, const struct job_info *info, bool pending,
                      struct job_uuid *ret_id, struct jobs_error *err) {
    struct sql_parameters p = {0};
    sql_add_text(&p, info->tenant);
    sql_add_text(&p, info->class_name);
    sql_add_text(&p, info->parameters ? info->parameters : "{}");
    sql_add_integer(&p, info->priority);
    bind_integer(&p, info->trigger_after_date);
    sql_add_boolean(&p, pending);
    bind_integer(&p, info->expiration_date);
    sql_add_text(&p, info->description);
    sql_add_text(&p, info->owner);
    bind_integer(&p, info->attempts);
    bind_integer(&p, info->backoff);
    bind_integer(&p, info->timeout);
    sql_add_text(&p, info->related_type);
    sql_add_text(&p, info->related_id);
    sql_add_boolean(&p, info->locked);
    sql_add_text(&p, info->traceparent);
    sql_add_text(&p, info->id);
    return call(sql, "job_submit", &p, 1, ret_id, err);
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
    if (rc < 0)
        return rc;
    if (count == 1)
        rc = create_one(sql, infos, pending, ret_ids, err);
    else if (count > 1)
        rc = create_many(sql, infos, count, pending, ret_ids, err);
    if (rc < 0)
        blame(rc, infos, count, err);
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

enum { SUBMIT_COLUMNS = 4 };

static void add_submits(struct buf *arrays, const struct store_submit *submits, size_t count,
                        struct sql_parameters *p) {
    size_t first = 1;
    for (int c = 0; c < SUBMIT_COLUMNS; c++)
        sql_array_begin(&arrays[c]);
    for (size_t i = 0; i < count; i++) {
        sql_array_text(&arrays[0], submits[i].who);
        sql_array_text(&arrays[1], submits[i].address);
        sql_array_integer(&arrays[2], (int64_t)first);
        sql_array_integer(&arrays[3], (int64_t)submits[i].count);
        first += submits[i].count;
    }
    for (int c = 0; c < SUBMIT_COLUMNS; c++) {
        sql_array_end(&arrays[c]);
        sql_add_text(p, buf_get(&arrays[c]));
    }
}

int store_create_each(const struct job_info_service *s, const struct job_info *infos,
                      const bool *pendings, size_t count, const struct store_submit *submits,
                      size_t submit_count, struct store_created *ret, struct jobs_error *err) {
    struct columns all;
    struct buf more[SUBMIT_COLUMNS] = {0};
    struct sql_parameters p = {0};
    struct sql_result *rows;
    struct sql *sql;
    int rc = store_begin(s, &sql, err);
    if (rc < 0)
        return rc;
    columns_begin(&all);
    for (size_t i = 0; i < count; i++)
        add(&all, &infos[i], pendings[i]);
    columns_bind(&all, &p);
    add_submits(more, submits, submit_count, &p);
    rc = sql_call(sql, "job_create_each", &p, SQL_ROWS, &rows, err);
    if (rc == 0) {
        if (sql_count(rows) == count)
            read_outcomes(rows, ret);
        else
            rc = error_set(err, JOBS_EDB, "%zu outcomes came back for %zu jobs", sql_count(rows),
                           count);
        sql_result_free(rows);
    }
    for (int c = 0; c < SUBMIT_COLUMNS; c++)
        buf_done(&more[c]);
    columns_done(&all);
    sql_close(sql);
    return rc;
}

int store_keep_prepared(const struct job_info_service *s, struct jobs_error *err) {
    static const char *const names[] = {"job_create_each", NULL};
    return sql_keep_prepared(s->db, s->schema ? s->schema : "jobs", names, err);
}
