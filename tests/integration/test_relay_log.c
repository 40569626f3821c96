/* <service>.events.log: the relay makes it, it holds every event in order, and a broker that cannot
 * have it is no reason to stop. */
#include "amqp/stream.h"
#include "module/base/clock.h"
#include "module/service/relay.h"
#include "tests/lib/servers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { JOBS = 200, STATUSES = 3 };
#define LONG_ENOUGH (30 * CLOCK_SECOND)
#define OK(call)                                 \
    do {                                         \
        struct jobs_error err = {0};             \
        if ((call) < 0)                          \
            fail_msg("%s: %s", #call, err.text); \
    } while (0)

struct fixture {
    const char *database, *service, *broker;
    char queue[256];
    struct relay *relay;
    struct log log;
    atomic_int warnings;
};

static void count_line(void *arg, int level, const char *tenant, const char *id, const char *text) {
    (void)tenant, (void)id;
    struct fixture *f = arg;
    if (level == LOG_LEVEL_WARNING && strstr(text, "log of events"))
        atomic_fetch_add(&f->warnings, 1);
}

static int set_up(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    f->database = test_database();
    f->service = test_service_name();
    f->broker = test_amqp_url();
    snprintf(f->queue, sizeof f->queue, "%s.events.log", f->service);
    f->log = (struct log){.level = LOG_LEVEL_WARNING, .sink = count_line, .arg = f};
    struct sql_options options = {.url = f->database, .schema = "jobs"};
    struct sql *sql;
    OK(sql_open(&options, &sql, &err));
    OK(sql_migrate(sql, NULL, NULL, &err));
    sql_close(sql);
    test_sql(f->database, "insert into jobs.t_tenant (tenant) values ('acme')");
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    relay_stop(f->relay);
    free(f);
    return 0;
}

static void start_relay(struct fixture *f, int64_t age) {
    struct relay_options options = {.log = &f->log,
                                    .datasource = "main",
                                    .service = f->service,
                                    .amqp_url = f->broker,
                                    .sql = {.url = f->database, .schema = "jobs"},
                                    .log_queue = {.age = age, .size = 64 << 20}};
    OK(relay_start(&options, &f->relay, &err));
    relay_hold(f->relay, true);
}

/* JOBS jobs, each with versions 1 to STATUSES, one transaction per version. */
static void make_lives(const struct fixture *f) {
    test_sql(f->database,
             "do $$ declare v int; begin for v in 1 .. %d loop "
             "perform jobs.job_report(array_agg(md5('x' || n)::uuid), array_agg('acme'::text), "
             "  array_agg('noop'::text), array_agg(null::jobs.job_status), "
             "  array_agg(null::jobs.job_status), "
             "  array_agg((array['QUEUED', 'TO_BE_RUN', 'RUNNING'])[v]::jobs.job_status), "
             "  array_agg(v), array_agg(1), array_agg(0), "
             "  array_agg(null::timestamptz), array_agg(clock_timestamp()), "
             "  array_agg(null::text)) from generate_series(1, %d) n; "
             "commit; end loop; end $$",
             STATUSES, JOBS);
}

static bool all_is_sent(const struct fixture *f) {
    return test_wait_sql(f->database, 30000, "select count(*) = 0 from jobs.t_job_outbox");
}

struct record {
    int count, wrong;
    char ids[JOBS][37];
    int versions[JOBS];
    int known;
};

static int *version_of(struct record *record, const char *id) {
    for (int i = 0; i < record->known; i++)
        if (strncmp(record->ids[i], id, 36) == 0)
            return &record->versions[i];
    assert_true(record->known < JOBS);
    memcpy(record->ids[record->known], id, 36);
    return &record->versions[record->known++];
}

static void take(void *arg, const struct bus_delivery *message) {
    struct record *record = arg; /* message-id: <job id>/<version> */
    int *version = version_of(record, message->message_id);
    record->wrong += atoi(message->message_id + 37) != ++*version;
    record->wrong += !message->body || strncmp(message->routing_key, "acme.", 5) != 0;
    record->count++;
}

static void everything_can_be_read_again_in_order(void **state) {
    struct fixture *f = *state;
    start_relay(f, 3600 * 1000);
    make_lives(f);
    assert_true(all_is_sent(f));
    struct bus_stream_options options = {.url = f->broker, .queue = f->queue};
    struct record *record = calloc(1, sizeof *record);
    struct bus_stream *stream;
    OK(bus_stream_open(&options, &stream, NULL, &err));
    int64_t until = clock_now() + LONG_ENOUGH;
    while (record->count < JOBS * STATUSES && clock_now() < until)
        OK(bus_stream_poll(stream, 100, take, record, &err));
    assert_int_equal(record->count, JOBS * STATUSES);
    assert_int_equal(record->wrong, 0);
    assert_int_equal(record->known, JOBS);
    assert_int_equal(f->warnings, 0);
    bus_stream_close(stream);
    free(record);
}

static struct bus *open_bus(const struct fixture *f) {
    struct bus_options options = {.url = f->broker, .name = "test"};
    struct bus *bus;
    OK(bus_open(&options, &bus, &err));
    return bus;
}

static void none_is_made_for_age_0(void **state) {
    struct fixture *f = *state;
    start_relay(f, 0);
    make_lives(f);
    assert_true(all_is_sent(f));
    struct bus *bus = open_bus(f);
    assert_int_equal(bus_declare_queue(bus, f->queue, BUS_PASSIVE, NULL, 0, NULL, NULL),
                     BUS_EREFUSED);
    assert_int_equal(bus_reply_code(bus), 404);
    bus_close(bus);
}

/* A queue of that name and of another kind: a warning, events go on. */
static void another_queue_of_that_name_does_not_matter(void **state) {
    struct fixture *f = *state;
    struct bus *bus = open_bus(f);
    OK(bus_declare_queue(bus, f->queue, BUS_DURABLE, NULL, 0, NULL, &err));
    start_relay(f, 3600 * 1000);
    make_lives(f);
    assert_true(all_is_sent(f));
    assert_int_equal(f->warnings, 1);
    OK(bus_delete_queue(bus, f->queue, &err));
    bus_close(bus);
}

/* A broker on which stream queues are switched off ends the connection of who asks for one. */
static void a_broker_without_streams_does_not_matter(void **state) {
    struct fixture *f = *state;
    setenv("RABBITMQ_FEATURE_FLAGS", "quorum_queue,implicit_default_bindings,virtual_host_metadata",
           1);
    struct test_broker *broker = test_broker_start();
    unsetenv("RABBITMQ_FEATURE_FLAGS");
    f->broker = test_broker_url(broker);
    start_relay(f, 3600 * 1000);
    make_lives(f);
    assert_true(all_is_sent(f));
    assert_int_equal(f->warnings, 1);
    struct bus *bus = open_bus(f);
    assert_int_equal(bus_declare_queue(bus, f->queue, BUS_PASSIVE, NULL, 0, NULL, NULL),
                     BUS_EREFUSED);
    bus_close(bus);
    relay_stop(f->relay);
    f->relay = NULL;
    test_broker_free(broker);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {TEST(everything_can_be_read_again_in_order),
                                       TEST(none_is_made_for_age_0),
                                       TEST(another_queue_of_that_name_does_not_matter),
                                       TEST(a_broker_without_streams_does_not_matter)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
