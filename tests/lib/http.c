#include "tests/lib/http.h"

#include "module/base/buf.h"
#include "module/base/mem.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static size_t collect(char *data, size_t size, size_t count, void *arg) {
    buf_add(arg, data, size * count);
    return size * count;
}

static struct curl_slist *headers_of(const struct http_request *request) {
    struct buf line = {0};
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");
    if (request->token) {
        buf_format(&line, "Authorization: Bearer %s", request->token);
        list = curl_slist_append(list, buf_get(&line));
    }
    if (request->body) {
        buf_clear(&line);
        buf_format(&line, "Content-Type: %s", request->type ? request->type : "application/json");
        list = curl_slist_append(list, buf_get(&line));
    }
    for (size_t i = 0; request->headers && request->headers[i]; i++)
        list = curl_slist_append(list, request->headers[i]);
    buf_done(&line);
    return list;
}

struct http_answer *http_send(const struct http_request *request) {
    struct http_answer *answer = MEM_NEW(struct http_answer);
    struct buf head = {0}, body = {0};
    CURL *curl = curl_easy_init();
    struct curl_slist *list = headers_of(request);
    const char *method = request->method ? request->method : "GET";
    assert_non_null(curl);
    curl_easy_setopt(curl, CURLOPT_URL, request->url);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(curl, CURLOPT_NOBODY, strcmp(method, "HEAD") == 0 ? 1L : 0L);
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 120L);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &head);
    if (request->body) {
        size_t length = request->length ? request->length : strlen(request->body);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)length);
    } else if (strcmp(method, "POST") == 0) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)0);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, "");
    }
    CURLcode rc = curl_easy_perform(curl);
    long status = 0;
    char *type = NULL;
    if (rc == CURLE_COULDNT_CONNECT || rc == CURLE_OPERATION_TIMEDOUT)
        fail_msg("%s %s: %s", method, request->url, curl_easy_strerror(rc));
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type);
    answer->status = (int)status;
    answer->type = mem_text(type ? type : "");
    answer->length = body.length;
    answer->headers = buf_take(&head);
    answer->body = buf_take(&body);
    curl_slist_free_all(list);
    curl_easy_cleanup(curl);
    return answer;
}

void http_free(struct http_answer *answer) {
    if (!answer)
        return;
    free(answer->type);
    free(answer->headers);
    free(answer->body);
    free(answer);
}

static char *expect(int status, const struct http_request *request) {
    struct http_answer *answer = http_send(request);
    if (answer->status != status)
        fail_msg("%s %s: %d, not %d: %s", request->method, request->url, answer->status, status,
                 answer->body);
    char *body = answer->body;
    answer->body = NULL;
    http_free(answer);
    return body;
}

__attribute__((format(printf, 2, 0))) static char *url_of(const char *base, const char *path,
                                                          va_list args) {
    char *text;
    struct buf url = {0};
    assert_true(vasprintf(&text, path, args) >= 0);
    buf_format(&url, "%s%s", base, text);
    free(text);
    return buf_take(&url);
}

char *http_get(int status, const char *base, const char *token, const char *path, ...) {
    va_list args;
    va_start(args, path);
    char *url = url_of(base, path, args);
    va_end(args);
    char *body =
        expect(status, &(struct http_request){.method = "GET", .url = url, .token = token});
    free(url);
    return body;
}

char *http_post(int status, const char *base, const char *token, const char *body, const char *path,
                ...) {
    va_list args;
    va_start(args, path);
    char *url = url_of(base, path, args);
    va_end(args);
    char *answer =
        expect(status,
               &(struct http_request){.method = "POST", .url = url, .token = token, .body = body});
    free(url);
    return answer;
}

int http_open(const char *base) {
    struct sockaddr_in to = {.sin_family = AF_INET};
    const char *port = strrchr(base, ':');
    to.sin_port = htons((uint16_t)atoi(port + 1));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

void http_put(int fd, const char *text) { (void)!send(fd, text, strlen(text), MSG_NOSIGNAL); }

bool http_is_closed(int fd) {
    char chunk[4096];
    ssize_t n = recv(fd, chunk, sizeof chunk, MSG_DONTWAIT);
    return n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK);
}

void http_close(int fd) { close(fd); }

int64_t http_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

char *http_raw(const char *base, const void *bytes, size_t length) {
    struct buf answer = {0};
    char chunk[4096];
    int fd = http_open(base);
    (void)!send(fd, bytes, length, MSG_NOSIGNAL);
    for (ssize_t n; (n = recv(fd, chunk, sizeof chunk, 0)) > 0;)
        buf_add(&answer, chunk, (size_t)n);
    close(fd);
    return buf_take(&answer);
}
