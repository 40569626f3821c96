/* A request as the server keeps it: around the struct that handlers see. */
#ifndef API_REQUEST_H
#define API_REQUEST_H
#include "module/api/api.h"
#include "module/api/query.h"

#include <microhttpd.h>

enum request_stage {
    REQUEST_HEADERS, /* the target was read */
    REQUEST_BODY,
    REQUEST_HANDLED, /* somebody has it; the connection is suspended */
    REQUEST_ANSWERED /* to be sent, or sent */
};

struct request {
    struct api_request r; /* first: they are one */
    struct MHD_Connection *connection;
    struct peer *peer;
    enum request_stage stage;
    char *target; /* as it came; path and query point into copies */
    struct query query;
    int64_t started; /* clock_now() */
    size_t counted;  /* bytes of the body, in api->buffered */
    bool suspended;
    struct api_stream *stream;
    struct api_task task;
    unsigned visited; /* datasources asked for token or tenant so far */
    char token[65];   /* sha256 of the bearer token, "" without */
    bool known;       /* identity is there */
    int failed;       /* the code of the first datasource that could not be asked; 0: none */
    struct jobs_error failure;
};

static inline struct request *request_of(struct api_request *r) {
    return (struct request *)(void *)r;
}
static inline const struct request *request_const(const struct api_request *r) {
    return (const struct request *)(const void *)r;
}

struct MHD_Connection;
/* The callbacks of libmicrohttpd; `cls` is the struct api. */
void *request_begin(void *cls, const char *target, struct MHD_Connection *connection);
enum MHD_Result request_handle(void *cls, struct MHD_Connection *connection, const char *url,
                               const char *method, const char *version, const char *data,
                               size_t *length, void **state);
void request_end(void *cls, struct MHD_Connection *connection, void **state,
                 enum MHD_RequestTerminationCode how);

/* Sends what is in `r` (or the problem): wakes its connection. Any thread. */
void request_answer(struct request *request, int code, const struct jobs_error *err);
/* Token, role, tenant; then the handler, or a task for a datasource. dispatch.c */
void request_dispatch(struct request *request);
/* Runs on the HTTP thread when it is answered. respond.c */
enum MHD_Result request_respond(struct request *request);
/* Forgets what an answer was begun with. */
void request_clear_answer(struct request *request);
#endif
