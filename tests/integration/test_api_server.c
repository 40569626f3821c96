/* The HTTP server itself: who may, what is refused, how it starts and stops. */
#include "module/base/buf.h"
#include "module/store/access.h"
#include "tests/lib/http.h"
#include "tests/lib/service.h"
#include "tests/lib/store_fixture.h"

#include <libpq-fe.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#undef OK
#define OK STORE_OK

struct fixture {
    const char *url;
    struct test_service *service;
    char base[300];
    char admin[STORE_SECRET], viewer[STORE_SECRET]; /* of all tenants; of t0 */
};

static void make_token(const char *url, const char *tenant, const char *role, char *ret) {
    struct job_info_service s = {.db = store_connect(url)};
    struct store_token token = {.name = role, .tenant = tenant, .role = role};
    struct job_uuid id;
    OK(store_token_create(&s, &token, &id, ret, &err));
    PQfinish(s.db);
}

static int up(void **state) {
    static struct fixture f;
    f.url = service_database();
    test_sql(f.url,
             "insert into jobs.t_job_audit (date, who, action, outcome) values "
             "(now() - interval '25 hours', 'old', 'stop', 'ok'), (now(), 'young', 'stop', 'ok')");
    f.service = service_start(f.url, NULL, "jobs.api.listen=127.0.0.1:0", "jobs.api.log=all",
                              "jobs.api.timeout=1s", "jobs.api.audit.days=1", NULL);
    OK(job_service_url(service_of(f.service), f.base, sizeof f.base, &err));
    assert_true(strncmp(f.base, "http://127.0.0.1:", 17) == 0);
    make_token(f.url, NULL, "admin", f.admin);
    make_token(f.url, "t0", "viewer", f.viewer);
    *state = &f;
    return 0;
}

static int down(void **state) {
    struct fixture *f = *state;
    service_stop(f->service);
    return 0;
}

static void has(const char *text, const char *part) {
    if (!strstr(text, part))
        fail_msg("\"%s\" is not in: %s", part, text);
}

static void the_page_and_the_contract_need_no_token(void **state) {
    struct fixture *f = *state;
    char *body = http_get(200, f->base, NULL, "/");
    has(body, "<html");
    free(body);
    body = http_get(200, f->base, NULL, "/api/v1/openapi.json");
    has(body, "\"openapi\": \"3.1.0\"");
    free(body);
    body = http_get(200, f->base, NULL, "/api/v1/version");
    has(body, "\"version\":\"" JOBS_VERSION "\"");
    free(body);
}

static void pages_are_kept_by_their_tag(void **state) {
    struct fixture *f = *state;
    char url[400];
    snprintf(url, sizeof url, "%s/", f->base);
    struct http_answer *answer = http_send(&(struct http_request){.url = url});
    assert_int_equal(answer->status, 200);
    has(answer->headers, "nosniff");
    has(answer->headers, "default-src 'self'");
    char *tag = strstr(answer->headers, "ETag: ");
    assert_non_null(tag);
    char known[100];
    snprintf(known, sizeof known, "If-None-Match: %.*s", (int)strcspn(tag + 6, "\r"), tag + 6);
    http_free(answer);
    answer = http_send(
        &(struct http_request){.url = url, .headers = (const char *const[]){known, NULL}});
    assert_int_equal(answer->status, 304);
    assert_int_equal(answer->length, 0);
    http_free(answer);
}

static void tokens_say_who_asks(void **state) {
    struct fixture *f = *state;
    char *body = http_get(200, f->base, f->admin, "/api/v1/me");
    has(body, "{\"name\":\"admin\",\"role\":\"admin\",\"auth\":\"token\"}");
    free(body);
    body = http_get(200, f->base, f->viewer, "/api/v1/me");
    has(body, "\"tenant\":\"t0\",\"role\":\"viewer\"");
    free(body);
    free(http_get(200, f->base, f->viewer, "/api/v1/me")); /* remembered */
    body = http_get(401, f->base, NULL, "/api/v1/me");
    has(body, "\"code\":\"UNAUTHORIZED\"");
    free(body);
    free(http_get(401, f->base, "jobs_nothing", "/api/v1/me"));
    free(http_get(401, f->base, "jobs_nothing", "/api/v1/me"));
    char basic[] = "Authorization: Basic YTpi";
    char url[400];
    snprintf(url, sizeof url, "%s/api/v1/me", f->base);
    struct http_answer *answer = http_send(
        &(struct http_request){.url = url, .headers = (const char *const[]){basic, NULL}});
    assert_int_equal(answer->status, 401);
    has(answer->headers, "WWW-Authenticate: Bearer");
    http_free(answer);
}

static void a_revoked_token_ends(void **state) {
    struct fixture *f = *state;
    char secret[STORE_SECRET];
    make_token(f->url, "t1", "operator", secret);
    free(http_get(200, f->base, secret, "/api/v1/me"));
    test_sql(f->url, "update jobs.t_job_token set revoked_date = now() where tenant = 't1'");
    int status = 200;
    for (int i = 0; i < 200 && status != 401; i++) { /* it is remembered for 5 s */
        char url[400];
        snprintf(url, sizeof url, "%s/api/v1/me", f->base);
        struct http_answer *answer = http_send(&(struct http_request){.url = url, .token = secret});
        status = answer->status;
        http_free(answer);
        test_wait_sql(f->url, 1000, "select pg_sleep(0.05) is not null");
    }
    assert_int_equal(status, 401);
}

static void what_is_wrong_is_told(void **state) {
    struct fixture *f = *state;
    static const struct {
        const char *method, *path, *body;
        int status;
        const char *part;
    } cases[] = {
        {"GET", "/nothing", NULL, 404, "\"status\":404"},
        {"GET", "/../../etc/passwd", NULL, 400, "path"},
        {"GET", "/%2e%2e/etc/passwd", NULL, 400, "path"},
        {"GET", "/..%2fetc%2fpasswd", NULL, 400, "path"},
        {"GET", "/%00", NULL, 400, "path"},
        {"GET", "/%zz", NULL, 400, "path"},
        {"GET", "/%ff", NULL, 400, "path"},
        {"GET", "/api/v1/version?x=1", NULL, 400, "\"field\":\"x\""},
        {"GET", "/api/v1/version?%ff=1", NULL, 400, "query"},
        {"POST", "/api/v1/version", NULL, 405, "GET"},
        {"BREW", "/api/v1/version", NULL, 405, "GET"},
        {"GET", "/api/v1/version", "{}", 400, "no body"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char url[400];
        snprintf(url, sizeof url, "%s%s", f->base, cases[i].path);
        struct http_answer *answer = http_send(&(struct http_request){
            .method = cases[i].method, .url = url, .body = cases[i].body, .token = f->admin});
        if (answer->status != cases[i].status)
            fail_msg("%s: %d", cases[i].path, answer->status);
        assert_string_equal(answer->type, "application/problem+json");
        has(answer->body, cases[i].part);
        http_free(answer);
    }
}

static void the_audit_log_is_not_kept_for_ever(void **state) {
    struct fixture *f = *state;
    assert_true(test_wait_sql(f->url, LONG_MS,
                              "select array_agg(who) = '{young}' from jobs.t_job_audit "
                              "where who in ('old', 'young')"));
}

static void other_origins_are_refused(void **state) {
    struct fixture *f = *state;
    char url[400];
    snprintf(url, sizeof url, "%s/api/v1/me", f->base);
    struct http_answer *answer = http_send(
        &(struct http_request){.url = url,
                               .token = f->admin,
                               .headers =
                                   (const char *const[]){"Origin: http://evil.example", NULL}});
    assert_int_equal(answer->status, 403);
    assert_null(strcasestr(answer->headers, "Access-Control"));
    http_free(answer);
}

static void slow_and_broken_clients_are_closed(void **state) {
    struct fixture *f = *state;
    static const char *const sent[] = {
        "", "G", "GET / HTTP/1.1\r\nHost: x\r\n",
        ("POST /api/v1/me HTTP/1.1\r\nHost: x\r\n"
         "Content-Type: application/json\r\nContent-Length: 10\r\n\r\n{")};
    for (size_t i = 0; i < sizeof sent / sizeof *sent; i++) /* it ends, by the server's doing */
        free(http_raw(f->base, sent[i], strlen(sent[i])));
    free(http_get(200, f->base, NULL, "/api/v1/version"));
}

static void large_headers_are_refused(void **state) {
    struct fixture *f = *state;
    struct buf text = {0};
    buf_text(&text, "GET /");
    for (int i = 0; i < 20000; i++)
        buf_char(&text, 'a');
    buf_text(&text, " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    char *answer = http_raw(f->base, buf_get(&text), text.length);
    has(answer, " 413 ");
    free(answer);
    buf_clear(&text);
    buf_text(&text, "GET / HTTP/1.1\r\nHost: x\r\nX: ");
    for (int i = 0; i < 100000; i++)
        buf_char(&text, 'a');
    buf_text(&text, "\r\n\r\n");
    answer = http_raw(f->base, buf_get(&text), text.length);
    assert_true(!*answer || strstr(answer, " 431 ") || strstr(answer, " 413 "));
    free(answer);
    buf_done(&text);
}

static void requests_are_logged(void **state) {
    struct fixture *f = *state;
    assert_true(service_said(f->service, "token:admin \"GET /api/v1/me\" 200") > 0);
    assert_true(service_said(f->service, "\"GET /nothing\" 404") > 0);
    assert_int_equal(service_said(f->service, f->admin), 0);
}

static void auth_none_is_for_loopback(void **state) {
    struct fixture *f = *state;
    struct jobs_error refused;
    struct test_service *s;
    char main_url[1000];
    snprintf(main_url, sizeof main_url, "jobs.datasource.main.url=%s", f->url);
    const char *settings[] = {main_url, "jobs.amqp.url=", "jobs.api.listen=0.0.0.0:0",
                              "jobs.api.auth=none", NULL};
    assert_int_equal(service_try(NULL, settings, NULL, &s, &refused), JOBS_ECONFIG);
    has(refused.text, "loopback");
    settings[2] = "jobs.api.listen=127.0.0.1:0";
    OK(service_try(NULL, settings, NULL, &s, &err));
    char base[300];
    OK(job_service_url(service_of(s), base, sizeof base, &err));
    char *body = http_get(200, base, NULL, "/api/v1/me");
    has(body, "{\"name\":\"none\",\"role\":\"admin\",\"auth\":\"none\"}");
    free(body);
    /* A name of somebody else that leads to this machine. */
    static const char *const hosts[] = {
        "Host: evil.example:8080", "Host: 127.evil.example", "Host: localhost.evil.example",
        "Host: LocalHost:1",       "Host: 127.0.0.1",        "Host: [::1]:8080"};
    char url[400];
    snprintf(url, sizeof url, "%s/api/v1/me", base);
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        struct http_answer *answer = http_send(
            &(struct http_request){.url = url, .headers = (const char *const[]){hosts[i], NULL}});
        assert_int_equal(answer->status, i < 3 ? 403 : 200);
        http_free(answer);
    }
    service_stop(s);
}

static void a_rate_is_kept(void **state) {
    struct fixture *f = *state;
    struct test_service *s =
        service_start(f->url, NULL, "jobs.api.listen=127.0.0.1:0", "jobs.api.rate=2", NULL);
    char url[400], base[300];
    OK(job_service_url(service_of(s), base, sizeof base, &err));
    snprintf(url, sizeof url, "%s/api/v1/me", base);
    int refused = 0;
    for (int i = 0; i < 20; i++) {
        struct http_answer *answer =
            http_send(&(struct http_request){.url = url, .token = f->viewer});
        if (answer->status == 429) {
            has(answer->headers, "Retry-After: 1");
            refused++;
        } else {
            assert_int_equal(answer->status, 200);
        }
        http_free(answer);
    }
    assert_true(refused > 0);
    service_stop(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_and_the_contract_need_no_token),
        cmocka_unit_test(pages_are_kept_by_their_tag),
        cmocka_unit_test(tokens_say_who_asks),
        cmocka_unit_test(a_revoked_token_ends),
        cmocka_unit_test(what_is_wrong_is_told),
        cmocka_unit_test(the_audit_log_is_not_kept_for_ever),
        cmocka_unit_test(other_origins_are_refused),
        cmocka_unit_test(slow_and_broken_clients_are_closed),
        cmocka_unit_test(large_headers_are_refused),
        cmocka_unit_test(requests_are_logged),
        cmocka_unit_test(auth_none_is_for_loopback),
        cmocka_unit_test(a_rate_is_kept),
    };
    return cmocka_run_group_tests(tests, up, down);
}
