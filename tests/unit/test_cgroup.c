/* Cgroups of children on directories of plain files, which stand for the kernel's: what is written
 * where, what is read, and when a host's cgroup is left alone. */
#include "module/worker/cgroup.h"
#include "module/worker/cgroup_base.h"
#include "module/worker/remove_tree.h"
#include "tests/unit/temporary.h"

#include <sys/wait.h>
#include <sys/xattr.h>

static char tree[256], base[300], child[340], self[300];

static void put(const char *directory, const char *name, const char *text) {
    temporary_file(directory, name, text, strlen(text));
}

static void expect(const char *directory, const char *name, const char *wanted) {
    char text[200] = "(cannot be read)";
    int fd = open(directory, O_RDONLY | O_DIRECTORY);
    cgroup_read_file(fd, name, text, sizeof text);
    close(fd);
    if (strcmp(text, wanted) != 0)
        fail_msg("%s is \"%s\", not \"%s\"", name, text, wanted);
}

/* <tree>/unit is the cgroup that a systemd has delegated to us alone. */
static int up(void **state) {
    (void)state;
    char pid[20];
    temporary_make(tree);
    temporary_directory(tree, "unit");
    snprintf(base, sizeof base, "%s/unit", tree);
    snprintf(self, sizeof self, "%s/self", tree);
    snprintf(pid, sizeof pid, "%d\n", (int)getpid());
    put(tree, "self", "4:memory:/elsewhere\n0::/unit\n");
    put(base, "cgroup.controllers", "cpuset cpu io memory pids\n");
    put(base, "cgroup.procs", pid);
    put(base, "cgroup.subtree_control", "");
    temporary_directory(base, "jobs-service");
    snprintf(child, sizeof child, "%s/jobs-service", base);
    put(child, "cgroup.procs", "");
    snprintf(child, sizeof child, "%s/jobs-%d", base, (int)getpid());
    return 0;
}

static int down(void **state) {
    (void)state;
    return remove_tree(AT_FDCWD, tree);
}

static void rewrite(const char *name, const char *text) {
    int fd = open(base, O_RDONLY | O_DIRECTORY);
    assert_int_equal(unlinkat(fd, name, 0), 0);
    close(fd);
    put(base, name, text);
}

/* The base that was found, or NULL; what was said holds `part`. */
static char *find(const char *setting, const char *part) {
    struct cgroup_host host = {tree, self};
    struct buf said = {0};
    struct jobs_error err;
    char *found = NULL;
    if (cgroup_base_find(&host, setting, &found, &said, &err) < 0)
        fail_msg("%s", err.text);
    if (!strstr(buf_get(&said), part))
        fail_msg("\"%s\" does not say \"%s\"", buf_get(&said), part);
    buf_done(&said);
    return found;
}

/* As root only systemd's mark tells; not every file system takes it. */
static void delegate(void) {
    if (geteuid() == 0 && setxattr(base, "trusted.delegate", "1", 1, 0) < 0)
        skip();
}

static void a_delegated_cgroup_is_taken(void **state) {
    (void)state;
    char leaf[400], pid[20];
    delegate();
    char *found = find("auto", "which hold them to their memory");
    assert_string_equal(found, base);
    free(found);
    snprintf(leaf, sizeof leaf, "%s/jobs-service", base);
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    expect(leaf, "cgroup.procs", pid);
    expect(base, "cgroup.subtree_control", "+memory +pids");
    /* A second service of the same process finds itself in the leaf. */
    rewrite("cgroup.procs", "");
    rewrite("cgroup.subtree_control", "memory pids\n");
    int fd = open(tree, O_RDONLY | O_DIRECTORY);
    assert_int_equal(unlinkat(fd, "self", 0), 0);
    close(fd);
    put(tree, "self", "0::/unit/jobs-service\n");
    found = find("auto", "which hold them to their memory");
    assert_string_equal(found, base);
    free(found);
    expect(base, "cgroup.subtree_control", "memory pids\n");
}

static void others_are_left_alone(void **state) {
    (void)state;
    char procs[40];
    assert_null(find("off", ""));
    if (geteuid() == 0)
        assert_null(find("auto", "it was not delegated"));
    delegate();
    snprintf(procs, sizeof procs, "%d\n%d\n", (int)getpid(), (int)getpid() + 1);
    rewrite("cgroup.procs", procs);
    assert_null(find("auto", "other processes are in it"));
    rewrite("cgroup.controllers", "cpu pids\n");
    assert_null(find("auto", "no memory controller"));
    int fd = open(tree, O_RDONLY | O_DIRECTORY);
    assert_int_equal(unlinkat(fd, "self", 0), 0);
    close(fd);
    put(tree, "self", "4:memory:/elsewhere\n");
    assert_null(find("auto", "no cgroup of version 2"));
    expect(base, "cgroup.subtree_control", "");
}

static void a_named_one_is_used_or_refused(void **state) {
    (void)state;
    struct jobs_error err;
    char *found = find(base, "which hold them to their memory");
    assert_string_equal(found, base);
    free(found);
    expect(base, "cgroup.subtree_control", "+memory +pids");
    rewrite("cgroup.controllers", "");
    rewrite("cgroup.subtree_control", "");
    found = find(base, "without a memory controller");
    assert_string_equal(found, base);
    free(found);
    assert_int_equal(cgroup_base_find(NULL, tree, &found, NULL, &err), JOBS_ECONFIG);
    assert_non_null(strstr(err.text, "cannot hold the cgroups of children"));
    assert_int_equal(cgroup_base_find(NULL, "/no/such", &found, NULL, &err), JOBS_ECONFIG);
    assert_int_equal(cgroup_base_find(NULL, "perhaps", &found, NULL, &err), JOBS_ECONFIG);
    assert_non_null(strstr(err.text, "none of auto, off"));
}

/* The files that a kernel would make with the directory. */
static void make_files(void) {
    static const char *const names[] = {"cgroup.procs", "cgroup.kill", "memory.max",
                                        "memory.swap.max", "memory.oom.group"};
    char name[40];
    snprintf(name, sizeof name, "jobs-%d", (int)getpid());
    temporary_directory(base, name);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        put(child, names[i], "");
}

static void a_child_is_held_and_read(void **state) {
    (void)state;
    struct cgroup c;
    struct cgroup_use use;
    int status;
    make_files();
    cgroup_make(&c, base, 64 << 20);
    assert_true(c.fd >= 0);
    assert_true(c.limited);
    assert_string_equal(c.path, child);
    expect(child, "memory.max", "67108864");
    expect(child, "memory.swap.max", "0");
    expect(child, "memory.oom.group", "1");
    pid_t pid = cgroup_fork(&c);
    if (pid == 0)
        _exit(cgroup_enter(&c) ? 7 : 8);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(WEXITSTATUS(status), 7);
    expect(child, "cgroup.procs", "0");
    cgroup_kill(&c);
    expect(child, "cgroup.kill", "1");
    cgroup_read(&c, &use); /* nothing to be read */
    assert_false(use.killed);
    assert_int_equal(use.peak, 0);
    put(child, "memory.events", "low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 1\n");
    put(child, "memory.peak", "67100672\n");
    put(child, "cpu.stat", "usage_usec 1234567\nuser_usec 1\nsystem_usec 2\n");
    cgroup_read(&c, &use);
    assert_true(use.killed);
    assert_true(use.own_limit);
    assert_int_equal(use.peak, 67100672);
    assert_int_equal(use.cpu_us, 1234567);
    int fd = open(child, O_RDONLY | O_DIRECTORY);
    assert_int_equal(unlinkat(fd, "memory.events", 0), 0);
    close(fd);
    put(child, "memory.events", "max 0\noom 0\noom_kill 1\n");
    cgroup_read(&c, &use);
    assert_true(use.killed);
    assert_false(use.own_limit); /* it was the host's */
    cgroup_remove(&c);
    assert_int_equal(c.fd, -1);
}

static void without_one_nothing_happens(void **state) {
    (void)state;
    struct cgroup c;
    struct cgroup_use use;
    int status;
    cgroup_make(&c, "", 1 << 20);
    assert_int_equal(c.fd, -1);
    assert_false(c.limited);
    cgroup_make(&c, "/no/such", 1 << 20);
    assert_int_equal(c.fd, -1);
    pid_t pid = cgroup_fork(&c);
    if (pid == 0)
        _exit(cgroup_enter(&c) ? 7 : 8);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(WEXITSTATUS(status), 7);
    cgroup_kill(&c);
    cgroup_read(&c, &use);
    assert_false(use.killed);
    cgroup_remove(&c);
}

/* One of a keeper that is gone, and one of a process that lives. */
static void leftovers_are_swept(void **state) {
    (void)state;
    char name[40];
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    waitpid(pid, NULL, 0);
    snprintf(name, sizeof name, "jobs-%d", (int)pid);
    temporary_directory(base, name);
    temporary_directory(base, "jobs-1");
    temporary_directory(base, "jobs-x");
    cgroup_sweep(base);
    assert_false(temporary_exists(base, name));
    assert_true(temporary_exists(base, "jobs-1"));
    assert_true(temporary_exists(base, "jobs-x"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_delegated_cgroup_is_taken, up, down),
        cmocka_unit_test_setup_teardown(others_are_left_alone, up, down),
        cmocka_unit_test_setup_teardown(a_named_one_is_used_or_refused, up, down),
        cmocka_unit_test_setup_teardown(a_child_is_held_and_read, up, down),
        cmocka_unit_test_setup_teardown(without_one_nothing_happens, up, down),
        cmocka_unit_test_setup_teardown(leftovers_are_swept, up, down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
