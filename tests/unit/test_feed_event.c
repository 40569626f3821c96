/* Messages as server-sent events, whom they are for, and the ring that keeps the latest. */
#include "tests/unit/unit.h"

#include "module/feed/event.h"
#include "module/feed/ring.h"
#include "module/job/event.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ID "0189d2f0-1234-7abc-8000-0123456789ab"

/* What the relay would publish. */
struct message {
    struct buf key, id, body;
    struct bus_delivery delivery;
};

static void make(struct message *m, enum job_status status, const char *extras) {
    struct job_event event = {.service = "jobs",
                              .tenant = "acme",
                              .id = ID,
                              .class_name = "print.a4",
                              .status = status,
                              .version = 4,
                              .attempt = 1,
                              .percent = 100,
                              .date = INT64_C(1709168523000004),
                              .extras = extras};
    struct jobs_error err;
    *m = (struct message){0};
    assert_int_equal(job_event_key(&event, &m->key, &err), 0);
    assert_int_equal(job_event_body(&event, &m->body, &err), 0);
    job_event_id(&event, &m->id);
    m->delivery = (struct bus_delivery){.routing_key = m->key.data,
                                        .message_id = m->id.data,
                                        .body = m->body.data,
                                        .length = m->body.length};
}

static void message_done(struct message *m) {
    buf_done(&m->key);
    buf_done(&m->id);
    buf_done(&m->body);
}

static struct feed_event *read_made(enum job_status status, const char *extras) {
    struct message m;
    make(&m, status, extras);
    struct feed_event *event = feed_event_read(&m.delivery, 41);
    message_done(&m);
    assert_non_null(event);
    return event;
}

static void a_status_change(void **state) {
    (void)state;
    struct feed_event *event =
        read_made(JOB_SUCCEEDED,
                  "{\"owner\":\"ann\",\"relatedType\":\"invoice\",\"relatedId\":\"a\\\"7\"}\n"
                  "{\"relatedId\": \"no\", \"x\": [\"}\", {}]}");
    assert_string_equal(event->tenant, "acme");
    assert_string_equal(event->id, ID);
    assert_string_equal(event->class_name, "print.a4");
    assert_int_equal(event->status, JOB_SUCCEEDED);
    assert_int_equal(event->date, INT64_C(1709168523000004));
    assert_string_equal(event->related_type, "invoice");
    assert_string_equal(event->related_id, "a\"7");
    assert_string_equal(
        event->text,
        "id: 41\nevent: status\ndata: {\"jobId\":\"" ID
        "\",\"jobEventType\":\"SUCCEEDED\",\"jobClassName\":\"print.a4\",\"tenant\":\"acme\","
        "\"version\":4,\"attempt\":1,\"percentCompleted\":100,\"owner\":\"ann\",\"relatedType\":"
        "\"invoice\",\"relatedId\":\"a\\\"7\",\"result\":{\"relatedId\": \"no\", \"x\": [\"}\", "
        "{}]},\"time\":\"2024-02-29T01:02:03.000004Z\"}\n\n");
    assert_int_equal(event->length, strlen(event->text));
    free(event);
}

/* As jsonb prints it. */
static void members_with_spaces(void **state) {
    (void)state;
    struct feed_event *event =
        read_made(JOB_QUEUED,
                  "{\"owner\": \"ann\", \"relatedId\": \"7\", \"relatedType\": \"order\"}");
    assert_string_equal(event->related_type, "order");
    assert_string_equal(event->related_id, "7");
    free(event);
}

/* A result may look like anything. */
static void what_users_write_decides_nothing(void **state) {
    (void)state;
    struct feed_event *event =
        read_made(JOB_SUCCEEDED,
                  "{\"description\":\"\\\",\\\"relatedId\\\":\\\"b\"}\n"
                  "\",\\\"datacontenttype\\\":\\\"application/json\\\",\\\"data\\\":{\"");
    assert_string_equal(event->related_id, "");
    assert_string_equal(event->tenant, "acme");
    free(event);
    event = read_made(JOB_SUCCEEDED, "{}\n{\"a\":\n1}"); /* a line feed ends no line */
    assert_null(strstr(event->text, "\n1}"));
    assert_non_null(strstr(event->text, "{\"a\": 1}"));
    free(event);
}

static void what_is_no_event_is_passed_over(void **state) {
    (void)state;
    struct message m;
    make(&m, JOB_FAILED, NULL);
    static const char *const keys[] = {"",          "acme",        "acme.FAILED", "acme.BROKEN.x",
                                       ".FAILED.x", "acme.FAILED."};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        struct bus_delivery d = m.delivery;
        d.routing_key = keys[i];
        assert_null(feed_event_read(&d, 1));
    }
    struct bus_delivery d = m.delivery;
    d.body = NULL;
    assert_null(feed_event_read(&d, 1));
    for (size_t length = 0; length < m.body.length; length++) { /* cut anywhere */
        char *cut = malloc(length + 1);
        memcpy(cut, m.body.data, length);
        cut[length] = '\0';
        d.body = cut;
        d.length = length;
        struct feed_event *event = feed_event_read(&d, 1);
        assert_null(event);
        free(cut);
    }
    d = m.delivery;
    d.message_id = "x/1";
    assert_null(feed_event_read(&d, 1));
    message_done(&m);
}

static void progress_has_no_id(void **state) {
    (void)state;
    const char *body = "{\"jobId\":\"" ID "\",\"tenant\":\"acme\",\"percentCompleted\":42}";
    struct bus_delivery d = {.routing_key = "acme.print.a4", .body = body, .length = strlen(body)};
    struct feed_event *event = feed_progress_read(&d);
    assert_non_null(event);
    assert_string_equal(event->class_name, "print.a4");
    assert_string_equal(event->id, ID);
    assert_string_equal(event->text, "event: progress\ndata: {\"jobId\":\"" ID
                                     "\",\"tenant\":\"acme\",\"percentCompleted\":42}\n\n");
    struct feed_filter filter = {.tenant = "acme"};
    assert_false(feed_filter_takes(&filter, event));
    filter.progress = true;
    assert_true(feed_filter_takes(&filter, event));
    free(event);
    d.body = "[]";
    d.length = 2;
    assert_null(feed_progress_read(&d));
}

static void filters(void **state) {
    (void)state;
    struct feed_event *event =
        read_made(JOB_RUNNING, "{\"relatedType\":\"invoice\",\"relatedId\":\"7\"}");
    static const struct {
        struct feed_filter filter;
        bool takes;
    } cases[] = {
        {{.tenant = ""}, true},
        {{.tenant = "acme"}, true},
        {{.tenant = "acm"}, false},
        {{.statuses = 1u << JOB_RUNNING | 1u << JOB_FAILED}, true},
        {{.statuses = 1u << JOB_FAILED}, false},
        {{.class_name = "print.a4"}, true},
        {{.class_name = "print"}, false},
        {{.id = ID}, true},
        {{.id = "0189d2f0-1234-7abc-8000-0123456789ac"}, false},
        {{.related_type = "invoice", .related_id = "7"}, true},
        {{.related_type = "invoice", .related_id = "8"}, false},
        {{.related_type = "order"}, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(feed_filter_takes(&cases[i].filter, event), cases[i].takes);
    free(event);
}

static struct feed_event *numbered(int64_t offset, size_t length) {
    struct feed_event *event = calloc(1, sizeof *event + length + 1);
    event->offset = offset;
    event->length = length;
    return event;
}

static void the_ring_keeps_the_latest(void **state) {
    (void)state;
    struct feed_ring ring;
    ring_init(&ring, 4, 1 << 20);
    assert_int_equal(ring.from, -1);
    for (int64_t offset = 10; offset < 13; offset++)
        ring_add(&ring, offset, numbered(offset, 10));
    ring_add(&ring, 13, NULL); /* no event of ours */
    assert_int_equal(ring.from, 10);
    assert_int_equal(ring.next, 14);
    assert_int_equal(ring_find(&ring, 11), 1);
    assert_int_equal(ring_find(&ring, 13), 3);
    for (int64_t offset = 14; offset < 17; offset++)
        ring_add(&ring, offset, numbered(offset, 10));
    assert_int_equal(ring.count, 4);
    assert_int_equal(ring.from, 12);
    assert_int_equal(ring_at(&ring, 0)->offset, 12);
    assert_int_equal(ring_at(&ring, ring_find(&ring, 13))->offset, 14);
    ring_clear(&ring);
    assert_int_equal(ring.from, -1);
    assert_int_equal(ring.bytes, 0);
    ring_add(&ring, 3, numbered(3, 10));
    assert_int_equal(ring.from, 3);
    ring_done(&ring);
}

static void the_ring_is_bounded_in_bytes(void **state) {
    (void)state;
    struct feed_ring ring;
    ring_init(&ring, 1000, 100000);
    for (int64_t offset = 0; offset < 100; offset++)
        ring_add(&ring, offset, numbered(offset, 20000));
    assert_true(ring.bytes <= 100000);
    assert_int_equal(ring.count, 4);
    assert_int_equal(ring.from, 96);
    ring_add(&ring, 100, numbered(100, 200000)); /* one alone is kept in any case */
    assert_int_equal(ring.count, 1);
    ring_done(&ring);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_status_change),
        cmocka_unit_test(members_with_spaces),
        cmocka_unit_test(what_users_write_decides_nothing),
        cmocka_unit_test(what_is_no_event_is_passed_over),
        cmocka_unit_test(progress_has_no_id),
        cmocka_unit_test(filters),
        cmocka_unit_test(the_ring_keeps_the_latest),
        cmocka_unit_test(the_ring_is_bounded_in_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
