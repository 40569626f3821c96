/* Who may have workspaces where, and which of them are swept. */
#include "tests/unit/temporary.h"

#include "module/worker/remove_tree.h"
#include "module/worker/workspace.h"
#include "module/worker/workspace_base.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

#define ID "0192aaaa-0000-7000-8000-000000000001"
#define OTHER "0192aaaa-0000-7000-8000-000000000002"

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

static void sweep(size_t expected) {
    size_t removed, failed;
    struct jobs_error err;
    if (workspace_base_sweep(base, &removed, &failed, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(removed, expected);
    assert_int_equal(failed, 0);
}

static char *enter(const char *id, unsigned version, int *ret_hold) {
    struct jobs_error err;
    char *path;
    if (workspace_enter(base, "acme", id, version, &path, ret_hold, &err) < 0)
        fail_msg("%s", err.text);
    return path;
}

static void what_is_held_stays(void **state) {
    (void)state;
    int first, second;
    char *one = enter(ID, 3, &first), *two = enter(ID, 4, &second);
    temporary_file(one, "left", "x", 1);
    sweep(0);
    assert_true(temporary_exists(one, "left"));
    close(first);
    sweep(1);
    assert_false(temporary_exists(one, ""));
    assert_true(temporary_exists(two, ""));
    close(second);
    sweep(1);
    assert_false(temporary_exists(base, "acme/" ID));
    sweep(0);
    free(one), free(two);
}

static void what_a_killed_process_left_goes(void **state) {
    (void)state;
    int ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        int hold;
        char *path = enter(ID, 1, &hold);
        temporary_directory(path, "inside");
        (void)!write(ready[1], "x", 1);
        for (;;)
            pause();
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    sweep(0);
    assert_true(temporary_exists(base, "acme/" ID "/1/inside"));
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    sweep(1);
    assert_false(temporary_exists(base, "acme/" ID));
    close(ready[0]), close(ready[1]);
}

static void other_things_are_left_alone(void **state) {
    (void)state;
    static const char *const others[] = {"file",           "acme/file",  "acme/" ID "/file",
                                         "acme/" ID "/1a", "acme/notes", "acme/" ID "x/1"};
    char outside[256];
    temporary_make(outside);
    temporary_directory(outside, "precious");
    temporary_directory(base, "acme");
    temporary_directory(base, "acme/" ID);
    temporary_directory(base, "acme/" ID "x");
    temporary_link(base, "acme/" OTHER, outside);
    temporary_link(base, "acme/" ID "/7", outside);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        temporary_directory(base, others[i]);
    temporary_directory(base, "acme/" ID "/1");
    sweep(1);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_true(temporary_exists(base, others[i]));
    assert_true(temporary_exists(outside, "precious"));
    assert_int_equal(remove_tree(AT_FDCWD, outside), 0);
}

static atomic_bool over;

static void *sweep_on(void *arg) {
    (void)arg;
    size_t removed, failed;
    while (!atomic_load(&over))
        assert_int_equal(workspace_base_sweep(base, &removed, &failed, NULL), 0);
    return NULL;
}

/* Whoever has entered keeps what it got. */
static void a_sweep_races_with_runs(void **state) {
    (void)state;
    pthread_t sweeper;
    atomic_store(&over, false);
    assert_int_equal(pthread_create(&sweeper, NULL, sweep_on, NULL), 0);
    for (unsigned i = 1; i <= 300; i++) {
        int hold;
        char *path = enter(ID, i, &hold);
        temporary_file(path, "scratch", "x", 1);
        sched_yield();
        assert_true(temporary_exists(path, "scratch"));
        assert_int_equal(workspace_remove(base, "acme", ID, i, NULL), 0);
        close(hold);
        free(path);
    }
    atomic_store(&over, true);
    pthread_join(sweeper, NULL);
}

static void expect_refused(const char *path, const char *part) {
    struct jobs_error err = {0};
    char *made = NULL;
    int hold;
    assert_int_equal(workspace_base_check(path, true, &err), JOBS_ECONFIG);
    if (!strstr(err.text, part) || !strstr(err.text, path))
        fail_msg("\"%s\" does not say %s", err.text, part);
    assert_int_equal(workspace_enter(path, "acme", ID, 1, &made, &hold, &err), JOBS_ECONFIG);
    assert_null(made);
}

static void a_base_that_others_may_change_is_refused(void **state) {
    (void)state;
    struct jobs_error err;
    assert_int_equal(workspace_base_check(base, true, &err), 0);
    assert_int_equal(chmod(base, 0777), 0);
    expect_refused(base, "written by everybody");
    assert_int_equal(chmod(base, 01777), 0); /* as /tmp is */
    assert_int_equal(workspace_base_check(base, true, &err), 0);
    assert_int_equal(chmod(base, 0700), 0);
    if (geteuid() == 0) {
        assert_int_equal(chown(base, 12345, (gid_t)-1), 0);
        expect_refused(base, "belongs to user 12345");
        assert_int_equal(chown(base, 0, (gid_t)-1), 0);
    }
    temporary_file(base, "file", "x", 1);
    char file[300];
    snprintf(file, sizeof file, "%s/file", base);
    expect_refused(file, "Not a directory");
}

static void a_base_is_made_with_those_above_it(void **state) {
    (void)state;
    char deep[300];
    struct stat status;
    struct jobs_error err;
    snprintf(deep, sizeof deep, "%s/a/b/c", base);
    assert_int_equal(workspace_base_check(deep, false, &err), JOBS_ENOENT);
    assert_int_equal(workspace_base_check(deep, true, &err), 0);
    assert_int_equal(stat(deep, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
}

static void how_full_it_is(void **state) {
    (void)state;
    char missing[300];
    snprintf(missing, sizeof missing, "%s/not/yet", base);
    int used = workspace_base_used(base);
    assert_in_range(used, 0, 100);
    int there = workspace_base_used(missing);
    assert_in_range(there, used - 1, used + 1);         /* others write too */
    assert_int_equal(workspace_base_used("/proc"), -1); /* has no blocks */
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_base, remove_base)
    const struct CMUnitTest tests[] = {
        TEST(what_is_held_stays),
        TEST(what_a_killed_process_left_goes),
        TEST(other_things_are_left_alone),
        TEST(a_sweep_races_with_runs),
        TEST(a_base_that_others_may_change_is_refused),
        TEST(a_base_is_made_with_those_above_it),
        TEST(how_full_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
