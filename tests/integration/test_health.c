/* What health says while the servers are there, are killed, hang, and come back. */
#include "module/base/clock.h"
#include "module/service/datasource.h"
#include "module/service/health.h"
#include "module/service/service.h"
#include "tests/lib/service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct health *health_of(struct test_service *service) {
    return service_of(service)->health;
}

static enum health_status ready(struct test_service *service, char **ret_json) {
    struct health_report report;
    struct buf json = {0};
    int64_t began = clock_now();
    health_ready(health_of(service), &report);
    assert_true(clock_now() - began < (HEALTH_MOST_MS + 1000) * CLOCK_MS * test_time_factor());
    health_json(&report, &json);
    enum health_status status = report.status;
    health_report_done(&report);
    *ret_json = buf_take(&json);
    return status;
}

struct wanted {
    struct test_service *service;
    enum health_status status;
    const char *part; /* of the JSON; NULL: any */
    char *json;
};

static bool is_so(void *arg) {
    struct wanted *w = arg;
    free(w->json);
    return ready(w->service, &w->json) == w->status && (!w->part || strstr(w->json, w->part));
}

static void assert_ready_becomes(struct test_service *service, enum health_status status,
                                 const char *part) {
    struct wanted w = {service, status, part, NULL};
    if (!test_wait(is_so, &w, 20000))
        fail_msg("health is not %d with \"%s\": %s", (int)status, part ? part : "", w.json);
    free(w.json);
}

static void assert_live(struct test_service *service) {
    struct health_report report;
    health_live(service_of(service), &report);
    assert_int_equal(report.count, 2);
    assert_int_equal(report.status, HEALTH_OK);
    health_report_done(&report);
}

static struct test_service *start(const char *url, const char *amqp_url) {
    char amqp[300], name[300];
    snprintf(amqp, sizeof amqp, "jobs.amqp.url=%s", amqp_url);
    snprintf(name, sizeof name, "jobs.service=%s", test_service_name());
    service_schema(url);
    return service_start(url, runs_classes, amqp, name, NULL);
}

static void a_database_that_is_killed_is_named(void **state) {
    (void)state;
    struct test_pg *pg = test_pg_start();
    struct test_service *service = start(test_pg_database(pg), test_amqp_url());
    assert_ready_becomes(service, HEALTH_OK, "{\"name\":\"datasource:main\",\"status\":\"ok\"}");
    test_pg_crash(pg);
    char *json;
    assert_int_equal(ready(service, &json), HEALTH_DOWN); /* at once: it is asked, not remembered */
    free(json);
    assert_ready_becomes(service, HEALTH_DOWN, "{\"name\":\"datasource:main\",\"status\":\"down\"");
    assert_ready_becomes(service, HEALTH_DOWN, "{\"name\":\"amqp\",\"status\":\"ok\"}");
    assert_live(service);
    test_pg_restart(pg);
    assert_ready_becomes(service, HEALTH_OK, NULL);
    service_stop(service);
    test_pg_free(pg);
}

static void a_broker_that_is_killed_is_named(void **state) {
    (void)state;
    struct test_broker *broker = test_broker_start();
    struct test_service *service = start(test_database(), test_broker_url(broker));
    assert_ready_becomes(service, HEALTH_OK, "{\"name\":\"amqp\",\"status\":\"ok\"}");
    test_broker_kill(broker);
    assert_ready_becomes(service, HEALTH_DOWN, "{\"name\":\"amqp\",\"status\":\"down\"");
    assert_ready_becomes(service, HEALTH_DOWN, "{\"name\":\"datasource:main\",\"status\":\"ok\"}");
    assert_live(service);
    test_broker_restart(broker);
    assert_ready_becomes(service, HEALTH_OK, NULL);
    service_stop(service);
    test_broker_free(broker);
}

static void it_says_why_jobs_wait(void **state) {
    (void)state;
    const char *url = service_database();
    struct test_service *service =
        service_start(url, runs_classes, "jobs.workspace.max.percent=1", NULL);
    assert_ready_becomes(service, HEALTH_WARNING, "jobs.amqp.url is empty");
    assert_ready_becomes(service, HEALTH_WARNING, "no job that needs a workspace is chosen");
    test_sql(url, "insert into jobs.t_job_quarantine (tenant, class_name, until, crashes, reason) "
                  "values ('t0', 'count', now() + interval '1 hour', 5, 'test')");
    assert_ready_becomes(service, HEALTH_WARNING, "1 classes are in quarantine");
    test_sql(url, "select jobs.job_submit('t0', 'gate')"); /* never run here: only its event */
    test_sql(url, "update jobs.t_job_outbox set dates = array[now() - interval '1 hour']");
    assert_ready_becomes(service, HEALTH_WARNING, "events wait, the oldest for 36");
    struct buf line = {0};
    health_line(service_of(service), &line);
    assert_non_null(strstr(buf_get(&line), "of 10 slots; main: "));
    assert_non_null(strstr(buf_get(&line), "1 in quarantine"));
    buf_done(&line);
    service_stop(service);
}

static void one_that_stops_is_not_ready(void **state) {
    (void)state;
    const char *url = service_database();
    runs_reset();
    struct test_service *service = service_start(url, runs_classes, NULL);
    atomic_store(&service_of(service)->stopping, true);
    assert_ready_becomes(service, HEALTH_DOWN, "{\"name\":\"service\",\"status\":\"down\"");
    service_stop(service);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_database_that_is_killed_is_named),
        cmocka_unit_test(a_broker_that_is_killed_is_named),
        cmocka_unit_test(it_says_why_jobs_wait),
        cmocka_unit_test(one_that_stops_is_not_ready),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
