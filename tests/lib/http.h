/* A client of the HTTP interface. Include cmocka's friends and cmocka.h as well: what cannot be sent
 * fails the test. Any thread. */
#ifndef TESTS_LIB_HTTP_H
#define TESTS_LIB_HTTP_H
#include "module/jobs.h"

struct http_answer {
    int status;    /* 0: the connection ended without an answer */
    char *type;    /* Content-Type, "" without */
    char *headers; /* as they came */
    char *body;
    size_t length;
};
struct http_request {
    const char *method, *url, *token; /* NULL: GET; -; no token */
    const char *type, *body;          /* NULL: application/json; none */
    size_t length;                    /* of the body; 0: strlen */
    const char *const *headers;       /* "Name: value", last NULL; NULL: none */
};
/* Free with http_free. */
struct http_answer *http_send(const struct http_request *request);
void http_free(struct http_answer *answer);

/* One request, and the status it must have; `path` is a format. Returns the body; caller frees. */
char *http_get(int status, const char *base, const char *token, const char *path, ...)
    JOBS_PRINTF(4, 5);
char *http_post(int status, const char *base, const char *token, const char *body, const char *path,
                ...) JOBS_PRINTF(5, 6);

/* What a server says to bytes that are sent as they are; "" when it only closes. Caller frees. */
char *http_raw(const char *base, const void *bytes, size_t length);

/* A connection by hand. */
int http_open(const char *base);
void http_put(int fd, const char *text); /* what cannot be sent is lost */
bool http_is_closed(int fd);             /* by the server */
void http_close(int fd);
int64_t http_now(void); /* ms, monotonic */
#endif
