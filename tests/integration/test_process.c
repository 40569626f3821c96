/* C classes in child hosts: the job_… functions work there, a crash harms that job alone, hosts are used again.
 * Runs are executed directly: no server is needed. */
#include "module/base/clock.h"
#include "module/job/classes.h"
#include "tests/lib/children.h"
#include "tests/lib/servers.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define PLUGIN BUILD_DIR "/tests/process/process.so"

static int down(void **state) {
    (void)state;
    children_down();
    return 0;
}

static int up(void **state) {
    (void)state;
    children_directory();
    children_load(PLUGIN, NULL);
    return 0;
}

static void a_host_sees_all_of_the_job(void **state) {
    (void)state;
    children_load(PLUGIN, "jobs.class.tell.workspace=true", NULL);
    for (int i = 0; i < 2; i++) { /* opened once, used twice */
        struct job *job = children_run("tell", "{\"s\":\"hi\",\"n\":12345678901234567890123}", 0);
        const struct run_outcome *o = run_outcome(job);
        if (o->end != RUN_SUCCEEDED)
            fail_msg("%s: %s", o->error_kind ? o->error_kind : "", o->error ? o->error : "");
        assert_string_equal(o->result,
                            "[1,\"0192aaaa-0000-7000-8000-000000000001\",\"acme\",\"tell\","
                            "\"00-ab-cd-01\",2,1,12345678901234567890123,0]");
        assert_string_equal(o->result_class_name, "Told");
        assert_string_equal(
            o->log, "--- log\ntelling hi\n\n--- stdout\non stdout\n\n--- stderr\non stderr\n");
        run_free(job);
    }
    children_expect("tell", "{\"s\":1}", 0, RUN_FAILED_FOR_GOOD, "PARAMETER", "must be a string",
                    NULL);
}

static void every_end_has_its_outcome(void **state) {
    (void)state;
    children_expect("end", "{}", 0, RUN_SUCCEEDED, NULL, NULL, NULL);
    children_expect("end", "{\"how\":\"fail\"}", 0, RUN_FAILED, "ERROR", "no paper", NULL);
    children_expect("end", "{\"how\":\"good\"}", 0, RUN_FAILED_FOR_GOOD, "ERROR", "never", NULL);
    children_expect("end", "{\"how\":\"retry\"}", 0, RUN_RETRY_IN, "ERROR", "later", NULL);
    children_expect("end", "{\"how\":\"snooze\"}", 0, RUN_SNOOZED, NULL, NULL, NULL);
    children_expect("end", "{\"how\":\"abort\"}", 0, RUN_ABORTED, NULL, NULL, NULL);
    children_expect("end", "{\"how\":\"number\"}", 0, RUN_FAILED, "ERROR", "returned 42", NULL);
    children_expect("end", "{\"how\":\"big\"}", 0, RUN_FAILED_FOR_GOOD, "RESULT", "1048576", NULL);
    struct job *job = children_run("end", "{\"how\":\"retry\"}", 0);
    assert_int_equal(run_outcome(job)->delay, 7000);
    run_free(job);
}

static int pid_of_host(void) {
    struct job *job = children_run("who", "{}", 0);
    const struct run_outcome *o = run_outcome(job);
    if (o->end != RUN_SUCCEEDED)
        fail_msg("%s: %s", o->error_kind ? o->error_kind : "", o->error ? o->error : "");
    int pid = atoi(o->result);
    run_free(job);
    return pid;
}

static void a_host_is_used_again(void **state) {
    (void)state;
    children_load(PLUGIN, "jobs.class.who.jobs=3", NULL);
    int first = pid_of_host();
    assert_int_not_equal(first, (int)getpid());
    assert_int_equal(pid_of_host(), first);
    assert_int_equal(pid_of_host(), first);
    int second = pid_of_host();
    assert_int_not_equal(second, first);
    kill(second, SIGKILL); /* while it waits for work: the next job does not notice */
    while (kill(second, 0) == 0)
        poll(NULL, 0, 1);
    assert_int_not_equal(pid_of_host(), second);
}

static void a_crash_harms_one_job(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"{\"how\":\"segv\"}", "killed by signal 11 (SIGSEGV"},
        {"{\"how\":\"abort\"}", "killed by signal 6 (SIGABRT"},
        {"{\"how\":\"exit\"}", "exit code 3; peak memory"},
        {"{\"how\":\"exit0\"}", "exit code 0"},
        {"{\"how\":\"answers\"}", "is no answer"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        children_expect("harm", cases[i][0], 0, RUN_FAILED, "CRASH", cases[i][1], NULL);
        children_expect("harm", "{}", 0, RUN_SUCCEEDED, NULL, NULL, NULL);
    }
    struct job *job = children_run("harm", "{\"how\":\"exit\"}", 0);
    assert_non_null(strstr(run_outcome(job)->error, "stderr:\nabout to exit"));
    run_free(job);
}

static void limits_hold(void **state) {
    (void)state;
    children_load(PLUGIN, "jobs.class.harm.memory=300M", NULL);
    children_expect("harm", "{\"how\":\"memory\"}", 0, RUN_FAILED, "CRASH",
                    "killed at its memory limit", NULL);
    children_expect("harm", "{}", 0, RUN_SUCCEEDED, NULL, NULL, NULL);
}

static void *stop_soon(void *arg) {
    struct job *job = arg;
    while (run_percent(job) < 10) /* progress comes while it runs */
        poll(NULL, 0, 5);
    run_stop(job, RUN_STOP_REQUESTED);
    return NULL;
}

static void the_stop_flag_reaches_a_host(void **state) {
    (void)state;
    pthread_t thread;
    int64_t begin = clock_now();
    struct job *job = children_job("wait", "{}", 0);
    pthread_create(&thread, NULL, stop_soon, job);
    run_execute(job);
    pthread_join(thread, NULL);
    assert_int_equal(run_outcome(job)->end, RUN_ABORTED);
    run_free(job);
    children_expect("wait", "{}", 100, RUN_FAILED, "TIMEOUT", "100 ms", NULL);
    assert_true(clock_now() - begin < 4 * CLOCK_SECOND * test_time_factor());
    children_expect("end", "{}", 0, RUN_SUCCEEDED, NULL, NULL, NULL);
}

static void a_host_that_does_not_hear_is_killed(void **state) {
    (void)state;
    int64_t begin = clock_now();
    children_expect("harm", "{\"how\":\"deaf\"}", 100, RUN_FAILED, "TIMEOUT", "killed by signal 9",
                    NULL);
    int64_t took = clock_now() - begin;
    assert_true(took > 5 * CLOCK_SECOND && took < 10 * CLOCK_SECOND * test_time_factor());
}

static void what_cannot_be_loaded_says_why(void **state) {
    (void)state;
    children_expect("closed", "{}", 0, RUN_FAILED, "CLASS", "open failed: no licence", NULL);
    struct jobs_error err = {0};
    assert_int_equal(children_try(NULL,
                                  (const char *const[]){"jobs.libexec.dir=/no/such",
                                                        "jobs.class.noop.kind=process", NULL},
                                  &err),
                     JOBS_ECONFIG);
    assert_non_null(strstr(err.text, "jobs-host is not in /no/such: set jobs.libexec.dir"));
}

static int nothing(struct job *job) {
    (void)job;
    return 0;
}

static void a_linked_class_cannot_be_a_process(void **state) {
    (void)state;
    static const struct job_class linked =
        JOB_CLASS(.name = "linked", .run = nothing, .kind = JOB_PROCESS);
    struct jobs_error err = {0};
    assert_int_equal(children_try_linked(&linked, &err), JOBS_ECONFIG);
    assert_non_null(strstr(err.text, "build it as a shared object"));
}

static void built_in_classes_run_in_hosts_too(void **state) {
    (void)state;
    children_load(NULL, "jobs.class.noop.kind=process", "jobs.class.fail.kind=process", NULL);
    children_expect("noop", "{}", 0, RUN_SUCCEEDED, NULL, NULL, NULL);
    children_expect("fail", "{\"message\":\"x\"}", 0, RUN_FAILED, "ERROR", "x", NULL);
}

/* ---- many at once ---- */

/* Jobs per second. Every `crash`th one crashes (0: none). */
static double run_many(const char *class_name, size_t slots, int count, int crash) {
    int failed;
    double rate =
        children_run_many(class_name, "{}", slots, count, crash, "{\"how\":\"segv\"}", &failed);
    assert_int_equal(failed, crash > 0 ? (count + crash - 1) / crash : 0);
    return rate;
}

static void thousands_of_runs_leave_nothing(void **state) {
    (void)state;
    int count = 3000 / test_time_factor();
    run_many("harm", 4, 20, 0);
    size_t descriptors = children_descriptors();
    run_many("harm", 4, count, 50);
    assert_true(children_descriptors() <= descriptors + 4 * 5);
    children_unload();
    assert_int_equal(children_alive((int)getpid()), 0);
    assert_true(children_descriptors() < descriptors);
}

/* Not judged: the machine may be busy. */
static void figures(void **state) {
    (void)state;
    children_load(NULL, "jobs.class.noop.kind=process", NULL);
    int64_t begin = clock_now();
    run_free(children_run("noop", "{}", 0));
    print_message("first job of a host, its start included: %.1f ms\n",
                  (double)(clock_now() - begin) / 1000);
    print_message("noop process jobs/s, 2 slots, hosts used again: %.0f\n",
                  run_many("noop", 2, 5000 / test_time_factor(), 0));
    children_load(NULL, "jobs.class.noop.kind=process", "jobs.class.noop.jobs=1", NULL);
    print_message("a new host for every job, jobs/s, 2 slots: %.0f\n", run_many("noop", 2, 100, 0));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_host_sees_all_of_the_job, up, down),
        cmocka_unit_test_setup_teardown(every_end_has_its_outcome, up, down),
        cmocka_unit_test_setup_teardown(a_host_is_used_again, up, down),
        cmocka_unit_test_setup_teardown(a_crash_harms_one_job, up, down),
        cmocka_unit_test_setup_teardown(limits_hold, up, down),
        cmocka_unit_test_setup_teardown(the_stop_flag_reaches_a_host, up, down),
        cmocka_unit_test_setup_teardown(a_host_that_does_not_hear_is_killed, up, down),
        cmocka_unit_test_setup_teardown(what_cannot_be_loaded_says_why, up, down),
        cmocka_unit_test_setup_teardown(a_linked_class_cannot_be_a_process, up, down),
        cmocka_unit_test_setup_teardown(built_in_classes_run_in_hosts_too, up, down),
        cmocka_unit_test_setup_teardown(thousands_of_runs_leave_nothing, up, down),
        cmocka_unit_test_setup_teardown(figures, up, down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
