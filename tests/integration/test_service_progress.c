/* Completion of running jobs: written at most once in a time, only forwards, without events. */
#include "tests/lib/audit.h"
#include "tests/lib/service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* Steps of 5 ms; "ms" in all. Says so in ticks of 1000. */
static int run_work(struct job *job) {
    int64_t steps = job_integer(job, "ms", 0) / 5;
    runs_begin(job);
    job_set_completion_count(job, steps * 1000);
    for (int64_t i = 0; i < steps; i++) {
        job_sleep(job, 5);
        for (int k = 0; k < 100; k++)
            job_advance_completion(job, 10);
    }
    runs_end(job);
    return 0;
}

/* Claims to be done and goes on: the bar must not move back. */
static int run_liar(struct job *job) {
    runs_begin(job);
    job_set_completion_count(job, 10);
    job_advance_completion(job, 9);
    job_sleep(job, 700);
    job_set_completion_count(job, 1000000);
    job_sleep(job, 700);
    runs_end(job);
    return job_fail(job, "not done");
}

static const struct job_class class_work = JOB_CLASS(.name = "work", .run = run_work);
static const struct job_class class_liar = JOB_CLASS(.name = "liar", .run = run_liar);
static const struct job_class *const classes[] = {&class_work, &class_liar, NULL};

/* Every version of every row is written down. */
static const char *watched_database(void) {
    const char *url = service_database();
    test_sql(url,
             "create table jobs.watched (n bigserial, id uuid, at timestamptz, before "
             "jobs.job_status, status jobs.job_status, percent int, estimate timestamptz);"
             "create function jobs.watch() returns trigger language plpgsql as $$ begin "
             "insert into jobs.watched (id, at, before, status, percent, estimate) values (new.id, "
             "clock_timestamp(), old.status, new.status, new.percent_completed, "
             "new.estimated_completion); return null; end $$;"
             "create trigger watch after update on jobs.t_job_info "
             "for each row execute function jobs.watch()");
    return url;
}

/* Writes of completion alone, and the gaps between those of a job. */
#define WRITES                                                            \
    "(select w.*, at - lag(at) over (partition by id order by n) as gap " \
    "from jobs.watched w where status = 'RUNNING') x "

static void assert_paced(const char *url, int rate_ms, int least, int most) {
    int64_t few = test_sql_integer(url, "select min(n) from (select count(*) n from jobs.watched "
                                        "where before = 'RUNNING' and status = 'RUNNING' "
                                        "group by id) x");
    int64_t many = test_sql_integer(url, "select max(n) from (select count(*) n from jobs.watched "
                                         "where before = 'RUNNING' and status = 'RUNNING' "
                                         "group by id) x");
    /* The time is that of the decision, the row's a commit later: as much may be missing. */
    int64_t gap =
        test_sql_integer(url, "select floor(min(extract(epoch from gap) * 1000)) from " WRITES);
    print_message("rate %d ms: %lld to %lld writes per job, the least gap %lld ms\n", rate_ms,
                  (long long)few, (long long)many, (long long)gap);
    assert_true(few >= least && many <= most);
    assert_true(gap >= rate_ms - 40 * test_time_factor());
}

static void assert_only_forwards(const char *url) {
    assert_int_equal(test_sql_integer(url,
                                      "select count(*) from (select percent < lag(percent) over "
                                      "(partition by id order by n) as back from jobs.watched) x "
                                      "where back"),
                     0);
    assert_int_equal(test_sql_integer(url, "select count(*) from jobs.watched where percent not "
                                           "between 0 and 100"),
                     0);
}

static void written_at_most_once_in_a_time(void **state) {
    (void)state;
    runs_reset();
    const char *slow_url = watched_database(), *fast_url = watched_database();
    struct test_service *slow = service_start(slow_url, classes, NULL);
    struct test_service *fast =
        service_start(fast_url, classes, "regards.jobs.completion.update.rate.ms=200", NULL);
    int ms = 2600;
    test_sql(slow_url,
             "select jobs.job_submit('t0', 'work', '{\"ms\": %d}') from "
             "generate_series(1, 4)",
             ms);
    test_sql(fast_url,
             "select jobs.job_submit('t0', 'work', '{\"ms\": %d}') from "
             "generate_series(1, 4)",
             ms);
    wait_final(slow_url, 4, LONG_MS);
    wait_final(fast_url, 4, LONG_MS);
    assert_paced(slow_url, 1000, 1, 2 * test_time_factor());
    assert_paced(fast_url, 200, 3, 13 * test_time_factor());
    assert_only_forwards(slow_url);
    assert_only_forwards(fast_url);
    assert_int_equal(count_jobs(fast_url, "percent_completed = 100 and version = 4 and "
                                          "estimated_completion is null"),
                     4);
    service_stop(slow);
    service_stop(fast);
    audit_finished(slow_url); /* no event but those of the four statuses */
    audit_finished(fast_url);
}

/* Steady work: the estimate is near the true end. */
static void the_estimate_is_near_the_end(void **state) {
    (void)state;
    runs_reset();
    const char *url = watched_database();
    struct test_service *s =
        service_start(url, classes, "jobs.completion.update.rate.ms=100", NULL);
    char *id = submit(url, "'t0', 'work', '{\"ms\": 1500}'");
    wait_status(url, id, "SUCCEEDED");
    int64_t wrong = test_sql_integer(
        url, "select max(abs(extract(epoch from w.estimate - j.stop_date)) * 1000)::int "
             "from jobs.watched w join jobs.t_job_info j on j.id = w.id "
             "where w.before = 'RUNNING' and w.status = 'RUNNING' and w.percent between 30 and 99");
    print_message("estimates of a run of 1500 ms are wrong by %lld ms at most\n", (long long)wrong);
    assert_in_range(wrong, 0, 300 * test_time_factor());
    service_stop(s);
    free(id);
    audit_finished(url);
}

static void it_never_moves_back(void **state) {
    (void)state;
    runs_reset();
    const char *url = watched_database();
    struct test_service *s =
        service_start(url, classes, "jobs.completion.update.rate.ms=100", NULL);
    char *id = submit(url, "'t0', 'liar'");
    wait_status(url, id, "FAILED");
    assert_job(url, id, "percent_completed", "90");
    assert_only_forwards(url);
    service_stop(s);
    free(id);
    audit_finished(url);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(written_at_most_once_in_a_time),
        cmocka_unit_test(the_estimate_is_near_the_end),
        cmocka_unit_test(it_never_moves_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
