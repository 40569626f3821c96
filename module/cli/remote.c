#include "module/cli/remote.h"

#include "module/base/error.h"
#include "module/base/mem.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ANSWER_MOST ((size_t)256 << 20)

struct remote {
    CURL *curl;
    char *base; /* without / at its end */
    struct curl_slist *headers;
};

bool remote_is_url(const char *url) {
    return strncasecmp(url, "http://", 7) == 0 || strncasecmp(url, "https://", 8) == 0;
}

struct remote *remote_new(const char *url, const char *token) {
    struct remote *remote = MEM_NEW(struct remote);
    size_t length = strlen(url);
    while (length > 0 && url[length - 1] == '/')
        length--;
    remote->base = mem_text_n(url, length);
    remote->curl = curl_easy_init();
    remote->headers = curl_slist_append(NULL, "Content-Type: application/json");
    remote->headers = curl_slist_append(remote->headers, "Expect:");
    if (token && *token) {
        struct buf line = {0};
        buf_format(&line, "Authorization: Bearer %s", token);
        remote->headers = curl_slist_append(remote->headers, buf_get(&line));
        buf_done(&line);
    }
    return remote;
}

void remote_free(struct remote *remote) {
    if (!remote)
        return;
    curl_slist_free_all(remote->headers);
    curl_easy_cleanup(remote->curl);
    free(remote->base);
    free(remote);
}

void remote_add(struct buf *path, const char *value) {
    char *text = curl_easy_escape(NULL, value, 0);
    buf_text(path, text);
    curl_free(text);
}

static size_t collect(char *data, size_t size, size_t count, void *arg) {
    struct buf *answer = arg;
    if (answer->length + size * count > ANSWER_MOST)
        return 0;
    buf_add(answer, data, size * count);
    return size * count;
}

/* What a status stands for here; the problem says more. */
static int code_of(long status) {
    switch (status) {
    case 404: return JOBS_ENOENT;
    case 409: return JOBS_ESTATUS;
    case 400:
    case 413:
    case 415:
    case 422: return JOBS_EINVAL;
    case 429: return JOBS_EREFUSED;
    default: return JOBS_EDB;
    }
}

static int refused(const struct remote *remote, long status, const struct buf *answer,
                   struct jobs_error *err) {
    struct json_value problem;
    struct jobs_error ignored;
    char *detail = NULL;
    if (json_read(buf_get(answer), answer->length, &problem, &ignored) == 0 &&
        problem.kind == JSON_OBJECT)
        detail = remote_text(&problem, "detail");
    int rc = error_set(err, code_of(status), "%s: %s%s", remote->base,
                       detail ? detail : "no interface of jobs answers here",
                       status == 401 ? " (--token or JOBS_TOKEN)" : "");
    free(detail);
    return rc;
}

static void prepare(struct remote *remote, const char *method, const char *url, const char *body,
                    int64_t timeout, struct buf *ret) {
    CURL *curl = remote->curl;
    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, remote->headers);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, 10000L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)timeout);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, ret);
    if (strcmp(method, "POST") == 0) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)(body ? strlen(body) : 0));
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body ? body : "");
    }
}

static int send_to(struct remote *remote, const char *method, const char *where, const char *path,
                   const char *body, int64_t timeout, struct buf *ret, long *ret_status,
                   struct jobs_error *err) {
    struct buf url = {0};
    buf_format(&url, "%s%s%s", remote->base, where, path);
    buf_clear(ret);
    prepare(remote, method, buf_get(&url), body, timeout, ret);
    CURLcode rc = curl_easy_perform(remote->curl);
    buf_done(&url);
    if (rc != CURLE_OK)
        return error_set(err, JOBS_EDB, "%s: %s", remote->base, curl_easy_strerror(rc));
    curl_easy_getinfo(remote->curl, CURLINFO_RESPONSE_CODE, ret_status);
    return 0;
}

int remote_call(struct remote *remote, const char *method, const char *path, const char *body,
                int64_t timeout, struct buf *ret, struct jobs_error *err) {
    long status = 0;
    int rc = send_to(remote, method, "/api/v1", path, body, timeout, ret, &status, err);
    return rc < 0 || (status >= 200 && status < 300) ? rc : refused(remote, status, ret, err);
}

int remote_ready(struct remote *remote, int64_t timeout, struct buf *ret, struct jobs_error *err) {
    long status = 0;
    int rc = send_to(remote, "GET", "/health", "/ready", NULL, timeout, ret, &status, err);
    return rc < 0 || status == 200 || status == 503 ? rc : refused(remote, status, ret, err);
}
