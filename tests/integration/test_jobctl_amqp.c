/* jobctl with a running jobsd: events as they are broadcast, stop over AMQP, submit --wait. */
#include "tests/lib/jobctl.h"
#include "tests/lib/program.h"
#include "tests/lib/servers.h"
#include "tests/lib/store_fixture.h"

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

struct daemon {
    struct store_fixture *f;
    pid_t jobsd;
};

static int up(void **state) {
    static struct daemon daemon;
    void *f;
    int rc = store_fixture_up(&f);
    daemon.f = f;
    test_sql(daemon.f->url, "delete from jobs.t_job_instance");
    jobctl_use(BUILD_DIR "/bin");
    setenv("JOBS_DATASOURCE_MAIN_URL", daemon.f->url, 1);
    setenv("JOBS_AMQP_URL", test_amqp_url(), 1);
    setenv("JOBS_SERVICE", test_service_name(), 1);
    daemon.jobsd = program_start((const char *const[]){BUILD_DIR "/bin/jobsd", NULL}, NULL, NULL);
    setenv("JOBS_TENANT", "acme", 1);
    *state = &daemon;
    return rc;
}

static int down(void **state) {
    struct daemon *daemon = *state;
    int status = program_end(daemon->jobsd, SIGTERM, 20000);
    void *f = daemon->f;
    return store_fixture_down(&f) || status != 0;
}

static void submit_waits_for_the_result(void **state) {
    (void)state;
    jobctl_says(0, "SUCCEEDED", "submit noop --wait --wait-timeout 60s");
    assert_int_equal(jobctl_lines("\"status\":\"SUCCEEDED\"", "submit sleep -p ms:=1 --wait"), 1);
    jobctl_says(1, "FAILED ERROR: no paper", "submit fail -p 'message=no paper' --attempts 1 -w");
    jobctl_says(124, "RUNNING", "submit sleep -p ms:=600000 --wait --wait-timeout 300ms");
    jobctl_says(0, "stopped",
                "list -s running --json | sed 's/.*\"id\":\"\\([^\"]*\\).*/\\1/' | "
                "xargs -n 1 jobctl stop >/dev/null && echo stopped");
}

static void instances_and_classes_of_the_living(void **state) {
    (void)state;
    assert_int_equal(jobctl_lines("\"state\":\"UP\"", "instances"), 1);
    assert_true(jobctl_lines("\"instances\":1", "classes") >= 3);
}

/* The subscription is there when its note has come; then a job is submitted, and its four events
 * are printed. */
static void events_are_printed(void **state) {
    (void)state;
    char path[] = "/tmp/jobctl-test.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    char *output = jobctl(0,
                          "events --key 'acme.*.noop' --count 4 --timeout 60s 2>%s & "
                          "until grep -q listening %s; do sleep 0.01; done; "
                          "jobctl submit sleep -p ms:=1 >/dev/null; id=$(jobctl submit noop); "
                          "jobctl wait $id >/dev/null; wait $! && echo $id",
                          path, path);
    const char *at = output;
    static const char *const statuses[] = {"1 QUEUED", "2 TO_BE_RUN", "3 RUNNING", "4 SUCCEEDED"};
    for (int i = 0; i < 4; i++) {
        at = strstr(at, statuses[i]);
        if (!at)
            fail_msg("%s is not there, in order: %s", statuses[i], output);
    }
    assert_null(strstr(output, " sleep "));
    free(output);
    unlink(path);
}

static void bodies_are_json(void **state) {
    (void)state;
    char path[] = "/tmp/jobctl-test.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    /* No note with --json: jobs are submitted until there are enough events. */
    free(jobctl(0,
                "events --count 2 --timeout 60s --json >%s & events=$!; "
                "while kill -0 $events 2>/dev/null; do jobctl submit noop --wait >/dev/null; done; "
                "wait $events",
                path));
    char *lines = program_read((const char *const[]){"cat", path, NULL});
    assert_non_null(strstr(lines, "\"specversion\":\"1.0\""));
    assert_non_null(strchr(lines, '\n'));
    free(lines);
    unlink(path);
    jobctl_says(124, "listening", "events --key nobody.# --count 1 --timeout 50ms");
}

static void stop_over_amqp(void **state) {
    struct daemon *daemon = *state;
    char *id = jobctl(0, "submit noop --pending");
    jobctl_says(0, "ABORTED", "stop --amqp %s --timeout 60s", id);
    assert_int_equal(store_status(daemon->f, id), JOB_ABORTED);
    free(id);
    id = jobctl(0, "submit sleep -p ms:=600000");
    assert_true(test_wait_sql(daemon->f->url, 20000,
                              "select status = 'RUNNING' from jobs.t_job_info where id = '%s'",
                              id));
    jobctl_says(0, "RUNNING (asked to stop)", "stop --amqp %s --timeout 60s", id);
    jobctl_says(1, "ABORTED", "wait %s --timeout 60s", id);
    free(id);
    jobctl_says(3, "11111111", "stop --amqp --timeout 60s 11111111-1111-7111-8111-111111111111");
    jobctl_says(3, "no jobsd",
                "stop --amqp --service nobody-here "
                "11111111-1111-7111-8111-111111111111");
}

static void all_is_well_in_the_end(void **state) {
    struct daemon *daemon = *state;
    assert_true(test_wait_sql(daemon->f->url, 20000,
                              "select not exists (select from jobs.t_job_info where status not in "
                              "('SUCCEEDED', 'FAILED', 'ABORTED'))"));
    jobctl_says(0, "clean", "fsck");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(submit_waits_for_the_result),
        cmocka_unit_test(instances_and_classes_of_the_living),
        cmocka_unit_test(events_are_printed),
        cmocka_unit_test(bodies_are_json),
        cmocka_unit_test(stop_over_amqp),
        cmocka_unit_test(all_is_well_in_the_end),
    };
    return cmocka_run_group_tests(tests, up, down);
}
