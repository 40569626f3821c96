/* The relay against real servers: whatever happens, a subscriber sees every job's events in
 * order and the outbox ends empty. */
#include "amqp/bus.h"
#include "module/base/clock.h"
#include "module/service/relay.h"
#include "tests/lib/event_log.h"
#include "tests/lib/proxy.h"
#include "tests/lib/servers.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libpq-fe.h>

#define LONG_MS 30000
#define OK(call)                                 \
    do {                                         \
        struct jobs_error err = {0};             \
        if ((call) < 0)                          \
            fail_msg("%s: %s", #call, err.text); \
    } while (0)

struct fixture {
    const char *database, *service;
    struct event_log *events;
    struct relay *relays[2];
    struct log log; /* counts lines */
    atomic_int errors, warnings;
};

static void count_line(void *arg, int level, const char *tenant, const char *id, const char *text) {
    (void)tenant, (void)id, (void)text;
    struct fixture *f = arg;
    atomic_fetch_add(level == LOG_LEVEL_ERROR ? &f->errors : &f->warnings, 1);
}

static struct sql_options sql_options(const struct fixture *f) {
    return (struct sql_options){.url = f->database,
                                .schema = "jobs",
                                .application_name = "jobs relay",
                                .fenced_plans = true};
}

static int set_up(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    f->database = test_database();
    f->service = test_service_name();
    f->log = (struct log){.level = LOG_LEVEL_WARNING, .sink = count_line, .arg = f};
    struct sql_options options = sql_options(f);
    struct sql *sql;
    OK(sql_open(&options, &sql, &err));
    OK(sql_migrate(sql, NULL, NULL, &err));
    sql_close(sql);
    test_sql(f->database, "insert into jobs.t_tenant (tenant) values ('acme'), ('other')");
    f->events = event_log_start(test_amqp_url(), f->service, "#");
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    relay_stop(f->relays[0]);
    relay_stop(f->relays[1]);
    event_log_stop(f->events);
    free(f);
    return 0;
}

static struct relay *start_relay(const struct fixture *f, const char *amqp_url,
                                 int64_t refused_ms) {
    struct relay_options options = {.log = &f->log,
                                    .datasource = "main",
                                    .service = f->service,
                                    .amqp_url = amqp_url,
                                    .sql = sql_options(f),
                                    .refused_ms = refused_ms};
    struct relay *relay;
    OK(relay_start(&options, &relay, &err));
    relay_hold(relay, true);
    return relay;
}

static struct relay_stats stats_of(const struct relay *relay) {
    struct relay_stats stats;
    relay_get_stats(relay, &stats);
    return stats;
}

/* Jobs first … last of a series, each with four events in as many transactions; the last row
 * brings RUNNING and SUCCEEDED at once. In batches of `batch` jobs. */
static void make_lives(const struct fixture *f, const char *series, const char *tenant, int jobs,
                       int batch) {
    test_sql(
        f->database,
        "do $$ declare v int; b int; begin "
        "for b in 0 .. (%d - 1) / %d loop foreach v in array array[1, 2, 4] loop "
        "perform jobs.job_report(array_agg(x.id), array_agg('%s'::text), array_agg('noop'::text), "
        "  array_agg(null::jobs.job_status), "
        "  array_agg(case when v = 4 then 'RUNNING'::jobs.job_status end), "
        "  array_agg((array['QUEUED', 'TO_BE_RUN', '', 'SUCCEEDED'])[v]::jobs.job_status), "
        "  array_agg(v), array_agg(case when v > 1 then 1 else 0 end), "
        "  array_agg(case when v = 4 then 100 else 0 end), "
        "  array_agg(case when v = 4 then clock_timestamp() end), array_agg(clock_timestamp()), "
        "  array_agg(null::text)) "
        "from (select md5('%s' || n)::uuid as id "
        "  from generate_series(b * %d, least((b + 1) * %d, %d) - 1) n) x; "
        "commit; end loop; end loop; end $$",
        jobs, batch, tenant, series, batch, batch, jobs);
}

static void assert_outbox_empties(const struct fixture *f) {
    assert_true(test_wait_sql(f->database, LONG_MS, "select count(*) = 0 from jobs.t_job_outbox"));
}

static void assert_clean(const struct fixture *f) {
    struct event_log_counts counts = event_log_get(f->events);
    assert_int_equal(counts.ahead, 0);
    assert_int_equal(counts.malformed, 0);
}

static bool is_connected(void *relay) { return stats_of(relay).connected; }

static void assert_connects(struct relay *relay) {
    assert_true(test_wait(is_connected, relay, LONG_MS));
}

static void test_events_of_a_submit_and_a_stop(void **state) {
    struct fixture *f = *state;
    f->relays[0] = start_relay(f, test_amqp_url(), 0);
    char *id =
        test_sql_value(f->database,
                       "select jobs.job_submit('acme', 'print', description => $d$a \"quoted\" "
                       "text\nof 2 lines$d$, owner => 'ann', related_type => 'order', "
                       "related_id => '7')");
    relay_wake(f->relays[0]);
    assert_true(event_log_wait(f->events, 1, LONG_MS));
    test_sql(f->database, "select jobs.job_stop('acme', '%s')", id);
    assert_true(event_log_wait(f->events, 2, LONG_MS));
    char *first = event_log_body(f->events, id, 1), *second = event_log_body(f->events, id, 2);
    assert_non_null(strstr(first, "\"type\":\"job.queued\""));
    assert_non_null(strstr(first, "\"description\": \"a \\\"quoted\\\" text\\nof 2 lines\""));
    assert_non_null(strstr(first, "\"relatedType\": \"order\""));
    assert_non_null(strstr(first, "\"owner\": \"ann\""));
    assert_non_null(strstr(second, "\"jobEventType\":\"ABORTED\""));
    assert_outbox_empties(f);
    assert_clean(f);
    free(first);
    free(second);
    free(id);
}

static void test_a_coalesced_change_is_two_events(void **state) {
    struct fixture *f = *state;
    f->relays[0] = start_relay(f, test_amqp_url(), 0);
    test_sql(f->database,
             "select jobs.job_report(array[md5('x')::uuid], '{acme}', '{print}', '{null}', "
             "'{null}', '{QUEUED}', '{1}', '{0}', '{0}', '{null}', array[now()], '{null}')");
    test_sql(f->database,
             "select jobs.job_report(array[md5('x')::uuid], '{acme}', '{print}', '{RUNNING}', "
             "'{RUNNING}', '{FAILED}', '{3}', '{1}', '{40}', "
             "array['2024-02-29 01:02:03.000004+00'::timestamptz], "
             "array['2024-02-29 01:02:04.5+00'::timestamptz], "
             "array[jobs.job_extras('ann', null, null, null, 'r', '{\"a\": null}', 'ERROR', 'no "
             "paper', null)])");
    assert_true(event_log_wait(f->events, 3, LONG_MS));
    char *id = test_sql_value(f->database, "select md5('x')::uuid");
    char *running = event_log_body(f->events, id, 2), *failed = event_log_body(f->events, id, 3);
    assert_non_null(strstr(running, "\"jobEventType\":\"RUNNING\""));
    assert_non_null(strstr(running, "\"time\":\"2024-02-29T01:02:03.000004Z\""));
    assert_non_null(strstr(running, "\"owner\":\"ann\""));
    assert_null(strstr(running, "paper"));
    assert_null(strstr(running, "result"));
    assert_non_null(strstr(failed, "\"time\":\"2024-02-29T01:02:04.500000Z\""));
    assert_non_null(strstr(failed, "\"kind\": \"ERROR\""));
    assert_non_null(strstr(failed, "\"percentCompleted\":40"));
    assert_non_null(strstr(failed, "\"result\":{\"a\": null}"));
    assert_outbox_empties(f);
    assert_clean(f);
    free(running);
    free(failed);
    free(id);
}

static void test_many_events(void **state) {
    struct fixture *f = *state;
    make_lives(f, "a", "acme", 5000, 200);
    make_lives(f, "b", "other", 300, 1);
    f->relays[0] = start_relay(f, test_amqp_url(), 0);
    assert_true(event_log_wait(f->events, 4 * 5300, LONG_MS));
    assert_outbox_empties(f);
    assert_clean(f);
    assert_int_equal(event_log_get(f->events).final, 5300);
    assert_int_equal(event_log_get(f->events).repeated, 0);
    assert_int_equal(stats_of(f->relays[0]).confirmed, 4 * 5300);
    assert_int_equal(stats_of(f->relays[0]).in_hand, 0);
}

static PGconn *begin(const struct fixture *f, const char *first) {
    PGconn *session = PQconnectdb(f->database);
    PQclear(PQexec(session, "begin isolation level repeatable read"));
    PQclear(PQexec(session, first));
    assert_int_equal(PQtransactionStatus(session), PQTRANS_INTRANS);
    return session;
}

static void end(PGconn *session, const char *how) {
    PQclear(PQexec(session, how));
    PQfinish(session);
}

/* However large its rows are: the memory of a daemon that comes back to a long outbox. */
static void test_a_long_outbox_is_read_in_pieces(void **state) {
    struct fixture *f = *state;
    make_lives(f, "long", "acme", 10000, 1000);
    f->relays[0] = start_relay(f, test_amqp_url(), 0);
    uint64_t most = 0;
    while (stats_of(f->relays[0]).confirmed < 40000) {
        uint64_t in_hand = stats_of(f->relays[0]).in_hand;
        most = in_hand > most ? in_hand : most;
        poll(NULL, 0, 1);
    }
    assert_in_range(most, 1, 20000);
    assert_true(event_log_wait(f->events, 40000, LONG_MS));
    assert_outbox_empties(f);
    assert_clean(f);
}

/* Transactions draw their outbox ids first and end last. */
static void test_rows_that_become_visible_late(void **state) {
    struct fixture *f = *state;
    f->relays[0] = start_relay(f, test_amqp_url(), 0);
    PGconn *late = begin(f, "select jobs.job_submit('acme', 'late')"),
           *never = begin(f, "select jobs.job_submit('acme', 'never')");
    for (int i = 1; i <= 20; i++) {
        test_sql(f->database, "select jobs.job_submit('acme', 'early') from generate_series(1, 5)");
        assert_true(event_log_wait(f->events, (size_t)(5 * i), LONG_MS));
        assert_outbox_empties(f);
    }
    end(never, "rollback");
    assert_int_equal(event_log_get(f->events).applied, 100);
    end(late, "commit");
    test_sql(f->database,
             "select jobs.job_stop(tenant, id) from jobs.t_job_info where class_name = 'late'");
    assert_true(event_log_wait(f->events, 102, LONG_MS));
    assert_outbox_empties(f);
    assert_clean(f);
    assert_int_equal(event_log_get(f->events).final, 1);
}

static int64_t stop_and_count_entries(struct fixture *f) {
    relay_stop(f->relays[0]);
    f->relays[0] = NULL;
    assert_true(test_wait_sql(f->database, LONG_MS,
                              "select count(*) = 0 from pg_stat_activity where datname = "
                              "current_database() and application_name = 'jobs relay'"));
    return test_sql_integer(f->database, "select idx_tup_read from pg_stat_user_indexes "
                                         "where indexrelname = 't_job_outbox_pkey'");
}

/* They stay in the index as long as somebody has a snapshot of before. */
static void test_reads_do_not_pass_deleted_rows(void **state) {
    enum { DEAD = 3000, READS = 300 };
    struct fixture *f = *state;
    PGconn *holder = begin(f, "select 1");
    f->relays[0] = start_relay(f, test_amqp_url(), 0);
    make_lives(f, "dead", "acme", DEAD / 3, 1);
    assert_true(event_log_wait(f->events, DEAD / 3 * 4, LONG_MS));
    assert_outbox_empties(f);
    int64_t before = stop_and_count_entries(f);
    f->relays[0] = start_relay(f, test_amqp_url(), 0);
    for (size_t i = 1; i <= READS; i++) {
        test_sql(f->database, "select jobs.job_submit('acme', 'single')");
        relay_wake(f->relays[0]);
        assert_true(event_log_wait(f->events, DEAD / 3 * 4 + i, LONG_MS));
    }
    assert_outbox_empties(f);
    int64_t entries = stop_and_count_entries(f) - before;
    end(holder, "commit");
    assert_true(entries > DEAD); /* the first read, and a look at everything now and then */
    assert_true(entries < (int64_t)DEAD * READS / 3);
    assert_clean(f);
}

/* Such as after the sequence was set back by hand: a look at everything finds them. */
static void test_ids_that_come_again(void **state) {
    struct fixture *f = *state;
    f->relays[0] = start_relay(f, test_amqp_url(), 0);
    make_lives(f, "once", "acme", 10, 1);
    assert_true(event_log_wait(f->events, 40, LONG_MS));
    assert_outbox_empties(f);
    test_sql(f->database,
             "select setval(pg_get_serial_sequence('jobs.t_job_outbox', 'id'), 5, false)");
    make_lives(f, "again", "acme", 5, 1);
    assert_true(event_log_wait(f->events, 60, LONG_MS));
    assert_outbox_empties(f);
    assert_clean(f);
}

static void test_two_relays_at_once(void **state) {
    struct fixture *f = *state;
    for (int i = 0; i < 2; i++)
        assert_connects(f->relays[i] = start_relay(f, test_amqp_url(), 0));
    for (int i = 0; i < 10; i++) {
        char series[16];
        snprintf(series, sizeof series, "two%d", i);
        make_lives(f, series, "acme", 300, 20);
    }
    assert_true(event_log_wait(f->events, 12000, LONG_MS));
    assert_outbox_empties(f);
    assert_clean(f);
    assert_true(stats_of(f->relays[0]).published > 0);
    assert_true(stats_of(f->relays[1]).published > 0);
}

static bool has_sent_more(void *arg) {
    struct {
        struct relay *relay;
        uint64_t than;
    } *goal = arg;
    return stats_of(goal->relay).confirmed > goal->than;
}

static void test_connections_that_are_cut(void **state) {
    struct fixture *f = *state;
    struct proxy *proxy = proxy_start(test_amqp_url(), false);
    make_lives(f, "cut", "acme", 6000, 100);
    f->relays[0] = start_relay(f, proxy_url(proxy), 0);
    for (int i = 0; i < 6; i++) {
        struct {
            struct relay *relay;
            uint64_t than;
        } goal = {f->relays[0], stats_of(f->relays[0]).confirmed + 1000};
        assert_true(test_wait(has_sent_more, &goal, LONG_MS));
        proxy_cut(proxy);
    }
    assert_true(event_log_wait(f->events, 24000, LONG_MS));
    assert_outbox_empties(f);
    assert_clean(f);
    assert_true(proxy_connections(proxy) >= 4);
    assert_true(stats_of(f->relays[0]).resent > 0);
    relay_stop(f->relays[0]);
    f->relays[0] = NULL;
    proxy_stop(proxy);
}

static void test_database_sessions_that_are_terminated(void **state) {
    struct fixture *f = *state;
    f->relays[0] = start_relay(f, test_amqp_url(), 0);
    assert_connects(f->relays[0]);
    for (int i = 0; i < 4; i++) {
        char series[16];
        snprintf(series, sizeof series, "end%d", i);
        make_lives(f, series, "acme", 500, 50);
        test_sql(f->database,
                 "select pg_terminate_backend(pid) from pg_stat_activity where datname = "
                 "current_database() and pid <> pg_backend_pid()");
    }
    assert_true(event_log_wait(f->events, 8000, LONG_MS));
    assert_outbox_empties(f);
    assert_clean(f);
}

/* A queue that takes one event and refuses all others of tenant acme. */
static struct bus *add_refusing_queue(const struct fixture *f, char queue[256]) {
    struct bus_options options = {.url = test_amqp_url(), .name = "refuser"};
    struct bus *bus;
    char exchange[128];
    snprintf(exchange, sizeof exchange, "%s.events", f->service);
    const struct bus_argument arguments[] = {{.name = "x-overflow", .text = "reject-publish"},
                                             {.name = "x-max-length", .number = 1}};
    OK(bus_open(&options, &bus, &err));
    OK(bus_declare_queue(bus, "", BUS_EXCLUSIVE, arguments, 2, queue, &err));
    OK(bus_bind(bus, queue, exchange, "acme.#", &err));
    return bus;
}

static void test_a_refusing_queue_delays_its_jobs_only(void **state) {
    struct fixture *f = *state;
    char queue[256];
    struct bus *refuser = add_refusing_queue(f, queue);
    struct event_log *others = event_log_start(test_amqp_url(), f->service, "other.#");
    make_lives(f, "acme", "acme", 300, 100);
    make_lives(f, "other", "other", 300, 100);
    f->relays[0] = start_relay(f, test_amqp_url(), 0);
    assert_true(event_log_wait(others, 1200, LONG_MS));
    assert_true(stats_of(f->relays[0]).refused > 0);
    assert_true(stats_of(f->relays[0]).in_hand > 0);
    assert_int_equal(stats_of(f->relays[0]).dropped, 0);
    assert_true(relay_wants_lease(f->relays[0]));
    OK(bus_delete_queue(refuser, queue, &err));
    assert_true(event_log_wait(f->events, 2400, LONG_MS));
    assert_outbox_empties(f);
    assert_clean(f);
    assert_int_equal(stats_of(f->relays[0]).dropped, 0);
    bus_close(refuser);
    event_log_stop(others);
}

static void test_what_is_refused_for_long_is_dropped(void **state) {
    struct fixture *f = *state;
    char queue[256];
    struct bus *refuser = add_refusing_queue(f, queue);
    make_lives(f, "acme", "acme", 50, 25);
    f->relays[0] = start_relay(f, test_amqp_url(), 250);
    assert_outbox_empties(f);
    assert_true(event_log_wait(f->events, 200, LONG_MS));
    assert_clean(f);
    assert_true(event_log_get(f->events).repeated > 0);
    assert_int_equal(stats_of(f->relays[0]).dropped, 199); /* one fits the queue */
    assert_int_equal(f->errors, 199);
    assert_int_equal(stats_of(f->relays[0]).confirmed, 1);
    bus_close(refuser);
}

static bool is_disconnected(void *relay) { return !stats_of(relay).connected; }
static bool is_unwilling(void *relay) { return !relay_wants_lease(relay); }
static bool is_willing(void *relay) { return relay_wants_lease(relay); }

static void test_a_broker_that_comes_later(void **state) {
    struct fixture *f = *state;
    struct proxy *proxy = proxy_start(test_amqp_url(), true);
    f->relays[0] = start_relay(f, proxy_url(proxy), 0);
    make_lives(f, "later", "acme", 100, 100);
    assert_true(test_wait(is_unwilling, f->relays[0], LONG_MS));
    assert_int_equal(event_log_get(f->events).applied, 0);
    while (proxy_connections(proxy) < 3) /* it tries again, and complains once */
        poll(NULL, 0, 10);
    assert_int_equal(f->warnings, 1);
    proxy_refuse(proxy, false);
    assert_true(event_log_wait(f->events, 400, LONG_MS));
    assert_true(test_wait(is_willing, f->relays[0], LONG_MS));
    assert_outbox_empties(f);
    assert_clean(f);
    relay_stop(f->relays[0]);
    f->relays[0] = NULL;
    proxy_stop(proxy);
}

static void test_a_broker_that_blocks(void **state) {
    struct fixture *f = *state;
    struct test_broker *broker = test_broker_start();
    struct event_log *events = event_log_start(test_broker_url(broker), f->service, "#");
    f->relays[0] = start_relay(f, test_broker_url(broker), 0);
    make_lives(f, "before", "acme", 10, 10);
    assert_true(event_log_wait(events, 40, LONG_MS));
    test_broker_ctl(broker, "set_vm_memory_high_watermark", "0", NULL);
    make_lives(f, "blocked", "acme", 100, 10);
    relay_wake(f->relays[0]);
    assert_true(test_wait(is_unwilling, f->relays[0], LONG_MS));
    assert_true(test_sql_integer(f->database, "select count(*) from jobs.t_job_outbox") > 0);
    /* The lease goes and comes back: one message each time, one line in the log. */
    for (int i = 0; i < 2; i++) {
        relay_hold(f->relays[0], false);
        assert_true(test_wait(is_disconnected, f->relays[0], LONG_MS));
        assert_true(test_wait(is_willing, f->relays[0], LONG_MS));
        uint64_t before = stats_of(f->relays[0]).published;
        relay_hold(f->relays[0], true);
        assert_true(test_wait(is_unwilling, f->relays[0], LONG_MS));
        assert_int_equal(stats_of(f->relays[0]).published, before + 1);
    }
    assert_int_equal(f->warnings, 1);
    test_broker_ctl(broker, "set_vm_memory_high_watermark", "0.6", NULL);
    assert_true(event_log_wait(events, 440, LONG_MS));
    assert_outbox_empties(f);
    assert_true(test_wait(is_willing, f->relays[0], LONG_MS));
    relay_stop(f->relays[0]);
    f->relays[0] = NULL;
    event_log_stop(events);
    test_broker_free(broker);
}

static void test_an_exchange_that_is_deleted(void **state) {
    struct fixture *f = *state;
    f->relays[0] = start_relay(f, test_amqp_url(), 0);
    make_lives(f, "a", "acme", 10, 10);
    assert_true(event_log_wait(f->events, 40, LONG_MS));
    struct bus_options options = {.url = test_amqp_url()};
    struct bus *bus;
    char exchange[128];
    snprintf(exchange, sizeof exchange, "%s.events", f->service);
    OK(bus_open(&options, &bus, &err));
    OK(bus_delete_exchange(bus, exchange, &err));
    make_lives(f, "b", "acme", 10, 10);
    assert_outbox_empties(f);
    OK(bus_declare_exchange(bus, exchange, "topic", BUS_DURABLE | BUS_PASSIVE, NULL, &err));
    bus_close(bus);
}

static void test_events_that_cannot_be_encoded(void **state) {
    struct fixture *f = *state;
    test_sql(f->database,
             "insert into jobs.t_job_outbox (ids, tenants, class_names, middles, statuses, "
             "versions, attempts, percents, middle_dates, dates, extras) values "
             "(array[md5('1')::uuid, md5('2')::uuid], '{acme,acme}', '{print,print}', "
             "'{null,null}', '{QUEUED,QUEUED}', '{1,1}', '{0,0}', '{0,0}', '{null,null}', "
             "array[now(), now()], '{nonsense,null}'), "
             "(array[md5('3')::uuid], array['acme'], array[repeat('x', 300)], '{null}', "
             "'{QUEUED}', '{1}', '{0}', '{0}', '{null}', array[now()], '{null}'), "
             "(array[md5('4')::uuid], '{acme,acme}', '{print}', '{null}', '{QUEUED}', '{1}', "
             "'{0}', '{0}', '{null}', array[now()], '{null}'), "
             "('{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}'), "
             "(array[null::uuid], '{acme}', '{print}', '{null}', '{QUEUED}', '{1}', "
             "'{0}', '{0}', '{null}', array[now()], '{null}')");
    make_lives(f, "good", "acme", 10, 5);
    f->relays[0] = start_relay(f, test_amqp_url(), 0);
    assert_true(event_log_wait(f->events, 41, LONG_MS));
    assert_outbox_empties(f);
    assert_clean(f);
    assert_int_equal(stats_of(f->relays[0]).unreadable, 4);
    assert_int_equal(f->errors, 4);
    assert_int_equal(f->warnings, 0);
}

static void test_only_the_holder_publishes(void **state) {
    struct fixture *f = *state;
    f->relays[0] = start_relay(f, test_amqp_url(), 0);
    assert_connects(f->relays[0]);
    relay_hold(f->relays[0], false);
    assert_true(test_wait(is_disconnected, f->relays[0], LONG_MS));
    assert_true(test_wait_sql(f->database, LONG_MS,
                              "select count(*) = 1 from pg_stat_activity where "
                              "datname = current_database()"));
    make_lives(f, "held", "acme", 10, 10);
    relay_wake(f->relays[0]);
    assert_int_equal(test_sql_integer(f->database, "select count(*) from jobs.t_job_outbox"), 3);
    relay_hold(f->relays[0], true);
    assert_true(event_log_wait(f->events, 40, LONG_MS));
    assert_outbox_empties(f);
    assert_clean(f);
}

static void test_without_a_broker_it_is_idle(void **state) {
    struct fixture *f = *state;
    f->relays[0] = start_relay(f, NULL, 0);
    make_lives(f, "none", "acme", 10, 10);
    relay_wake(f->relays[0]);
    assert_true(relay_wants_lease(f->relays[0]));
    relay_stop(f->relays[0]);
    f->relays[0] = NULL;
    assert_int_equal(test_sql_integer(f->database, "select count(*) from jobs.t_job_outbox"), 3);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_events_of_a_submit_and_a_stop),
        CASE(test_a_coalesced_change_is_two_events),
        CASE(test_many_events),
        CASE(test_a_long_outbox_is_read_in_pieces),
        CASE(test_rows_that_become_visible_late),
        CASE(test_reads_do_not_pass_deleted_rows),
        CASE(test_ids_that_come_again),
        CASE(test_two_relays_at_once),
        CASE(test_connections_that_are_cut),
        CASE(test_database_sessions_that_are_terminated),
        CASE(test_a_refusing_queue_delays_its_jobs_only),
        CASE(test_what_is_refused_for_long_is_dropped),
        CASE(test_a_broker_that_comes_later),
        CASE(test_an_exchange_that_is_deleted),
        CASE(test_events_that_cannot_be_encoded),
        CASE(test_only_the_holder_publishes),
        CASE(test_without_a_broker_it_is_idle),
        CASE(test_a_broker_that_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
