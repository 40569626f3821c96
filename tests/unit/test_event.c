/* The body of an event, its id and its routing key. */
#include "module/base/clock.h"
#include "module/job/event.h"
#include "module/job/status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <json-c/json.h>

#define TRACE "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
#define ID "0189d2f0-1234-7abc-8000-0123456789ab"

static struct job_event plain(void) {
    return (struct job_event){.service = "jobs",
                              .tenant = "acme",
                              .id = ID,
                              .class_name = "print.page",
                              .status = JOB_TO_BE_RUN,
                              .version = 2,
                              .attempt = 1,
                              .percent = 7,
                              .date = 1709168523000004};
}

static struct json_object *body_of(const struct job_event *event) {
    struct buf body = {0};
    struct jobs_error err;
    if (job_event_body(event, &body, &err) < 0)
        fail_msg("%s", err.text);
    struct json_tokener *tokener = json_tokener_new();
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    struct json_object *json = json_tokener_parse_ex(tokener, body.data, (int)body.length + 1);
    if (!json)
        fail_msg("%s: %s", json_tokener_error_desc(json_tokener_get_error(tokener)), body.data);
    json_tokener_free(tokener);
    buf_done(&body);
    return json;
}

/* The member at a path such as "data.error.kind"; NULL: absent. */
static struct json_object *at(struct json_object *json, const char *path) {
    char name[64];
    while (json && *path) {
        size_t n = strcspn(path, ".");
        snprintf(name, sizeof name, "%.*s", (int)n, path);
        path += n + (path[n] == '.');
        json = json_object_object_get(json, name);
    }
    return json;
}

static void assert_text(struct json_object *json, const char *path, const char *text) {
    assert_true(json_object_is_type(at(json, path), json_type_string));
    assert_string_equal(json_object_get_string(at(json, path)), text);
}

static void assert_number(struct json_object *json, const char *path, int64_t number) {
    assert_true(json_object_is_type(at(json, path), json_type_int));
    assert_int_equal(json_object_get_int64(at(json, path)), number);
}

static void test_members(void **state) {
    (void)state;
    struct job_event event = plain();
    struct json_object *json = body_of(&event);
    assert_text(json, "specversion", "1.0");
    assert_text(json, "id", ID "/2");
    assert_text(json, "source", "/jobs/acme");
    assert_text(json, "type", "job.to_be_run");
    assert_text(json, "subject", ID);
    assert_text(json, "time", "2024-02-29T01:02:03.000004Z");
    assert_text(json, "datacontenttype", "application/json");
    assert_text(json, "data.jobId", ID);
    assert_text(json, "data.jobEventType", "TO_BE_RUN");
    assert_text(json, "data.jobClassName", "print.page");
    assert_text(json, "data.tenant", "acme");
    assert_number(json, "data.version", 2);
    assert_number(json, "data.attempt", 1);
    assert_number(json, "data.percentCompleted", 7);
    assert_int_equal(json_object_object_length(json), 8);
    assert_int_equal(json_object_object_length(at(json, "data")), 7);
    json_object_put(json);
}

static void test_times(void **state) {
    (void)state;
    static const struct {
        int64_t date;
        const char *text;
    } times[] = {{0, "1970-01-01T00:00:00.000000Z"},
                 {-1, "1969-12-31T23:59:59.999999Z"},
                 {253402300799999999, "9999-12-31T23:59:59.999999Z"}};
    struct job_event event = plain();
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        event.date = times[i].date;
        struct json_object *json = body_of(&event);
        assert_text(json, "time", times[i].text);
        json_object_put(json);
    }
    struct buf body = {0};
    event.date = 253402300800000000;
    assert_int_equal(job_event_body(&event, &body, NULL), JOBS_EINVAL);
    event.date = INT64_MAX;
    assert_int_equal(job_event_body(&event, &body, NULL), JOBS_EINVAL);
    buf_done(&body);
}

static void test_further_members(void **state) {
    (void)state;
    struct job_event event = plain();
    event.extras = "{\"owner\": \"a\\\"b\\\\c\\u0007 ü\", \"description\": \"line\\nline\", "
                   "\"error\": {\"kind\": \"ERROR\", \"message\": \"no {paper}\"}}\n"
                   "{\"n\": 12345678901234567890123, \"deep\": [null, \"}\"]}";
    struct json_object *json = body_of(&event);
    assert_text(json, "data.owner", "a\"b\\c\a ü");
    assert_text(json, "data.description", "line\nline");
    assert_text(json, "data.error.message", "no {paper}");
    assert_non_null(at(json, "data.result.deep"));
    json_object_put(json);
    struct buf body = {0};
    assert_int_equal(job_event_body(&event, &body, NULL), 0);
    assert_non_null(strstr(body.data, "12345678901234567890123")); /* digits and all */
    buf_done(&body);
}

static void test_a_result_alone(void **state) {
    (void)state;
    static const char *const extras[] = {"{}\n[1]", "{}\nnull", "{}\n\"text\"", "{}"};
    for (size_t i = 0; i < sizeof extras / sizeof *extras; i++) {
        struct job_event event = plain();
        event.extras = extras[i];
        struct json_object *json = body_of(&event);
        assert_int_equal(json_object_object_get_ex(at(json, "data"), "result", NULL), i < 3);
        json_object_put(json);
    }
}

static void test_a_status_passed_through(void **state) {
    (void)state;
    struct job_event event = plain();
    event.passing = true;
    event.extras = "{\"error\": {\"kind\": \"ERROR\", \"message\": \"x\"}, \"owner\": \"a/b\", "
                   "\"relatedId\": \"the \\\"error\\\"\", \"resultOmitted\": true, "
                   "\"resultClassName\": \"R\"}\n[1]";
    struct json_object *json = body_of(&event);
    assert_text(json, "data.owner", "a/b");
    assert_text(json, "data.relatedId", "the \"error\"");
    assert_int_equal(json_object_object_length(at(json, "data")), 9);
    json_object_put(json);
    event.extras = "{\"owner\": \"a\"}\n[1]";
    json = body_of(&event);
    assert_text(json, "data.owner", "a");
    assert_int_equal(json_object_object_length(at(json, "data")), 8);
    json_object_put(json);
    event.extras = "{\"error\": 1}";
    json = body_of(&event);
    assert_int_equal(json_object_object_length(at(json, "data")), 7);
    json_object_put(json);
}

static void test_what_cannot_be_encoded(void **state) {
    (void)state;
    static const char *const extras[] = {
        "", "x", "[1]", "\n{}", "{}x", "{}\n", "{\"owner\": \"\xff\"}"};
    struct buf text = {0};
    for (size_t i = 0; i < sizeof extras / sizeof *extras; i++) {
        struct job_event event = plain();
        event.extras = extras[i];
        struct jobs_error err;
        assert_int_equal(job_event_body(&event, &text, &err), JOBS_EINVAL);
        assert_int_equal(err.code, JOBS_EINVAL);
        assert_true(err.text[0]);
    }
    struct job_event event = plain();
    event.passing = true;
    event.extras = "{\"error\"}";
    assert_int_equal(job_event_body(&event, &text, NULL), JOBS_EINVAL);
    buf_done(&text);
}

static void test_id_and_key(void **state) {
    (void)state;
    struct job_event event = plain();
    struct buf text = {0};
    job_event_id(&event, &text);
    assert_string_equal(text.data, ID "/2");
    assert_int_equal(job_event_key(&event, &text, NULL), 0);
    assert_string_equal(text.data, "acme.TO_BE_RUN.print.page");
    /* The longest tenant, status and class name that there are fit. */
    char tenant[64], class_name[256];
    memset(tenant, 'a', sizeof tenant);
    memset(class_name, 'c', sizeof class_name);
    tenant[63] = class_name[128] = '\0';
    event.tenant = tenant;
    event.class_name = class_name;
    assert_int_equal(job_event_key(&event, &text, NULL), 0);
    class_name[128] = 'c';
    class_name[255 - 64 - 10] = '\0'; /* "<63>.TO_BE_RUN." */
    assert_int_equal(job_event_key(&event, &text, NULL), 0);
    assert_int_equal(text.length, 255);
    class_name[255 - 64 - 10] = 'c';
    class_name[255 - 64 - 10 + 1] = '\0';
    assert_int_equal(job_event_key(&event, &text, NULL), JOBS_EINVAL);
    buf_done(&text);
}

/* Every member that the shipped schema requires is there, and the schema describes every member. */
static void compare(struct json_object *schema, struct json_object *json) {
    struct json_object *required = json_object_object_get(schema, "required");
    struct json_object *properties = json_object_object_get(schema, "properties");
    assert_true(json_object_array_length(required) > 0);
    for (size_t i = 0; i < json_object_array_length(required); i++) {
        const char *name = json_object_get_string(json_object_array_get_idx(required, i));
        if (!json_object_object_get_ex(json, name, NULL))
            fail_msg("%s is required", name);
    }
    json_object_object_foreach(json, name, value) {
        struct json_object *described = json_object_object_get(properties, name);
        if (!described)
            fail_msg("%s is not in the schema", name);
        if (json_object_object_get_ex(described, "required", NULL))
            compare(described, value);
    }
}

static bool allows(struct json_object *schema, const char *text) {
    struct json_object *values = json_object_object_get(schema, "enum");
    for (size_t i = 0; i < json_object_array_length(values); i++)
        if (strcmp(json_object_get_string(json_object_array_get_idx(values, i)), text) == 0)
            return true;
    return false;
}

static void test_the_trace_context(void **state) {
    (void)state;
    static const char *const extras[] = {TRACE "\n{}", TRACE "\n{}\n[1]",
                                         TRACE "\n{\"owner\": \"ann\"}\n[1]"};
    for (size_t i = 0; i < sizeof extras / sizeof *extras; i++)
        for (int passing = 0; passing < 2; passing++) {
            struct job_event event = plain();
            event.extras = extras[i];
            event.passing = passing;
            struct json_object *json = body_of(&event);
            size_t length;
            assert_text(json, "traceparent", TRACE);
            assert_string_equal(job_event_trace(&event, &length), extras[i]);
            assert_int_equal(length, strlen(TRACE));
            assert_true(!at(json, "data.result") == (passing || i == 0));
            if (i == 2)
                assert_text(json, "data.owner", "ann");
            assert_null(at(json, "data.traceparent"));
            json_object_put(json);
        }
    struct job_event event = plain();
    struct json_object *json = body_of(&event);
    assert_null(at(json, "traceparent"));
    json_object_put(json);
}

static void test_the_schema(void **state) {
    (void)state;
    struct json_object *schema =
        json_object_from_file(SOURCE_DIR "/docs/schema/job-event.schema.json");
    assert_non_null(schema);
    for (int status = 0; status < JOB_STATUS_COUNT; status++) {
        struct job_event event = plain();
        event.status = (enum job_status)status;
        event.extras =
            TRACE "\n{\"owner\": \"\", \"description\": \"\", \"relatedType\": \"\", "
                  "\"relatedId\": \"\", \"resultClassName\": \"\", \"resultOmitted\": true, "
                  "\"error\": {\"kind\": \"\", \"message\": \"\"}}\n{}";
        struct json_object *json = body_of(&event);
        compare(schema, json);
        assert_true(
            allows(at(schema, "properties.type"), json_object_get_string(at(json, "type"))));
        assert_true(allows(at(schema, "properties.data.properties.jobEventType"),
                           json_object_get_string(at(json, "data.jobEventType"))));
        json_object_put(json);
    }
    json_object_put(schema);
}

/* Far above what the broker takes; a slip such as a quadratic loop would show. */
static void test_it_is_quick(void **state) {
    (void)state;
    struct job_event event = plain();
    event.extras = "{\"owner\": \"somebody\", \"relatedId\": \"4711\", \"relatedType\": \"order\"}";
    struct buf body = {0};
    int64_t from = clock_now();
    for (int i = 0; i < 20000; i++)
        assert_int_equal(job_event_body(&event, &body, NULL), 0);
    int64_t took = clock_now() - from;
    buf_done(&body);
    print_message("%lld events/s\n", (long long)(20000 * CLOCK_SECOND / (took + 1)));
    assert_true(took < 20 * CLOCK_SECOND);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_further_members),
        cmocka_unit_test(test_a_result_alone),
        cmocka_unit_test(test_a_status_passed_through),
        cmocka_unit_test(test_what_cannot_be_encoded),
        cmocka_unit_test(test_id_and_key),
        cmocka_unit_test(test_the_trace_context),
        cmocka_unit_test(test_the_schema),
        cmocka_unit_test(test_it_is_quick),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
