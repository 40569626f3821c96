/* Jobs over the HTTP interface: submit, read, change. */
#include "tests/lib/api.h"
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

#include <json-c/json.h>
#include <pthread.h>

static int up(void **state) {

    *state = api_fixture_start("jobs.api.log=all", NULL);
    return 0;
}
static int down(void **state) {
    api_fixture_stop(*state);
    return 0;
}

static void a_job_is_submitted_and_waited_for(void **state) {
    struct api_fixture *f = *state;
    char *id =
        api_submit(f, "{\"class_name\":\"noop\",\"parameters\":{\"n\":12345678901234567890.10}}");
    char *job = http_get(200, f->base, f->viewer, "/api/v1/tenants/t0/jobs/%s?wait=30s", id);
    api_has(job, "\"status\":\"SUCCEEDED\"");
    api_has(job, "12345678901234567890.10");
    free(job);
    job = http_get(200, f->base, f->viewer, "/api/v1/tenants/t0/jobs/%s/attempts", id);
    api_has(job, "\"outcome\":\"SUCCEEDED\"");
    free(job);
    free(id);
}

static void a_wait_ends_with_its_time(void **state) {
    struct api_fixture *f = *state;
    char *id = api_submit(f, "{\"class_name\":\"noop\",\"pending\":true}");
    char *job = http_get(200, f->base, f->viewer, "/api/v1/tenants/t0/jobs/%s?wait=200ms", id);
    api_has(job, "\"status\":\"PENDING\"");
    free(job);
    free(id);
}

static void items_of_an_array_are_each_for_themselves(void **state) {
    struct api_fixture *f = *state;
    char *body = http_post(
        207, f->base, f->operator,
        "[{\"class_name\":\"noop\"},{\"class_name\":\"no/such\"},{\"class_name\":\"noop\",\"x\":1},"
        "{\"class_name\":\"noop\",\"parameters\":{\"x\":\"\\u0000\"}},{\"class_name\":\"noop\"}]",
        "/api/v1/tenants/t0/jobs");
    struct json_object *json = json_tokener_parse(body), *outcomes, *one, *status;
    assert_true(json_object_object_get_ex(json, "outcomes", &outcomes));
    static const int expected[] = {201, 422, 400, 422, 201};
    assert_int_equal(json_object_array_length(outcomes), 5);
    for (size_t i = 0; i < 5; i++) {
        one = json_object_array_get_idx(outcomes, i);
        assert_true(json_object_object_get_ex(one, "status", &status));
        assert_int_equal(json_object_get_int(status), expected[i]);
    }
    json_object_put(json);
    free(body);
    free(http_post(200, f->base, f->operator, "[{\"class_name\":\"noop\"}]",
                   "/api/v1/tenants/t0/jobs"));
}

static char *submit_with_key(struct api_fixture *f, const char *key, const char *body) {
    char url[400], header[300];
    snprintf(url, sizeof url, "%s/api/v1/tenants/t0/jobs", f->base);
    snprintf(header, sizeof header, "Idempotency-Key: %s", key);
    struct http_answer *answer =
        http_send(&(struct http_request){.method = "POST",
                                         .url = url,
                                         .token = f->operator,
                                         .body = body,
                                         .headers = (const char *const[]){header, NULL}});
    assert_int_equal(answer->status, 201);
    char *text = strdup(answer->body);
    http_free(answer);
    return text;
}

static void the_same_key_is_the_same_job(void **state) {
    struct api_fixture *f = *state;
    int64_t before = count_jobs(f->url, "true");
    char *a = submit_with_key(f, "order 17", "{\"class_name\":\"noop\",\"pending\":true}");
    char *b = submit_with_key(f, "order 17", "{\"class_name\":\"noop\",\"pending\":true}");
    char *c = submit_with_key(f, "order 18", "{\"class_name\":\"noop\",\"pending\":true}");
    assert_string_equal(a, b);
    assert_string_not_equal(a, c);
    assert_int_equal(count_jobs(f->url, "true"), before + 2);
    free(a);
    free(b);
    free(c);
}

/* ---- many at a time ---- */

struct submitter {
    struct api_fixture *f;
    pthread_t thread;
    int bad, made;
};

static void *submit_some(void *arg) {
    struct submitter *s = arg;
    char url[400];
    snprintf(url, sizeof url, "%s/api/v1/tenants/t1/jobs", s->f->base);
    for (int i = 0; i < 30; i++) {
        bool bad = i % 5 == 4;
        struct http_answer *answer = http_send(
            &(struct http_request){.method = "POST",
                                   .url = url,
                                   .token = s->f->admin,
                                   .body = bad ? "{\"class_name\":\"-\"}"
                                               : "{\"class_name\":\"noop\",\"pending\":true}"});
        s->made += answer->status == 201;
        s->bad += answer->status == 422;
        http_free(answer);
    }
    return NULL;
}

static void one_bad_request_does_not_hinder_others(void **state) {
    struct api_fixture *f = *state;
    struct submitter s[8];
    for (int i = 0; i < 8; i++) {
        s[i] = (struct submitter){.f = f};
        assert_int_equal(pthread_create(&s[i].thread, NULL, submit_some, &s[i]), 0);
    }
    for (int i = 0; i < 8; i++) {
        pthread_join(s[i].thread, NULL);
        assert_int_equal(s[i].made, 24);
        assert_int_equal(s[i].bad, 6);
    }
    assert_int_equal(count_jobs(f->url, "tenant = 't1'"), 8 * 24);
    /* Every request has its entry; several had one commit. */
    assert_true(test_wait_sql(f->url, 0,
                              "select count(*) = 240 from jobs.t_job_audit "
                              "where tenant = 't1' and action = 'submit'"));
}

/* ---- lists ---- */

static int count_of(const char *body, const char *part) {
    int n = 0;
    for (const char *p = body; (p = strstr(p, part)); p++)
        n++;
    return n;
}

static void lists_are_paged_and_counted(void **state) {
    struct api_fixture *f = *state;
    char cursor[40] = "", *body;
    int seen = 0, pages = 0;
    for (;; pages++) {
        body =
            http_get(200, f->base, f->admin, "/api/v1/tenants/t1/jobs?status=PENDING&limit=100%s%s",
                     cursor[0] ? "&cursor=" : "", cursor);
        seen += count_of(body, "\"class_name\":\"noop\"");
        api_has(body, "\"total\":192,\"total_is\":\"exact\"");
        const char *next = strstr(body, "\"cursor\":\"");
        if (!next)
            break;
        snprintf(cursor, sizeof cursor, "%.36s", next + 10);
        free(body);
    }
    free(body);
    assert_int_equal(seen, 192);
    assert_int_equal(pages, 1);
    body = http_get(200, f->base, f->admin,
                    "/api/v1/tenants/t1/jobs?priority=0&limit=1"
                    "&created_from=2020-01-01T00:00:00Z");
    api_has(body, "\"total\":192,\"total_is\":\"exact\"");
    free(body);
    body = http_get(200, f->base, f->admin,
                    "/api/v1/tenants/t1/jobs?created_to=2020-01-01T00:00:00%%2B02:00");
    api_has(body, "{\"jobs\":[],\"total\":0,");
    free(body);
    free(http_get(400, f->base, f->admin, "/api/v1/tenants/t1/jobs?status=DONE"));
    free(http_get(400, f->base, f->admin, "/api/v1/tenants/t1/jobs?limit=1001"));
    free(http_get(400, f->base, f->admin, "/api/v1/tenants/t1/jobs?limit=1&limit=2"));
}

static void large_jobs_end_a_page_early(void **state) {
    struct api_fixture *f = *state;
    const size_t mib = (size_t)1 << 20;
    char cursor[50] = "";
    int seen = 0, pages = 0;
    test_sql(f->url, "select jobs.job_submit('t3', 'noop', jsonb_build_object('n', n, 'large', "
                     "repeat('x', 1000000)), pending => true) from generate_series(1, 20) n");
    for (bool last = false; !last; pages++) {
        char *body = http_get(200, f->base, f->admin,
                              "/api/v1/tenants/t3/jobs?full=true&limit=1000%s", cursor);
        int n = count_of(body, "\"class_name\":\"noop\"");
        const char *next = strstr(body, "\"cursor\":\"");
        assert_true(n > 0);
        assert_true(strlen(body) < 10 * mib);
        assert_true(!next || strlen(body) > 8 * mib);
        api_has(body, "\"total\":20,\"total_is\":\"exact\"");
        seen += n;
        last = !next;
        snprintf(cursor, sizeof cursor, "&cursor=%.36s", next ? next + 10 : "");
        free(body);
    }
    assert_int_equal(seen, 20);
    assert_int_equal(pages, 3);
    char *body = http_get(200, f->base, f->admin, "/api/v1/tenants/t1/jobs?full=true&limit=1000");
    assert_true(count_of(body, "\"class_name\":\"noop\"") >= 192);
    assert_null(strstr(body, "\"cursor\""));
    free(body);
    body = http_get(200, f->base, f->admin, "/api/v1/tenants/t1/jobs?full=true&limit=35");
    assert_int_equal(count_of(body, "\"class_name\":\"noop\""), 35);
    api_has(body, "\"cursor\"");
    free(body);
}

/* However many jobs a filter leaves out, and however many wait, a page is there soon: it may then hold
 * nothing and say where to go on. */
static void lists_look_at_a_bounded_number(void **state) {
    struct api_fixture *f = *state;
    test_sql(f->url,
             "insert into jobs.t_job_info (id, tenant, class_name, status, version, owner) "
             "select ('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 't5', 'noop', "
             "'SUCCEEDED', 4, case when n < 2 then 'ann' end from generate_series(0, 120000) n");
    char *body = http_get(200, f->base, f->admin, "/api/v1/tenants/t5/jobs?owner=ann");
    const char *next = strstr(body, "\"cursor\":\"");
    api_has(body, "{\"jobs\":[],");
    api_has(body, "\"total\":0,\"total_is\":\"at_least\"");
    assert_non_null(next);
    char *rest = http_get(200, f->base, f->admin, "/api/v1/tenants/t5/jobs?owner=ann&cursor=%.36s",
                          next + 10);
    assert_int_equal(count_of(rest, "\"owner\":\"ann\""), 2);
    assert_null(strstr(rest, "\"cursor\""));
    free(rest), free(body);
    /* Too many to look at in the order of t_job_ready: that table is not read at all. */
    test_sql(f->url, "insert into jobs.t_job_count (tenant, class_name, status, n) values "
                     "('t5', 'noop', 'QUEUED', 30000)");
    PGconn *db = store_connect(f->url);
    store_sql(db, "begin; lock table jobs.t_job_ready in access exclusive mode");
    body = http_get(200, f->base, f->admin, "/api/v1/tenants/t5/jobs?status=QUEUED");
    api_has(body, "\"total\":30000,\"total_is\":\"exact\"");
    api_has(body, "\"cursor\"");
    PQfinish(db);
    free(body);
    test_sql(f->url, "delete from jobs.t_job_count where tenant = 't5'");
    test_sql(f->url, "delete from jobs.t_job_info where tenant = 't5'");
}

/* The first moment of 1970, too, is a date and not "never". */
static void what_expires_in_the_past(void **state) {
    struct api_fixture *f = *state;
    static const char *const past[] = {"1969-12-31T23:59:59Z", "1970-01-01T00:00:00Z",
                                       "1970-01-01T02:00:00+02:00", "2020-02-29T12:00:00Z"};
    for (size_t i = 0; i < sizeof past / sizeof *past; i++) {
        char body[200];
        snprintf(body, sizeof body, "{\"name\":\"x\",\"role\":\"viewer\",\"expires\":\"%s\"}",
                 past[i]);
        char *answer = http_post(400, f->base, f->admin, body, "/api/v1/tokens");
        api_has(answer, "\"field\":\"expires\"");
        free(answer);
        snprintf(body, sizeof body, "{\"class_name\":\"noop\",\"expires\":\"%s\"}", past[i]);
        char *id = api_submit(f, body);
        answer = http_get(200, f->base, f->viewer, "/api/v1/tenants/t0/jobs/%s?wait=30s", id);
        api_has(answer, "\"error_kind\":\"EXPIRED\"");
        free(answer), free(id);
    }
    char *answer = http_get(200, f->base, f->viewer,
                            "/api/v1/tenants/t0/jobs?created_to=1970-01-01T00:00:00Z");
    api_has(answer, "{\"jobs\":[],\"total\":0,");
    free(answer);
}

/* ---- changes ---- */

static void act(struct api_fixture *f, const char *id, const char *verb, int status,
                const char *part) {
    char *body =
        http_post(status, f->base, f->operator, NULL, "/api/v1/tenants/t0/jobs/%s/%s", id, verb);
    api_has(body, part);
    free(body);
}

static void jobs_are_released_stopped_tried_again(void **state) {
    struct api_fixture *f = *state;
    char *id = api_submit(f, "{\"class_name\":\"noop\",\"pending\":true}");
    act(f, id, "lock", 200, "PENDING");
    act(f, id, "unlock", 200, "PENDING");
    act(f, id, "retry", 409, "JB006");
    act(f, id, "stop", 200, "ABORTED");
    act(f, id, "release", 409, "JB006");
    act(f, id, "retry", 200, "QUEUED");
    char *job = http_get(200, f->base, f->viewer, "/api/v1/tenants/t0/jobs/%s?wait=30s", id);
    api_has(job, "SUCCEEDED");
    free(job);
    assert_true(test_wait_sql(f->url, 0,
                              "select array_agg(action || ' ' || outcome order by id) = "
                              "'{submit ok,lock ok,unlock ok,retry JB006,stop ok,release JB006,"
                              "retry ok}' from jobs.t_job_audit where job = '%s'",
                              id));
    free(id);
}

static struct http_answer *send_to(struct api_fixture *f, const char *method, const char *token,
                                   const char *id, const char *body) {
    char url[400];
    snprintf(url, sizeof url, "%s/api/v1/tenants/t0/jobs/%s", f->base, id);
    return http_send(
        &(struct http_request){.method = method, .url = url, .token = token, .body = body});
}

static void expect(struct http_answer *answer, int status, const char *part) {
    if (answer->status != status)
        fail_msg("%d: %s", answer->status, answer->body);
    api_has(answer->body, part);
    http_free(answer);
}

static void waiting_jobs_are_changed(void **state) {
    struct api_fixture *f = *state;
    char *id = api_submit(f, "{\"class_name\":\"noop\",\"pending\":true,\"priority\":1}");
    expect(send_to(f, "PATCH", f->operator, id,
                   "{\"priority\":7,\"expires\":\"2040-01-01T00:00:00Z\"}"),
           200, "\"priority\":7");
    expect(send_to(f, "PATCH", f->operator, id, "{\"expires\":null}"), 200, "\"priority\":7");
    char *job = job_column(f->url, id, "expiration_date");
    assert_string_equal(job, "");
    free(job);
    expect(send_to(f, "PATCH", f->operator, id, "{}"), 400, "one member");
    expect(send_to(f, "PATCH", f->operator, id, "{\"priority\":1.5}"), 400,
           "\"field\":\"priority\"");
    expect(send_to(f, "PATCH", f->viewer, id, "{\"priority\":1}"), 403, "operator");
    expect(send_to(f, "DELETE", f->operator, id, NULL), 409, "JB006");
    act(f, id, "stop", 200, "ABORTED");
    expect(send_to(f, "PATCH", f->operator, id, "{\"priority\":1}"), 409, "JB006");
    act(f, id, "lock", 200, "ABORTED");
    expect(send_to(f, "DELETE", f->operator, id, NULL), 409, "locked");
    act(f, id, "unlock", 200, "ABORTED");
    expect(send_to(f, "DELETE", f->operator, id, NULL), 204, "");
    expect(send_to(f, "DELETE", f->operator, id, NULL), 404, "JB007");
    expect(send_to(f, "GET", f->viewer, id, NULL), 404, "JB007");
    free(id);
}

/* Of a paused tenant, so that it stays in the queue. */
static void queued_jobs_are_changed(void **state) {
    struct api_fixture *f = *state;
    test_sql(f->url, "update jobs.t_tenant set state = 'PAUSED' where tenant = 't5'");
    char *id = submit(f->url, "'t5', 'noop'");
    char url[400];
    snprintf(url, sizeof url, "%s/api/v1/tenants/t5/jobs/%s", f->base, id);
    expect(http_send(&(struct http_request){
               .method = "PATCH", .url = url, .token = f->admin, .body = "{\"priority\":9}"}),
           200, "\"status\":\"QUEUED\"");
    assert_true(test_wait_sql(f->url, 0,
                              "select count(*) = 1 from jobs.t_job_ready r join jobs.t_job_info j "
                              "on j.id = r.id where j.id = '%s' and r.priority = 9 and "
                              "j.priority = 9 and r.seq = j.ready_seq",
                              id));
    test_sql(f->url, "update jobs.t_tenant set state = 'ACTIVE' where tenant = 't5'");
    wait_status(f->url, id, "SUCCEEDED");
    free(id);
}

static void a_filter_stops_many(void **state) {
    struct api_fixture *f = *state;
    char *body =
        http_post(200, f->base, f->admin, "{\"class_name\":\"noop\",\"status\":\"PENDING\"}",
                  "/api/v1/tenants/t1/jobs:stop");
    api_has(body, "{\"matched\":192,\"changed\":192,\"more\":false}");
    free(body);
    body = http_post(200, f->base, f->admin, "{\"newer_than\":\"1h\"}",
                     "/api/v1/tenants/t1/jobs:retry");
    api_has(body, "{\"matched\":192,");
    free(body);
    free(http_post(400, f->base, f->admin, "{}", "/api/v1/tenants/t1/jobs:stop"));
    free(http_post(400, f->base, f->admin, "{\"staus\":1}", "/api/v1/tenants/t1/jobs:stop"));
}

/* ---- whose ---- */

static void of_other_tenants_there_is_nothing(void **state) {
    struct api_fixture *f = *state;
    char *id = submit(f->url, "'t2', 'noop', pending => true");
    char *body = http_get(404, f->base, f->viewer, "/api/v1/tenants/t2/jobs/%s", id);
    free(body);
    body = http_get(404, f->base, f->viewer, "/api/v1/tenants/t0/jobs/%s", id);
    free(body);
    free(http_get(404, f->base, f->viewer, "/api/v1/tenants/t2/jobs"));
    free(http_get(404, f->base, f->viewer, "/api/v1/tenants/nobody/jobs"));
    free(http_get(404, f->base, f->admin, "/api/v1/tenants/nobody/jobs"));
    free(http_post(404, f->base, f->operator, NULL, "/api/v1/tenants/t0/jobs/%s/stop", id));
    free(http_post(404, f->base, f->operator, NULL, "/api/v1/tenants/t2/jobs/%s/stop", id));
    free(http_post(404, f->base, f->admin, "{\"class_name\":\"noop\"}",
                   "/api/v1/tenants/nobody/jobs"));
    free(
        http_post(403, f->base, f->viewer, "{\"class_name\":\"noop\"}", "/api/v1/tenants/t0/jobs"));
    struct buf given = {0};
    buf_format(&given, "{\"class_name\":\"noop\",\"id\":\"%s\"}", id);
    body = http_post(404, f->base, f->operator, buf_get(&given), "/api/v1/tenants/t0/jobs");
    api_has(body, "JB007");
    free(body);
    buf_done(&given);
    assert_job(f->url, id, "status", "PENDING");
    free(id);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_is_submitted_and_waited_for),
        cmocka_unit_test(a_wait_ends_with_its_time),
        cmocka_unit_test(items_of_an_array_are_each_for_themselves),
        cmocka_unit_test(the_same_key_is_the_same_job),
        cmocka_unit_test(one_bad_request_does_not_hinder_others),
        cmocka_unit_test(lists_are_paged_and_counted),
        cmocka_unit_test(large_jobs_end_a_page_early),
        cmocka_unit_test(lists_look_at_a_bounded_number),
        cmocka_unit_test(what_expires_in_the_past),
        cmocka_unit_test(jobs_are_released_stopped_tried_again),
        cmocka_unit_test(waiting_jobs_are_changed),
        cmocka_unit_test(queued_jobs_are_changed),
        cmocka_unit_test(a_filter_stops_many),
        cmocka_unit_test(of_other_tenants_there_is_nothing),
    };
    return cmocka_run_group_tests(tests, up, down);
}
