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
    /* Routes without a datasource show what is in all of them. */
    bool of_one = who->datasource != API_ANY_DATASOURCE && r->api->database_count > 1;
    if (r->route->all_tenants && r->route->scope == API_HERE && of_one)
        return error_set(err, API_EFORBIDDEN,
                         "this shows every datasource of the service, and the token is of one");
    return 0;
}

/* Whoever was looked for: what the datasources said does not matter any more. */
static void found(struct request *request) {
    request->visited = 0;
    request->failed = 0;
}

/* The identity has just become known. */
static int admit(struct request *request, struct jobs_error *err) {
    struct api_request *r = &request->r;
    request->known = true;
    found(request);
    if (!auth_within_rate(r->api->auth, &r->identity)) {
        api_add_header(r, "Retry-After", "1");
        return error_set(err, API_ERATE, "more requests a second than jobs.api.rate allows");
    }
    return may(r, err);
}

/* ---- on a datasource ---- */

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

/* Looking for a token or a tenant is quick; what the handler does may take long. */
static void send_to(struct request *request, int datasource) {
    struct api_request *r = &request->r;
    bool asks = !request->known ||
                (r->route->scope == API_TENANT && target_of(request) == API_ANY_DATASOURCE);
    r->datasource = datasource;
    request->task.quick = asks || r->route->quick;
    request->task.tenant = request->task.quick ? NULL : r->tenant;
    api_submit_task(r->api, (size_t)datasource, &request->task);
}

static void next_datasource(struct request *request) {
    request->visited++;
    send_to(request, (int)((size_t)(request->r.datasource + 1) % request->r.api->database_count));
}

static bool was_last(const struct request *request) {
    return request->visited + 1 >= request->r.api->database_count;
}

/* A datasource does not know it (rc JOBS_ENOENT) or could not say. API_LATER: another one is asked;
 * after the last one JOBS_ENOENT, but only when all could say. */
static int ask_next(struct request *request, int rc, struct jobs_error *err) {
    if (rc != JOBS_ENOENT && !request->failed) {
        request->failed = rc;
        request->failure = *err;
    }
    if (!was_last(request)) {
        next_datasource(request);
        return API_LATER;
    }
    if (!request->failed)
        return rc;
    *err = request->failure;
    return request->failed;
}

static int ask_token(struct request *request, struct jobs_error *err) {
    struct api_request *r = &request->r;
    int rc = r->db ? auth_ask(r->api->auth, r->db, r->datasource, request->token, &r->identity, err)
                   : JOBS_EDB;
    if (rc == 0)
        return admit(request, err);
    rc = ask_next(request, rc, err);
    if (rc != JOBS_ENOENT)
        return rc;
    auth_note_unknown(r->api->auth, request->token);
    return error_set(err, API_EUNAUTHORIZED, "the token is unknown, revoked or expired");
}

static int ask_tenant(struct request *request, struct jobs_error *err) {
    struct api_request *r = &request->r;
    struct tenant tenant;
    int rc = r->db ? tenant_get(r->db, r->tenant, &tenant, err) : JOBS_EDB;
    if (rc != 0)
        return ask_next(request, rc, err);
    auth_note_tenant(r->api->auth, r->tenant, r->datasource);
    found(request);
    return 0;
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

/* Asks one datasource after the other until the handler finds there what it is about; one that is
 * away is passed over. */
static int call_find(struct request *request, struct jobs_error *err) {
    struct api_request *r = &request->r;
    bool one = target_of(request) != API_ANY_DATASOURCE;
    r->last = one || was_last(request);
    int rc = r->db ? r->route->handle(r, err) : JOBS_EDB;
    bool elsewhere = !r->db || rc == JOBS_ENOENT;
    return elsewhere && !one ? ask_next(request, rc, err) : rc;
}

/* While it stood in this datasource's queue it became known where its tenant is. */
static void move_to(struct request *request, int datasource) {
    found(request);
    send_to(request, datasource);
}

static int work_known(struct request *request, struct jobs_error *err) {
    struct api_request *r = &request->r;
    int target = target_of(request);
    if (target != API_ANY_DATASOURCE && target != r->datasource) {
        move_to(request, target);
        return API_LATER;
    }
    if (target == API_ANY_DATASOURCE && r->route->scope == API_TENANT) {
        int rc = ask_tenant(request, err);
        if (rc != 0)
            return rc;
        if (request->task.quick && !r->route->quick) {
            move_to(request, r->datasource);
            return API_LATER;
        }
    }
    if (r->route->scope == API_FIND)
        return call_find(request, err);
    if (!r->db)
        return JOBS_EDB;
    return r->route->scope == API_EVERY ? call_every(request, err) : r->route->handle(r, err);
}

/* Without a session `err` says why. */
static int work(struct request *request, struct jobs_error *err) {
    if (request->known)
        return work_known(request, err);
    int rc = ask_token(request, err);
    if (rc != 0)
        return rc;
    go_on(request); /* it may be done elsewhere, or without a session */
    return API_LATER;
}

static void run(struct api_task *task, const struct job_info_service *db,
                const struct jobs_error *why) {
    struct request *request =
        (struct request *)(void *)((char *)task - offsetof(struct request, task));
    struct jobs_error err = {0};
    request->r.db = db;
    request->r.datasource_name = api_datasource_name(request->r.api, (size_t)request->r.datasource);
    if (!db)
        error_set(&err, JOBS_EDB, "%s", why->text);
    int rc = work(request, &err);
    if (rc != API_LATER)
        request_answer(request, rc, &err);
}

/* ---- where to ---- */

static void go_on(struct request *request) {
    struct api_request *r = &request->r;
    struct jobs_error err = {0};
    request->task.run = run;
    if (request->known && r->route->scope == API_HERE) {
        r->db = NULL;
        int rc = r->route->handle(r, &err);
        if (rc != API_LATER)
            request_answer(request, rc, &err);
        return;
    }
    int target = request->known ? target_of(request) : API_ANY_DATASOURCE;
    send_to(request, target != API_ANY_DATASOURCE ? target : 0);
}

void api_again(struct api_request *r) {
    struct request *request = request_of(r);
    if (r->route->scope == API_HERE)
        go_on(request);
    else
        send_to(request, r->datasource);
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
