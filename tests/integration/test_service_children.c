/* Programs and processes under a JobService and under jobsd: their ends in the tables, stop, drain, kill -9. */
#include "tests/lib/children.h"
#include "tests/lib/program.h"
#include "tests/lib/service.h"

#include "module/base/clock.h"

#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define PLUGIN BUILD_DIR "/tests/process/process.so"

static char classes_dir[400];

/* A directory of classes: the plugin's, and programs. */
static int up(void **state) {
    (void)state;
    char link[400];
    const char *dir = children_directory();
    snprintf(classes_dir, sizeof classes_dir, "jobs.classes.dir=%s", dir);
    snprintf(link, sizeof link, "%s/process.so", dir);
    assert_int_equal(symlink(PLUGIN, link), 0);
    children_script("answer", "#!/bin/sh\necho '{\"result\":42}' >&3; echo hello\n");
    children_script("crash", "#!/bin/sh\necho oops >&2; kill -SEGV $$\n");
    children_script(
        "linger",
        "#!/bin/sh\nsetsid sleep 1001 &\necho '{\"completion\":50}' >&3; exec sleep 1000\n");
    return 0;
}

static int down(void **state) {
    (void)state;
    children_down();
    return 0;
}

static void children_end_in_the_tables(void **state) {
    (void)state;
    const char *url = service_database();
    struct test_service *service = service_start(url, NULL, classes_dir, NULL);
    char *answer = submit(url, "'t0', 'answer'");
    char *crash = submit(url, "'t0', 'crash'");
    char *segv = submit(url, "'t0', 'harm', '{\"how\": \"segv\"}'");
    char *told = submit(url, "'t0', 'tell', '{\"s\": \"x\", \"n\": 1}'");
    char *again = submit(url, "'t0', 'crash', attempts => 2, backoff => '10 ms'");
    wait_final(url, 5, LONG_MS);
    assert_job(url, answer, "status", "SUCCEEDED");
    assert_job(url, answer, "result", "42");
    assert_job(url, crash, "status", "FAILED");
    assert_job(url, crash, "error_kind", "CRASH");
    assert_job(url, segv, "error_kind", "CRASH");
    assert_job(url, told, "status", "SUCCEEDED");
    assert_job(url, again, "attempt", "2");
    char *error = job_column(url, segv, "error");
    assert_non_null(strstr(error, "killed by signal 11 (SIGSEGV"));
    assert_non_null(strstr(error, "about to segv"));
    free(error), free(answer), free(crash), free(segv), free(told), free(again);
    service_stop(service);
    children_wait_none((int)getpid());
}

/* Somebody meant there to be a class: its jobs say what is wrong with it. */
static void a_class_that_could_not_be_says_why(void **state) {
    (void)state;
    char path[400];
    const char *url = service_database();
    children_script("locked", "#!/bin/sh\n");
    snprintf(path, sizeof path, "%s/locked", children_directory());
    assert_int_equal(chmod(path, 0644), 0);
    children_script("broken.so", "no shared object");
    struct test_service *service = service_start(url, NULL, classes_dir, NULL);
    static const char *const cases[][2] = {
        {"locked", "locked is no class: not executable (chmod +x)"},
        {"broken", "broken.so cannot be loaded"},
        {"closed", "open failed: no licence"},
        {"tel", "similar: tell"},
        {"unheard-of", "is it in jobs.classes.dir, and was jobsd started since?"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *id = submit(url, "'t0', '%s', attempts => 3", cases[i][0]);
        wait_status(url, id, "FAILED");
        assert_job(url, id, "error_kind", "CLASS");
        char *error = job_column(url, id, "error");
        if (!strstr(error, cases[i][1]))
            fail_msg("%s: %s", cases[i][0], error);
        free(error), free(id);
    }
    service_stop(service);
}

static void a_stop_ends_a_program(void **state) {
    (void)state;
    const char *url = service_database();
    struct test_service *service = service_start(url, NULL, classes_dir, NULL);
    char *id = submit(url, "'t0', 'linger'");
    wait_status(url, id, "RUNNING");
    free(test_sql_value(url, "select jobs.job_stop('t0', '%s')", id));
    wait_status(url, id, "ABORTED");
    free(id);
    service_stop(service);
    children_wait_none((int)getpid());
}

static void a_drain_queues_it_again(void **state) {
    (void)state;
    const char *url = service_database();
    struct test_service *service = service_start(url, NULL, classes_dir, NULL);
    char *id = submit(url, "'t0', 'linger'");
    wait_status(url, id, "RUNNING");
    service_stop_within(service, 0);
    assert_job(url, id, "status", "QUEUED");
    free(id);
    children_wait_none((int)getpid());
}

static void kill_of_jobsd_leaves_no_child(void **state) {
    (void)state;
    const char *url = service_database();
    char variable[1000], directory[500];
    snprintf(variable, sizeof variable, "JOBS_DATASOURCE_MAIN_URL=%s", url);
    snprintf(directory, sizeof directory, "JOBS_CLASSES_DIR=%s", children_directory());
    pid_t jobsd =
        program_start((const char *const[]){BUILD_DIR "/bin/jobsd", NULL},
                      (const char *const[]){variable, directory, "JOBS_AMQP_URL=",
                                            "JOBS_API_LISTEN=", "JOBS_LOG_LEVEL=error", NULL},
                      NULL);
    char *ids[4];
    for (size_t i = 0; i < 4; i++)
        ids[i] = submit(url, "'t0', '%s'", i < 3 ? "linger" : "wait");
    for (size_t i = 0; i < 4; i++) {
        wait_status(url, ids[i], "RUNNING");
        free(ids[i]);
    }
    while (children_alive((int)jobsd) <
           20) /* spawner, keepers, programs, their sleeps, waiting hosts */
        poll(NULL, 0, 5);
    int64_t begin = clock_now();
    assert_int_equal(program_end(jobsd, SIGKILL, LONG_MS), 128 + SIGKILL);
    children_wait_none((int)jobsd);
    assert_true(clock_now() - begin < 5 * CLOCK_SECOND * test_time_factor());
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(children_end_in_the_tables, up, down),
        cmocka_unit_test_setup_teardown(a_class_that_could_not_be_says_why, up, down),
        cmocka_unit_test_setup_teardown(a_stop_ends_a_program, up, down),
        cmocka_unit_test_setup_teardown(a_drain_queues_it_again, up, down),
        cmocka_unit_test_setup_teardown(kill_of_jobsd_leaves_no_child, up, down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
