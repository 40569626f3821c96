/* What clients should not send: it gets its 4xx and leaves no trace but a log line. */
#include "tests/lib/api.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int up(void **state) {
    *state = api_fixture_start("jobs.api.timeout=2s", "jobs.api.rate=0", NULL);
    return 0;
}
static int down(void **state) {
    api_fixture_stop(*state);
    return 0;
}

/* Rows of all tables that a submit could leave something in. */
static int64_t traces(const struct api_fixture *f) {
    char *n = test_sql_value(
        f->url, "select (select count(*) from jobs.t_job_info) + (select count(*) from "
                "jobs.t_job_parameters) + (select count(*) from jobs.t_job_outbox) + (select "
                "count(*) from jobs.t_job_ready) + (select count(*) from jobs.t_job_timer)");
    int64_t ret = strtoll(n, NULL, 10);
    free(n);
    return ret;
}

static struct http_answer *post(struct api_fixture *f, const char *type, const void *body,
                                size_t length) {
    char url[400];
    snprintf(url, sizeof url, "%s/api/v1/tenants/t0/jobs", f->base);
    return http_send(&(struct http_request){.method = "POST",
                                            .url = url,
                                            .token = f->operator,
                                            .type = type,
                                            .body = body,
                                            .length = length});
}

static void refused(struct api_fixture *f, const char *type, const void *body, size_t length,
                    int status, const char *part) {
    struct http_answer *answer = post(f, type, body, length);
    if (answer->status != status || !strstr(answer->body, part))
        fail_msg("%.100s: %d %s", (const char *)body, answer->status, answer->body);
    assert_string_equal(answer->type, "application/problem+json");
    http_free(answer);
}

static void malformed_json(void **state) {
    struct api_fixture *f = *state;
    int64_t before = traces(f);
    static const struct {
        const char *body, *part;
    } cases[] = {
        {" ", "too early"},
        {"{", "missing"},
        {"{\"class_name\":\"noop\"", "without an end"},
        {"{\"class_name\":\"noop\"}}", "after the value"},
        {"{\"class_name\":\"noop\",}", "name of a member"},
        {"{\"class_name\":\"noop\" \"priority\":1}", "comma"},
        {"{'class_name':'noop'}", "name of a member"},
        {"{\"class_name\":\"no\nop\"}", "control character"},
        {"{\"class_name\":\"\\x\"}", "escape"},
        {"{\"class_name\":\"\\u12\"}", "escape"},
        {"{\"class_name\":\"noop\",\"priority\":NaN}", "no JSON value"},
        {"{\"class_name\":\"noop\",\"priority\":01}", "begins with 0"},
        {"{\"class_name\":\"noop\",\"priority\":1.}", "number"},
        {"{\"class_name\":\"noop\",\"priority\":+1}", "no JSON value"},
        {"{\"class_name\":\"noop\",\"priority\":1e}", "number"},
        {"{\"class_name\":\"noop\"}//", "after the value"},
        {"\xef\xbb\xbf{\"class_name\":\"noop\"}", "no JSON value"},
        {"{\"class_name\":\"noop\",\"class_name\":\"fail\"}", "there before"},
        {"{\"class_name\":\"noop\",\"class\\u005fname\":\"fail\"}", "there before"},
        {"{\"class_name\":\"noop\",\"parameters\":{\"a\":{\"b\":1,\"b\":2}}}", "there before"},
        {"nul", "no JSON value"},
        {"[]", "array of 1 to 1000"},
        {"\"noop\"", "array of 1 to 1000"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refused(f, NULL, cases[i].body, 0, 400, cases[i].part);
    assert_int_equal(traces(f), before);
}

static void wrong_values(void **state) {
    struct api_fixture *f = *state;
    int64_t before = traces(f);
    static const struct {
        const char *members;
        int status;
        const char *part;
    } cases[] = {
        {"\"nope\":1", 400, "\"detail\":\"unknown member \\\"nope\\\"\",\"code\":"},
        {"\"tenant\":\"t1\"", 400, "unknown member"},
        {"\"priority\":\"1\"", 400, "\"field\":\"priority\""},
        {"\"priority\":1.0", 400, "\"field\":\"priority\""},
        {"\"priority\":2147483648", 400, "\"field\":\"priority\""},
        {"\"priority\":null", 400, "\"field\":\"priority\""},
        {"\"priority\":99999999999999999999999999", 400, "\"field\":\"priority\""},
        {"\"pending\":\"true\"", 400, "\"field\":\"pending\""},
        {"\"parameters\":[]", 400, "\"field\":\"parameters\""},
        {"\"parameters\":\"{}\"", 400, "\"field\":\"parameters\""},
        {"\"parameters\":{\"x\":\"\\u0000\"}", 422, "\"field\":\"parameters\""},
        {"\"parameters\":{\"x\":\"\\ud800\"}", 422, "\"field\":\"parameters\""},
        {"\"description\":\"\\u0000\"", 400, "\"field\":\"description\""},
        {"\"description\":\"\\udc00\"", 400, "\"field\":\"description\""},
        {"\"description\":7", 400, "\"field\":\"description\""},
        {"\"owner\":\"a\\nb\"", 422, "control characters"},
        {"\"at\":\"tomorrow\"", 400, "\"field\":\"at\""},
        {"\"at\":\"2030-02-30T00:00:00Z\"", 400, "\"field\":\"at\""},
        {"\"at\":\"2030-01-01T00:00:00\"", 400, "\"field\":\"at\""},
        {"\"at\":1893456000", 400, "\"field\":\"at\""},
        {"\"expires\":\"infinity\"", 400, "\"field\":\"expires\""},
        {"\"attempts\":0", 400, "\"field\":\"attempts\""},
        {"\"attempts\":1001", 400, "\"field\":\"attempts\""},
        {"\"timeout\":\"5 parsecs\"", 400, "\"field\":\"timeout\""},
        {"\"timeout\":-1", 400, "\"field\":\"timeout\""},
        {"\"backoff\":\"-1s\"", 400, "\"field\":\"backoff\""},
        {"\"id\":\"7\"", 400, "\"field\":\"id\""},
        {"\"traceparent\":{}", 400, "\"field\":\"traceparent\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char body[300];
        snprintf(body, sizeof body, "{\"class_name\":\"noop\",%s}", cases[i].members);
        refused(f, NULL, body, 0, cases[i].status, cases[i].part);
    }
    refused(f, NULL, "{}", 0, 400, "\"field\":\"class_name\"");
    refused(f, NULL, "{\"class_name\":\"a'; drop table jobs.t_job_info; --\"}", 0, 422,
            "\"field\":\"class_name\",\"code\":\"JB002\"");
    refused(f, NULL, "{\"class_name\":\"../../etc/passwd\"}", 0, 422, "JB002");
    assert_int_equal(traces(f), before);
}

static void tokens_that_cannot_be(void **state) {
    struct api_fixture *f = *state;
    static const struct {
        const char *body;
        int status;
        const char *part;
    } cases[] = {
        {"{\"name\":\"\",\"role\":\"viewer\"}", 400, "\"field\":\"name\""},
        {"{\"name\":\"a\\nb\",\"role\":\"viewer\"}", 400, "\"field\":\"name\""},
        {"{\"name\":\"x\",\"role\":\"king\"}", 400, "\"field\":\"role\""},
        {"{\"name\":\"x\"}", 400, "\"field\":\"role\""},
        {"{\"name\":\"x\",\"role\":\"admin\",\"tenant\":\"nobody\"}", 404, "\"field\":\"tenant\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *answer =
            http_post(cases[i].status, f->base, f->admin, cases[i].body, "/api/v1/tokens");
        api_has(answer, cases[i].part);
        free(answer);
    }
}

static void what_is_no_text(void **state) {
    struct api_fixture *f = *state;
    int64_t before = traces(f);
    refused(f, NULL, "{\"class_name\":\"noop\",\"owner\":\"\xff\"}", 0, 400, "UTF-8");
    refused(f, NULL, "{\"class_name\":\"noop\",\"owner\":\"\xed\xa0\x80\"}", 0, 400, "UTF-8");
    refused(f, NULL, "{\"class_name\":\"noop\"}\0 ", 23, 400, "UTF-8");
    refused(f, "text/plain", "{\"class_name\":\"noop\"}", 0, 415, "application/json");
    refused(f, "application/x-www-form-urlencoded", "class_name=noop", 0, 415, "application/json");
    refused(f, "application/jsonp", "{\"class_name\":\"noop\"}", 0, 415, "application/json");
    assert_int_equal(traces(f), before);
    struct http_answer *good =
        post(f, "Application/JSON; charset=utf-8", "{\"class_name\":\"noop\"}", 0);
    assert_int_equal(good->status, 201);
    char id[37];
    assert_int_equal(sscanf(good->body, "{\"id\":\"%36[^\"]", id), 1);
    wait_status(f->url, id, "SUCCEEDED"); /* it leaves no more traces */
    http_free(good);
}

static void deep_and_huge(void **state) {
    struct api_fixture *f = *state;
    int64_t before = traces(f);
    struct buf body = {0};
    buf_text(&body, "{\"class_name\":\"noop\",\"parameters\":{\"a\":");
    for (int i = 0; i < 100000; i++)
        buf_char(&body, '[');
    refused(f, NULL, buf_get(&body), body.length, 400, "too deeply");
    buf_clear(&body);
    buf_text(&body, "{\"class_name\":\"noop\",\"description\":\"");
    for (int i = 0; i < 4097; i++)
        buf_char(&body, 'x');
    buf_text(&body, "\"}");
    refused(f, NULL, buf_get(&body), body.length, 400, "\"field\":\"description\"");
    buf_clear(&body);
    buf_text(&body, "{\"class_name\":\"noop\",\"parameters\":{\"a\":\"");
    for (int i = 0; i < (1 << 20); i++)
        buf_char(&body, 'x');
    buf_text(&body, "\"}}");
    refused(f, NULL, buf_get(&body), body.length, 422, "JB003");
    for (int i = 0; i < (4 << 20); i++)
        buf_char(&body, ' ');
    struct http_answer *answer = post(f, NULL, buf_get(&body), body.length);
    assert_true(answer->status == 413 || answer->status == 0); /* it is not read to its end */
    http_free(answer);
    buf_clear(&body);
    buf_char(&body, '[');
    for (int i = 0; i < 1001; i++)
        buf_text(&body, i ? ",{\"class_name\":\"noop\"}" : "{\"class_name\":\"noop\"}");
    buf_char(&body, ']');
    refused(f, NULL, buf_get(&body), body.length, 400, "array of 1 to 1000");
    buf_done(&body);
    assert_int_equal(traces(f), before);
}

/* In chunks, of which nobody said how many come. */
static void a_body_without_end(void **state) {
    struct api_fixture *f = *state;
    struct buf request = {0};
    buf_format(&request,
               "POST /api/v1/tenants/t0/jobs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"
               "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
               f->operator);
    for (int i = 0; i < 90; i++) {
        buf_text(&request, "10000\r\n");
        for (int n = 0; n < 0x10000; n++)
            buf_char(&request, ' ');
        buf_text(&request, "\r\n");
    }
    char *answer = http_raw(f->base, buf_get(&request), request.length);
    assert_true(!*answer || strstr(answer, " 413 "));
    free(answer);
    buf_done(&request);
}

static void text_stays_text(void **state) {
    struct api_fixture *f = *state;
    static const char evil[] = "'; drop table jobs.t_job_info; -- <script>alert(1)</script> "
                               "{{7*7}} %s%n \\\\ $1 {a,b} \\u202e";
    char body[1000];
    snprintf(body, sizeof body,
             "{\"class_name\":\"noop\",\"pending\":true,\"description\":\"%s\",\"owner\":\"%s\","
             "\"related_type\":\"%s\",\"related_id\":\"%s\",\"traceparent\":\"%s\","
             "\"parameters\":{\"%s\":\"%s\"}}",
             evil, evil, evil, evil, evil, evil, evil);
    char *id = api_submit(f, body);
    char *job = http_get(200, f->base, f->viewer, "/api/v1/tenants/t0/jobs/%s", id);
    api_has(job, "\"owner\":\"'; drop table jobs.t_job_info; -- <script>alert(1)</script> {{7*7}} "
                 "%s%n \\\\ $1 {a,b} ");
    static const char reversed[] = {'b', '}', ' ', (char)0xe2, (char)0x80, (char)0xae, '"', '\0'};
    api_has(job, reversed);
    free(job);
    job = http_get(200, f->base, f->viewer,
                   "/api/v1/tenants/t0/jobs?owner=%%27%%20or%%20%%27%%27%%3D%%27");
    api_has(job, "\"total\":0");
    free(job);
    free(id);
}

static void paths(void **state) {
    struct api_fixture *f = *state;
    static const struct {
        const char *path;
        int status;
    } cases[] = {
        {"/api/v1/tenants/../tenants/t0/jobs", 400},
        {"/api/v1/tenants/t0%2fjobs", 400},
        {"/api/v1/tenants/T0/jobs", 404},
        {"/api/v1/tenants/t0;drop/jobs", 404},
        {"/api/v1/tenants/t0/jobs/", 404},
        {"/api/v1/tenants//jobs", 404},
        {"/api/v1/tenants/t0/jobs/1", 404},
        {"/api/v1/tenants/t0/jobs/%00", 400},
        {"/api/v1/tenants/t0/jobs?limit=%31%zz", 400},
        {"/api/v1/tenants/t0/jobs?limit=1%00", 400},
        {"/api/v1/tenants/t0/jobs?limit=0x10", 400},
        {"/api/v1/tenants/t0/jobs?cursor='", 400},
        {"/api/v1/tenants/t0/jobs?status=QUEUED'--", 400},
        {"/api/v1/tenants/t0/jobs?status=,", 400},
        {"//etc/passwd", 404},
        {"/vendor/../../api.h", 400},
        {"/vendor", 404},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char url[400];
        snprintf(url, sizeof url, "%s%s", f->base, cases[i].path);
        struct http_answer *answer =
            http_send(&(struct http_request){.url = url, .token = f->viewer});
        if (answer->status != cases[i].status)
            fail_msg("%s: %d %s", cases[i].path, answer->status, answer->body);
        http_free(answer);
    }
}

/* One byte now and then keeps no connection: what counts is a whole request in time. */
static void slow_loris(void **state) {
    struct api_fixture *f = *state;
    enum { MANY = 50 };
    int fds[MANY];
    for (int i = 0; i < MANY; i++) {
        fds[i] = http_open(f->base);
        http_put(fds[i], "GET /api/v1/version HTTP/1.1\r\nHost: x\r\n");
    }
    int64_t began = http_now();
    int open = MANY;
    while (open > 0 && http_now() - began < 30000 * test_time_factor()) {
        for (int i = 0; i < MANY; i++) {
            if (fds[i] < 0)
                continue;
            http_put(fds[i], "X");
            if (http_is_closed(fds[i])) {
                http_close(fds[i]);
                fds[i] = -1;
                open--;
            }
        }
        test_wait_sql(f->url, 1000, "select pg_sleep(0.05) is not null");
    }
    assert_int_equal(open, 0);
    free(http_get(200, f->base, NULL, "/api/v1/version"));
}

static void tokens_are_not_guessed_from_answers(void **state) {
    struct api_fixture *f = *state;
    static const char *const tokens[] = {"jobs_", "x", "' or 1=1 --",
                                         "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.",
                                         "jobs_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"};
    for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++)
        free(http_get(401, f->base, tokens[i], "/api/v1/tenants/t0/jobs"));
    char expired[STORE_SECRET];
    api_make_token(f->url, "t0", "admin", expired);
    test_sql(f->url, "update jobs.t_job_token set expiration_date = now() - interval '1 second' "
                     "where created_date = (select max(created_date) from jobs.t_job_token)");
    free(http_get(401, f->base, expired, "/api/v1/tenants/t0/jobs"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(malformed_json),
        cmocka_unit_test(wrong_values),
        cmocka_unit_test(tokens_that_cannot_be),
        cmocka_unit_test(what_is_no_text),
        cmocka_unit_test(deep_and_huge),
        cmocka_unit_test(a_body_without_end),
        cmocka_unit_test(text_stays_text),
        cmocka_unit_test(paths),
        cmocka_unit_test(slow_loris),
        cmocka_unit_test(tokens_are_not_guessed_from_answers),
    };
    return cmocka_run_group_tests(tests, up, down);
}
