/* Reading jobs: lists, one job, its attempts and logs. */
#include "module/api/parts.h"
#include "module/api/server.h"
#include "module/base/error.h"
#include "module/base/text.h"
#include "module/job/status.h"
#include "module/store/page.h"
#include "module/store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- lists ---- */

static const struct api_parameter list_query[] = {
    {.name = "status"},
    {.name = "class_name"},
    {.name = "priority", .type = API_INTEGER, .low = INT32_MIN, .high = INT32_MAX},
    {.name = "owner"},
    {.name = "related_type"},
    {.name = "related_id"},
    {.name = "created_from", .type = API_DATE},
    {.name = "created_to", .type = API_DATE},
    {.name = "full", .type = API_BOOLEAN},
    {.name = "limit", .type = API_INTEGER, .low = 1, .high = 1000},
    {.name = "cursor", .type = API_UUID},
    {.name = NULL},
};

/* "FAILED,ABORTED" */
static int read_statuses(struct api_request *r, unsigned *ret, struct jobs_error *err) {
    const char *text = api_text(r, "status");
    *ret = 0;
    while (text && *text) {
        char name[16] = "";
        size_t length = strcspn(text, ",");
        if (length < sizeof name)
            memcpy(name, text, length);
        int status = status_of_name(name);
        if (status < 0) {
            r->field = "status";
            return error_set(err, JOBS_EINVAL, "status: \"%.*s\" is none",
                             (int)(length < 80 ? length : 80), text);
        }
        *ret |= 1u << status;
        text += length + (text[length] == ',');
    }
    return 0;
}

static void read_more(const struct api_request *r, struct store_more *ret) {
    *ret = (struct store_more){.has_priority = api_text(r, "priority") != NULL,
                               .priority = (int32_t)api_integer(r, "priority", 0),
                               .created_from = api_integer(r, "created_from", 0),
                               .created_to = api_integer(r, "created_to", 0)};
}

/* A page being written. */
struct page {
    unsigned left; /* jobs that it may still take */
    unsigned looks;
    bool full, any;
    char cursor[37]; /* where it goes on; "": that was all */
};

/* Jobs with all that belongs to them may have some MiB each: a few at a time are read. A look is at
 * 20,000 jobs at most, few of which may be wanted. */
enum { FULL_AT_ONCE = 16, LOOKS_MOST = 5 };
#define PAGE_BYTES ((size_t)8 << 20) /* with these a page ends */

static bool is_done(const struct api_request *r, const struct page *page) {
    return page->left == 0 || r->out.length >= PAGE_BYTES || page->looks >= LOOKS_MOST ||
           !page->cursor[0];
}

static void write_jobs(struct api_request *r, struct page *page, const struct job_info_list *jobs) {
    for (size_t i = 0; i < jobs->count; i++) {
        if (r->out.length >= PAGE_BYTES) { /* the rest is for the next one */
            snprintf(page->cursor, sizeof page->cursor, "%s", jobs->infos[i - 1].id);
            return;
        }
        if (page->any)
            buf_char(&r->out, ',');
        json_job(&r->out, &jobs->infos[i]);
        page->any = true;
        page->left--;
    }
}

/* Adds some jobs; `filter` is moved on. */
static int read_some(struct api_request *r, struct page *page, struct job_info_filter *filter,
                     const struct store_more *more, struct jobs_error *err) {
    struct job_info_list *jobs;
    filter->limit = page->full && page->left > FULL_AT_ONCE ? FULL_AT_ONCE : page->left;
    int rc = store_page(r->db, filter, more, !page->full, &jobs, page->cursor, err);
    if (rc < 0)
        return rc;
    page->looks += jobs->count < filter->limit;
    write_jobs(r, page, jobs);
    filter->after_id = page->cursor;
    job_info_free(jobs);
    return 0;
}

static int write_page(struct api_request *r, struct page *page, struct job_info_filter *filter,
                      const struct store_more *more, struct jobs_error *err) {
    int rc;
    buf_text(&r->out, "{\"jobs\":[");
    do
        rc = read_some(r, page, filter, more, err);
    while (rc == 0 && !is_done(r, page));
    buf_char(&r->out, ']');
    if (page->cursor[0])
        json_text(&r->out, "cursor", page->cursor);
    return rc;
}

static int list(struct api_request *r, struct jobs_error *err) {
    struct job_info_filter filter =
        JOB_INFO_FILTER(.tenant = r->tenant, .class_name = api_text(r, "class_name"),
                        .owner = api_text(r, "owner"), .related_type = api_text(r, "related_type"),
                        .related_id = api_text(r, "related_id"), .after_id = api_text(r, "cursor"));
    struct page page = {.left = (unsigned)api_integer(r, "limit", 100),
                        .full = api_integer(r, "full", 0) != 0};
    struct store_total total;
    struct store_more more;
    int rc = read_statuses(r, &filter.statuses, err);
    read_more(r, &more);
    if (rc == 0)
        rc = store_total(r->db, &filter, &more, &total, err);
    if (rc == 0)
        rc = write_page(r, &page, &filter, &more, err);
    if (rc < 0)
        return rc;
    json_integer(&r->out, "total", total.n);
    json_text(&r->out, "total_is", total.exact ? "exact" : "at_least");
    json_end(&r->out);
    return 0;
}

/* ---- one job ---- */

static int get(struct api_request *r, struct jobs_error *err) {
    struct job_info_list *one;
    int rc = job_info_get(r->db, r->tenant, r->id, &one, err);
    if (rc < 0)
        return rc;
    int64_t wait = api_integer(r, "wait", 0);
    bool later = wait > 0 && !status_is_final(one->infos[0].status) && wait_for(r, wait);
    if (!later)
        json_job(&r->out, &one->infos[0]);
    job_info_free(one);
    return later ? API_LATER : 0;
}

static const struct api_parameter get_query[] = {
    {.name = "wait", .type = API_DURATION, .high = 60000},
    {.name = NULL},
};

/* What belongs to a job that is not there is not there either. */
static int check_job(struct api_request *r, struct jobs_error *err) {
    struct job_info_list *one;
    int rc = job_info_get(r->db, r->tenant, r->id, &one, err);
    if (rc == 0)
        job_info_free(one);
    return rc;
}

static void begin_element(struct buf *out) {
    if (out->data[out->length - 1] != '[')
        buf_char(out, ',');
    json_begin(out);
}

static void add_attempt(void *arg, const struct store_attempt *attempt) {
    struct buf *out = arg;
    begin_element(out);
    json_integer(out, "attempt", attempt->attempt);
    json_text(out, "outcome", attempt->outcome);
    json_date(out, "start_date", attempt->start_date);
    json_date(out, "stop_date", attempt->stop_date);
    json_text(out, "instance", attempt->instance);
    json_text(out, "error_kind", attempt->error_kind);
    json_text(out, "error", attempt->error);
    json_end(out);
}

static int attempts(struct api_request *r, struct jobs_error *err) {
    int rc = check_job(r, err);
    buf_text(&r->out, "{\"attempts\":[");
    if (rc == 0)
        rc = store_attempts(r->db, r->tenant, r->id, add_attempt, &r->out, err);
    buf_text(&r->out, "]}");
    return rc;
}

static void add_log(void *arg, unsigned attempt, const char *tail) {
    struct buf *out = arg;
    begin_element(out);
    json_integer(out, "attempt", attempt);
    json_text(out, "text", tail);
    json_end(out);
}

static int logs(struct api_request *r, struct jobs_error *err) {
    int rc = check_job(r, err);
    buf_text(&r->out, "{\"logs\":[");
    if (rc == 0)
        rc = store_logs(r->db, r->tenant, r->id, (unsigned)api_integer(r, "attempt", 0), add_log,
                        &r->out, err);
    buf_text(&r->out, "]}");
    return rc;
}

static const struct api_parameter logs_query[] = {
    {.name = "attempt", .type = API_INTEGER, .low = 1, .high = INT32_MAX},
    {.name = NULL},
};

static int why(struct api_request *r, struct jobs_error *err) {
    char *json;
    int rc = store_why(r->db, r->tenant, r->id, &json, err);
    if (rc < 0)
        return rc;
    buf_text(&r->out, json);
    free(json);
    return 0;
}

#define JOB "/api/v1/tenants/{tenant}/jobs/{id}"
static const struct api_route routes[] = {
    {"GET", "/api/v1/tenants/{tenant}/jobs", API_VIEWER, API_TENANT, .handle = list,
     .query = list_query},
    {"GET", JOB, API_VIEWER, API_TENANT, .handle = get, .query = get_query},
    {"GET", JOB "/why", API_VIEWER, API_TENANT, .handle = why},
    {"GET", JOB "/attempts", API_VIEWER, API_TENANT, .handle = attempts},
    {"GET", JOB "/logs", API_VIEWER, API_TENANT, .handle = logs, .query = logs_query},
    {.method = NULL},
};
const struct api_part api_part_jobs = {routes, wait_start, wait_stop};
