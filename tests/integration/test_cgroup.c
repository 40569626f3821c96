/* Children in real cgroups, where this host lets us make one: who is in them, that all of it dies
 * at once, that nothing is left, and, with a memory controller, the kernel's own limit. */
#include "module/base/clock.h"
#include "module/worker/cgroup.h"
#include "tests/lib/children.h"
#include "tests/lib/servers.h"

#include <dirent.h>
#include <fcntl.h>
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
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define SH "#!/bin/sh\n"

static char base[300], setting[320];

/* Where cgroup2 is mounted; false: nowhere. */
static bool find_mount(char *ret, size_t size) {
    char line[1024], point[256];
    bool found = false;
    FILE *file = fopen("/proc/self/mountinfo", "re");
    while (file && !found && fgets(line, sizeof line, file))
        if (strstr(line, " - cgroup2 ") && sscanf(line, "%*s %*s %*s %*s %255s", point) == 1)
            found = snprintf(ret, size, "%s", point) > 0;
    if (file)
        fclose(file);
    return found;
}

static int up(void **state) {
    (void)state;
    char mount[256];
    base[0] = '\0';
    if (!find_mount(mount, sizeof mount))
        return 0;
    snprintf(base, sizeof base, "%s/jobs-test.%d", mount, (int)getpid());
    if (mkdir(base, 0755) < 0)
        base[0] = '\0';
    snprintf(setting, sizeof setting, "jobs.cgroup=%s", base);
    return 0;
}

static int down(void **state) {
    (void)state;
    children_down();
    return *base ? rmdir(base) : 0;
}

static void need_cgroups(void) {
    if (!*base) {
        print_message("no cgroup of version 2 that may be written here\n");
        skip();
    }
}

/* Cgroups below the base. */
static int count_groups(void) {
    int count = 0;
    DIR *all = opendir(base);
    assert_non_null(all);
    for (struct dirent *e; (e = readdir(all)) != NULL;)
        count += e->d_type == DT_DIR && e->d_name[0] != '.';
    closedir(all);
    return count;
}

static bool has_none(void *arg) { return arg == NULL && count_groups() == 0; }

static bool has_memory(void) {
    char text[500] = "";
    int fd = open(base, O_RDONLY | O_DIRECTORY);
    cgroup_read_file(fd, "cgroup.controllers", text, sizeof text);
    close(fd);
    return strstr(text, "memory") != NULL;
}

static void all_of_a_child_is_in_it(void **state) {
    (void)state;
    need_cgroups();
    children_script("who.sh",
                    SH "setsid sleep 1001 & me=$(grep ^0:: /proc/self/cgroup)\n"
                       "its=$(cat "
                       "\"$BASE/${me##*/}/cgroup.procs\" | wc -l)\n"
                       "case $me in */jobs-[0-9]*) echo \"{\\\"result\\\":$its}\" >&3;; esac");
    char variable[400];
    snprintf(variable, sizeof variable, "jobs.class.who.sh.env.BASE=%s", base);
    children_load(NULL, setting, variable, NULL);
    assert_true(children_said("children run in cgroups below"));
    struct job *job = children_run("who.sh", "{}", 0);
    assert_int_equal(run_outcome(job)->end, RUN_SUCCEEDED);
    assert_in_range(atoi(run_outcome(job)->result), 3, 5); /* shells, sleep, cat */
    run_free(job);
    assert_int_equal(count_groups(), 0);
}

/* Processes that make processes faster than somebody could look for them. */
static void what_multiplies_dies_at_once(void **state) {
    (void)state;
    need_cgroups();
    children_script("many.sh",
                    SH "f() { [ $1 -gt 0 ] && { setsid sh \"$0\" $(($1 - 1)) & setsid sh \"$0\" "
                       "$(($1 - 1)) & }; trap '' TERM; sleep 1005; }\n"
                       "if [ $# -gt 0 ]; then f $1; else f 5 & sleep 0.3; fi");
    children_load(NULL, setting, NULL);
    children_expect("many.sh", "{}", 0, RUN_SUCCEEDED, NULL, NULL, NULL);
    assert_int_equal(count_groups(), 0);
    children_unload();
    assert_int_equal(children_alive((int)getpid()), 0);
}

static void many_leave_nothing(void **state) {
    (void)state;
    need_cgroups();
    children_script("quick.sh", SH "sleep 100 & exit 0");
    children_load(NULL, setting, NULL);
    int64_t began = clock_now();
    for (int i = 0; i < 50; i++)
        children_expect("quick.sh", "{}", 0, RUN_SUCCEEDED, NULL, NULL, NULL);
    int64_t with = clock_now() - began;
    assert_int_equal(count_groups(), 0);
    children_load(NULL, "jobs.cgroup=off", NULL);
    began = clock_now();
    for (int i = 0; i < 50; i++)
        children_expect("quick.sh", "{}", 0, RUN_SUCCEEDED, NULL, NULL, NULL);
    print_message("a run with a cgroup: %.1f ms, without: %.1f ms\n", (double)with / 50000,
                  (double)(clock_now() - began) / 50000);
}

/* The "daemon" is killed: keepers clear up. A keeper is killed: the next start does. */
static void what_is_killed_leaves_nothing(void **state) {
    (void)state;
    need_cgroups();
    children_script("long.sh", SH "touch $0.runs; setsid sleep 1006 & exec sleep 1007");
    children_load(NULL, setting, NULL);
    char path[300], stale[400];
    snprintf(path, sizeof path, "%s/long.sh.runs", children_directory());
    pid_t daemon = fork();
    if (daemon == 0) {
        children_run("long.sh", "{}", 0);
        _exit(0);
    }
    while (access(path, F_OK) != 0)
        poll(NULL, 0, 5);
    assert_int_equal(count_groups(), 1);
    kill(daemon, SIGKILL);
    waitpid(daemon, NULL, 0);
    children_wait_none((int)daemon);
    assert_true(test_wait(has_none, NULL, 5000));
    snprintf(stale, sizeof stale, "%s/jobs-%d", base, (int)daemon); /* nobody's now */
    assert_int_equal(mkdir(stale, 0755), 0);
    children_load(NULL, setting, NULL);
    assert_int_equal(count_groups(), 0);
}

static void the_kernel_holds_the_limit(void **state) {
    (void)state;
    need_cgroups();
    if (!has_memory()) {
        print_message("the cgroups of this host have no memory controller\n");
        skip();
    }
    children_script("greedy.sh", SH "x=$(head -c 300000000 /dev/zero | tr '\\0' x); echo ${#x}");
    children_load(NULL, setting, "jobs.class.greedy.sh.memory=64M", NULL);
    assert_true(children_said("which hold them to their memory"));
    children_expect("greedy.sh", "{}", 0, RUN_FAILED, "CRASH",
                    "killed at its memory limit of 64 MiB (OOM)", NULL);
    assert_int_equal(count_groups(), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_of_a_child_is_in_it, up, down),
        cmocka_unit_test_setup_teardown(what_multiplies_dies_at_once, up, down),
        cmocka_unit_test_setup_teardown(many_leave_nothing, up, down),
        cmocka_unit_test_setup_teardown(what_is_killed_leaves_nothing, up, down),
        cmocka_unit_test_setup_teardown(the_kernel_holds_the_limit, up, down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
