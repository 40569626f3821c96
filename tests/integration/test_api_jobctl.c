/* jobctl over the HTTP interface prints what it prints from the database. */
#include "tests/lib/api.h"
#include "tests/lib/jobctl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int up(void **state) {
    struct api_fixture *f = api_fixture_start("jobs.api.log=none", NULL);
    jobctl_use(BUILD_DIR "/bin");
    setenv("JOBS_TENANT", "t0", 1);
    setenv("JOBS_TOKEN", f->operator, 1);
    *state = f;
    return 0;
}
static int down(void **state) {
    api_fixture_stop(*state);
    return 0;
}

/* The same words to both must print the same. */
static void same(struct api_fixture *f, const char *arguments) {
    char *http = jobctl(0, "%s --url %s", arguments, f->base);
    char *database = jobctl(0, "%s --url '%s'", arguments, f->url);
    if (strcmp(http, database) != 0)
        fail_msg("%s:\n%s\nbut from the database:\n%s", arguments, http, database);
    free(http);
    free(database);
}

static void same_about(struct api_fixture *f, const char *verb, const char *id) {
    char arguments[200];
    snprintf(arguments, sizeof arguments, "%s %s", verb, id);
    same(f, arguments);
}

static void it_reads_the_same(void **state) {
    struct api_fixture *f = *state;
    char *id = jobctl(0,
                      "submit --url %s noop --parameters '{\"n\": 12345678901234567890.10}' "
                      "--description 'a \"b\" <c>' --owner 'Jörg & Söhne' --related-type order "
                      "--related-id '7/8?' --attempts 2 --timeout 10s --backoff 2s --priority 3 "
                      "--expires 2040-01-01T00:00:00Z --locked",
                      f->base);
    assert_int_equal(strlen(id), 36);
    jobctl_says(0, "SUCCEEDED", "wait --url %s %s", f->base, id);
    same_about(f, "show", id);
    same_about(f, "show --json --attempts", id);
    same_about(f, "show --attempts", id);
    same_about(f, "why", id);
    same_about(f, "why --json", id);
    same(f, "list");
    same(f, "list --json --class noop --owner 'Jörg & Söhne' --status SUCCEEDED,FAILED");
    same(f, "list --related-type order --related-id '7/8?' --limit 1");
    same(f, "stats");
    same(f, "stats --json");
    free(id);
}

/* More than a page of the interface holds. */
static void it_pages(void **state) {
    struct api_fixture *f = *state;
    test_sql(f->url,
             "select jobs.job_submit('t0', 'many' || n %% 150, pending => true, owner => 'x')"
             " from generate_series(1, 2300) n");
    assert_int_equal(jobctl_lines(NULL, "list --owner x --limit 2250 --url %s", f->base), 2250);
    assert_int_equal(jobctl_lines(NULL, "list --owner x --limit 10000 --url %s", f->base), 2300);
    assert_int_equal(jobctl_lines(NULL, "list --owner x --url %s", f->base), 100);
    same(f, "list --owner x --limit 1500");
    same(f, "list --owner x --limit 10000 --json");
    same(f, "stats");
    jobctl_says(0, "there may be more: --after", "list --owner x --limit 2299 --url %s", f->base);
    jobctl_says(2, "limit", "list --limit 0 --url %s", f->base);
}

static void health_is_told(void **state) {
    struct api_fixture *f = *state;
    jobctl_says(0, "datasource:main  ok", "health --url %s", f->base);
    jobctl_says(0,
                "{\"status\":\"ok\",\"checks\":[{\"name\":\"datasource:main\",\"status\":\"ok\"}",
                "health --url %s --json", f->base);
    jobctl_says(0, "datasource:main  ok", "health --url '%s'", f->url);
    jobctl_says(0, "jobs.amqp.url is empty", "health --url '%s' --json", f->url);
    jobctl_says(1, "{\"name\":\"amqp\",\"status\":\"down\"",
                "health --url '%s' --amqp-url amqp://127.0.0.1:1 --json", f->url);
    jobctl_says(1, "does not exist", "health --url '%s' --schema nowhere", f->url);
    jobctl_says(1, "{\"status\":\"down\",\"checks\":[{\"name\":\"jobsd\"",
                "health --url http://127.0.0.1:1 --json");
    jobctl_says(1, "down", "health --url postgresql://127.0.0.1:1/x");
    jobctl_says(2, "which database", "health");
    test_sql(f->url, "update jobs.t_job_instance set lost = true");
    jobctl_says(0, "no jobsd is there", "health --url '%s'", f->url);
}

static void it_changes_jobs(void **state) {
    struct api_fixture *f = *state;
    char *id = jobctl(0, "submit --url %s noop --pending", f->base);
    jobctl_says(124, "still PENDING", "wait --timeout 100ms --url %s %s", f->base, id);
    jobctl_says(0, "ABORTED", "stop --url %s %s", f->base, id);
    assert_job(f->url, id, "status", "ABORTED");
    jobctl_says(0, "", "lock --url %s %s", f->base, id);
    assert_job(f->url, id, "locked", "true");
    jobctl_says(1, "only a PENDING job", "release --url %s %s", f->base, id);
    jobctl_says(0, "", "retry --url %s %s", f->base, id);
    jobctl_says(0, "SUCCEEDED", "wait --url %s %s", f->base, id);
    free(id);
    id = jobctl(0, "submit --url %s noop --in 1h", f->base);
    jobctl_says(0, "", "release --url %s %s", f->base, id);
    wait_status(f->url, id, "SUCCEEDED");
    free(id);
}

static void failures_are_told(void **state) {
    struct api_fixture *f = *state;
    static const char nobody[] = "11111111-1111-7111-8111-111111111111";
    jobctl_says(3, "has no job", "show --url %s %s", f->base, nobody);
    jobctl_says(3, "unknown here", "list -t nobody --url %s", f->base);
    jobctl_says(1, "expired (--token or JOBS_TOKEN)", "list --token x --url %s", f->base);
    jobctl_says(1, "role operator", "submit noop --token %s --url %s", f->viewer, f->base);
    jobctl_says(1, "class name", "submit 'a b' --url %s", f->base);
    jobctl_says(2, "2030-01-31T12:00:00Z", "submit noop --at tomorrow --url %s", f->base);
    jobctl_says(2, "does not go over HTTP", "fsck --url %s", f->base);
    jobctl_says(2, "filters do not go", "stop --class noop --url %s", f->base);
    jobctl_says(2, "do not go with", "list --schema x --url %s", f->base);
    jobctl_says(1, "http://127.0.0.1:1: ", "list --url http://127.0.0.1:1");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_reads_the_same), cmocka_unit_test(it_pages),
        cmocka_unit_test(it_changes_jobs),   cmocka_unit_test(failures_are_told),
        cmocka_unit_test(health_is_told),
    };
    return cmocka_run_group_tests(tests, up, down);
}
