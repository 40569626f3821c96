/* Workspaces of a service: what was left behind is swept at start, nobody else's; a full disk makes
 * jobs wait; a base that cannot be trusted is refused. */
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

/* Fails unless its workspace is there, before and after the gate opens. */
static int run_rooms(struct job *job) {
    struct stat status;
    runs_begin(job);
    bool before = stat(job_workspace(job), &status) == 0;
    while (!job_is_stopped(job) && access(job_string(job, "until", "/"), F_OK) < 0)
        job_sleep(job, 5);
    bool after = stat(job_workspace(job), &status) == 0;
    runs_end(job);
    return before && after ? 0 : job_fail(job, "%s is gone", job_workspace(job));
}

static const struct job_class class_rooms =
    JOB_CLASS(.name = "rooms", .run = run_rooms, .need_workspace = true);
static const struct job_class *const classes[] = {&class_rooms, &runs_class_count, NULL};

struct fixture {
    const char *url;
    char base[40], setting[80];
};

static int set_up(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    f->url = service_database();
    runs_reset();
    snprintf(f->base, sizeof f->base, "/tmp/jobs-rooms-XXXXXX");
    assert_non_null(mkdtemp(f->base));
    snprintf(f->setting, sizeof f->setting, "jobs.workspace.dir=%s", f->base);
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    char command[80];
    snprintf(command, sizeof command, "rm -rf %s", f->base);
    assert_int_equal(system(command), 0);
    free(f);
    return 0;
}

static char *make_leftover(const struct fixture *f, const char *rest) {
    char *command, *path;
    assert_true(asprintf(&path, "%s/%s", f->base, rest) > 0);
    assert_true(asprintf(&command, "mkdir -p %s/inside && echo x > %s/inside/file", path, path) >
                0);
    assert_int_equal(system(command), 0);
    free(command);
    return path;
}

static void leftovers_are_swept_at_start(void **state) {
    struct fixture *f = *state;
    char *old = make_leftover(f, "t0/0192aaaa-0000-7000-8000-000000000001/3"),
         *gone = make_leftover(f, "gone/0192aaaa-0000-7000-8000-000000000002/12"),
         *note = make_leftover(f, "t0/notes");
    struct test_service *one = service_start(f->url, classes, f->setting, NULL);
    assert_int_equal(access(old, F_OK), -1);
    assert_int_equal(access(gone, F_OK), -1);
    assert_int_equal(access(note, F_OK), 0);
    assert_int_equal(service_said(one, "2 workspaces that were left behind are removed"), 1);
    /* A second service on the same base does not take what the first one's run has. */
    char *id = submit(f->url, "'t1', 'rooms', jsonb_build_object('until', '%s/open')", f->base);
    assert_true(runs_wait_of(id, 1, LONG_MS));
    char *again = make_leftover(f, "t1/0192aaaa-0000-7000-8000-000000000003/3");
    struct test_service *two = service_start(f->url, classes, f->setting, NULL);
    assert_int_equal(service_said(two, "1 workspaces that were left behind are removed"), 1);
    assert_int_equal(access(again, F_OK), -1);
    char *open = make_leftover(f, "open");
    wait_status(f->url, id, "SUCCEEDED");
    service_stop(two);
    service_stop(one);
    free(id), free(old), free(gone), free(note), free(again), free(open);
}

static void write_settings(const char *file, const struct fixture *f, int percent) {
    FILE *out = fopen(file, "w");
    assert_non_null(out);
    fprintf(out,
            "jobs.datasource.main.url = %s\njobs.workspace.dir = %s\n"
            "jobs.workspace.max.percent = %d\n",
            f->url, f->base, percent);
    fclose(out);
}

static void a_full_disk_makes_jobs_wait(void **state) {
    struct fixture *f = *state;
    char file[80];
    struct test_service *service;
    snprintf(file, sizeof file, "%s/jobsd.properties", f->base);
    write_settings(file, f, 1);
    OK(service_try(file, NULL, classes, &service, &err));
    char *waits = submit(f->url, "'t0', 'rooms', attempts => 1"),
         *runs = submit(f->url, "'t0', 'count'");
    wait_status(f->url, waits, "PENDING");
    wait_status(f->url, runs, "SUCCEEDED"); /* needs none */
    assert_job(f->url, waits, "error_kind", "WORKSPACE");
    assert_job(f->url, waits, "attempt - attempt_base", "0");
    assert_job(f->url, waits, "error like 'no room for its workspace: the file system is % full%'",
               "true");
    assert_job(f->url, waits, "trigger_after_date <= now() + interval '10 s'", "true");
    assert_int_equal(runs_of(waits), 0);
    assert_int_equal(service_said(service, "above jobs.workspace.max.percent = 1"), 1);
    write_settings(file, f, 0);
    OK(job_service_reload(service_of(service), &err));
    wait_status(f->url, waits, "SUCCEEDED");
    assert_job(f->url, waits, "error is null", "true");
    service_stop(service);
    free(waits), free(runs);
}

static void a_base_that_cannot_be_trusted_is_refused(void **state) {
    struct fixture *f = *state;
    char url[400];
    struct jobs_error why = {0};
    struct test_service *service = NULL;
    snprintf(url, sizeof url, "jobs.datasource.main.url=%s", f->url);
    const char *const settings[] = {url, f->setting, NULL};
    assert_int_equal(chmod(f->base, 0777), 0);
    assert_int_equal(service_try(NULL, settings, classes, &service, &why), JOBS_ECONFIG);
    assert_non_null(strstr(why.text, f->base));
    assert_non_null(strstr(why.text, "chmod o-w"));
    /* Nobody needs it: said, and no more. */
    static const struct job_class *const without[] = {&runs_class_count, NULL};
    OK(service_try(NULL, settings, without, &service, &err));
    assert_int_equal(service_said(service, "chmod o-w"), 1);
    service_stop(service);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(leftovers_are_swept_at_start),
        TEST(a_full_disk_makes_jobs_wait),
        TEST(a_base_that_cannot_be_trusted_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
