/* After 100,000 jobs a service holds what it held before them: descriptors, processes, memory,
 * sessions, workspaces. */
#include "tests/lib/audit.h"
#include "tests/lib/service.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define BATCH 10000

static int run_in_workspace(struct job *job) {
    char path[600];
    snprintf(path, sizeof path, "%s/left-behind", job_workspace(job));
    FILE *file = fopen(path, "we");
    if (!file || fclose(file) != 0)
        return job_fail(job, "cannot write to %s", path);
    return job_stop_fd(job) < 0 ? job_fail(job, "no stop descriptor") : 0;
}

static const struct job_class class_scratch =
    JOB_CLASS(.name = "scratch", .run = run_in_workspace, .need_workspace = true);

struct holding {
    size_t descriptors, children;
    int64_t sessions;
    size_t kilobytes; /* resident */
};

static size_t entries(const char *path) {
    size_t n = 0;
    DIR *dir = opendir(path);
    for (const struct dirent *entry; dir && (entry = readdir(dir));)
        n += entry->d_name[0] != '.';
    if (dir)
        closedir(dir);
    return n;
}

/* Processes whose parent this one is. */
static size_t count_children(void) {
    size_t n = 0;
    DIR *dir = opendir("/proc");
    for (const struct dirent *entry; dir && (entry = readdir(dir));) {
        char path[300];
        int parent = 0;
        snprintf(path, sizeof path, "/proc/%s/stat", entry->d_name);
        FILE *file = fopen(path, "re");
        if (!file)
            continue;
        n += fscanf(file, "%*d (%*[^)]) %*c %d", &parent) == 1 && parent == (int)getpid();
        fclose(file);
    }
    if (dir)
        closedir(dir);
    return n;
}

static size_t resident_kilobytes(void) {
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%*u %lu", &pages), 1);
    fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE) / 1024;
}

static struct holding look(const char *url) {
    return (struct holding){
        .descriptors = entries("/proc/self/fd"),
        .children = count_children(),
        .sessions = test_sql_integer(url, "select count(*) from pg_stat_activity where datname = "
                                          "current_database() and application_name like 'jobs %%'"),
        .kilobytes = resident_kilobytes()};
}

static void run_jobs(const char *url, int *total, int quick, int scratch) {
    for (int done = 0; done < quick; done += BATCH) {
        int batch = quick - done < BATCH ? quick - done : BATCH;
        submit_many(url, "noop", batch, 7, NULL);
        *total += batch;
        wait_final(url, *total, 4 * LONG_MS);
    }
    submit_many(url, "scratch", scratch, 7, NULL);
    *total += scratch;
    wait_final(url, *total, 4 * LONG_MS);
}

/* The sessions that the load and the rows it deleted asked for are closed as well. */
static bool is_quiet(const char *url) {
    test_sql(url, "vacuum jobs.t_job_ready");
    return test_wait_sql(url, LONG_MS,
                         "select not exists (select from jobs.t_job_claim) and not exists (select "
                         "from pg_stat_activity where application_name in ('jobs record', 'jobs "
                         "sweep') and datname = current_database())");
}

/* Directories of tenants may stay, those of jobs may not. */
static void assert_no_run_left(const char *base) {
    DIR *dir = opendir(base);
    for (const struct dirent *entry; dir && (entry = readdir(dir));) {
        char path[400];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", base, entry->d_name);
        assert_int_equal(entries(path), 0);
        rmdir(path);
    }
    if (dir)
        closedir(dir);
}

static void nothing_is_left(void **state) {
    (void)state;
    const bool slow = test_time_factor() > 1; /* sanitizers keep freed memory on purpose */
    const struct job_class *const classes[] = {&class_scratch, NULL};
    char base[] = "/var/tmp/jobs-leaks-XXXXXX", setting[100];
    assert_non_null(mkdtemp(base));
    snprintf(setting, sizeof setting, "jobs.workspace.dir=%s", base);
    const char *url = service_database();
    struct test_service *service = service_start(url, classes, setting, NULL);
    int total = 0;
    run_jobs(url, &total, slow ? 500 : 10000, 50); /* warm: pools, plans, buffers */
    assert_true(is_quiet(url));
    struct holding before = look(url);
    run_jobs(url, &total, slow ? 4000 : 99500, slow ? 100 : 500);
    assert_true(is_quiet(url));
    struct holding after = look(url);
    print_message(
        "before: %zu descriptors, %zu children, %lld sessions, %zu kB; after %d jobs: %zu, "
        "%zu, %lld, %zu kB\n",
        before.descriptors, before.children, (long long)before.sessions, before.kilobytes, total,
        after.descriptors, after.children, (long long)after.sessions, after.kilobytes);
    assert_int_equal(after.descriptors, before.descriptors);
    assert_int_equal(after.children, before.children);
    assert_int_equal(after.sessions, before.sessions);
    if (!slow)
        assert_true(after.kilobytes < before.kilobytes + 8192);
    assert_int_equal(count_jobs(url, "status = 'SUCCEEDED'"), total);
    service_stop(service);
    assert_no_run_left(base);
    rmdir(base);
    audit_finished(url);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_is_left)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
