/* What is shown in examples/ builds, runs and says what its READMEs say. */
#include "tests/lib/program.h"
#include "tests/lib/servers.h"

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

#define EXAMPLES SOURCE_DIR "/examples"
#define BUILT BUILD_DIR "/examples"
#define JOBCTL BUILD_DIR "/bin/jobctl"

static const char *url;

/* Schema and tenant, and the environment in which all examples run. */
static int up(void **state) {
    (void)state;
    url = test_database();
    setenv("JOBS_DATASOURCE_MAIN_URL", url, 1);
    setenv("JOBS_AMQP_URL", test_amqp_url(), 1);
    setenv("JOBS_SERVICE", test_service_name(), 1);
    setenv("JOBS_TENANT", "acme", 1);
    setenv("JOBS_CLASSES_DIR", BUILT "/shared-object-class", 1);
    free(program_read((const char *const[]){JOBCTL, "migrate", NULL}));
    free(program_read((const char *const[]){JOBCTL, "tenant", "create", "acme", NULL}));
    return 0;
}

static void assert_holds(const char *text, const char *part) {
    if (!strstr(text, part))
        fail_msg("\"%s\" is not in: %s", part, text);
}

static void embedding_prints_its_results(void **state) {
    (void)state;
    char *output = program_read((const char *const[]){BUILT "/embedding/embedding", "acme", NULL});
    assert_holds(output, "a million points: {\"pi\": 3.14");
    assert_holds(output, "fifty million points: {\"pi\": 3.141");
    free(output);
    assert_int_equal(test_sql_integer(url, "select count(*) from jobs.v_job where class_name = 'pi'"
                                           " and status = 'SUCCEEDED' and percent_completed = 100"),
                     2);
}

static void embedding_says_what_is_wrong(void **state) {
    (void)state;
    char *output;
    int status =
        program_run((const char *const[]){BUILT "/embedding/embedding", "nobody", NULL}, &output);
    assert_int_equal(status, 1);
    assert_holds(output, "tenant 'nobody' is unknown here");
    free(output);
}

static void a_shared_object_runs_without_servers(void **state) {
    (void)state;
    char *output = program_read(
        (const char *const[]){JOBCTL, "run", "prime-count", "-p", "limit:=1000000", NULL});
    assert_string_equal(output, "{\"primes\": 78498, \"largest\": 999983}");
    free(output);
}

static pid_t start_jobsd(void) {
    return program_start((const char *const[]){BUILD_DIR "/bin/jobsd", NULL}, NULL, NULL);
}

static void count_primes(void) {
    char *output = program_read((const char *const[]){JOBCTL, "submit", "prime-count", "-p",
                                                      "limit:=100000", "--wait", NULL});
    assert_holds(output, " SUCCEEDED\n{\"primes\": 9592, \"largest\": 99991}");
    free(output);
}

static void a_shared_object_runs_in_jobsd(void **state) {
    (void)state;
    pid_t jobsd = start_jobsd();
    count_primes();
    assert_int_equal(program_end(jobsd, SIGTERM, 20000), 0);
}

/* Nobody runs the jobs here, so the one that the script stops is ABORTED at once. */
static void the_first_job_from_sql(void **state) {
    (void)state;
    char *output = program_read(
        (const char *const[]){"psql", "-X", "-d", url, "-f", EXAMPLES "/sql/first-job.sql", NULL});
    assert_holds(output, "ABORTED");
    free(output);
    assert_int_equal(test_sql_integer(url, "select count(*) from jobs.v_job where related_id = "
                                           "'4711' and status = 'ABORTED' and priority = 10"),
                     1);
    assert_int_equal(test_sql_integer(url, "select count(*) from jobs.v_job"
                                           " where description in ('first', 'next century')"),
                     2);
    assert_int_equal(test_sql_integer(url, "select count(*) from jobs.v_job"
                                           " where description = 'never was'"),
                     0);
}

/* ---- The subscriber, if its AMQP client is there (Debian package python3-pika) ---- */

static bool log_holds(void *arg) {
    const char *const *what = arg;
    char *text = program_read((const char *const[]){"cat", what[0], NULL});
    bool found = strstr(text, what[1]) != NULL;
    free(text);
    return found;
}

static void the_subscriber_prints_events_in_order(void **state) {
    (void)state;
    char *ignored, path[] = "/tmp/test-examples.XXXXXX";
    int status =
        program_run((const char *const[]){"/usr/bin/python3", "-c", "import pika", NULL}, &ignored);
    free(ignored);
    if (status != 0)
        skip();
    close(mkstemp(path));
    pid_t subscriber = program_start((const char *const[]){"/usr/bin/python3",
                                                           EXAMPLES "/subscriber/subscriber.py",
                                                           "acme.*.prime-count", NULL},
                                     NULL, path);
    assert_true(test_wait(log_holds, (const char *[]){path, "listening"}, 20000));
    pid_t jobsd = start_jobsd();
    count_primes();
    assert_true(
        test_wait(log_holds, (const char *[]){path, " 4 SUCCEEDED {'primes': 9592"}, 20000));
    assert_int_equal(program_end(jobsd, SIGTERM, 20000), 0);
    assert_int_equal(program_end(subscriber, SIGINT, 10000), 0);
    char *text = program_read((const char *const[]){"grep", "-oE", "[0-9] [A-Z_]{6,}", path, NULL});
    assert_string_equal(text, "1 QUEUED\n2 TO_BE_RUN\n3 RUNNING\n4 SUCCEEDED");
    free(text);
    unlink(path);
}

/* ---- ./dev demo ---- */

static void the_demo_passes(void **state) {
    (void)state;
    char *output;
    if (test_time_factor() > 1)
        skip(); /* its patience is that of people */
    setenv("PATH", BUILD_DIR "/bin:/usr/local/bin:/usr/bin:/bin", 1);
    int status = program_run((const char *const[]){EXAMPLES "/demo.sh", NULL}, &output);
    if (status != 0)
        fail_msg("exit status %d: %s", status, output);
    assert_holds(output, "All as it should be");
    free(output);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(embedding_prints_its_results),
        cmocka_unit_test(embedding_says_what_is_wrong),
        cmocka_unit_test(a_shared_object_runs_without_servers),
        cmocka_unit_test(the_first_job_from_sql),
        cmocka_unit_test(the_subscriber_prints_events_in_order), /* sees no other prime-count */
        cmocka_unit_test(a_shared_object_runs_in_jobsd),
        cmocka_unit_test(the_demo_passes),
    };
    return cmocka_run_group_tests(tests, up, NULL);
}
