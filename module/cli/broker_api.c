#include "module/cli/broker_api.h"

#include "module/base/buf.h"
#include "module/base/config.h"
#include "module/base/error.h"
#include "module/base/mem.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

enum { TIMEOUT_S = 10, ANSWER_MAX = 4096 };

struct broker_api {
    CURL *curl;
    char *base, *shown; /* shown: without the password */
    char why[CURL_ERROR_SIZE];
    struct buf url, answer;
};

int broker_api_open(const char *url, struct broker_api **ret, struct jobs_error *err) {
    if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
        return error_set(err, JOBS_EINVAL,
                         "the broker's management is at an http:// or https:// URL, such as "
                         "http://admin@127.0.0.1:15672");
    struct broker_api *api = MEM_NEW(struct broker_api);
    api->base = mem_text(url);
    for (size_t n = strlen(api->base); n > 0 && api->base[n - 1] == '/';)
        api->base[--n] = '\0';
    api->shown = config_mask(api->base);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    api->curl = curl_easy_init();
    if (!api->curl) {
        broker_api_close(api);
        return error_set(err, JOBS_ENOMEM, "libcurl cannot be used");
    }
    *ret = api;
    return 0;
}

void broker_api_close(struct broker_api *api) {
    if (!api)
        return;
    curl_easy_cleanup(api->curl);
    curl_global_cleanup();
    buf_done(&api->url);
    buf_done(&api->answer);
    free(api->base);
    free(api->shown);
    free(api);
}

static size_t take(char *data, size_t one, size_t n, void *arg) {
    struct buf *answer = arg;
    if (answer->length + n * one <= ANSWER_MAX)
        buf_add(answer, data, n * one);
    return n * one;
}

static void make_url(struct broker_api *api, const char *kind, const char *const *names) {
    buf_clear(&api->url);
    buf_format(&api->url, "%s/api/%s", api->base, kind);
    for (; *names; names++) {
        char *escaped = curl_easy_escape(api->curl, *names, 0);
        buf_format(&api->url, "/%s", escaped);
        curl_free(escaped);
    }
}

/* One request; *ret_status: of HTTP. */
static int request(struct broker_api *api, const char *method, const char *body, long *ret_status,
                   struct jobs_error *err) {
    CURL *curl = api->curl;
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    buf_clear(&api->answer);
    *api->why = '\0';
    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_URL, buf_get(&api->url));
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    if (body)
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &api->answer);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, api->why);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)TIMEOUT_S);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    CURLcode code = curl_easy_perform(curl);
    curl_slist_free_all(headers);
    if (code != CURLE_OK)
        return error_set(err, JOBS_EDB, "the broker's management (%s) does not answer: %s",
                         api->shown, *api->why ? api->why : curl_easy_strerror(code));
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, ret_status);
    return 0;
}

static int refused(const struct broker_api *api, const char *what, long status,
                   struct jobs_error *err) {
    char answer[300];
    size_t n = api->answer.length < sizeof answer - 1 ? api->answer.length : sizeof answer - 1;
    memcpy(answer, buf_get(&api->answer), n);
    answer[n] = '\0';
    for (char *p = answer; *p; p++)
        if ((unsigned char)*p < ' ')
            *p = ' ';
    return error_set(err, JOBS_EREFUSED, "the broker's management (%s) refuses %s: %ld %s",
                     api->shown, what, status,
                     status == 401 ? "wrong user or password, or no administrator" : answer);
}

int broker_api_call(struct broker_api *api, const char *method, const char *kind,
                    const char *const *names, const char *body, struct jobs_error *err) {
    long status = 0;
    make_url(api, kind, names);
    int rc = request(api, method, body, &status, err);
    if (rc < 0 || (status >= 200 && status < 300) ||
        (status == 404 && strcmp(method, "DELETE") == 0))
        return rc;
    return refused(api, kind, status, err);
}

int broker_api_exists(struct broker_api *api, const char *kind, const char *const *names, bool *ret,
                      struct jobs_error *err) {
    long status = 0;
    make_url(api, kind, names);
    int rc = request(api, "GET", NULL, &status, err);
    if (rc < 0)
        return rc;
    *ret = status == 200;
    return status == 200 || status == 404 ? 0 : refused(api, kind, status, err);
}
