/* Every attempt can be read: when it began and ended, where it ran, what became of it. */
#include "tests/lib/jobctl.h"
#include "tests/lib/service.h"

#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Its first run ends as parameter "first" says, the next one succeeds; without, the first one
 * too. */
static int run_twice(struct job *job) {
    runs_begin(job);
    bool first = runs_of(job_id(job)) == 1;
    const char *how = job_string(job, "first", "lost");
    if (first && strcmp(how, "wait") == 0)
        job_sleep(job, 600000);
    runs_end(job);
    if (!first || strcmp(how, "lost") == 0)
        return 0;
    if (strcmp(how, "snooze") == 0)
        return job_snooze(job, 5);
    if (strcmp(how, "wait") == 0)
        return job_aborted(job);
    return job_retry_in(job, 5, "the first one fails");
}

static const struct job_class class_twice = JOB_CLASS(.name = "twice", .run = run_twice);
static const struct job_class *const classes[] = {&class_twice, NULL};

/* The member of the attempt in what jobctl printed; NULL: not there. */
static const char *member(json_object *job, size_t attempt, const char *name) {
    json_object *attempts, *value;
    assert_true(json_object_object_get_ex(job, "attempts", &attempts));
    assert_true(attempt < json_object_array_length(attempts));
    return json_object_object_get_ex(json_object_array_get_idx(attempts, attempt), name, &value)
               ? json_object_get_string(value)
               : NULL;
}

static size_t attempts_of(json_object *job) {
    json_object *attempts;
    assert_true(json_object_object_get_ex(job, "attempts", &attempts));
    return json_object_array_length(attempts);
}

/* Two attempts, the first with that outcome, both with dates and instance. */
static void assert_two(const char *id, const char *outcome, const char *kind, const char *error) {
    char *text = jobctl(0, "show %s --attempts --json", id);
    json_object *job = json_tokener_parse(text);
    assert_non_null(job);
    assert_int_equal(attempts_of(job), 2);
    assert_string_equal(member(job, 0, "outcome"), outcome);
    assert_string_equal(member(job, 1, "outcome"), "SUCCEEDED");
    for (size_t i = 0; i < 2; i++) {
        const char *start = member(job, i, "start_date"), *stop = member(job, i, "stop_date");
        assert_non_null(start);
        assert_non_null(stop);
        assert_true(strcmp(start, stop) <= 0);
        assert_non_null(member(job, i, "instance"));
    }
    assert_true(strcmp(member(job, 0, "stop_date"), member(job, 1, "start_date")) <= 0);
    const char *kind_there = member(job, 0, "error_kind"), *error_there = member(job, 0, "error");
    assert_string_equal(kind_there ? kind_there : "", kind);
    assert_string_equal(error_there ? error_there : "", error);
    assert_null(member(job, 1, "error"));
    json_object_put(job);
    free(text);
    jobctl_says(0, outcome, "show %s --attempts", id);
}

/* RUNNING at an instance that is lost. Returns the id. */
static char *make_lost(const char *url) {
    test_sql(url, "insert into jobs.t_job_instance (id, name, host, pid, version, class_names, "
                  "pool_size, lost, lost_date) values (gen_random_uuid(), 'lost', 'x', 1, '1', "
                  "'{}', 1, true, now())");
    test_sql(url, "with j as (insert into jobs.t_job_info (id, tenant, class_name, status, "
                  "version, attempt, start_date, instance, ready_seq) select jobs.job_uuid(), "
                  "'t0', 'twice', 'RUNNING', 3, 1, now() - interval '3 s', i.id, 1 from "
                  "jobs.t_job_instance i where lost returning *) "
                  "insert into jobs.t_job_claim (instance, tick, tenant, ids) select instance, 1, "
                  "tenant, array[id] from j");
    return test_sql_value(url, "select id from jobs.t_job_info where version = 3");
}

static void every_way_back_is_an_attempt(void **state) {
    (void)state;
    const char *url = service_database();
    runs_reset();
    jobctl_use(BUILD_DIR "/bin");
    setenv("JOBS_DATASOURCE_MAIN_URL", url, 1);
    setenv("JOBS_TENANT", "t0", 1);
    struct test_service *service = service_start(url, classes, NULL);
    char *back = submit(url, "'t0', 'twice', '{\"first\": \"wait\"}'");
    assert_true(runs_wait_of(back, 1, LONG_MS));
    wait_status(url, back, "RUNNING");
    service_stop_within(service, 0);
    assert_job(url, back, "status", "QUEUED");
    char *lost = make_lost(url);
    service = service_start(url, classes, NULL);
    char *retried = submit(url, "'t0', 'twice', '{\"first\": \"retry\"}', attempts => 2"),
         *snoozed = submit(url, "'t0', 'twice', '{\"first\": \"snooze\"}'");
    char *const all[] = {back, lost, retried, snoozed};
    for (int i = 0; i < 4; i++)
        wait_status(url, all[i], "SUCCEEDED");
    assert_two(back, "HANDED_BACK", "", "");
    assert_two(retried, "FAILED", "ERROR", "the first one fails");
    assert_two(snoozed, "SNOOZED", "", "");
    assert_two(lost, "LOST", "CRASH", "the instance that ran it was lost");
    service_stop(service);
    for (int i = 0; i < 4; i++)
        free(all[i]);
    unsetenv("JOBS_DATASOURCE_MAIN_URL");
    unsetenv("JOBS_TENANT");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_way_back_is_an_attempt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
