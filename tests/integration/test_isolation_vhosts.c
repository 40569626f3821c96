/* jobs.amqp.vhost.mode=tenant: events and commands of each tenant in a virtual host of its own; one
 * that is not there keeps its own tenant's events waiting, in order, and nobody else's. */
#include "module/base/clock.h"
#include "tests/lib/bus_log.h"
#include "tests/lib/http.h"
#include "tests/lib/jobctl.h"
#include "tests/lib/proxy.h"
#include "tests/lib/service.h"
#include "tests/lib/sse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TENANTS 4 /* t2 and t3 have no virtual host at first */

struct scene {
    const char *url, *service;
    struct test_service *jobsd;
    char events[150], commands[150], vhost[TENANTS][160];
};

static struct bus *open_as(const char *user, const char *password, const char *vhost) {
    char url[300];
    struct bus *bus;
    snprintf(url, sizeof url, "amqp://%s:%s%s", user, password, strchr(test_amqp_url(), '@'));
    struct bus_options options = {.url = url, .vhost = vhost, .name = "test", .confirms = true};
    OK(bus_open(&options, &bus, &err));
    return bus;
}

static struct bus *open_admin(const char *vhost) { return open_as("guest", "guest", vhost); }

static void start_at(struct scene *s, const char *mode, const char *amqp_url) {
    char broker[300], prefix[200], vhosts[100];
    snprintf(broker, sizeof broker, "jobs.amqp.url=%s", amqp_url);
    snprintf(prefix, sizeof prefix, "jobs.service=%s", s->service);
    snprintf(vhosts, sizeof vhosts, "jobs.amqp.vhost.mode=%s", mode);
    s->jobsd =
        service_start(s->url, NULL, broker, prefix, vhosts, "jobs.api.listen=127.0.0.1:0",
                      "jobs.api.auth=none", "jobs.amqp.log.age=1d", "jobs.amqp.log.size=64M", NULL);
}

static void start(struct scene *s, const char *mode) { start_at(s, mode, test_amqp_url()); }

static void make_vhost(const struct scene *s, int tenant) {
    jobctl_says(0, s->vhost[tenant], "tenant amqp t%d --apply", tenant);
}

static int set_up(void **state) {
    static struct scene scene;
    struct scene *s = &scene;
    runs_reset();
    s->url = service_database();
    s->service = test_service_name();
    snprintf(s->events, sizeof s->events, "%s.events", s->service);
    snprintf(s->commands, sizeof s->commands, "%s.commands", s->service);
    jobctl_use(BUILD_DIR "/bin");
    setenv("JOBS_DATASOURCE_MAIN_URL", s->url, 1);
    setenv("JOBS_AMQP_MANAGEMENT_URL", test_amqp_management(), 1);
    setenv("JOBS_AMQP_URL", test_amqp_url(), 1);
    setenv("JOBS_SERVICE", s->service, 1);
    setenv("JOBS_AMQP_VHOST_MODE", "tenant", 1);
    for (int i = 0; i < TENANTS; i++) {
        snprintf(s->vhost[i], sizeof s->vhost[i], "%s.t%d", s->service, i);
        test_sql(s->url,
                 "update jobs.t_tenant set settings = '{\"amqp_user\": \"%s\"}' where tenant = "
                 "'t%d'",
                 s->vhost[i], i);
    }
    make_vhost(s, 0);
    make_vhost(s, 1);
    start(s, "tenant");
    *state = s;
    return 0;
}

static int tear_down(void **state) {
    struct scene *s = *state;
    service_stop(s->jobsd);
    for (int i = 0; i < TENANTS - 1; i++) {
        test_amqp_ctl("delete_user", s->vhost[i], NULL);
        test_amqp_ctl("delete_vhost", s->vhost[i], NULL);
    }
    return 0;
}

/* A queue there, bound to all events; the exchange may not be there yet. */
static struct bus_log *follow(const struct scene *s, struct bus *bus, const char *key) {
    struct bus_log *log = bus_log_new(bus);
    OK(bus_declare_exchange(bus, s->events, "topic", BUS_DURABLE, NULL, &err));
    OK(bus_declare_queue(bus, "followed", BUS_EXCLUSIVE, NULL, 0, NULL, &err));
    OK(bus_bind(bus, "followed", s->events, key, &err));
    OK(bus_consume(bus, "followed", 0, BUS_NO_ACK, NULL, NULL, &err));
    return log;
}

/* All of one tenant; of each job versions 1, 2, 3, … in this order. */
static void assert_in_order(const struct bus_log *log, const char *tenant) {
    for (int i = 0; i < log->deliveries && i < BUS_LOG_DELIVERIES; i++) {
        const char *id = log->delivery[i].message_id;
        int expected = 1;
        assert_string_equal(log->delivery[i].tenant, tenant);
        for (int j = 0; j < i; j++)
            expected += strncmp(id, log->delivery[j].message_id, 36) == 0;
        assert_int_equal(atoi(id + 37), expected);
    }
}

static void submit_to(const struct scene *s, int tenant, int count) {
    test_sql(s->url,
             "select jobs.job_submit('t%d', 'count', jsonb_build_object('n', n)) from "
             "generate_series(1, %d) n",
             tenant, count);
}

static void each_has_its_own(void **state) {
    struct scene *s = *state;
    struct bus *first = open_admin(s->vhost[0]), *second = open_admin(s->vhost[1]);
    struct bus_log *log = follow(s, first, "#"), *other = follow(s, second, "#");
    submit_to(s, 2, 5); /* has none: in nobody's way */
    submit_to(s, 0, 6);
    submit_to(s, 1, 4);
    bus_log_wait(log, &log->deliveries, 24);
    bus_log_wait(other, &other->deliveries, 16);
    assert_in_order(log, "t0");
    assert_in_order(other, "t1");
    assert_int_equal(log->deliveries, 24);
    assert_int_equal(other->deliveries, 16);
    assert_true(test_wait_sql(s->url, LONG_MS,
                              "select not exists (select from jobs.t_job_outbox) and not exists "
                              "(select from jobs.t_job_outbox_parked where tenant <> 't2')"));
    bus_close(first);
    bus_close(second);
    free(log);
    free(other);
}

static bool has_place(void *arg) { return sse_get(arg).comments > 1; }

/* Streams of events are read from the tenant's own log; there is none of all tenants. */
static void streams_are_of_one_tenant(void **state) {
    struct scene *s = *state;
    char base[300];
    OK(job_service_url(service_of(s->jobsd), base, sizeof base, &err));
    struct sse_pool *pool = sse_pool_start();
    struct sse *mine = sse_open(pool, base, NULL, "/api/v1/tenants/t0/events", -1),
               *other = sse_open(pool, base, NULL, "/api/v1/tenants/t1/events?progress=false", -1);
    assert_true(test_wait(has_place, mine, LONG_MS));
    assert_true(test_wait(has_place, other, LONG_MS));
    int64_t place = sse_get(mine).id;
    submit_to(s, 0, 3);
    submit_to(s, 1, 2);
    assert_true(sse_wait(mine, 12, LONG_MS));
    assert_true(sse_wait(other, 8, LONG_MS));
    struct sse *past =
        sse_open(pool, base, NULL, "/api/v1/tenants/t0/events?progress=false", place);
    assert_true(sse_wait(past, 12, LONG_MS));
    assert_int_equal(sse_get(past).events, 12);
    char *text = sse_text(other), *body = http_get(503, base, NULL, "/api/v1/events");
    assert_non_null(strstr(text, "\"tenant\":\"t1\""));
    assert_null(strstr(text, "\"tenant\":\"t0\""));
    assert_non_null(strstr(body, "/api/v1/tenants/{tenant}/events"));
    free(text), free(body);
    sse_pool_stop(pool);
}

/* What waits for a virtual host comes, in order, once it is there; and what follows, after it. */
static void what_is_parked_is_made_up_for(void **state) {
    struct scene *s = *state;
    assert_true(test_wait_sql(s->url, LONG_MS,
                              "select sum(cardinality(ids)) >= 5 from jobs.t_job_outbox_parked "
                              "where tenant = 't2'"));
    wait_final(s->url, 15, LONG_MS);
    assert_true(service_said(s->jobsd, "(tenant t2): events wait") == 1);
    /* a subscriber is there first */
    test_amqp_ctl("add_vhost", s->vhost[2], NULL);
    test_amqp_ctl("add_user", "watcher", "watcher", NULL);
    test_amqp_ctl("set_permissions", "-p", s->vhost[2], "watcher", ".*", ".*", ".*", NULL);
    struct bus *bus = open_as("watcher", "watcher", s->vhost[2]);
    struct bus_log *log = follow(s, bus, "#");
    make_vhost(s, 2);
    submit_to(s, 2, 5);
    bus_log_wait(log, &log->deliveries, 40);
    assert_in_order(log, "t2");
    assert_true(
        test_wait_sql(s->url, LONG_MS, "select not exists (select from jobs.t_job_outbox_parked)"));
    bus_close(bus);
    free(log);
    test_amqp_ctl("delete_user", "watcher", NULL);
}

static void publish(struct bus *bus, const char *exchange, const char *key, const char *id) {
    char body[100];
    struct bus_log *log = bus_log_new(bus);
    snprintf(body, sizeof body, "{\"jobId\": \"%s\"}", id);
    struct bus_message message = {.exchange = exchange,
                                  .routing_key = key,
                                  .body = body,
                                  .length = strlen(body),
                                  .persistent = true};
    OK(bus_publish(bus, &message, NULL, &err));
    bus_log_wait(log, &log->acks, 1);
    free(log);
}

/* The virtual host proves who it is, and for whom it speaks. */
static void commands_come_from_their_own(void **state) {
    struct scene *s = *state;
    test_amqp_ctl("change_password", s->vhost[0], "secret", NULL);
    struct bus *bus = open_as(s->vhost[0], "secret", s->vhost[0]), *other = NULL;
    struct bus_options elsewhere = {.vhost = s->vhost[1]};
    char url[400], *own = submit(s->url, "'t0', 'count', pending => true"),
                   *others = submit(s->url, "'t1', 'count', pending => true");
    publish(bus, s->commands, "t1.stop", others);
    publish(bus, s->commands, "t0.stop", others);
    publish(bus, s->commands, "t0.stop", own);
    wait_status(s->url, own, "ABORTED");
    assert_job(s->url, others, "status", "PENDING");
    snprintf(url, sizeof url, "amqp://%s:secret%s", s->vhost[0], strchr(test_amqp_url(), '@'));
    elsewhere.url = url;
    struct jobs_error err;
    assert_int_equal(bus_open(&elsewhere, &other, &err), BUS_EREFUSED);
    elsewhere.vhost = "/";
    assert_int_equal(bus_open(&elsewhere, &other, &err), BUS_EREFUSED);
    /* jobctl goes there by itself */
    jobctl_says(0, "PENDING", "show %s -t t1 --json", others);
    jobctl_says(0, "", "stop %s --amqp -t t1", others);
    wait_status(s->url, others, "ABORTED");
    bus_close(bus);
    free(own);
    free(others);
}

/* Virtual hosts that take a connection and say nothing more, for events and for commands: those of
 * others are connected beside them, not after them. */
static void those_that_hang(void **state) {
    enum { HOLES = 10 };
    struct scene *s = *state;
    struct proxy *proxy = proxy_start(test_amqp_url(), false);
    char holes[200];
    snprintf(holes, sizeof holes, "%s.hole", s->service);
    proxy_swallow(proxy, holes);
    service_stop(s->jobsd);
    test_sql(s->url,
             "insert into jobs.t_tenant (tenant) select 'hole' || n from generate_series(1, %d) n; "
             "select jobs.job_submit('hole' || n, 'count') from generate_series(1, %d) n",
             HOLES, HOLES);
    char *id = submit(s->url, "'t0', 'count', pending => true");
    int64_t began = clock_now();
    start_at(s, "tenant", proxy_url(proxy));
    wait_final(s->url, test_sql_integer(s->url, "select count(*) - 1 from jobs.t_job_info"),
               LONG_MS);
    struct bus *bus = open_admin(s->vhost[0]);
    struct bus_log *log = follow(s, bus, "#");
    submit_to(s, 0, 3);
    bus_log_wait(log, &log->deliveries, 12);
    publish(bus, s->commands, "t0.stop", id);
    wait_status(s->url, id, "ABORTED");
    int64_t took = (clock_now() - began) / CLOCK_MS;
    print_message("%d connections swallowed; events and a command of another tenant took %lld ms\n",
                  proxy_swallowed(proxy), (long long)took);
    assert_true(proxy_swallowed(proxy) >= HOLES);
    assert_true(took < HOLES * 5000 / 2); /* each hangs for 5 s at a time */
    service_stop(s->jobsd);
    proxy_stop(proxy);
    start(s, "tenant");
    bus_close(bus);
    free(log);
    free(id);
}

/* Back to one for all: what was parked comes first. */
static void another_mode_leaves_nothing_behind(void **state) {
    struct scene *s = *state;
    submit_to(s, 3, 5);
    assert_true(test_wait_sql(s->url, LONG_MS,
                              "select count(*) filter (where 'SUCCEEDED' = any(statuses)) > 0 from "
                              "jobs.t_job_outbox_parked where tenant = 't3'"));
    service_stop(s->jobsd);
    struct bus *bus = open_admin(NULL);
    struct bus_log *log = follow(s, bus, "t3.#");
    start(s, "single");
    submit_to(s, 3, 5);
    bus_log_wait(log, &log->deliveries, 40);
    assert_in_order(log, "t3");
    assert_int_equal(test_sql_integer(s->url, "select count(*) from jobs.t_job_outbox_parked"), 0);
    bus_close(bus);
    free(log);
}

/* jobctl subscribe makes the queue where the tenant's events are. */
static void a_subscription_is_in_the_tenants_virtual_host(void **state) {
    struct scene *s = *state;
    char queue[256], other[256];
    free(jobctl(0, "subscribe t0.reports --tenant t0 --key t0.SUCCEEDED.count"));
    struct bus *own = open_admin(s->vhost[0]), *shared = open_admin(NULL);
    snprintf(queue, sizeof queue, "t0.reports");
    OK(bus_declare_queue(own, queue, BUS_PASSIVE, NULL, 0, other, &err));
    assert_int_equal(bus_declare_queue(shared, queue, BUS_PASSIVE, NULL, 0, NULL, NULL),
                     BUS_EREFUSED);
    struct bus_log *log = bus_log_new(own);
    free(submit(s->url, "'t0', 'count'"));
    OK(bus_consume(own, queue, 0, BUS_NO_ACK, NULL, NULL, &err));
    bus_log_wait(log, &log->deliveries, 1);
    assert_string_equal(log->delivery[0].routing_key, "t0.SUCCEEDED.count");
    free(jobctl(0, "subscribe --delete t0.reports --tenant t0"));
    assert_int_equal(bus_declare_queue(own, queue, BUS_PASSIVE, NULL, 0, NULL, NULL), BUS_EREFUSED);
    bus_close(own);
    bus_close(shared);
    free(log);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_has_its_own),
        cmocka_unit_test(what_is_parked_is_made_up_for),
        cmocka_unit_test(streams_are_of_one_tenant),
        cmocka_unit_test(commands_come_from_their_own),
        cmocka_unit_test(a_subscription_is_in_the_tenants_virtual_host),
        cmocka_unit_test(those_that_hang),
        cmocka_unit_test(another_mode_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
