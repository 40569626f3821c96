/* Answers: what handlers wrote, or a problem, with the headers that all answers have. */
#include "module/api/request.h"
#include "module/api/server.h"
#include "module/api/stream.h"
#include "module/base/error.h"

#include <stdlib.h>
#include <string.h>

static const struct meaning {
    int code, status;
    const char *name, *title;
} meanings[] = {
    {JOBS_EINVAL, 400, NULL, "Bad request"},
    {JOBS_ENOENT, 404, NULL, "Not found"},
    {JOBS_EREFUSED, 503, NULL, "Refused"},
    {JOBS_ESTATUS, 409, NULL, "Not from this status"},
    {JOBS_EDB, 503, NULL, "Not available"},
    {JOBS_EUNSURE, 503, NULL, "It may have been done"},
    {JOBS_ETIMEOUT, 503, NULL, "It took too long"},
    {JOBS_ESCHEMA, 503, NULL, "Not available"},
    {JOBS_ECONFIG, 503, NULL, "Not available"},
    {JOBS_ENOMEM, 503, NULL, "Not available"},
    {API_EUNAUTHORIZED, 401, "UNAUTHORIZED", "Who asks?"},
    {API_EFORBIDDEN, 403, "FORBIDDEN", "Not allowed"},
    {API_ENOTFOUND, 404, "NOT_FOUND", "Not found"},
    {API_ECONFLICT, 409, "CONFLICT", "Conflict"},
    {API_ETOOLARGE, 413, "TOO_LARGE", "Too large"},
    {API_EMEDIA, 415, "MEDIA_TYPE", "Another media type is wanted"},
    {API_EUNPROCESSABLE, 422, "UNPROCESSABLE", "These values cannot be used"},
    {API_ERATE, 429, "RATE", "Too many requests"},
    {API_EAWAY, 503, "AWAY", "Not available"},
};

static const struct meaning *meaning_of(int code) {
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
        if (meanings[i].code == code)
            return &meanings[i];
    return &meanings[4];
}

/* The database judged the values, or the state of things. */
static int status_of_sqlstate(const char *state, int otherwise) {
    static const struct {
        const char *state;
        int status;
    } statuses[] = {{"JB002", 422}, {"JB003", 422}, {"JB005", 429}, {"JB008", 409},
                    {"23505", 409}, {"40001", 503}, {"40P01", 503}};
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
        if (strcmp(statuses[i].state, state) == 0)
            return statuses[i].status;
    return strncmp(state, "22", 2) == 0 || strncmp(state, "23", 2) == 0 ? 422 : otherwise;
}

int api_problem_status(int code, const struct jobs_error *err) {
    int status = meaning_of(code)->status;
    return err->sqlstate[0] ? status_of_sqlstate(err->sqlstate, status) : status;
}

/* What PostgreSQL and the system say of themselves is for the log. */
static bool is_ours(int code, const struct jobs_error *err) {
    return strncmp(err->sqlstate, "JB", 2) == 0 || code == JOBS_EINVAL || code == JOBS_ENOENT ||
           code == JOBS_ESTATUS || code == JOBS_EREFUSED || code <= API_EUNAUTHORIZED;
}

static const char *title_of(int status, int code) {
    if (status == 405)
        return "Another method is wanted";
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
        if (meanings[i].status == status && meanings[i].code <= API_EUNAUTHORIZED)
            return meanings[i].title;
    return meaning_of(code)->title;
}

/* What PostgreSQL refused: of what it judges itself, the text says which. */
static const char *field_of(const struct jobs_error *err) {
    static const struct {
        const char *sqlstate, *field;
    } fields[] = {
        {"JB002", "class_name"},
        {"JB003", "parameters"},
        {"22P02", "parameters"}, /* no other JSON of users comes to it: \\ud800 */
        {"22P05", "parameters"}, /* \\u0000 */
    };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (strcmp(err->sqlstate, fields[i].sqlstate) == 0)
            return fields[i].field;
    return NULL;
}

void api_problem(struct buf *out, int status, const char *field, const struct jobs_error *err) {
    const struct meaning *meaning = meaning_of(err->code);
    json_begin(out);
    json_text(out, "type", "about:blank");
    json_text(out, "title", title_of(status, err->code));
    json_integer(out, "status", status);
    if (is_ours(err->code, err))
        json_text(out, "detail", err->text);
    else
        json_text(out, "detail",
                  err->code == JOBS_EUNSURE
                      ? "the connection to the database was lost: it may have been done"
                      : "the database is away or busy; try again");
    json_text(out, "field", field ? field : field_of(err));
    json_text(out, "code",
              strncmp(err->sqlstate, "JB", 2) == 0 ? err->sqlstate
              : meaning->name                      ? meaning->name
                                                   : error_name(err->code));
    json_end(out);
}

static void write_problem(struct request *request, int code, const struct jobs_error *err) {
    struct api_request *r = &request->r;
    int status = r->status == 405 ? 405 : api_problem_status(code, err);
    buf_clear(&r->out);
    r->content_type = "application/problem+json";
    r->status = status;
    api_problem(&r->out, status, r->field, err);
    if (status == 401)
        api_add_header(r, "WWW-Authenticate", "Bearer");
    if (status == 429 && r->header_count == 0)
        api_add_header(r, "Retry-After", "1");
    if (status >= 500 && !is_ours(code, err))
        log_about(r->api->log, LOG_LEVEL_WARNING, r->tenant[0] ? r->tenant : NULL,
                  r->id[0] ? r->id : NULL, "api: %s %.200s: %s", r->method, request->target,
                  err->text);
}

void request_answer(struct request *request, int code, const struct jobs_error *err) {
    struct api *api = request->r.api;
    if (code < 0)
        write_problem(request, code, err);
    else if (request->r.status == 0)
        request->r.status = 200;
    request->stage = REQUEST_ANSWERED;
    if (!request->suspended)
        return;
    MHD_resume_connection(request->connection); /* the request may be gone after this */
    atomic_fetch_sub(&api->in_hand, 1);
}

void api_finish(struct api_request *r, int code, const struct jobs_error *err) {
    request_answer(request_of(r), code, err);
}

static void add_headers(struct request *request, struct MHD_Response *response) {
    const struct api_request *r = &request->r;
    bool page = r->content_type && strncmp(r->content_type, "text/html", 9) == 0;
    MHD_add_response_header(response, "Content-Type",
                            r->content_type ? r->content_type : "application/json");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
    MHD_add_response_header(response, "Content-Security-Policy",
                            page ? "default-src 'self'; img-src 'self' data:; frame-ancestors "
                                   "'none'; base-uri 'none'; form-action 'none'"
                                 : "default-src 'none'; frame-ancestors 'none'");
    bool cached = false;
    for (int i = 0; i < r->header_count; i++) {
        MHD_add_response_header(response, r->headers[i].name, r->headers[i].value);
        cached |= strcmp(r->headers[i].name, "Cache-Control") == 0;
    }
    if (!cached)
        MHD_add_response_header(response, "Cache-Control", "no-store");
}

enum MHD_Result request_respond(struct request *request) {
    struct api_request *r = &request->r;
    struct MHD_Response *response;
    if (request->stream) {
        response = stream_response(request->stream, request->connection);
    } else {
        size_t length = r->out.length;
        response =
            MHD_create_response_from_buffer(length, buf_take(&r->out), MHD_RESPMEM_MUST_FREE);
    }
    if (!response)
        return MHD_NO;
    add_headers(request, response);
    enum MHD_Result rc = MHD_queue_response(request->connection, (unsigned)r->status, response);
    MHD_destroy_response(response);
    return rc;
}
