/* Stop and retry by filter: the loop over batches. */
#include "module/store/many.h"

#include "module/base/error.h"
#include "module/job/status.h"
#include "module/store/store.h"
#include "sql/sql.h"

#include <inttypes.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>

enum { BATCH = 500, TRIES = 10 };

struct walk {
    const char *statement;
    const struct store_many *many;
    struct buf filter;
    char after[37]; /* "": from the start, or the end was reached */
};

/* ---- the filter as the database takes it ---- */

static void add_name(struct buf *json, const char *name) {
    buf_char(json, json->length > 1 ? ',' : ' ');
    buf_json_string(json, name);
    buf_char(json, ':');
}

static void add_text(struct buf *json, const char *name, const char *value) {
    if (!value)
        return;
    add_name(json, name);
    buf_json_string(json, value);
}

static void add_age(struct buf *json, const char *name, int64_t ms) {
    if (ms <= 0)
        return;
    add_name(json, name);
    buf_format(json, "\"%" PRId64 " ms\"", ms);
}

static void add_statuses(struct buf *json, unsigned statuses) {
    if (!statuses)
        return;
    add_name(json, "status");
    char before = '[';
    for (unsigned i = 0; i < JOB_STATUS_COUNT; i++)
        if (statuses & 1u << i) {
            buf_format(json, "%c\"%s\"", before, status_name((enum job_status)i));
            before = ',';
        }
    buf_char(json, ']');
}

static void write_filter(struct buf *json, const struct store_many *many) {
    buf_char(json, '{');
    add_text(json, "class_name", many->class_name);
    add_text(json, "owner", many->owner);
    add_text(json, "related_type", many->related_type);
    add_text(json, "related_id", many->related_id);
    add_text(json, "error_kind", many->error_kind);
    add_statuses(json, many->statuses);
    add_age(json, "older_than", many->older_than);
    add_age(json, "newer_than", many->newer_than);
    buf_char(json, '}');
}

/* ---- batches ---- */

static bool is_passing(const struct jobs_error *err) {
    return strcmp(err->sqlstate, "40P01") == 0 || strcmp(err->sqlstate, "40001") == 0;
}

/* One batch; its answer is freed by the caller. */
static int batch(struct sql *sql, const struct walk *walk, int64_t left, struct sql_result **ret,
                 struct jobs_error *err) {
    struct sql_parameters p = {0};
    sql_add_text(&p, walk->many->tenant);
    sql_add_text(&p, buf_get(&walk->filter));
    sql_add_integer(&p, left < BATCH ? left : BATCH);
    sql_add_text(&p, walk->after[0] ? walk->after : NULL);
    int rc = sql_call(sql, walk->statement, &p, SQL_ONE, ret, err);
    for (int i = 1; rc < 0 && i < TRIES && is_passing(err); i++)
        rc = sql_call(sql, walk->statement, &p, SQL_ONE, ret, err);
    return rc < 0 ? store_blame(rc, walk->many->tenant, NULL, err) : 0;
}

static void count_stops(const struct sql_result *row, struct store_many_done *done) {
    done->aborted += sql_get_integer(row, 0, sql_column(row, "aborted"), 0);
    done->asked += sql_get_integer(row, 0, sql_column(row, "asked"), 0);
}

static void count_retries(const struct sql_result *row, struct store_many_done *done) {
    done->queued += sql_get_integer(row, 0, sql_column(row, "queued"), 0);
}

static int64_t total(const struct store_many_done *done) {
    return done->aborted + done->asked + done->queued;
}

static int walk_all(struct sql *sql, struct walk *walk,
                    void (*count)(const struct sql_result *row, struct store_many_done *done),
                    struct store_many_done *done, struct jobs_error *err) {
    int64_t most = walk->many->most > 0 ? walk->many->most : INT64_MAX;
    do {
        struct sql_result *row;
        int rc = batch(sql, walk, most - total(done), &row, err);
        if (rc < 0)
            return rc;
        const char *last = sql_get(row, 0, sql_column(row, "last"));
        snprintf(walk->after, sizeof walk->after, "%s", last ? last : "");
        count(row, done);
        done->batches++;
        sql_result_free(row);
    } while (walk->after[0] && total(done) < most);
    return 0;
}

static int check(const struct job_info_service *s, const struct store_many *many,
                 struct jobs_error *err) {
    if (!many->tenant)
        return error_set(err, JOBS_EINVAL, "a tenant must be named");
    if (PQtransactionStatus(s->db) != PQTRANS_IDLE)
        return error_set(err, JOBS_EINVAL,
                         "tenant \"%.80s\": stop and retry by filter commit batch by batch: no "
                         "transaction may be open",
                         many->tenant);
    return 0;
}

static int do_many(const struct job_info_service *s, const char *statement,
                   const struct store_many *many,
                   void (*count)(const struct sql_result *row, struct store_many_done *done),
                   struct store_many_done *ret_done, struct jobs_error *err) {
    struct jobs_error own;
    struct walk walk = {.statement = statement, .many = many};
    struct sql *sql;
    err = err ? err : &own;
    *ret_done = (struct store_many_done){0};
    int rc = store_begin(s, &sql, err);
    if (rc < 0)
        return rc;
    write_filter(&walk.filter, many);
    rc = check(s, many, err);
    if (rc == 0)
        rc = walk_all(sql, &walk, count, ret_done, err);
    buf_done(&walk.filter);
    sql_close(sql);
    return rc;
}

int store_stop_many(const struct job_info_service *s, const struct store_many *many,
                    struct store_many_done *ret_done, struct jobs_error *err) {
    return do_many(s, "job_stop_many", many, count_stops, ret_done, err);
}

int store_retry_many(const struct job_info_service *s, const struct store_many *many,
                     struct store_many_done *ret_done, struct jobs_error *err) {
    return do_many(s, "job_retry_many", many, count_retries, ret_done, err);
}
