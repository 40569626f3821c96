#include "tests/unit/temporary.h"

#include "module/worker/remove_tree.h"
#include "module/worker/run.h"
#include "module/worker/workspace.h"

#include <errno.h>
#include <pthread.h>

#define ID "0192aaaa-0000-7000-8000-000000000001"

static char base[256];

static int make_base(void **state) {
    (void)state;
    temporary_make(base);
    return 0;
}

static int remove_base(void **state) {
    (void)state;
    return remove_tree(AT_FDCWD, base);
}

static char *make(unsigned version) {
    char *path = NULL;
    struct jobs_error err;
    if (workspace_make(base, "acme", ID, version, &path, &err) < 0)
        fail_msg("%s", err.text);
    return path;
}

static void expect_removed(unsigned version) {
    struct jobs_error err;
    if (workspace_remove(base, "acme", ID, version, &err) < 0)
        fail_msg("%s", err.text);
}

static void is_private_and_goes(void **state) {
    (void)state;
    struct stat status;
    char *path = make(3), expected[400];
    snprintf(expected, sizeof expected, "%s/acme/" ID "/3", base);
    assert_string_equal(path, expected);
    assert_int_equal(stat(path, &status), 0);
    assert_true(S_ISDIR(status.st_mode) && (status.st_mode & 0777) == 0700);
    temporary_file(path, "left", "x", 1);
    expect_removed(3);
    assert_false(temporary_exists(base, "acme/" ID));
    assert_false(temporary_exists(base, "acme")); /* the last one of its tenant */
    expect_removed(3);                            /* twice is fine */
    free(path);
}

static void versions_live_side_by_side(void **state) {
    (void)state;
    char *old = make(1), *new = make(2);
    temporary_file(new, "work", "x", 1);
    expect_removed(1);
    assert_false(temporary_exists(old, ""));
    assert_true(temporary_exists(new, "work"));
    expect_removed(2);
    free(old);
    free(new);
}

static void begins_empty_after_a_crash(void **state) {
    (void)state;
    char *path = make(5);
    temporary_file(path, "of the dead", "x", 1);
    free(path);
    path = make(5);
    assert_false(temporary_exists(path, "of the dead"));
    assert_true(temporary_exists(path, ""));
    expect_removed(5);
    free(path);
}

static void follows_no_link_out(void **state) {
    (void)state;
    char outside[256];
    temporary_make(outside);
    temporary_file(outside, "precious", "x", 1);
    char *path = make(1);
    temporary_link(path, "way-out", outside);
    temporary_directory(path, "sub");
    temporary_link(path, "sub/way-out", "../../../../..");
    expect_removed(1);
    assert_true(temporary_exists(outside, "precious"));
    free(path);

    /* The version, the job or the tenant itself is a link. */
    static const char *const places[] = {("acme/" ID "/9"), ("acme/" ID), "acme"};
    for (int i = 0; i < 3; i++) {
        struct jobs_error err = {0};
        assert_int_equal(remove_tree(AT_FDCWD, base), 0);
        assert_int_equal(mkdir(base, 0700), 0);
        if (i < 2)
            temporary_directory(base, "acme");
        if (i < 1)
            temporary_directory(base, "acme/" ID);
        temporary_link(base, places[i], outside);
        int rc = workspace_make(base, "acme", ID, 9, &path, &err);
        if (i == 0) { /* a leftover link of that very name is removed as any leftover */
            assert_int_equal(rc, 0);
            free(path);
        } else {
            assert_int_equal(rc, JOBS_ECONFIG);
            assert_non_null(strstr(err.text, ID));
            assert_int_equal(workspace_remove(base, "acme", ID, 9, &err), JOBS_ECONFIG);
        }
        assert_true(temporary_exists(outside, "precious"));
        assert_false(temporary_exists(outside, "9"));
    }
    assert_int_equal(remove_tree(AT_FDCWD, outside), 0);
}

static void refuses_names_that_lead_elsewhere(void **state) {
    (void)state;
    static const char *const bad[] = {"", ".", "..", "a/b", "/etc"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char *path = NULL;
        assert_int_equal(workspace_make(base, bad[i], ID, 1, &path, NULL), JOBS_EINVAL);
        assert_int_equal(workspace_make(base, "acme", bad[i], 1, &path, NULL), JOBS_EINVAL);
        assert_int_equal(workspace_remove(base, "acme", bad[i], 1, NULL), JOBS_EINVAL);
        assert_null(path);
    }
}

static void removes_read_only_and_deep_trees(void **state) {
    (void)state;
    char *path = make(1);
    temporary_directory(path, "closed");
    temporary_file(path, "closed/file", "x", 1);
    temporary_directory(path, "closed/inside");
    char closed[400];
    snprintf(closed, sizeof closed, "%s/closed", path);
    assert_int_equal(chmod(closed, 0500), 0);
    int fd = open(path, O_RDONLY | O_DIRECTORY);
    for (int i = 0; i < 3000; i++) { /* deeper than descriptors and PATH_MAX allow */
        assert_int_equal(mkdirat(fd, i % 2 ? "moved-up-1" : "deep", 0700), 0);
        int next = openat(fd, i % 2 ? "moved-up-1" : "deep", O_RDONLY | O_DIRECTORY);
        assert_true(next >= 0);
        close(fd);
        fd = next;
    }
    close(fd);
    expect_removed(1);
    assert_false(temporary_exists(path, ""));
    free(path);
}

static void tells_what_is_wrong(void **state) {
    (void)state;
    struct jobs_error err;
    char *path = NULL, file[300];
    temporary_file(base, "file", "x", 1);
    snprintf(file, sizeof file, "%s/file", base);
    assert_int_equal(workspace_make(file, "acme", ID, 1, &path, &err), JOBS_ECONFIG);
    assert_non_null(strstr(err.text, file));
    assert_non_null(strstr(err.text, strerror(ENOTDIR)));
    snprintf(file, sizeof file, "%s/no/such/base", base);
    assert_int_equal(workspace_make(file, "acme", ID, 1, &path, &err), JOBS_ECONFIG);
    assert_null(path);
    snprintf(file, sizeof file, "%s/new-base", base);
    assert_int_equal(workspace_make(file, "acme", ID, 1, &path, NULL), 0);
    free(path);
}

static void *make_and_remove(void *arg) {
    unsigned version = *(unsigned *)arg;
    for (int i = 0; i < 200; i++) {
        char *path = NULL;
        assert_int_equal(workspace_make(base, "acme", ID, version, &path, NULL), 0);
        free(path);
        assert_int_equal(workspace_remove(base, "acme", ID, version, NULL), 0);
    }
    return NULL;
}

static void two_versions_race_for_the_directory(void **state) {
    (void)state;
    unsigned versions[] = {1, 2};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, make_and_remove, &versions[i]), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert_false(temporary_exists(base, "acme/" ID));
}

/* ---- with a run around it ---- */

static int use_workspace(struct job *job) {
    if (!temporary_exists(job_workspace(job), ""))
        return job_fail(job, "no workspace");
    temporary_file(job_workspace(job), "scratch", "x", 1);
    return 0;
}

static void a_run_has_one_while_it_runs(void **state) {
    (void)state;
    struct job_class class =
        JOB_CLASS(.name = "scratch", .run = use_workspace, .need_workspace = true);
    struct run_order order = {
        .id = ID, .tenant = "acme", .class_name = "scratch", .version = 4, .workspace_base = base};
    struct job *job = run_new(&order, &class, NULL);
    run_execute(job);
    assert_int_equal(run_outcome(job)->end, RUN_SUCCEEDED);
    assert_false(temporary_exists(base, "acme/" ID));
    run_free(job);
}

static void a_run_without_one_fails(void **state) {
    (void)state;
    struct job_class class =
        JOB_CLASS(.name = "scratch", .run = use_workspace, .need_workspace = true);
    struct run_order order = {.id = ID,
                              .tenant = "..",
                              .class_name = "scratch",
                              .workspace_base = base};
    for (int i = 0; i < 2; i++) {
        struct job *job = run_new(&order, &class, NULL);
        run_execute(job);
        assert_int_equal(run_outcome(job)->end, RUN_FAILED);
        assert_string_equal(run_outcome(job)->error_kind, "WORKSPACE");
        assert_non_null(strstr(run_outcome(job)->error, i ? "jobs.workspace.dir" : "plain names"));
        run_free(job);
        order.workspace_base = NULL;
    }
}

#define WITH_BASE(test) cmocka_unit_test_setup_teardown(test, make_base, remove_base)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_BASE(is_private_and_goes),
        WITH_BASE(versions_live_side_by_side),
        WITH_BASE(begins_empty_after_a_crash),
        WITH_BASE(follows_no_link_out),
        WITH_BASE(refuses_names_that_lead_elsewhere),
        WITH_BASE(removes_read_only_and_deep_trees),
        WITH_BASE(tells_what_is_wrong),
        WITH_BASE(two_versions_race_for_the_directory),
        WITH_BASE(a_run_has_one_while_it_runs),
        WITH_BASE(a_run_without_one_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
