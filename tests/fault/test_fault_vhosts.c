/* A virtual host per tenant, and the broker is killed: every event of every tenant still comes, in
 * order for each job. */
#include "tests/lib/bus_log.h"
#include "tests/lib/service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TENANTS 2

static struct bus *open_vhost(const struct test_broker *broker, const char *vhost) {
    struct bus *bus;
    struct bus_options options = {.url = test_broker_url(broker),
                                  .vhost = vhost,
                                  .name = "test",
                                  .confirms = true};
    OK(bus_open(&options, &bus, &err));
    return bus;
}

static void bind_queue(const struct test_broker *broker, const char *vhost) {
    struct bus *bus = open_vhost(broker, vhost);
    OK(bus_declare_exchange(bus, "jobs.events", "topic", BUS_DURABLE, NULL, &err));
    OK(bus_declare_queue(bus, "all", BUS_DURABLE, NULL, 0, NULL, &err));
    OK(bus_bind(bus, "all", "jobs.events", "#", &err));
    bus_close(bus);
}

/* How many events are there by the subscriber's rule: the last version + 1, for each job. */
static int applied(const struct bus_log *log, const char *tenant) {
    int n = 0, count = log->deliveries < BUS_LOG_DELIVERIES ? log->deliveries : BUS_LOG_DELIVERIES;
    bool took[BUS_LOG_DELIVERIES] = {false};
    for (int i = 0; i < count; i++) {
        int last = 0;
        assert_string_equal(log->delivery[i].tenant, tenant);
        for (int j = 0; j < i; j++)
            if (took[j] &&
                strncmp(log->delivery[i].message_id, log->delivery[j].message_id, 36) == 0)
                last++;
        took[i] = atoi(log->delivery[i].message_id + 37) == last + 1;
        n += took[i];
    }
    return n;
}

static void wait_applied(const struct test_broker *broker, const char *tenant, int events) {
    char vhost[80];
    snprintf(vhost, sizeof vhost, "jobs.%s", tenant);
    struct bus *bus = open_vhost(broker, vhost);
    struct bus_log *log = bus_log_new(bus);
    OK(bus_consume(bus, "all", 0, BUS_NO_ACK, NULL, NULL, &err));
    while (applied(log, tenant) < events)
        bus_log_wait(log, &log->deliveries, log->deliveries + 1);
    bus_close(bus);
    free(log);
}

static void submit_to_all(const char *url, int count) {
    for (int t = 0; t < TENANTS; t++)
        test_sql(url,
                 "select jobs.job_submit('t%d', 'count', jsonb_build_object('n', n)) from "
                 "generate_series(1, %d) n",
                 t, count);
}

static void a_broker_that_is_killed(void **state) {
    (void)state;
    char setting[300], vhost[80];
    const char *url = service_database();
    struct test_broker *broker = test_broker_start();
    for (int t = 0; t < TENANTS; t++) {
        snprintf(vhost, sizeof vhost, "jobs.t%d", t);
        test_broker_ctl(broker, "add_vhost", vhost, NULL);
        test_broker_ctl(broker, "set_permissions", "-p", vhost, "guest", ".*", ".*", ".*", NULL);
        bind_queue(broker, vhost);
    }
    runs_reset();
    snprintf(setting, sizeof setting, "jobs.amqp.url=%s", test_broker_url(broker));
    struct test_service *s = service_start(url, NULL, setting, "jobs.amqp.vhost.mode=tenant",
                                           "jobs.amqp.log.age=0", NULL);
    submit_to_all(url, 3);
    wait_final(url, 6, LONG_MS);
    test_broker_kill(broker);
    submit_to_all(url, 4);
    wait_final(url, 14, LONG_MS);
    assert_true(test_wait_sql(url, LONG_MS,
                              "select count(distinct tenant) = 2 from "
                              "jobs.t_job_outbox_parked"));
    test_broker_restart(broker);
    for (int t = 0; t < TENANTS; t++) {
        char tenant[8];
        snprintf(tenant, sizeof tenant, "t%d", t);
        wait_applied(broker, tenant, 7 * 4);
    }
    assert_true(test_wait_sql(url, LONG_MS,
                              "select not exists (select from jobs.t_job_outbox) and "
                              "not exists (select from jobs.t_job_outbox_parked)"));
    /* said once for a loss and once for a refusal, however often it was tried */
    assert_true(service_said(s, "(tenant t0): events wait") <= 2);
    assert_true(service_said(s, "tenant t3: no commands are taken") <= 3);
    service_stop(s);
    test_broker_free(broker);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_broker_that_is_killed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
