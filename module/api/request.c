/* A request from its first line to its end, as libmicrohttpd calls. */
#include "module/api/request.h"

#include "module/api/router.h"
#include "module/api/server.h"
#include "module/base/clock.h"
#include "module/base/error.h"
#include "module/base/mem.h"
#include "module/base/text.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { TARGET_MOST = 8192 };
#define BODY_MOST ((size_t)4 << 20) /* an array of jobs; parameters of one are 1 MiB at most */
#define BUFFERED_MOST ((size_t)128 << 20) /* bodies of all requests together */

static const char *static_method(const char *method) {
    static const char *const methods[] = {"GET",    "HEAD", "POST",   "PATCH",
                                          "DELETE", "PUT",  "OPTIONS"};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (strcmp(methods[i], method) == 0)
            return methods[i];
    return "?";
}

void *request_begin(void *cls, const char *target, struct MHD_Connection *connection) {
    struct request *request = MEM_NEW(struct request);
    request->r.api = cls;
    request->connection = connection;
    request->peer = peers_of(connection);
    request->r.address = request->peer ? request->peer->address : "?";
    request->r.method = "?";
    request->target = mem_text_n(target, strnlen(target, TARGET_MOST + 1));
    request->started = clock_now();
    list_init(&request->r.link);
    return request;
}

/* ---- headers ---- */

static int refuse(struct request *request, int code, const char *field, const char *text) {
    struct jobs_error err;
    error_set(&err, code, "%s", text);
    request->r.field = field;
    request_clear_answer(request);
    request_answer(request, code, &err);
    return code;
}

/* A page of another origin must not use the browser of who may reach us. */
static bool is_foreign(const struct api_request *r) {
    const char *origin = api_header(r, "Origin"), *host = api_header(r, "Host");
    if (!origin)
        return false;
    const char *name = strstr(origin, "://");
    return !name || !host || strcmp(name + 3, host) != 0;
}

/* Without tokens whoever reaches us is an administrator: a page of a name that its owner lets point
 * to this machine's loopback address (DNS rebinding) must not. */
static bool is_rebound(const struct api_request *r) {
    static const char *const ours[] = {"localhost", "[::1]"};
    const char *host = api_header(r, "Host");
    if (strcmp(config_text(api_config(r->api), "jobs.api.auth"), "none") != 0)
        return false;
    if (!host)
        return true;
    size_t digits = strspn(host, "0123456789.");
    if (strncmp(host, "127.", 4) == 0 && (host[digits] == '\0' || host[digits] == ':'))
        return false;
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) {
        size_t n = strlen(ours[i]);
        if (strncasecmp(host, ours[i], n) == 0 && (host[n] == '\0' || host[n] == ':'))
            return false;
    }
    return true;
}

static int find_route(struct request *request, struct jobs_error *err) {
    struct api_request *r = &request->r;
    struct routing routing;
    if (strlen(request->target) > TARGET_MOST)
        return error_set(err, API_ETOOLARGE, "a target of more than %d bytes", TARGET_MOST);
    int rc = query_read(request->target, &request->query, err);
    if (rc < 0)
        return rc;
    router_find(api_parts, r->method, request->query.path, &routing);
    if (!routing.route && routing.allow[0]) {
        api_add_header(r, "Allow", routing.allow);
        r->status = 405;
        return error_set(err, JOBS_EINVAL, "%s is not for this path, but: %s", r->method,
                         routing.allow);
    }
    if (!routing.route)
        return error_set(err, API_ENOTFOUND, "there is nothing here");
    r->route = routing.route;
    r->state = r->api->states[routing.part];
    memcpy(r->tenant, routing.tenant, sizeof r->tenant);
    memcpy(r->id, routing.id, sizeof r->id);
    if (is_foreign(r))
        return error_set(err, API_EFORBIDDEN, "requests of other origins are not taken");
    if (is_rebound(r))
        return error_set(err, API_EFORBIDDEN,
                         "with jobs.api.auth = none the host must be localhost or a loopback "
                         "address");
    return query_check(&request->query, r->route->query, &r->field, err);
}

static int check_body(struct request *request, struct jobs_error *err) {
    struct api_request *r = &request->r;
    const char *length = api_header(r, "Content-Length");
    const char *type = api_header(r, "Content-Type");
    bool has = (length && strcmp(length, "0") != 0) || api_header(r, "Transfer-Encoding");
    if (has && !r->route->body)
        return error_set(err, JOBS_EINVAL, "this takes no body");
    if (!r->route->body)
        return 0;
    if (length && strtoull(length, NULL, 10) > BODY_MOST)
        return error_set(err, API_ETOOLARGE, "a body of %s bytes is over the limit of %zu", length,
                         BODY_MOST);
    size_t n = type ? strcspn(type, "; ") : 0;
    if (n != 16 || strncasecmp(type, "application/json", 16) != 0)
        return error_set(err, API_EMEDIA, "the body must be application/json");
    return 0;
}

static void take_headers(struct request *request, const char *method) {
    struct jobs_error err;
    request->stage = REQUEST_BODY;
    request->r.method = static_method(method);
    int rc = find_route(request, &err);
    if (rc == 0)
        rc = check_body(request, &err);
    if (rc < 0)
        request_answer(request, rc, &err);
}

/* ---- body ---- */

static void take_data(struct request *request, const char *data, size_t length) {
    struct api *api = request->r.api;
    if (request->r.body.length + length > BODY_MOST) {
        refuse(request, API_ETOOLARGE, NULL, "the body is over the limit of 4 MiB");
        return;
    }
    if (atomic_fetch_add(&api->buffered, length) + length > BUFFERED_MOST) {
        atomic_fetch_sub(&api->buffered, length);
        refuse(request, API_EAWAY, NULL, "too many bodies at a time");
        return;
    }
    request->counted += length;
    buf_add(&request->r.body, data, length);
}

/* The connection sleeps until it is answered, by whoever: `request` is not ours after this. */
static enum MHD_Result handle(struct request *request) {
    struct api_request *r = &request->r;
    if (memchr(buf_get(&r->body), 0, r->body.length) ||
        !text_is_utf8(buf_get(&r->body), r->body.length)) {
        refuse(request, JOBS_EINVAL, NULL, "the body is not UTF-8");
        return request_respond(request);
    }
    if (request->peer)
        atomic_store(&request->peer->waiting_since, 0);
    request->stage = REQUEST_HANDLED;
    request->suspended = true;
    atomic_fetch_add(&r->api->in_hand, 1);
    MHD_suspend_connection(request->connection);
    request_dispatch(request);
    return MHD_YES;
}

enum MHD_Result request_handle(void *cls, struct MHD_Connection *connection, const char *url,
                               const char *method, const char *version, const char *data,
                               size_t *length, void **state) {
    struct request *request = *state;
    (void)cls, (void)connection, (void)url, (void)version;
    if (request->stage == REQUEST_ANSWERED) {
        *length = 0; /* what still comes of a body that was refused */
        return request_respond(request);
    }
    if (request->stage == REQUEST_HEADERS) {
        take_headers(request, method);
        /* An answer before the body has come ends the connection, which is right for one that is
         * too large. */
        return request->stage == REQUEST_ANSWERED ? request_respond(request) : MHD_YES;
    }
    if (*length > 0) {
        take_data(request, data, *length);
        *length = 0;
        return MHD_YES; /* libmicrohttpd takes no answer while it brings a body */
    }
    return handle(request);
}

/* ---- end ---- */

static void log_access(const struct request *request) {
    const struct api_request *r = &request->r;
    const char *mode = config_text(api_config(r->api), "jobs.api.log");
    if (mode[0] == 'n' || (mode[0] == 'e' && r->status < 400))
        return;
    double ms = (double)(clock_now() - request->started) / 1000;
    log_about(r->api->log, LOG_LEVEL_INFO, r->tenant[0] ? r->tenant : NULL, r->id[0] ? r->id : NULL,
              "api: %s %s \"%s %.500s\" %d %.1f ms", r->address,
              r->identity.who[0] ? r->identity.who : "-", r->method, request->target, r->status,
              ms);
}

void request_clear_answer(struct request *request) {
    struct api_request *r = &request->r;
    buf_clear(&r->out);
    for (int i = 0; i < r->header_count; i++)
        free(r->headers[i].value);
    r->header_count = 0;
    r->content_type = NULL;
}

void request_end(void *cls, struct MHD_Connection *connection, void **state,
                 enum MHD_RequestTerminationCode how) {
    struct request *request = *state;
    (void)cls, (void)connection, (void)how;
    if (!request)
        return;
    if (request->peer)
        atomic_store(&request->peer->waiting_since, clock_now());
    if (request->stage == REQUEST_ANSWERED)
        log_access(request);
    atomic_fetch_sub(&request->r.api->buffered, request->counted);
    request_clear_answer(request);
    if (request->r.mine && request->r.mine_done)
        request->r.mine_done(request->r.mine);
    buf_done(&request->r.out);
    buf_done(&request->r.body);
    query_done(&request->query);
    free(request->target);
    free(request);
    *state = NULL;
}

/* ---- what handlers ask ---- */

const char *api_text(const struct api_request *r, const char *name) {
    const struct query_pair *pair = query_find(&request_const(r)->query, name);
    return pair ? pair->value : NULL;
}

int64_t api_integer(const struct api_request *r, const char *name, int64_t otherwise) {
    const struct query_pair *pair = query_find(&request_const(r)->query, name);
    return pair && pair->has_number ? pair->number : otherwise;
}

const char *api_header(const struct api_request *r, const char *name) {
    return MHD_lookup_connection_value(request_const(r)->connection, MHD_HEADER_KIND, name);
}

void api_add_header(struct api_request *r, const char *name, const char *value) {
    if (r->header_count < API_HEADERS)
        r->headers[r->header_count++] = (struct api_header){name, mem_text(value)};
}
