/* jobctl subscribe: a durable queue of a tenant's events, made, bound, listed, deleted; it goes with
 * its tenant. */
#include "amqp/stream.h"
#include "module/base/buf.h"
#include "module/base/clock.h"
#include "tests/lib/jobctl.h"
#include "tests/lib/servers.h"
#include "tests/lib/service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The tenant's name is unique on the broker, as its queues' names are the tenant's. */
struct fixture {
    const char *url;
    struct bus *bus;
    char tenant[64], exchange[128];
};

static int up(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    struct bus_options options = {.url = test_amqp_url(), .name = "test", .confirms = true};
    const char *service = test_service_name();
    f->url = service_database();
    snprintf(f->tenant, sizeof f->tenant, "t-%s", service);
    for (char *p = f->tenant; *p; p++)
        *p = *p == '.' ? '-' : *p;
    snprintf(f->exchange, sizeof f->exchange, "%s.events", service);
    OK(bus_open(&options, &f->bus, &err));
    jobctl_use(BUILD_DIR "/bin");
    setenv("JOBS_DATASOURCE_MAIN_URL", f->url, 1);
    setenv("JOBS_AMQP_URL", test_amqp_url(), 1);
    setenv("JOBS_SERVICE", service, 1);
    setenv("JOBS_TENANT", f->tenant, 1);
    free(jobctl(0, "tenant create %s", f->tenant));
    *state = f;
    return 0;
}

static int down(void **state) {
    struct fixture *f = *state;
    bus_close(f->bus);
    free(f);
    return 0;
}

static bool is_there(const struct fixture *f, const char *queue) {
    char name[256];
    snprintf(name, sizeof name, "%s.%s", f->tenant, queue);
    return bus_declare_queue(f->bus, name, BUS_PASSIVE, NULL, 0, NULL, NULL) == 0;
}

/* An event of that status, confirmed. */
struct confirms {
    int count;
};

static void confirmed(void *arg, uint64_t tag, enum bus_outcome outcome) {
    (void)tag;
    assert_int_equal(outcome, BUS_ACK);
    ((struct confirms *)arg)->count++;
}

static void publish(const struct fixture *f, const char *status, const char *body) {
    char key[200];
    struct confirms confirms = {0};
    struct bus_handlers handlers = {.arg = &confirms, .confirmed = confirmed};
    snprintf(key, sizeof key, "%s.%s.noop", f->tenant, status);
    struct bus_message message = {.exchange = f->exchange,
                                  .routing_key = key,
                                  .body = body,
                                  .length = strlen(body),
                                  .persistent = true};
    OK(bus_publish(f->bus, &message, NULL, &err));
    while (confirms.count == 0)
        OK(bus_poll(f->bus, 100, &handlers, &err));
}

/* ---- what is in a queue ---- */

struct taken {
    struct bus *bus;
    struct buf bodies;
};

static void take(void *arg, const struct bus_delivery *message) {
    struct taken *taken = arg;
    buf_format(&taken->bodies, "%s ", message->body);
    OK(bus_ack(taken->bus, message->tag, &err));
}

/* Until `last` has come. Caller frees. */
static char *take_all(const struct fixture *f, const char *queue, const char *last) {
    struct bus_options options = {.url = test_amqp_url(), .name = "taker"};
    struct taken taken = {0};
    struct bus_handlers handlers = {.arg = &taken, .delivered = take};
    char name[256];
    snprintf(name, sizeof name, "%s.%s", f->tenant, queue);
    OK(bus_open(&options, &taken.bus, &err));
    OK(bus_consume(taken.bus, name, 10, 0, NULL, NULL, &err));
    int64_t until = clock_now() + 20 * CLOCK_SECOND * test_time_factor();
    while (!strstr(buf_get(&taken.bodies), last) && clock_now() < until)
        OK(bus_poll(taken.bus, 50, &handlers, &err));
    bus_close(taken.bus);
    return buf_take(&taken.bodies);
}

static void assert_taken(const struct fixture *f, const char *queue, const char *last,
                         const char *expected) {
    char *bodies = take_all(f, queue, last);
    assert_string_equal(bodies, expected);
    free(bodies);
}

/* ---- */

static void it_collects_while_nobody_listens(void **state) {
    struct fixture *f = *state;
    jobctl_says(0, "from now on every event of", "subscribe %s.all", f->tenant);
    free(jobctl(0, "subscribe %s.ends --key '%s.SUCCEEDED.#' --key '%s.FAILED.noop' --kind classic",
                f->tenant, f->tenant, f->tenant));
    publish(f, "QUEUED", "1");
    publish(f, "FAILED", "2");
    publish(f, "SUCCEEDED", "3");
    assert_taken(f, "all", "3", "1 2 3 ");
    assert_taken(f, "ends", "3", "2 3 ");
    assert_int_equal(jobctl_lines(f->tenant, "subscribe --list"), 2);
    jobctl_says(0, "\"kind\":\"quorum\",\"ttl\":604800000,\"max_length\":1000000",
                "subscribe --list --json");
    jobctl_says(0, "QUEUE", "subscribe --list");
    free(jobctl(0, "subscribe --delete %s.all", f->tenant));
    assert_false(is_there(f, "all"));
    assert_true(is_there(f, "ends"));
    assert_int_equal(jobctl_lines(NULL, "subscribe --list"), 1);
    jobctl_says(3, "has no subscription", "subscribe --delete %s.all", f->tenant);
    free(jobctl(0, "subscribe --delete %s.ends", f->tenant));
}

static void other_keys_take_the_place_of_the_old(void **state) {
    struct fixture *f = *state;
    free(jobctl(0, "subscribe %s.a --key '%s.QUEUED.#' --key '%s.FAILED.#'", f->tenant, f->tenant,
                f->tenant));
    free(jobctl(0, "subscribe %s.a --key '%s.FAILED.#' --key '%s.RUNNING.#'", f->tenant, f->tenant,
                f->tenant));
    publish(f, "QUEUED", "1");
    publish(f, "FAILED", "2");
    publish(f, "RUNNING", "3");
    assert_taken(f, "a", "3", "2 3 ");
    jobctl_says(1, "delete it first", "subscribe %s.a --ttl 1h", f->tenant);
    jobctl_says(1, "delete it first", "subscribe %s.a --kind classic", f->tenant);
    free(jobctl(0, "subscribe --delete %s.a", f->tenant));
}

static void old_events_go(void **state) {
    struct fixture *f = *state;
    free(jobctl(0, "subscribe %s.few --max-length 2", f->tenant));
    free(jobctl(0, "subscribe %s.short --ttl 1ms --max-length 0 --kind classic", f->tenant));
    publish(f, "QUEUED", "1");
    publish(f, "QUEUED", "2");
    publish(f, "QUEUED", "3");
    assert_taken(f, "few", "3", "2 3 ");
    free(jobctl(0, "subscribe --delete %s.few", f->tenant));
    free(jobctl(0, "subscribe --delete %s.short", f->tenant));
}

static void take_from_stream(void *arg, const struct bus_delivery *message) {
    buf_format(arg, "%s ", message->body);
}

static void a_stream_is_kept_when_read(void **state) {
    struct fixture *f = *state;
    char queue[256];
    snprintf(queue, sizeof queue, "%s.log", f->tenant);
    free(jobctl(0, "subscribe %s --kind stream --ttl 1d", queue));
    publish(f, "QUEUED", "1");
    publish(f, "FAILED", "2");
    for (int i = 0; i < 2; i++) {
        struct bus_stream_options options = {.url = test_amqp_url(), .queue = queue};
        struct bus_stream *stream;
        struct buf bodies = {0};
        OK(bus_stream_open(&options, &stream, NULL, &err));
        int64_t until = clock_now() + 20 * CLOCK_SECOND;
        while (!strstr(buf_get(&bodies), "2") && clock_now() < until)
            OK(bus_stream_poll(stream, 50, take_from_stream, &bodies, &err));
        assert_string_equal(buf_get(&bodies), "1 2 ");
        bus_stream_close(stream);
        buf_done(&bodies);
    }
    jobctl_says(2, "by its size", "subscribe %s --kind stream --max-length 5", queue);
    free(jobctl(0, "subscribe --delete %s", queue));
}

static void what_is_not_the_tenants_is_refused(void **state) {
    struct fixture *f = *state;
    jobctl_says(1, "is named", "subscribe other.reports");
    jobctl_says(1, "is named", "subscribe %s", f->tenant);
    jobctl_says(1, "is named", "subscribe %s.", f->tenant);
    jobctl_says(1, "is named", "subscribe '%s.a b'", f->tenant);
    jobctl_says(1, "begins with", "subscribe %s.a --key '#'", f->tenant);
    jobctl_says(1, "begins with", "subscribe %s.a --key 'other.#'", f->tenant);
    jobctl_says(1, "begins with", "subscribe %s.a --key '*.FAILED.#'", f->tenant);
    jobctl_says(2, "is named", "subscribe --delete other.reports");
    jobctl_says(3, "unknown here", "subscribe nobody.a --tenant nobody");
    jobctl_says(2, "quorum, classic or stream", "subscribe %s.a --kind mirrored", f->tenant);
    jobctl_says(2, "NAME is missing", "subscribe");
    jobctl_says(2, "do not go together", "subscribe --list --delete");
    assert_int_equal(test_sql_integer(f->url, "select count(*) from jobs.t_job_subscription"), 0);
}

/* Nothing is recorded that is not there. */
static void a_broker_that_says_no(void **state) {
    struct fixture *f = *state;
    char queue[256];
    snprintf(queue, sizeof queue, "%s.mine", f->tenant);
    OK(bus_declare_queue(f->bus, queue, BUS_DURABLE, NULL, 0, NULL, &err));
    jobctl_says(1, "inequivalent arg", "subscribe %s", queue);
    OK(bus_delete_queue(f->bus, queue, &err));
    jobctl_says(1, "connect", "subscribe %s --amqp-url amqp://guest:guest@127.0.0.1:1/", queue);
    assert_int_equal(test_sql_integer(f->url, "select count(*) from jobs.t_job_subscription"), 0);
}

static void it_goes_with_its_tenant(void **state) {
    struct fixture *f = *state;
    free(jobctl(0, "subscribe %s.a", f->tenant));
    free(jobctl(0, "subscribe %s.b --kind classic", f->tenant));
    jobctl_says(1, "connect", "tenant remove %s --amqp-url amqp://guest:guest@127.0.0.1:1/",
                f->tenant);
    assert_int_equal(test_sql_integer(f->url,
                                      "select count(*) from jobs.t_tenant where tenant = "
                                      "'%s' and state = 'ACTIVE'",
                                      f->tenant),
                     1);
    free(jobctl(0, "tenant remove %s --discard-events --force", f->tenant));
    assert_false(is_there(f, "a"));
    assert_false(is_there(f, "b"));
    assert_int_equal(test_sql_integer(f->url, "select count(*) from jobs.t_job_subscription"), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_collects_while_nobody_listens),
        cmocka_unit_test(other_keys_take_the_place_of_the_old),
        cmocka_unit_test(old_events_go),
        cmocka_unit_test(a_stream_is_kept_when_read),
        cmocka_unit_test(what_is_not_the_tenants_is_refused),
        cmocka_unit_test(a_broker_that_says_no),
        cmocka_unit_test(it_goes_with_its_tenant),
    };
    return cmocka_run_group_tests(tests, up, down);
}
