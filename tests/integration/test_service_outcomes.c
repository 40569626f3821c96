/* What a run says and what becomes of its job: every end a class can return, parameters, classes,
 * timeouts, attempts, jobs that must run at most once. */
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

/* Ends as parameter "end" says. */
static int run_end(struct job *job) {
    runs_begin(job);
    const char *end = job_string(job, "end", "");
    bool first = runs_of(job_id(job)) == 1;
    runs_end(job);
    if (strcmp(end, "result") == 0)
        return job_succeed(job, "{\"a\": [1, null, 12345678901234567890123]}");
    if (strcmp(end, "result as") == 0)
        return job_succeed_as(job, "com.example.Result", "\"text\"");
    if (strcmp(end, "fail") == 0)
        return job_fail(job, "attempt %u fails", job_attempt(job));
    if (strcmp(end, "fail once") == 0)
        return first ? job_fail(job, "the first attempt fails") : 0;
    if (strcmp(end, "fail for good") == 0)
        return job_fail_for_good(job, "it is no use");
    if (strcmp(end, "retry in") == 0)
        return first ? job_retry_in(job, 30, "in 30 ms") : 0;
    if (strcmp(end, "snooze") == 0)
        return first ? job_snooze(job, 30) : 0;
    if (strcmp(end, "snooze for ever") == 0)
        return job_snooze(job, INT64_MAX);
    if (strcmp(end, "aborted") == 0)
        return job_aborted(job);
    return strcmp(end, "42") == 0 ? 42 : 0;
}

static const struct job_parameter declared_parameters[] = {{.name = "path", .type = JOB_STRING},
                                                           {.name = "count",
                                                            .type = JOB_INTEGER,
                                                            .optional = true},
                                                           {.name = NULL}};

/* Succeeds with the length of its text parameter. */
static int run_measure(struct job *job) {
    char result[40];
    runs_begin(job);
    snprintf(result, sizeof result, "%zu", strlen(job_string(job, "text", "")));
    runs_end(job);
    return job_succeed(job, result);
}

/* Its job's status as the database knows it while the run is there. */
static const char *observed_url;
static char observed[40];

static int run_observe(struct job *job) {
    runs_begin(job);
    char *status =
        test_sql_value(observed_url,
                       "select status || ' ' || version from jobs.t_job_info where id = '%s'",
                       job_id(job));
    snprintf(observed, sizeof observed, "%s", status);
    free(status);
    runs_end(job);
    return job_fail(job, "seen");
}

static const struct job_class class_end = JOB_CLASS(.name = "end", .run = run_end);
static const struct job_class class_declared =
    JOB_CLASS(.name = "declared", .run = run_end, .parameters = declared_parameters);
static const struct job_class class_measure = JOB_CLASS(.name = "measure", .run = run_measure);
static const struct job_class class_once =
    JOB_CLASS(.name = "observe-once", .run = run_observe, .at_most_once = true, .attempts = 5);
static const struct job_class class_suspect =
    JOB_CLASS(.name = "observe", .run = run_observe, .attempts = 1);
static const struct job_class *const classes[] = {&class_end,
                                                  &class_declared,
                                                  &class_measure,
                                                  &class_once,
                                                  &class_suspect,
                                                  &runs_class_count,
                                                  &runs_class_gate,
                                                  &runs_class_stubborn,
                                                  &runs_class_nap,
                                                  &runs_class_once,
                                                  NULL};

struct fixture {
    const char *url;
    struct test_service *service;
};

static int set_up(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    runs_reset();
    f->url = service_database();
    f->service = service_start(f->url, classes, "jobs.class.end.backoff=20..100", NULL);
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    service_stop(f->service);
    assert_int_equal(runs_doubled(), 0);
    audit_finished(f->url);
    free(f);
    return 0;
}

static char *submit_end(const struct fixture *f, const char *end, const char *more) {
    return submit(f->url, "'t0', 'end', '{\"end\": \"%s\"}'%s", end, more);
}

static void successes(void **state) {
    struct fixture *f = *state;
    char *none = submit_end(f, "", ""), *result = submit_end(f, "result", ""),
         *named = submit_end(f, "result as", "");
    wait_status(f->url, none, "SUCCEEDED");
    assert_job(f->url, none, "result is null and error_kind is null and error is null", "true");
    assert_job(f->url, none, "percent_completed", "100");
    assert_job(f->url, none, "version", "4");
    wait_status(f->url, result, "SUCCEEDED");
    assert_job(f->url, result, "result", "{\"a\": [1, null, 12345678901234567890123]}");
    wait_status(f->url, named, "SUCCEEDED");
    assert_job(f->url, named, "result", "\"text\"");
    assert_job(f->url, named, "result_class_name", "com.example.Result");
    free(none), free(result), free(named);
}

static void a_failure_is_tried_again_while_attempts_last(void **state) {
    struct fixture *f = *state;
    char *one = submit_end(f, "fail", ""), *three = submit_end(f, "fail", ", attempts => 3"),
         *once = submit_end(f, "fail once", ", attempts => 2, backoff => '10 ms'");
    wait_status(f->url, one, "FAILED");
    assert_job(f->url, one, "error_kind || ': ' || error", "ERROR: attempt 1 fails");
    assert_int_equal(runs_of(one), 1);
    wait_status(f->url, three, "FAILED");
    assert_job(f->url, three, "attempt", "3");
    assert_job(f->url, three, "error", "attempt 3 fails");
    assert_job(f->url, three, "version",
               "12"); /* each failure but the last: 3 changes and PENDING */
    assert_int_equal(runs_of(three), 3);
    wait_status(f->url, once, "SUCCEEDED");
    assert_job(f->url, once, "error_kind is null and error is null", "true");
    char *attempts = test_sql_value(
        f->url,
        "select string_agg(attempt || ' ' || outcome || ' ' || coalesce(error, '-'), ', ' "
        "order by attempt) from jobs.v_job_attempt where job_id = '%s'",
        three);
    assert_string_equal(attempts, "1 FAILED attempt 1 fails, 2 FAILED attempt 2 fails, "
                                  "3 FAILED attempt 3 fails");
    assert_int_equal(test_sql_integer(f->url, "select count(*) from jobs.v_job_attempt "
                                              "where stop_date < start_date"),
                     0);
    free(one), free(three), free(once), free(attempts);
}

static void a_failure_for_good_is_not_tried_again(void **state) {
    struct fixture *f = *state;
    char *id = submit_end(f, "fail for good", ", attempts => 5");
    wait_status(f->url, id, "FAILED");
    assert_job(f->url, id, "attempt", "1");
    assert_job(f->url, id, "error_kind || ': ' || error", "ERROR: it is no use");
    free(id);
}

/* Its date is known to the service without a look at the database. */
static void a_delay_of_its_own(void **state) {
    struct fixture *f = *state;
    char *retry = submit_end(f, "retry in", ", attempts => 2"),
         *snooze = submit_end(f, "snooze", "");
    wait_status(f->url, retry, "SUCCEEDED");
    wait_status(f->url, snooze, "SUCCEEDED");
    assert_job(f->url, retry, "attempt || ' ' || attempt_base", "2 0");
    assert_job(f->url, snooze, "attempt || ' ' || attempt_base", "2 1"); /* uses no attempt */
    char *outcomes = test_sql_value(f->url, "select string_agg(outcome, ' ' order by outcome) "
                                            "from jobs.t_job_attempt");
    assert_string_equal(outcomes, "FAILED SNOOZED");
    char *late =
        test_sql_value(f->url,
                       "select max(extract(epoch from start_date - trigger_after_date) * 1000) "
                       "from jobs.t_job_info");
    print_message("began %s ms after the delay at most\n", late);
    assert_true(atof(late) < 250.0 * test_time_factor());
    free(retry), free(snooze), free(outcomes), free(late);
}

static void a_delay_beyond_all_dates(void **state) {
    struct fixture *f = *state;
    char *id = submit_end(f, "snooze for ever", "");
    wait_status(f->url, id, "PENDING");
    assert_job(f->url, id, "trigger_after_date > now() + interval '50 years'", "true");
    test_sql(f->url, "select jobs.job_stop('t0', '%s')", id);
    free(id);
}

static void aborted_and_invented_ends(void **state) {
    struct fixture *f = *state;
    char *aborted = submit_end(f, "aborted", ", attempts => 3"), *number = submit_end(f, "42", "");
    wait_status(f->url, aborted, "ABORTED");
    wait_status(f->url, number, "FAILED");
    char *error = job_column(f->url, number, "error");
    assert_non_null(strstr(error, "42"));
    assert_job(f->url, number, "error_kind", "ERROR");
    free(aborted), free(number), free(error);
}

static void declared_parameters_are_checked_before_the_run(void **state) {
    struct fixture *f = *state;
    char *good = submit(f->url, "'t0', 'declared', '{\"path\": \"/x\", \"count\": 3}'");
    wait_status(f->url, good, "SUCCEEDED");
    static const struct {
        const char *parameters, *said;
    } bad[] = {{"{}", "path"},
               {"{\"path\": 7}", "path"},
               {"{\"path\": \"/x\", \"count\": \"many\"}", "count"},
               {"{\"path\": \"/x\", \"count\": 1.5}", "count"},
               {"{\"path\": \"/x\", \"pfad\": \"/y\"}", "pfad"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char *id = submit(f->url, "'t0', 'declared', '%s', attempts => 4", bad[i].parameters);
        wait_status(f->url, id, "FAILED");
        assert_job(f->url, id, "error_kind", "PARAMETER");
        assert_job(f->url, id, "attempt", "1");
        char *error = job_column(f->url, id, "error");
        if (!strstr(error, bad[i].said))
            fail_msg("\"%s\" does not name %s", error, bad[i].said);
        assert_int_equal(runs_of(id), 0);
        free(error), free(id);
    }
    free(good);
}

/* Up to 16 KiB come with the claim, larger ones are read apart. */
static void large_parameters(void **state) {
    struct fixture *f = *state;
    static const int sizes[] = {1, 16000, 16384, 20 << 10, 200 << 10, (1 << 20) - 100};
    enum { N = sizeof sizes / sizeof *sizes };
    char *ids[2 * N];
    for (int i = 0; i < 2 * N; i++)
        ids[i] = submit(f->url, "'t0', 'measure', jsonb_build_object('text', repeat('x', %d))",
                        sizes[i % N]);
    for (int i = 0; i < 2 * N; i++) {
        char expected[20];
        snprintf(expected, sizeof expected, "%d", sizes[i % N]);
        wait_status(f->url, ids[i], "SUCCEEDED");
        assert_job(f->url, ids[i], "result", expected);
        free(ids[i]);
    }
}

static void an_unknown_class_fails_and_names_similar_ones(void **state) {
    struct fixture *f = *state;
    char *id = submit(f->url, "'t0', 'mesure', attempts => 3");
    wait_status(f->url, id, "FAILED");
    assert_job(f->url, id, "error_kind", "CLASS");
    char *error = job_column(f->url, id, "error");
    assert_non_null(strstr(error, "\"mesure\""));
    assert_non_null(strstr(error, "measure"));
    free(error), free(id);
}

static void a_class_of_another_instance_waits_for_it(void **state) {
    struct fixture *f = *state;
    static const struct job_class *const others[] = {&runs_class_mixed, NULL};
    struct test_service *other = service_start(f->url, others, NULL);
    /* Both choose it in turn; it costs no attempt until the right one has it. */
    char *ids[4];
    for (int i = 0; i < 4; i++)
        ids[i] = submit(f->url, "'t0', 'mixed', '{\"n\": 0}', attempts => 1");
    for (int i = 0; i < 4; i++) {
        wait_status(f->url, ids[i], "SUCCEEDED");
        assert_int_equal(runs_of(ids[i]), 1);
        assert_job(f->url, ids[i], "attempt - attempt_base", "1");
        assert_int_equal(test_sql_integer(f->url,
                                          "select count(*) from jobs.v_job_attempt where "
                                          "job_id = '%s'",
                                          ids[i]),
                         1);
        free(ids[i]);
    }
    service_stop(other);
    assert_int_equal(test_sql_integer(f->url, "select count(*) from jobs.t_job_instance"), 1);
    char *late = submit(f->url, "'t0', 'mixed', '{\"n\": 0}'"); /* it has gone */
    wait_status(f->url, late, "FAILED");
    assert_job(f->url, late, "error_kind", "CLASS");
    free(late);
}

static void timeouts(void **state) {
    struct fixture *f = *state;
    char *sleeper = submit(f->url, "'t0', 'nap', '{\"ms\": 600000}', timeout => '50 ms'");
    char *winner = submit(f->url, "'t0', 'stubborn', '{\"ms\": 120}', timeout => '20 ms'");
    char *twice = submit(f->url, "'t0', 'nap', '{\"ms\": 600000}', timeout => '20 ms', "
                                 "attempts => 2, backoff => '1 ms'");
    wait_status(f->url, sleeper, "FAILED");
    assert_job(f->url, sleeper, "error_kind", "TIMEOUT");
    wait_status(f->url, winner, "SUCCEEDED"); /* a success counts even when it is late */
    wait_status(f->url, twice, "FAILED");
    assert_job(f->url, twice, "error_kind || attempt", "TIMEOUT2");
    free(sleeper), free(winner), free(twice);
}

/* RUNNING is committed before the run begins, and a failure is the end. */
static void an_at_most_once_job_is_running_before_it_runs(void **state) {
    struct fixture *f = *state;
    observed_url = f->url;
    char *id = submit(f->url, "'t0', 'observe-once', attempts => 5");
    wait_status(f->url, id, "FAILED");
    assert_string_equal(observed, "RUNNING 3");
    assert_job(f->url, id, "attempt || ' ' || version", "1 4");
    assert_int_equal(runs_of(id), 1);
    test_sql(f->url, "select jobs.job_retry('t0', '%s')", id); /* nothing but that runs it again */
    assert_true(runs_wait_of(id, 2, LONG_MS));
    wait_status(f->url, id, "FAILED");
    free(id);
}

static void a_suspect_job_is_running_before_it_runs(void **state) {
    struct fixture *f = *state;
    observed_url = f->url;
    char *id = submit(f->url, "'t0', 'observe', pending => true");
    test_sql(f->url, "update jobs.t_job_info set suspect = true where id = '%s'", id);
    test_sql(f->url, "select jobs.job_release('t0', '%s')", id);
    wait_status(f->url, id, "FAILED");
    assert_string_equal(observed, "RUNNING 4");
    assert_int_equal(runs_of(id), 1);
    free(id);
}

/* They need a free slot each and are no obstacle for the others. */
static void at_most_once_jobs_among_others(void **state) {
    struct fixture *f = *state;
    static const struct job_class *const once[] = {&runs_class_once, &runs_class_count, NULL};
    struct test_service *other = service_start(f->url, once, "jobs.pool.size=2", NULL);
    submit_many(f->url, "once", 60, 2, NULL);
    submit_many(f->url, "count", 60, 3, NULL);
    wait_final(f->url, 120, LONG_MS);
    assert_int_equal(count_jobs(f->url, "status = 'SUCCEEDED'"), 120);
    assert_int_equal(runs_count(), 120);
    service_stop(other);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(successes),
        TEST(a_failure_is_tried_again_while_attempts_last),
        TEST(a_failure_for_good_is_not_tried_again),
        TEST(a_delay_of_its_own),
        TEST(a_delay_beyond_all_dates),
        TEST(aborted_and_invented_ends),
        TEST(declared_parameters_are_checked_before_the_run),
        TEST(large_parameters),
        TEST(an_unknown_class_fails_and_names_similar_ones),
        TEST(a_class_of_another_instance_waits_for_it),
        TEST(timeouts),
        TEST(an_at_most_once_job_is_running_before_it_runs),
        TEST(a_suspect_job_is_running_before_it_runs),
        TEST(at_most_once_jobs_among_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
