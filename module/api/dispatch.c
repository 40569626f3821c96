/* From a request that is all there to its handler: who asks, may they, where is it done. Asking for
 * a token, for a tenant and calling the handler happen in tasks, which go from datasource to
 * datasource until one knows. */
#include "module/api/auth.h"
#include "module/api/request.h"
#include "module/api/server.h"
#include "module/base/error.h"
#include "module/base/log.h"
#include "tenant/tenant.h"

#include <stdlib.h>
#include <string.h>

static void go_on(struct request *request);

static int may(const struct api_request *r, struct jobs_error *err) {
    static const char *const names[] = {"open", "viewer", "operator", "admin"};
    const struct api_identity *who = &r->identity;
    if (r->tenant[0] && who->tenant[0] && strcmp(r->tenant, who->tenant) != 0)
        return error_set(err, API_ENOTFOUND, "tenant \"%s\" is unknown here", r->tenant);
    if (who->role < r->route->role)
        return error_set(err, API_EFORBIDDEN, "this needs the role %s; the token has %s",
                         names[r->route->role], names[who->role]);
    if (r->route->all_tenants && who->tenant[0])
        return error_set(err, API_EFORBIDDEN, "this needs a token for all tenants");
    return 0;
}

/* The identity has just become known. */
static int admit(struct request *request, struct jobs_error *err) {
    struct api_request *r = &request->r;
    request->known = true;
    request->visited = 0;
    if (!auth_within_rate(r->api->auth, &r->identity)) {
        api_add_header(r, "Retry-After", "1");
        return error_set(err, API_ERATE, "more requests a second than jobs.api.rate allows");
    }
    return may(r, err);
}

/* ---- on a datasource ---- */

static void next_datasource(struct request *request) {
    request->visited++;
    request->r.datasource =
        (int)((size_t)(request->r.datasource + 1) % request->r.api->database_count);
    api_submit_task(request->r.api, (size_t)request->r.datasource, &request->task);
}

static bool was_last(const struct request *request) {
    return request->visited + 1 >= request->r.api->database_count;
}

/* API_LATER: another datasource is asked. */
static int ask_token(struct request *request, struct jobs_error *err) {
    struct api_request *r = &request->r;
    int rc = auth_ask(r->api->auth, r->db, r->datasource, request->token, &r->identity, err);
    if (rc == 0) {
        return admit(request, err);
    } else if (rc != JOBS_ENOENT) {
        return rc;
    } else if (was_last(request)) {
        auth_note_unknown(r->api->auth, request->token);
        return error_set(err, API_EUNAUTHORIZED, "the token is unknown, revoked or expired");
    }
    next_datasource(request);
    return API_LATER;
}

static int ask_tenant(struct request *request, struct jobs_error *err) {
    struct api_request *r = &request->r;
    struct tenant tenant;
    int rc = tenant_get(r->db, r->tenant, &tenant, err);
    if (rc == 0) {
        auth_note_tenant(r->api->auth, r->tenant, r->datasource);
        return 0;
    } else if (rc != JOBS_ENOENT || was_last(request)) {
        return rc;
    }
    next_datasource(request);
    return API_LATER;
}

/* The datasource that it is to be done on; API_ANY_DATASOURCE: not known yet. */
static int target_of(const struct request *request) {
    const struct api_request *r = &request->r;
    if (r->identity.datasource != API_ANY_DATASOURCE)
        return r->identity.datasource;
    if (r->api->database_count == 1)
        return 0;
    return r->route->scope == API_TENANT ? auth_tenant(r->api->auth, r->tenant)
                                         : API_ANY_DATASOURCE;
}

/* Calls the handler for every datasource; API_LATER while there is another one. */
static int call_every(struct request *request, struct jobs_error *err) {
    struct api_request *r = &request->r;
    bool one = target_of(request) != API_ANY_DATASOURCE;
    r->first = one || request->visited == 0;
    r->last = one || was_last(request);
    int rc = r->route->handle(r, err);
    if (rc == 0 && !r->last) {
        next_datasource(request);
        return API_LATER;
    }
    return rc;
}

static int work(struct request *request, struct jobs_error *err) {
    struct api_request *r = &request->r;
    if (!request->known) {
        int rc = ask_token(request, err);
        if (rc != 0)
            return rc;
        go_on(request); /* it may be done elsewhere, or without a session */
        return API_LATER;
    }
    if (r->route->scope == API_EVERY)
        return call_every(request, err);
    if (target_of(request) == API_ANY_DATASOURCE) {
        int rc = ask_tenant(request, err);
        if (rc != 0)
            return rc;
    }
    return r->route->handle(r, err);
}

static void run(struct api_task *task, const struct job_info_service *db,
                const struct jobs_error *why) {
    struct request *request =
        (struct request *)(void *)((char *)task - offsetof(struct request, task));
    struct jobs_error err = {0};
    request->r.db = db;
    request->r.datasource_name = api_datasource_name(request->r.api, (size_t)request->r.datasource);
    int rc = db ? work(request, &err) : error_set(&err, JOBS_EDB, "%s", why->text);
    if (rc != API_LATER)
        request_answer(request, rc, &err);
}

/* ---- where to ---- */

static void go_on(struct request *request) {
    struct api_request *r = &request->r;
    struct jobs_error err = {0};
    request->task.run = run;
    r->datasource = 0;
    if (request->known && r->route->scope == API_HERE) {
        r->db = NULL;
        int rc = r->route->handle(r, &err);
        if (rc != API_LATER)
            request_answer(request, rc, &err);
        return;
    }
    if (request->known && target_of(request) != API_ANY_DATASOURCE)
        r->datasource = target_of(request);
    api_submit_task(r->api, (size_t)r->datasource, &request->task);
}

void api_again(struct api_request *r) {
    struct request *request = request_of(r);
    if (r->route->scope == API_HERE)
        go_on(request);
    else
        api_submit_task(r->api, (size_t)r->datasource, &request->task);
}

void request_dispatch(struct request *request) {
    struct api_request *r = &request->r;
    struct jobs_error err = {0};
    int rc = 0;
    if (atomic_load(&r->api->stopping)) {
        rc = error_set(&err, API_EAWAY, "the service is stopping");
    } else if (r->route->role == API_OPEN) {
        request->known = true;
        r->identity.datasource = API_ANY_DATASOURCE;
    } else {
        rc = auth_check(r->api->auth, api_header(r, "Authorization"), &r->identity, request->token,
                        &err);
        if (rc == 0)
            rc = admit(request, &err);
    }
    if (rc < 0)
        request_answer(request, rc, &err);
    else
        go_on(request);
}
