/* What runs print and log is kept with each attempt, and jobctl logs shows it. */
#include "tests/lib/jobctl.h"
#include "tests/lib/service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* Says parameter "lines" lines; its odd attempts fail. */
static int run_talk(struct job *job) {
    runs_begin(job);
    int64_t lines = job_integer(job, "lines", 1);
    for (int64_t i = 1; i <= lines; i++)
        job_log(job, i % 2 ? 2 : 1, "attempt %u line %lld \xff", job_attempt(job), (long long)i);
    runs_end(job);
    return job_attempt(job) % 2 ? job_fail(job, "an odd one") : 0;
}

static const struct job_class class_talk = JOB_CLASS(.name = "talk", .run = run_talk);
static const struct job_class *const classes[] = {&class_talk, &runs_class_count, NULL};

struct fixture {
    const char *url;
    char directory[40], script[60], setting[80];
    struct test_service *service;
};

static void write_script(struct fixture *f) {
    static const char script[] = "#!/bin/sh\nread job\necho to stdout\necho to stderr >&2\n"
                                 "echo '::job {\"log\":\"a line for the log\"}'\n";
    snprintf(f->directory, sizeof f->directory, "/tmp/jobs-logs-XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    snprintf(f->script, sizeof f->script, "%s/chatty", f->directory);
    snprintf(f->setting, sizeof f->setting, "jobs.classes.dir=%s", f->directory);
    FILE *file = fopen(f->script, "w");
    assert_non_null(file);
    fputs(script, file);
    fclose(file);
    assert_int_equal(chmod(f->script, 0755), 0);
}

static int set_up(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    f->url = service_database();
    runs_reset();
    write_script(f);
    jobctl_use(BUILD_DIR "/bin");
    setenv("JOBS_DATASOURCE_MAIN_URL", f->url, 1);
    setenv("JOBS_TENANT", "t0", 1);
    f->service = service_start(f->url, classes, f->setting, NULL);
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    service_stop(f->service);
    unsetenv("JOBS_DATASOURCE_MAIN_URL");
    unsetenv("JOBS_TENANT");
    unlink(f->script);
    rmdir(f->directory);
    free(f);
    return 0;
}

static void lines_of_a_linked_class(void **state) {
    struct fixture *f = *state;
    char *id = submit(f->url, "'t0', 'talk', '{\"lines\": 2}', attempts => 2, backoff => '1 ms'");
    wait_status(f->url, id, "SUCCEEDED");
    char *both = jobctl(0, "logs %s", id), *second = jobctl(0, "logs %s --attempt 2", id);
    const char *one = strstr(both, "attempt 1 line 2"), *two = strstr(both, "attempt 2 line 1");
    assert_non_null(one);
    assert_non_null(two);
    assert_true(one < two);
    assert_non_null(strstr(both, "==> attempt 2"));
    assert_non_null(strstr(second, "attempt 2 line 2 \xef\xbf\xbd"));
    assert_null(strstr(second, "attempt 1"));
    assert_null(strstr(second, "==>"));
    assert_int_equal(jobctl_lines("\"log\":", "logs %s", id), 2);
    free(id), free(both), free(second);
}

static void a_retry_keeps_the_logs_before(void **state) {
    struct fixture *f = *state;
    char *id = submit(f->url, "'t0', 'talk', attempts => 1");
    wait_status(f->url, id, "FAILED");
    free(jobctl(0, "retry %s", id));
    wait_status(f->url, id, "SUCCEEDED");
    assert_int_equal(jobctl_lines(NULL, "logs %s", id), 2);
    free(id);
}

static void only_the_end_is_kept(void **state) {
    struct fixture *f = *state;
    char *id = submit(f->url, "'t0', 'talk', '{\"lines\": 20000}', attempts => 1");
    wait_status(f->url, id, "FAILED");
    char *log = jobctl(0, "logs %s --attempt 1", id);
    assert_non_null(strstr(log, "line 20000 "));
    assert_null(strstr(log, "line 1 "));
    assert_true(strlen(log) > 1000 && strlen(log) <= 64 << 10);
    free(id), free(log);
}

static void outputs_of_a_program(void **state) {
    struct fixture *f = *state;
    char *id = submit(f->url, "'t0', 'chatty'");
    wait_status(f->url, id, "SUCCEEDED");
    char *log = jobctl(0, "logs %s", id);
    assert_non_null(strstr(log, "to stdout"));
    assert_non_null(strstr(log, "to stderr"));
    assert_non_null(strstr(log, "a line for the log"));
    free(id), free(log);
}

static void silence_and_mistakes(void **state) {
    struct fixture *f = *state;
    char *id = submit(f->url, "'t0', 'count'");
    wait_status(f->url, id, "SUCCEEDED");
    jobctl_says(0, "nothing was printed", "logs %s", id);
    jobctl_says(3, "has no job", "logs -t t1 %s", id);
    jobctl_says(2, "whole number", "logs %s --attempt x", id);
    assert_int_equal(test_sql_integer(f->url, "select count(*) from jobs.t_job_log"), 0);
    free(id);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(lines_of_a_linked_class), TEST(a_retry_keeps_the_logs_before),
        TEST(only_the_end_is_kept),    TEST(outputs_of_a_program),
        TEST(silence_and_mistakes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
