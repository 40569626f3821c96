#include "module/cli/source.h"

#include "module/api/query.h"
#include "module/base/clock.h"
#include "module/base/error.h"
#include "module/cli/remote.h"
#include "module/job/json.h"
#include "module/job/status.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { TIMEOUT = 30000 /* ms */, WAIT_MOST = 30000 };

static void path_of(struct buf *path, const char *tenant, const char *id, const char *more) {
    buf_text(path, "/tenants/");
    remote_add(path, tenant);
    buf_text(path, "/jobs");
    if (id)
        buf_format(path, "/%s", id);
    buf_text(path, more);
}

static int call(struct cli *cli, const char *method, const char *tenant, const char *id,
                const char *more, const char *body, struct buf *ret, struct jobs_error *err) {
    struct buf path = {0};
    path_of(&path, tenant, id, more);
    int rc = remote_call(cli->remote, method, buf_get(&path), body, TIMEOUT + WAIT_MOST, ret, err);
    buf_done(&path);
    return rc;
}

/* An answer that is an object; *ret points into `answer`. */
static int object_of(const struct buf *answer, struct json_value *ret, struct jobs_error *err) {
    int rc = json_read(buf_get(answer), answer->length, ret, err);
    return rc < 0 || ret->kind == JSON_OBJECT
               ? rc
               : error_set(err, JOBS_EDB, "an answer that was not expected");
}

/* ---- submit ---- */

static void add_duration(struct buf *out, const char *name, int64_t ms) {
    if (ms)
        json_integer(out, name, ms);
}

static void body_of(struct buf *out, const struct job_info *job, bool pending) {
    json_begin(out);
    json_text(out, "class_name", job->class_name);
    json_raw(out, "parameters", job->parameters && *job->parameters ? job->parameters : NULL);
    json_integer(out, "priority", job->priority);
    json_date(out, "at", job->trigger_after_date);
    json_boolean(out, "pending", pending);
    json_date(out, "expires", job->expiration_date);
    json_text(out, "description", job->description);
    json_text(out, "owner", job->owner);
    add_duration(out, "attempts", job->attempts);
    add_duration(out, "backoff", job->backoff);
    add_duration(out, "timeout", job->timeout);
    json_text(out, "related_type", job->related_type);
    json_text(out, "related_id", job->related_id);
    json_boolean(out, "locked", job->locked);
    json_text(out, "traceparent", job->traceparent);
    json_text(out, "id", job->id);
    json_end(out);
}

static int create_remote(struct cli *cli, const struct job_info *job, bool pending,
                         struct job_uuid *ret, struct jobs_error *err) {
    struct buf body = {0}, answer = {0};
    struct json_value made;
    body_of(&body, job, pending);
    int rc = call(cli, "POST", job->tenant, NULL, "", buf_get(&body), &answer, err);
    if (rc == 0)
        rc = object_of(&answer, &made, err);
    char *id = rc == 0 ? remote_text(&made, "id") : NULL;
    if (rc == 0)
        snprintf(ret->text, sizeof ret->text, "%s", id ? id : "");
    free(id);
    buf_done(&body);
    buf_done(&answer);
    return rc;
}

int source_create(struct cli *cli, const struct job_info *job, bool pending, struct job_uuid *ret,
                  struct jobs_error *err) {
    if (cli->remote)
        return create_remote(cli, job, pending, ret, err);
    return pending ? job_info_create_as_pending(&cli->store, job, 1, ret, err)
                   : job_info_create_as_queued(&cli->store, job, 1, ret, err);
}

/* ---- reading ---- */

static int jobs_of(struct cli *cli, const char *tenant, const char *id, const char *more,
                   struct job_info_list **ret, struct jobs_error *err) {
    struct buf answer = {0};
    int rc = call(cli, "GET", tenant, id, more, NULL, &answer, err);
    if (rc == 0)
        rc = remote_read_jobs(&answer, ret, err);
    buf_done(&answer);
    return rc;
}

int source_get(struct cli *cli, const char *tenant, const char *id, struct job_info_list **ret,
               struct jobs_error *err) {
    return cli->remote ? jobs_of(cli, tenant, id, "", ret, err)
                       : job_info_get(&cli->store, tenant, id, ret, err);
}

static void add_filter(struct buf *query, const char *name, const char *value) {
    if (!value)
        return;
    buf_format(query, "&%s=", name);
    remote_add(query, value);
}

static void filter_of(struct buf *query, const struct job_info_filter *filter, bool brief) {
    buf_format(query, "?limit=%u&full=%s", filter->limit, brief ? "false" : "true");
    add_filter(query, "class_name", filter->class_name);
    add_filter(query, "owner", filter->owner);
    add_filter(query, "related_type", filter->related_type);
    add_filter(query, "related_id", filter->related_id);
    add_filter(query, "cursor", filter->after_id);
    for (unsigned i = 0, n = 0; i < JOB_STATUS_COUNT; i++)
        if (filter->statuses & 1u << i)
            buf_format(query, "%s%s", n++ ? "," : "&status=", status_name((enum job_status)i));
}

/* Where the next page begins; "" without. */
static void read_cursor(const struct json_value *page, struct buf *ret) {
    char *text = remote_text(page, "cursor");
    buf_clear(ret);
    buf_text(ret, text ? text : "");
    free(text);
}

static int list_remote(struct cli *cli, const struct job_info_filter *filter, bool brief,
                       struct job_info_list **ret, char ret_on[37], struct jobs_error *err) {
    struct buf query = {0}, answer = {0}, cursor = {0};
    struct json_value page;
    filter_of(&query, filter, brief);
    int rc = call(cli, "GET", filter->tenant, NULL, buf_get(&query), NULL, &answer, err);
    if (rc == 0)
        rc = object_of(&answer, &page, err);
    if (rc == 0)
        rc = remote_read_jobs(&answer, ret, err);
    if (rc == 0) {
        read_cursor(&page, &cursor);
        snprintf(ret_on, 37, "%s", buf_get(&cursor));
    }
    buf_done(&query), buf_done(&answer), buf_done(&cursor);
    return rc;
}

static int list_here(struct cli *cli, const struct job_info_filter *filter, bool brief,
                     struct job_info_list **ret, char ret_on[37], struct jobs_error *err) {
    struct job_info_list *list;
    int rc = store_list(&cli->store, filter, brief, &list, err);
    if (rc < 0)
        return rc;
    bool full = list->count > 0 && list->count == filter->limit;
    snprintf(ret_on, 37, "%s", full ? list->infos[list->count - 1].id : "");
    *ret = list;
    return 0;
}

int source_list(struct cli *cli, const struct job_info_filter *filter, bool brief,
                struct job_info_list **ret, char ret_on[37], struct jobs_error *err) {
    return cli->remote ? list_remote(cli, filter, brief, ret, ret_on, err)
                       : list_here(cli, filter, brief, ret, ret_on, err);
}

int source_why(struct cli *cli, const char *tenant, const char *id, char **ret,
               struct jobs_error *err) {
    struct buf answer = {0};
    if (!cli->remote)
        return store_why(&cli->store, tenant, id, ret, err);
    int rc = call(cli, "GET", tenant, id, "/why", NULL, &answer, err);
    if (rc == 0)
        *ret = buf_take(&answer);
    buf_done(&answer);
    return rc;
}

static int64_t date_of(const struct json_value *object, const char *name) {
    char *text = remote_text(object, name);
    int64_t date = 0;
    if (text && !query_read_date(text, &date))
        date = 0;
    free(text);
    return date;
}

static void give_attempt(const struct json_value *one,
                         void (*row)(void *arg, const struct store_attempt *attempt), void *arg) {
    struct json_value number = remote_member(one, "attempt");
    int64_t n = 0;
    json_integer_of(&number, &n);
    char *texts[] = {remote_text(one, "outcome"), remote_text(one, "instance"),
                     remote_text(one, "error_kind"), remote_text(one, "error")};
    row(arg, &(struct store_attempt){.attempt = (unsigned)n,
                                     .start_date = date_of(one, "start_date"),
                                     .stop_date = date_of(one, "stop_date"),
                                     .outcome = texts[0],
                                     .instance = texts[1],
                                     .error_kind = texts[2],
                                     .error = texts[3]});
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        free(texts[i]);
}

int source_attempts(struct cli *cli, const char *tenant, const char *id,
                    void (*row)(void *arg, const struct store_attempt *attempt), void *arg,
                    struct jobs_error *err) {
    struct buf answer = {0};
    struct json_value all, list, one;
    if (!cli->remote)
        return store_attempts(&cli->store, tenant, id, row, arg, err);
    int rc = call(cli, "GET", tenant, id, "/attempts", NULL, &answer, err);
    if (rc == 0)
        rc = object_of(&answer, &all, err);
    if (rc == 0)
        list = remote_member(&all, "attempts");
    for (const char *at = NULL;
         rc == 0 && list.kind == JSON_ARRAY && json_next(&list, &at, NULL, &one);)
        give_attempt(&one, row, arg);
    buf_done(&answer);
    return rc;
}

static void give_count(const struct json_value *one,
                       void (*row)(void *arg, const struct store_count *count), void *arg) {
    char *tenant = remote_text(one, "tenant"), *class_name = remote_text(one, "class_name");
    struct store_count count = {.tenant = tenant, .class_name = class_name};
    for (int i = 0; i < JOB_STATUS_COUNT; i++) {
        struct json_value n = remote_member(one, status_name((enum job_status)i));
        json_integer_of(&n, &count.n[i]);
    }
    row(arg, &count);
    free(tenant);
    free(class_name);
}

/* A page of them; `cursor` is moved on, "" after the last one. */
static int page_of_counts(struct cli *cli, const char *tenant, struct buf *cursor,
                          void (*row)(void *arg, const struct store_count *count), void *arg,
                          struct jobs_error *err) {
    struct buf path = {0}, answer = {0};
    struct json_value all, list, one;
    if (tenant) {
        buf_text(&path, "/tenants/");
        remote_add(&path, tenant);
    }
    buf_text(&path, "/stats?limit=1000");
    add_filter(&path, "cursor", cursor->length ? buf_get(cursor) : NULL);
    int rc = remote_call(cli->remote, "GET", buf_get(&path), NULL, TIMEOUT, &answer, err);
    if (rc == 0)
        rc = object_of(&answer, &all, err);
    if (rc == 0) {
        list = remote_member(&all, "counts");
        read_cursor(&all, cursor);
    }
    for (const char *at = NULL;
         rc == 0 && list.kind == JSON_ARRAY && json_next(&list, &at, NULL, &one);)
        give_count(&one, row, arg);
    buf_done(&path);
    buf_done(&answer);
    return rc;
}

int source_counts(struct cli *cli, const char *tenant,
                  void (*row)(void *arg, const struct store_count *count), void *arg,
                  struct jobs_error *err) {
    struct buf cursor = {0};
    int rc;
    if (!cli->remote)
        return store_counts(&cli->store, tenant, row, arg, err);
    do
        rc = page_of_counts(cli, tenant, &cursor, row, arg, err);
    while (rc == 0 && cursor.length > 0);
    buf_done(&cursor);
    return rc;
}

int source_date(struct cli *cli, const char *text, int64_t *ret, struct jobs_error *err) {
    if (!cli->remote)
        return store_date(&cli->store, text, ret, err);
    if (strcmp(text, "now") == 0)
        *ret = clock_date();
    else if (!query_read_date(text, ret))
        return error_set(err, JOBS_EINVAL,
                         "\"%.80s\": over HTTP a date is written as in 2030-01-31T12:00:00Z", text);
    return 0;
}

/* ---- changing ---- */

static int change(struct cli *cli, const char *tenant, const char *id, const char *verb,
                  enum job_status *ret_now, struct jobs_error *err) {
    struct buf answer = {0};
    struct json_value done;
    int rc = call(cli, "POST", tenant, id, verb, NULL, &answer, err);
    if (rc == 0)
        rc = object_of(&answer, &done, err);
    char *text = rc == 0 ? remote_text(&done, "status") : NULL;
    int now = text ? status_of_name(text) : -1;
    if (rc == 0 && ret_now && now >= 0)
        *ret_now = (enum job_status)now;
    free(text);
    buf_done(&answer);
    return rc == 0 && now < 0 ? error_set(err, JOBS_EDB, "an answer that was not expected") : rc;
}

int source_stop(struct cli *cli, const char *tenant, const char *id, enum job_status *ret_now,
                struct jobs_error *err) {
    return cli->remote ? change(cli, tenant, id, "/stop", ret_now, err)
                       : job_info_stop(&cli->store, tenant, id, ret_now, err);
}

int source_release(struct cli *cli, const char *tenant, const char *id, struct jobs_error *err) {
    return cli->remote ? change(cli, tenant, id, "/release", NULL, err)
                       : job_info_release(&cli->store, tenant, id, err);
}

int source_retry(struct cli *cli, const char *tenant, const char *id, struct jobs_error *err) {
    return cli->remote ? change(cli, tenant, id, "/retry", NULL, err)
                       : job_info_retry(&cli->store, tenant, id, err);
}

int source_lock(struct cli *cli, const char *tenant, const char *id, bool lock,
                struct jobs_error *err) {
    return cli->remote ? change(cli, tenant, id, lock ? "/lock" : "/unlock", NULL, err)
                       : job_info_lock(&cli->store, tenant, id, lock, err);
}

/* Asks again and again: one long poll lasts a while only. */
static int wait_remote(struct cli *cli, const char *tenant, const char *id, int64_t timeout,
                       struct jobs_error *err) {
    int64_t began = clock_now();
    for (;;) {
        struct job_info_list *one;
        char more[40];
        int64_t left = timeout < 0 ? WAIT_MOST : timeout - (clock_now() - began) / CLOCK_MS;
        left = left < 0 ? 0 : left < WAIT_MOST ? left : WAIT_MOST;
        snprintf(more, sizeof more, "?wait=%" PRId64 "ms", left);
        int rc = jobs_of(cli, tenant, id, more, &one, err);
        if (rc < 0)
            return rc;
        enum job_status now = one->infos[0].status;
        job_info_free(one);
        if (status_is_final(now))
            return 0;
        if (left == 0)
            return error_set(err, JOBS_ETIMEOUT,
                             "tenant \"%.80s\", job %s: still %s after %" PRId64 " ms", tenant, id,
                             status_name(now), timeout);
    }
}

int source_wait(struct cli *cli, const char *tenant, const char *id, int64_t timeout,
                struct jobs_error *err) {
    return cli->remote ? wait_remote(cli, tenant, id, timeout, err)
                       : job_info_wait(&cli->store, tenant, id, timeout, NULL, err);
}
