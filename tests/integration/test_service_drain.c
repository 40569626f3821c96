/* The orderly end of a service: what has not begun goes back to its place, what runs gets its
 * grace, and is queued again when it does not end by then. */
#include "module/base/clock.h"
#include "tests/lib/audit.h"
#include "tests/lib/service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int run_once(struct job *job) {
    runs_begin(job);
    job_sleep(job, 600000);
    runs_end(job);
    return job_fail(job, "cut short");
}

static const struct job_class class_long_once =
    JOB_CLASS(.name = "long-once", .run = run_once, .at_most_once = true);
static const struct job_class *const classes[] = {&class_long_once,     &runs_class_gate,
                                                  &runs_class_count,    &runs_class_nap,
                                                  &runs_class_stubborn, NULL};

/* All QUEUED, in the order of their ready rows. Caller frees. */
static char *queue_of(const char *url) {
    return test_sql_value(url, "select string_agg(p.value::text, ' ' order by r.seq) from "
                               "jobs.t_job_ready r join jobs.t_job_parameters p on p.job_id = r.id "
                               "where p.name = 'n'");
}

static void unstarted_jobs_go_back_to_their_place(void **state) {
    (void)state;
    runs_reset();
    const char *url = service_database();
    struct test_service *s = service_start(url, classes, "jobs.pool.size=1", NULL);
    /* Quick runs first: then it chooses ahead. */
    submit_many(url, "count", 600, 1, NULL);
    wait_final(url, 600, LONG_MS);
    runs_gate(false);
    test_sql(url, "select jobs.job_submit('t1', 'gate'); "
                  "select jobs.job_submit_many('t1', (select jsonb_agg(jsonb_build_object("
                  "'class_name', 'count', 'parameters', jsonb_build_object('n', n)) order by n) "
                  "from generate_series(0, 9) n))");
    assert_true(test_wait_sql(url, LONG_MS,
                              "select count(*) > 0 from jobs.t_job_info where "
                              "class_name = 'count' and status = 'TO_BE_RUN'"));
    char *before = test_sql_value(url, "select string_agg(id || ' ' || ready_seq, ',' order by id) "
                                       "from jobs.t_job_info where tenant = 't1'");
    service_stop_within(s, 50); /* the one that runs is stopped and goes back too */
    char *after = test_sql_value(url, "select string_agg(id || ' ' || ready_seq, ',' order by id) "
                                      "from jobs.t_job_info where tenant = 't1'");
    assert_string_equal(before, after);
    char *queue = queue_of(url);
    assert_string_equal(queue, "0 1 2 3 4 5 6 7 8 9");
    assert_int_equal(count_jobs(url, "tenant = 't1' and status = 'QUEUED' and instance is null and "
                                     "attempt = attempt_base"),
                     11);
    char *outcome = test_sql_value(url, "select string_agg(outcome, ' ') from jobs.t_job_attempt");
    assert_string_equal(outcome, "HANDED_BACK"); /* the one that had begun */
    audit(url);
    assert_int_equal(test_sql_integer(url, "select count(*) from jobs.t_job_instance"), 0);
    runs_reset();
    s = service_start(url, classes, "jobs.pool.size=1", NULL);
    wait_final(url, 611, LONG_MS);
    char *order = runs_order();
    assert_string_equal(order, "-1 0 1 2 3 4 5 6 7 8 9");
    service_stop(s);
    free(before), free(after), free(queue), free(outcome), free(order);
    audit_finished(url);
}

static void runs_get_their_grace(void **state) {
    (void)state;
    runs_reset();
    const char *url = service_database();
    struct test_service *s = service_start(url, classes, NULL);
    char *brief = submit(url, "'t0', 'nap', '{\"ms\": 300}'");
    wait_status(url, brief, "RUNNING");
    service_stop(s);
    assert_job(url, brief, "status", "SUCCEEDED");
    assert_int_equal(runs_of(brief), 1);
    audit_finished(url);
    free(brief);
}

static void then_they_are_queued_again(void **state) {
    (void)state;
    runs_reset();
    const char *url = service_database();
    struct test_service *s = service_start(url, classes, NULL);
    char *nap = submit(url, "'t0', 'nap', '{\"ms\": 600000}'");
    char *deaf = submit(url, "'t0', 'stubborn', '{\"ms\": 400}'");
    char *once = submit(url, "'t0', 'long-once'");
    char *asked = submit(url, "'t0', 'nap', '{\"ms\": 600000}'");
    wait_status(url, nap, "RUNNING");
    wait_status(url, once, "RUNNING");
    wait_status(url, asked, "RUNNING");
    int64_t began = clock_now();
    service_stop_within(s, 100);
    print_message("drained in %lld ms\n", (long long)(clock_now() - began) / 1000);
    assert_job(url, nap, "status || ' ' || attempt || ' ' || attempt_base", "QUEUED 1 1");
    assert_job(url, deaf, "status", "SUCCEEDED"); /* it did not look, and it counts */
    assert_job(url, once, "status || ' ' || error_kind", "FAILED CRASH");
    audit(url);
    assert_int_equal(test_sql_integer(url, "select count(*) from jobs.t_job_claim"), 0);
    test_sql(url, "select jobs.job_stop('t0', id) from jobs.t_job_info where status = 'QUEUED'");
    audit_finished(url);
    free(nap), free(deaf), free(once), free(asked);
}

/* A stop that was asked for counts more than the shutdown. */
static void a_stop_before_the_shutdown(void **state) {
    (void)state;
    runs_reset();
    const char *url = service_database();
    struct test_service *s = service_start(url, classes, NULL);
    char *id = submit(url, "'t0', 'stubborn', '{\"ms\": 200}'");
    char *nap = submit(url, "'t0', 'nap', '{\"ms\": 600000}'");
    wait_status(url, id, "RUNNING");
    wait_status(url, nap, "RUNNING");
    test_sql(url, "select jobs.job_stop('t0', '%s')", nap);
    service_stop_within(s, 0);
    assert_job(url, nap, "status", "ABORTED");
    assert_job(url, id, "status", "SUCCEEDED");
    audit_finished(url);
    free(id), free(nap);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unstarted_jobs_go_back_to_their_place),
        cmocka_unit_test(runs_get_their_grace),
        cmocka_unit_test(then_they_are_queued_again),
        cmocka_unit_test(a_stop_before_the_shutdown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
