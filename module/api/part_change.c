/* Changing jobs: one by one, or all that a filter means. Every change is written to the audit log. */
#include "module/api/json_read.h"
#include "module/api/parts.h"
#include "module/api/server.h"
#include "module/base/error.h"
#include "module/base/text.h"
#include "module/job/status.h"
#include "module/store/act.h"
#include "module/store/many.h"

#include <stdio.h>
#include <string.h>

static struct store_audit entry_of(const struct api_request *r, const char *action) {
    return (struct store_audit){.who = r->identity.who,
                                .address = r->address,
                                .action = action,
                                .tenant = r->tenant,
                                .job = r->id[0] ? r->id : NULL};
}

/* ---- one job ---- */

static int act(struct api_request *r, struct store_act *act, const char *action,
               enum job_status *ret_now, struct jobs_error *err) {
    struct store_audit entry = entry_of(r, action);
    act->tenant = r->tenant;
    act->id = r->id;
    return store_act(r->db, act, &entry, ret_now, err);
}

static int simple(struct api_request *r, enum store_action action, const char *name,
                  struct jobs_error *err) {
    struct store_act one = {.action = action};
    enum job_status now;
    int rc = act(r, &one, name, &now, err);
    if (rc < 0)
        return rc;
    json_begin(&r->out);
    json_text(&r->out, "id", r->id);
    json_text(&r->out, "status", status_name(now));
    json_end(&r->out);
    return 0;
}

static int stop(struct api_request *r, struct jobs_error *err) {
    return simple(r, STORE_STOP, "stop", err);
}
static int release(struct api_request *r, struct jobs_error *err) {
    return simple(r, STORE_RELEASE, "release", err);
}
static int retry(struct api_request *r, struct jobs_error *err) {
    return simple(r, STORE_RETRY, "retry", err);
}
static int lock(struct api_request *r, struct jobs_error *err) {
    return simple(r, STORE_LOCK, "lock", err);
}
static int unlock(struct api_request *r, struct jobs_error *err) {
    return simple(r, STORE_UNLOCK, "unlock", err);
}

static int delete_job(struct api_request *r, struct jobs_error *err) {
    struct store_act one = {.action = STORE_DELETE};
    enum job_status was;
    r->status = 204;
    return act(r, &one, "delete", &was, err);
}

struct patch {
    int64_t priority, expires;
};
static const struct json_field patch_fields[] = {
    {.name = "priority",
     .type = JSON_AS_INTEGER,
     .offset = offsetof(struct patch, priority),
     .low = INT32_MIN,
     .high = INT32_MAX},
    {.name = "expires",
     .type = JSON_AS_DATE,
     .offset = offsetof(struct patch, expires),
     .nullable = true},
    {.name = NULL},
};

static int read_object(struct api_request *r, const struct json_field *fields, void *to,
                       unsigned *ret_given, struct jobs_error *err) {
    struct json_value value;
    int rc = json_read(buf_get(&r->body), r->body.length, &value, err);
    if (rc == 0)
        rc = json_fields_read(&value, fields, to, ret_given, &r->field, err);
    if (rc == 0 && *ret_given == 0)
        rc = error_set(err, JOBS_EINVAL, "one member at least is wanted");
    return rc;
}

static int change(struct api_request *r, struct jobs_error *err) {
    struct patch patch = {0};
    struct job_info_list *one;
    enum job_status now;
    unsigned given = 0;
    int rc = read_object(r, patch_fields, &patch, &given, err);
    struct store_act set = {.action = STORE_SET,
                            .has_priority = given & 1,
                            .priority = (int32_t)patch.priority,
                            .has_expires = given & 2,
                            .expires = patch.expires};
    if (rc == 0)
        rc = act(r, &set, "change", &now, err);
    if (rc == 0)
        rc = job_info_get(r->db, r->tenant, r->id, &one, err);
    if (rc < 0)
        return rc;
    json_job(&r->out, &one->infos[0]);
    job_info_free(one);
    return 0;
}

/* ---- by filter ---- */

enum { MANY_MOST = 5000 /* jobs of a call */ };

struct filter {
    char *class_name, *owner, *related_type, *related_id, *error_kind;
    unsigned status;
    int64_t older_than, newer_than;
};
#define FIELD(member, how) \
    { .name = #member, .type = (how), .offset = offsetof(struct filter, member) }
static const struct json_field filter_fields[] = {
    FIELD(class_name, JSON_AS_TEXT),
    FIELD(owner, JSON_AS_TEXT),
    FIELD(related_type, JSON_AS_TEXT),
    FIELD(related_id, JSON_AS_TEXT),
    FIELD(error_kind, JSON_AS_TEXT),
    FIELD(status, JSON_AS_STATUSES),
    FIELD(older_than, JSON_AS_DURATION),
    FIELD(newer_than, JSON_AS_DURATION),
    {.name = NULL},
};

typedef int many_function(const struct job_info_service *s, const struct store_many *many,
                          struct store_many_done *ret_done, struct jobs_error *err);

static void write_entry(struct api_request *r, const char *action, int rc, int64_t count,
                        const struct jobs_error *err) {
    struct store_audit entry = entry_of(r, action);
    struct jobs_error failed;
    char filter[1000]; /* as it was given, as far as there is room */
    snprintf(filter, sizeof filter, "%.*s", (int)sizeof filter - 1, buf_get(&r->body));
    text_cut(filter, sizeof filter - 1);
    entry.count = count;
    entry.detail = filter;
    entry.outcome = rc == 0 ? "ok" : err->sqlstate[0] ? err->sqlstate : error_name(err->code);
    if (store_audit_add(r->db, &entry, &failed) < 0)
        log_about(api_log(r->api), LOG_LEVEL_ERROR, r->tenant, NULL,
                  "api: %s by %s (%lld jobs) is not in the audit log: %s", action, r->identity.who,
                  (long long)count, failed.text);
}

static int many(struct api_request *r, many_function *function, const char *action,
                struct jobs_error *err) {
    struct filter f = {0};
    struct store_many_done done = {0};
    unsigned given;
    int rc = read_object(r, filter_fields, &f, &given, err);
    struct store_many filter = {.tenant = r->tenant,
                                .class_name = f.class_name,
                                .owner = f.owner,
                                .related_type = f.related_type,
                                .related_id = f.related_id,
                                .error_kind = f.error_kind,
                                .statuses = f.status,
                                .older_than = f.older_than,
                                .newer_than = f.newer_than,
                                .most = MANY_MOST};
    int64_t count = 0;
    if (rc == 0) {
        rc = function(r->db, &filter, &done, err);
        count = done.aborted + done.asked + done.queued;
        write_entry(r, action, rc, count, err);
    }
    json_fields_done(filter_fields, &f);
    if (rc < 0)
        return rc;
    json_begin(&r->out);
    json_integer(&r->out, "matched", count);
    json_integer(&r->out, "changed", count);
    json_boolean(&r->out, "more", count >= MANY_MOST);
    json_end(&r->out);
    return 0;
}

static int stop_many(struct api_request *r, struct jobs_error *err) {
    return many(r, store_stop_many, "stop", err);
}
static int retry_many(struct api_request *r, struct jobs_error *err) {
    return many(r, store_retry_many, "retry", err);
}

#define JOBS "/api/v1/tenants/{tenant}/jobs"
static const struct api_route routes[] = {
    {"POST", JOBS "/{id}/stop", API_OPERATOR, API_TENANT, .handle = stop},
    {"POST", JOBS "/{id}/release", API_OPERATOR, API_TENANT, .handle = release},
    {"POST", JOBS "/{id}/retry", API_OPERATOR, API_TENANT, .handle = retry},
    {"POST", JOBS "/{id}/lock", API_OPERATOR, API_TENANT, .handle = lock},
    {"POST", JOBS "/{id}/unlock", API_OPERATOR, API_TENANT, .handle = unlock},
    {"PATCH", JOBS "/{id}", API_OPERATOR, API_TENANT, .body = true, .handle = change},
    {"DELETE", JOBS "/{id}", API_OPERATOR, API_TENANT, .handle = delete_job},
    {"POST", JOBS ":stop", API_OPERATOR, API_TENANT, .body = true, .handle = stop_many},
    {"POST", JOBS ":retry", API_OPERATOR, API_TENANT, .body = true, .handle = retry_many},
    {.method = NULL},
};
const struct api_part api_part_change = {.routes = routes};
