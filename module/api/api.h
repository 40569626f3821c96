/* The HTTP interface: what those see who add routes to it.
 *
 * A *part* is a table of routes with, if it needs one, a state of its own (threads, caches); parts.c
 * lists them. A request goes this way:
 *
 *   HTTP thread   headers, body, route, query, token, rate, role, tenant of the token
 *   database      handlers are called by a worker thread of the datasource, with a session; those of
 *                 scope API_HERE by the HTTP thread, and must not block
 *   HTTP thread   sends what the handler wrote to `out`, or the problem made from its error
 *
 * A handler returns 0 (answered), a negative JOBS_E… with err filled (becomes problem+json:
 * api_problem_status), or API_LATER: it has kept the request and calls api_finish when it is
 * answered, from any thread. */
#ifndef API_API_H
#define API_API_H
#include "module/base/buf.h"
#include "module/base/list.h"
#include "module/job/json.h"
#include "module/jobs.h"

#include <pthread.h>
#include <stdatomic.h>

struct api;
struct api_request;
struct api_stream;
struct job_service;

#define API_LATER 1 /* a handler's answer: api_finish will be called */
/* Codes besides JOBS_E…, for handlers and the server itself. */
enum {
    API_EUNAUTHORIZED = -401,
    API_EFORBIDDEN = -403,
    API_ENOTFOUND = -404,
    API_ECONFLICT = -409,
    API_ETOOLARGE = -413,
    API_EMEDIA = -415,
    API_EUNPROCESSABLE = -422,
    API_ERATE = -429,
    API_EAWAY = -503
};

enum api_role {
    API_OPEN,     /* no token needed */
    API_VIEWER,   /* reads */
    API_OPERATOR, /* changes jobs */
    API_ADMIN
};

enum api_scope {
    API_HERE,   /* no database */
    API_TENANT, /* {tenant} of the path: on a session of its datasource */
    API_EVERY,  /* once for every datasource that the token may see, one after the other, the same
                   `out`: `first` and `last` tell where it is */
    API_FIND,   /* for one such datasource after the other, as long as the handler returns
                   JOBS_ENOENT (and has written nothing); `last`: it is the last one */
};

/* A query parameter that a route takes. Others are refused, and each may be given once. */
enum api_value { API_TEXT, API_INTEGER, API_BOOLEAN, API_DATE, API_DURATION, API_UUID };
struct api_parameter {
    const char *name; /* NULL ends a list */
    enum api_value type;
    int64_t low, high; /* of API_INTEGER and API_DURATION (ms) */
};

struct api_route {
    const char *method; /* NULL ends a table */
    const char *path;   /* "/api/v1/tenants/{tenant}/jobs/{id}/why": {tenant}, {id}; {file}: any */
    enum api_role role;
    enum api_scope scope;
    bool all_tenants; /* only for tokens that are not bound to a tenant */
    bool body;        /* takes application/json; without, a body is refused */
    bool quick;       /* of API_TENANT: on the sessions that nothing slow may take */
    int (*handle)(struct api_request *r, struct jobs_error *err);
    const struct api_parameter *query; /* NULL: none */
};

struct api_part {
    const struct api_route *routes;
    /* Before the first request, after the last one. May be NULL. */
    int (*start)(struct api *api, void **ret_state, struct jobs_error *err);
    void (*stop)(void *state);
};
extern const struct api_part *const api_parts[]; /* last NULL */

enum { API_ANY_DATASOURCE = -1 };
/* Who asks. */
struct api_identity {
    char who[300];   /* "token:ci", "jwt:alice", "none" */
    char key[65];    /* what the rate is counted by */
    char tenant[64]; /* "": all tenants */
    enum api_role role;
    int datasource;  /* index of the one that knows the token; API_ANY_DATASOURCE */
    int64_t expires; /* microseconds since 1970; 0: does not */
};

enum { API_HEADERS = 4, API_PARAMETERS = 16 };
struct api_header {
    const char *name; /* static text */
    char *value;      /* freed with the request */
};

/* Of the thread that handles it: the HTTP thread and a worker never have it at the same time. */
struct api_request {
    /* Given. */
    struct api *api;
    const struct api_route *route;
    void *state;         /* of the route's part */
    const char *method;  /* static text */
    char tenant[64];     /* {tenant}; "": the route has none */
    char id[37];         /* {id}, lower case */
    const char *address; /* of the client, without port */
    struct buf body;     /* UTF-8, checked */
    struct api_identity identity;
    const struct job_info_service *db; /* the session; NULL in scope API_HERE */
    int datasource;                    /* its index */
    const char *datasource_name;
    bool first, last; /* of scopes API_EVERY and API_FIND (last) */

    /* The answer. */
    int status;               /* 0: 200 */
    const char *content_type; /* static text; NULL: application/json */
    struct buf out;
    struct api_header headers[API_HEADERS];
    int header_count;
    const char *field;             /* what the error is about; static text */
    void *mine;                    /* of a handler that is called more than once */
    void (*mine_done)(void *mine); /* called at the end, if mine is there; NULL: not */

    struct list link; /* of who has kept it */
    /* The rest is the server's: module/api/request.h */
};

/* ---- Reading a request ---- */
/* The value of a query parameter that the route declares, decoded and checked; NULL: not given. */
const char *api_text(const struct api_request *r, const char *name);
/* Integers, durations (ms), booleans (0, 1), dates (microseconds since 1970). */
int64_t api_integer(const struct api_request *r, const char *name, int64_t otherwise);
/* A header, NULL: not there. */
const char *api_header(const struct api_request *r, const char *name);

/* ---- Answering ---- */
/* `value` is copied. */
void api_add_header(struct api_request *r, const char *name, const char *value);
/* A handler that returned API_LATER: 0 or the error, as a handler would return. Any thread; the
 * request must not be touched after it. */
void api_finish(struct api_request *r, int code, const struct jobs_error *err);
/* A handler that returned API_LATER: it is called once more, as the first time. Any thread; the
 * request must not be touched after it. */
void api_again(struct api_request *r);
/* HTTP status of a code. */
int api_problem_status(int code, const struct jobs_error *err);
/* {"type", "title", "status", "detail", "field", "code"} */
void api_problem(struct buf *out, int status, const char *field, const struct jobs_error *err);

/* ---- Streams: an answer without end ----
 * In a handler, instead of `out`: r->content_type, headers and this, then return 0. The stream
 * exists until api_stream_free. Any thread. */
/* `limit`: bytes that may wait for a slow reader. */
struct api_stream *api_stream_begin(struct api_request *r, size_t limit);
/* Adds all of it or nothing. false: the client is gone, or its buffer is full (it is then ended). */
bool api_stream_write(struct api_stream *stream, const void *data, size_t length);
/* Bytes that wait for the client. */
size_t api_stream_pending(struct api_stream *stream);
bool api_stream_is_open(const struct api_stream *stream);
/* Ends the answer and gives the stream back; NULL is fine. */
void api_stream_free(struct api_stream *stream);

/* ---- The server, for parts ---- */
struct job_service *api_service(const struct api *api); /* module/service/service.h */
const struct log *api_log(const struct api *api);
void *api_part_state(const struct api *api, const struct api_part *part);
/* A task for a session of a datasource, called by a worker thread; `db` is NULL, and `err` says why,
 * when there is no session. `task` stays the caller's until it is called. */
struct api_task {
    struct list link;
    bool quick;         /* it has sessions that those which may take long do not have */
    const char *tenant; /* leaves a session to other tenants; NULL: as it comes */
    void (*run)(struct api_task *task, const struct job_info_service *db,
                const struct jobs_error *err);
};
size_t api_datasource_count(const struct api *api);
const char *api_datasource_name(const struct api *api, size_t i);
void api_submit_task(struct api *api, size_t datasource, struct api_task *task);
/* A thread that blocks all signals. */
int api_thread(pthread_t *ret, void *(*run)(void *arg), void *arg, struct jobs_error *err);

/* ---- The server, for its owner ---- */
/* JOBS_ECONFIG: a key, or a file that it names. An address that is in use is no error: it is tried
 * again until it is free. *ret is NULL when jobs.api.listen is empty. */
int api_start(struct job_service *service, struct api **ret, struct jobs_error *err);
void api_reload(struct api *api);
/* Answers what is under way, closes all connections. NULL is fine. */
void api_stop(struct api *api);
/* "http://127.0.0.1:8080", "" while it does not listen. */
void api_url(struct api *api, char *ret, size_t size);
#endif
