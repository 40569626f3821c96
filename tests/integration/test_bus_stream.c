/* Reading a stream queue, against the real broker: a reader begins where it says, and another goes
 * on where it ended. */
#include "amqp/stream.h"
#include "module/base/clock.h"
#include "tests/lib/bus_fixture.h"
#include "tests/lib/servers.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { MESSAGES = 3000 };
#define LONG_ENOUGH (20 * CLOCK_SECOND)

struct stream_fixture {
    struct fixture *f;
    char queue[256];
};

struct seen { /* messages are numbered from 0, as are offsets */
    int64_t first, last;
    int count;
    bool gap, foreign;
};

static void take(void *arg, const struct bus_delivery *message) {
    struct seen *seen = arg;
    int64_t offset = message->stream_offset;
    if (seen->count++ == 0)
        seen->first = offset;
    else
        seen->gap |= offset != seen->last + 1;
    seen->last = offset;
    seen->foreign |= !message->body || atoll(message->body) != offset;
}

static void publish(struct stream_fixture *s, int from, int count) {
    char body[32];
    int before = s->f->log->acks;
    bus_batch_begin(s->f->bus);
    for (int i = from; i < from + count; i++) {
        snprintf(body, sizeof body, "%d", i);
        fixture_publish(s->f, "", s->queue, body);
    }
    bus_batch_end(s->f->bus);
    bus_log_wait(s->f->log, &s->f->log->acks, before + count);
}

static int set_up(void **state) {
    struct stream_fixture *s = calloc(1, sizeof *s);
    void *f;
    fixture_up(&f);
    s->f = f;
    snprintf(s->queue, sizeof s->queue, "%s.log", test_service_name());
    const struct bus_argument arguments[] = {{"x-queue-type", "stream", 0}};
    OK(bus_declare_queue(s->f->bus, s->queue, BUS_DURABLE, arguments, 1, NULL, &err));
    publish(s, 0, MESSAGES);
    *state = s;
    return 0;
}

static int tear_down(void **state) {
    struct stream_fixture *s = *state;
    OK(bus_delete_queue(s->f->bus, s->queue, &err));
    void *f = s->f;
    fixture_down(&f);
    free(s);
    return 0;
}

static struct bus_stream *open_at(const struct stream_fixture *s, enum bus_stream_start start,
                                  int64_t value, uint16_t prefetch) {
    struct bus_stream_options options = {.url = test_amqp_url(),
                                         .name = "reader",
                                         .queue = s->queue,
                                         .start = start,
                                         .value = value,
                                         .prefetch = prefetch};
    struct bus_stream *stream = NULL;
    OK(bus_stream_open(&options, &stream, NULL, &err));
    return stream;
}

/* Until the message `last` has come. */
static void read_to(struct bus_stream *stream, struct seen *seen, int64_t last) {
    int64_t until = clock_now() + LONG_ENOUGH;
    while (seen->count == 0 || seen->last < last) {
        int before = seen->count, n = 0;
        OK(n = bus_stream_poll(stream, 100, take, seen, &err));
        assert_int_equal(n, seen->count - before);
        if (clock_now() > until)
            fail_msg("at %lld instead of %lld", (long long)seen->last, (long long)last);
    }
    assert_false(seen->gap || seen->foreign);
    assert_int_equal(bus_stream_next(stream), seen->last + 1);
}

/* Many more than are under way at a time: the acknowledgements keep the broker sending. */
static void from_the_first(void **state) {
    struct stream_fixture *s = *state;
    struct bus_stream *stream = open_at(s, BUS_STREAM_FIRST, 0, 10);
    struct seen seen = {0};
    assert_int_equal(bus_stream_next(stream), -1);
    read_to(stream, &seen, MESSAGES - 1);
    assert_int_equal(seen.first, 0);
    bus_stream_close(stream);
    stream = open_at(s, BUS_STREAM_FIRST, 0, 1); /* reading took nothing away */
    seen = (struct seen){0};
    read_to(stream, &seen, 50);
    assert_int_equal(seen.first, 0);
    bus_stream_close(stream);
}

static void another_goes_on_where_one_ended(void **state) {
    struct stream_fixture *s = *state;
    struct bus_stream *stream = open_at(s, BUS_STREAM_FIRST, 0, 7);
    struct seen seen = {0};
    read_to(stream, &seen, 1000);
    int64_t next = bus_stream_next(stream);
    bus_stream_close(stream);
    stream = open_at(s, BUS_STREAM_OFFSET, next, 0);
    read_to(stream, &seen, MESSAGES - 1); /* without a gap: take() looks */
    assert_int_equal(seen.count, MESSAGES);
    bus_stream_close(stream);
}

/* It sees what comes, and only that; what is live goes on. */
static void what_comes_from_now_on(void **state) {
    struct stream_fixture *s = *state;
    struct bus_stream *stream = open_at(s, BUS_STREAM_NEXT, 0, 0);
    struct seen seen = {0};
    assert_int_equal(bus_stream_poll(stream, 0, take, &seen, NULL), 0);
    publish(s, MESSAGES, 20);
    read_to(stream, &seen, MESSAGES + 19);
    assert_int_equal(seen.first, MESSAGES);
    publish(s, MESSAGES + 20, 20);
    assert_true(bus_stream_fd(stream) >= 0);
    if (!bus_stream_wants_read(stream)) {
        struct pollfd fd = {.fd = bus_stream_fd(stream), .events = POLLIN};
        assert_int_equal(poll(&fd, 1, 20000), 1);
    }
    read_to(stream, &seen, MESSAGES + 39);
    bus_stream_close(stream);
}

static void the_last_block_and_a_time(void **state) {
    struct stream_fixture *s = *state;
    struct bus_stream *stream = open_at(s, BUS_STREAM_LAST, 0, 0);
    struct seen seen = {0};
    read_to(stream, &seen, MESSAGES - 1);
    assert_true(seen.first > 0);
    bus_stream_close(stream);
    stream = open_at(s, BUS_STREAM_TIME, time(NULL) - 3600, 0);
    seen = (struct seen){0};
    read_to(stream, &seen, MESSAGES - 1);
    assert_int_equal(seen.first, 0);
    bus_stream_close(stream);
}

/* Beyond the end: what comes next is not passed over. */
static void an_offset_beyond_the_end(void **state) {
    struct stream_fixture *s = *state;
    struct bus_stream *stream = open_at(s, BUS_STREAM_OFFSET, MESSAGES, 0);
    struct seen seen = {0};
    publish(s, MESSAGES, 5);
    read_to(stream, &seen, MESSAGES + 4);
    assert_int_equal(seen.first, MESSAGES);
    bus_stream_close(stream);
}

static void long_bodies_are_not_kept(void **state) {
    struct stream_fixture *s = *state;
    struct bus_stream_options options = {.url = test_amqp_url(),
                                         .queue = s->queue,
                                         .start = BUS_STREAM_OFFSET,
                                         .value = 100,
                                         .max_length = 2};
    struct bus_stream *stream = NULL;
    OK(bus_stream_open(&options, &stream, NULL, &err));
    struct seen seen = {0};
    int64_t until = clock_now() + LONG_ENOUGH;
    while (seen.count == 0 && clock_now() < until)
        assert_true(bus_stream_poll(stream, 100, take, &seen, NULL) >= 0);
    assert_true(seen.foreign); /* "100" has three bytes */
    assert_int_equal(seen.first, 100);
    bus_stream_close(stream);
}

static void errors_say_what_is_wrong(void **state) {
    struct stream_fixture *s = *state;
    struct jobs_error error = {0};
    struct bus_stream_options options = {.url = test_amqp_url(), .queue = "no.such.stream"};
    struct bus_stream *stream = NULL;
    int code = 0;
    assert_int_equal(bus_stream_open(&options, &stream, &code, &error), BUS_ECHANNEL);
    assert_int_equal(code, 404);
    assert_non_null(strstr(error.text, "no.such.stream"));
    options.queue = s->queue;
    options.start = BUS_STREAM_OFFSET;
    options.value = -1;
    assert_int_equal(bus_stream_open(&options, &stream, &code, &error), JOBS_EINVAL);
    options.url = "amqp://guest:guest@127.0.0.1:1/";
    options.value = 0;
    assert_int_equal(bus_stream_open(&options, &stream, &code, &error), BUS_ELOST);
    assert_int_equal(code, 0);
    assert_null(stream);
    bus_stream_close(NULL);
}

static void a_deleted_queue_is_told(void **state) {
    struct stream_fixture *s = *state;
    struct bus_stream *stream = open_at(s, BUS_STREAM_NEXT, 0, 0);
    struct seen seen = {0};
    struct jobs_error error = {0};
    OK(bus_delete_queue(s->f->bus, s->queue, &err));
    int rc = 0;
    int64_t until = clock_now() + LONG_ENOUGH;
    while (rc >= 0 && clock_now() < until)
        rc = bus_stream_poll(stream, 100, take, &seen, &error);
    assert_int_equal(rc, BUS_ECHANNEL);
    assert_non_null(strstr(error.text, "deleted"));
    bus_stream_close(stream);
}

#define STREAM_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        STREAM_TEST(from_the_first),           STREAM_TEST(another_goes_on_where_one_ended),
        STREAM_TEST(what_comes_from_now_on),   STREAM_TEST(the_last_block_and_a_time),
        STREAM_TEST(an_offset_beyond_the_end), STREAM_TEST(long_bodies_are_not_kept),
        STREAM_TEST(errors_say_what_is_wrong), STREAM_TEST(a_deleted_queue_is_told)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
