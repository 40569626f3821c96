/* What the metrics say about jobs that were really run, and that Prometheus' own tool takes them. */
#include "module/service/metrics.h"
#include "tests/lib/service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int run_refused(struct job *job) { return job_fail_for_good(job, "%s", "no"); }

static int run_late(struct job *job) {
    job_sleep(job, 60000);
    return job_is_stopped(job) ? job_aborted(job) : 0;
}

static int run_again(struct job *job) {
    runs_begin(job);
    bool first = runs_of(job_id(job)) == 1;
    runs_end(job);
    return first ? job_retry_in(job, 1, "later") : 0;
}

static const struct job_class class_refused = JOB_CLASS(.name = "refused", .run = run_refused);
static const struct job_class class_late =
    JOB_CLASS(.name = "late", .run = run_late, .timeout = 50, .attempts = 1);
static const struct job_class class_again =
    JOB_CLASS(.name = "again", .run = run_again, .attempts = 2);
static const struct job_class *const classes[] = {&runs_class_count, &class_refused, &class_late,
                                                  &class_again, NULL};

/* The value of the line that begins so, or -1. */
static double value(const char *text, const char *line) {
    size_t length = strlen(line);
    for (const char *p = text; p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL)
        if (strncmp(p, line, length) == 0 && p[length] == ' ')
            return strtod(p + length, NULL);
    return -1;
}

struct expected {
    struct test_service *service;
    const char *line;
    double at_least, seen;
};

static bool has_value(void *arg) {
    struct expected *e = arg;
    struct buf out = {0};
    metrics_write(service_of(e->service), &out);
    e->seen = value(buf_get(&out), e->line);
    buf_done(&out);
    return e->seen >= e->at_least;
}

static void assert_becomes(struct test_service *service, const char *line, double at_least) {
    struct expected e = {service, line, at_least, -1};
    if (!test_wait(has_value, &e, 15000))
        fail_msg("%s is %g, not %g or more", line, e.seen, at_least);
}

static void assert_is(struct test_service *service, const char *line, double expected) {
    struct expected e = {service, line, expected, -1};
    has_value(&e);
    if (e.seen != expected)
        fail_msg("%s is %g, not %g", line, e.seen, expected);
}

static void promtool_takes_them(struct test_service *service) {
    struct buf out = {0};
    metrics_write(service_of(service), &out);
    FILE *tool = popen("promtool check metrics 2>&1", "w");
    assert_non_null(tool);
    assert_int_equal(fwrite(out.data, 1, out.length, tool), out.length);
    int status = pclose(tool);
    if (status != 0)
        print_error("%s", out.data);
    assert_int_equal(status, 0);
    buf_done(&out);
}

static void they_tell_what_was_done(void **state) {
    (void)state;
    const char *url = service_database();
    runs_reset();
    struct test_service *service = service_start(url, classes, "jobs.pool.size=3", NULL);
    submit_many(url, "count", 40, 4, NULL);
    free(submit(url, "'t0', 'refused'"));
    free(submit(url, "'t0', 'late'"));
    free(submit(url, "'t1', 'again'"));
    free(submit(url, "'t1', 'count', expires => now() - interval '1 s'"));
    free(submit(url, "'t1', 'no-such-class'"));
    wait_final(url, 45, LONG_MS);
    assert_becomes(service, "jobs_runs_total{datasource=\"main\",result=\"succeeded\"}", 41);
    assert_is(service, "jobs_runs_total{datasource=\"main\",result=\"succeeded\"}", 41);
    assert_is(service, "jobs_runs_total{datasource=\"main\",result=\"failed\"}", 4);
    assert_is(service, "jobs_runs_total{datasource=\"main\",result=\"retried\"}", 1);
    assert_is(service, "jobs_errors_total{datasource=\"main\",kind=\"ERROR\"}", 2);
    assert_is(service, "jobs_errors_total{datasource=\"main\",kind=\"TIMEOUT\"}", 1);
    assert_is(service, "jobs_errors_total{datasource=\"main\",kind=\"EXPIRED\"}", 1);
    assert_is(service, "jobs_errors_total{datasource=\"main\",kind=\"CLASS\"}", 1);
    assert_is(service, "jobs_claimed_total{datasource=\"main\"}", 46);
    assert_is(service, "jobs_wait_seconds_count{datasource=\"main\"}",
              45); /* not the expired one */
    assert_is(service, "jobs_run_seconds_count{datasource=\"main\"}",
              44); /* nor that without class */
    assert_is(service, "jobs_claim_size_sum{datasource=\"main\"}", 46);
    assert_is(service, "jobs_timers_due_total{datasource=\"main\"}", 1);
    assert_is(service, "jobs_pool_slots", 3);
    assert_is(service, "jobs_pool_stuck", 0);
    assert_is(service, "jobs_datasource_up{datasource=\"main\"}", 1);
    assert_is(service, "jobs_sessions_total{datasource=\"main\",kind=\"tick\"}", 1);
    assert_becomes(service, "jobs_ticks_total{datasource=\"main\",outcome=\"committed\"}", 2);
    assert_becomes(service,
                   "jobs_stored{datasource=\"main\",tenant=\"t2\",class=\"count\",status="
                   "\"SUCCEEDED\"}",
                   10);
    promtool_takes_them(service);
    service_stop(service);
}

static void waiting_jobs_have_an_age(void **state) {
    (void)state;
    const char *url = service_database();
    struct test_service *service = service_start(url, classes, NULL);
    test_sql(url, "update jobs.t_tenant set state = 'PAUSED' where tenant = 't0'");
    free(submit(url, "'t0', 'count', priority => 3"));
    free(submit(url, "'t0', 'count', priority => -3"));
    test_sql(url, "update jobs.t_job_info set queued_date = now() - interval '100 s' "
                  "where priority = -3");
    assert_becomes(service, "jobs_queue_age_seconds{datasource=\"main\",tenant=\"t0\"}", 100);
    assert_becomes(
        service, "jobs_stored{datasource=\"main\",tenant=\"t0\",class=\"count\",status=\"QUEUED\"}",
        2);
    assert_becomes(service, "jobs_outbox_rows{datasource=\"main\"}", 2); /* there is no broker */
    test_sql(url, "update jobs.t_job_outbox set dates = array[now() - interval '50 s'] "
                  "where id = (select min(id) from jobs.t_job_outbox)");
    assert_becomes(service, "jobs_relay_lag_seconds{datasource=\"main\"}", 50);
    promtool_takes_them(service);
    service_stop_within(service, 0);
}

static size_t count_lines(const char *text, const char *begin) {
    size_t n = 0;
    for (const char *p = text; (p = strstr(p, begin)); p += strlen(begin))
        n += p == text || p[-1] == '\n';
    return n;
}

/* 300 tenants, 2 of which have names. */
static void the_number_of_lines_is_bounded(void **state) {
    (void)state;
    const char *url = service_database();
    test_sql(url,
             "insert into jobs.t_tenant (tenant) select 'x' || n from generate_series(1, 300) n");
    test_sql(url, "select jobs.job_submit('x' || n, 'count', pending => true) "
                  "from generate_series(1, 300) n");
    test_sql(url, "select jobs.job_submit('x7', 'class-' || n, pending => true) "
                  "from generate_series(1, 90) n");
    test_sql(url, "select jobs.job_submit('x9', 'count', pending => true) "
                  "from generate_series(1, 20) n");
    struct test_service *service = service_start(url, classes, "jobs.metrics.tenants=2", NULL);
    assert_becomes(
        service,
        "jobs_stored{datasource=\"main\",tenant=\"x9\",class=\"count\",status=\"PENDING\"}", 21);
    struct buf out = {0};
    metrics_write(service_of(service), &out);
    assert_int_equal(value(buf_get(&out), "jobs_stored{datasource=\"main\",tenant=\"_other\",class="
                                          "\"count\",status=\"PENDING\"}"),
                     298);
    assert_int_equal(
        value(buf_get(&out),
              "jobs_stored{datasource=\"main\",tenant=\"x7\",class=\"_other\",status=\"PENDING\"}"),
        41);
    assert_int_equal(count_lines(buf_get(&out), "jobs_stored{"), 1 + 1 + 51);
    buf_done(&out);
    promtool_takes_them(service);
    service_stop(service);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_tell_what_was_done),
        cmocka_unit_test(waiting_jobs_have_an_age),
        cmocka_unit_test(the_number_of_lines_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
