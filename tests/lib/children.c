#include "tests/lib/children.h"

#include "module/base/buf.h"
#include "module/base/clock.h"
#include "module/base/config.h"
#include "module/base/mem.h"
#include "module/worker/builtin.h"
#include "module/worker/children.h"
#include "module/worker/loader.h"
#include "module/worker/pool.h"
#include "module/worker/remove_tree.h"
#include "tests/lib/servers.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct {
    char directory[64];
    struct config *config;
    struct log log;
    struct classes *classes;
    pthread_mutex_t lock;
    struct buf said;
} now = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void note(void *arg, int level, const char *tenant, const char *id, const char *text) {
    (void)arg, (void)tenant, (void)id;
    pthread_mutex_lock(&now.lock);
    buf_format(&now.said, "%s: %s\n", log_level_name(level), text);
    pthread_mutex_unlock(&now.lock);
}

bool children_said(const char *text) {
    pthread_mutex_lock(&now.lock);
    bool said = strstr(buf_get(&now.said), text) != NULL;
    pthread_mutex_unlock(&now.lock);
    return said;
}

const char *children_directory(void) {
    if (!now.directory[0]) {
        strcpy(now.directory, "/tmp/jobs-children-XXXXXX");
        assert_non_null(mkdtemp(now.directory));
        assert_int_equal(chmod(now.directory, 0755), 0);
        setenv("HOME", now.directory, 1); /* children inherit it: this is how they are known */
    }
    return now.directory;
}

void children_script(const char *name, const char *text) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", children_directory(), name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

void children_down(void) {
    children_unload();
    if (now.directory[0])
        assert_int_equal(remove_tree(AT_FDCWD, now.directory), 0);
    now.directory[0] = '\0';
    buf_done(&now.said);
}

static int try_all(const char *plugin, const struct job_class *linked, const char *const *settings,
                   struct jobs_error *err) {
    children_unload();
    now.log = (struct log){LOG_LEVEL_DEBUG, note, NULL};
    int rc = config_load(NULL, NULL, settings, &now.log, &now.config, err);
    if (rc < 0)
        return rc;
    now.classes = classes_new();
    assert_int_equal(builtin_add(now.classes, NULL, NULL, err), 0);
    if (linked)
        rc = classes_add(now.classes, linked, "linked", err);
    if (rc == 0 && plugin)
        rc = loader_add_file(now.classes, plugin, NULL, err);
    if (rc == 0)
        rc = children_add(now.classes, now.config, now.directory, &now.log, err);
    if (rc == 0)
        rc = classes_open(now.classes, err);
    if (rc < 0)
        children_unload();
    return rc;
}

int children_try(const char *plugin, const char *const *settings, struct jobs_error *err) {
    return try_all(plugin, NULL, settings, err);
}

int children_try_linked(const struct job_class *class, struct jobs_error *err) {
    return try_all(NULL, class, NULL, err);
}

void children_load(const char *plugin, ...) {
    const char *settings[16] = {NULL};
    struct jobs_error err;
    va_list args;
    va_start(args, plugin);
    for (size_t i = 0; i < 15 && (settings[i] = va_arg(args, const char *)) != NULL; i++)
        ;
    va_end(args);
    if (children_try(plugin, settings, &err) < 0)
        fail_msg("%s", err.text);
}

void children_unload(void) {
    classes_free(now.classes);
    config_free(now.config);
    now.classes = NULL;
    now.config = NULL;
}

struct job *children_job(const char *class_name, const char *parameters, int64_t timeout) {
    const struct class_entry *entry = classes_find(now.classes, class_name);
    if (!entry)
        fail_msg("there is no class %s", class_name);
    struct run_order order = {.id = "0192aaaa-0000-7000-8000-000000000001",
                              .tenant = "acme",
                              .class_name = class_name,
                              .parameters = parameters,
                              .traceparent = "00-ab-cd-01",
                              .attempt = 2,
                              .attempts = 5,
                              .version = 7,
                              .timeout = timeout,
                              .workspace_base = now.directory,
                              .workspace = (int)config_class_integer(now.config, class_name,
                                                                     "workspace", 0)};
    return run_new(&order, entry->class, entry->shared);
}

struct job *children_run(const char *class_name, const char *parameters, int64_t timeout) {
    struct job *job = children_job(class_name, parameters, timeout);
    run_execute(job);
    return job;
}

static const char *const ends[] = {"SUCCEEDED", "FAILED",  "FAILED_FOR_GOOD",
                                   "RETRY_IN",  "SNOOZED", "ABORTED"};

static void check_text(const char *what, const char *is, const char *wanted, bool part) {
    if (!is != !wanted || (is && (part ? !strstr(is, wanted) : strcmp(is, wanted) != 0)))
        fail_msg("%s is %s, not %s", what, is ? is : "(none)", wanted ? wanted : "(none)");
}

void children_expect(const char *class_name, const char *parameters, int64_t timeout,
                     enum run_end end, const char *kind, const char *error, const char *result) {
    struct job *job = children_run(class_name, parameters, timeout);
    const struct run_outcome *o = run_outcome(job);
    if (o->end != end)
        fail_msg("%s ended %s (%s: %s), not %s", class_name, ends[o->end],
                 o->error_kind ? o->error_kind : "", o->error ? o->error : "", ends[end]);
    check_text("error kind", o->error_kind, kind, false);
    check_text("error", o->error, error, true);
    check_text("result", o->result, result, false);
    run_free(job);
}

struct one_of_many {
    struct pool_task task; /* first */
    atomic_int *left, *failed;
};

static void one_ended(struct pool_task *task) {
    struct one_of_many *t = (struct one_of_many *)(void *)task;
    if (run_outcome(task->job)->end != RUN_SUCCEEDED)
        atomic_fetch_add(t->failed, 1);
    run_free(task->job);
    atomic_fetch_sub(t->left, 1);
}

double children_run_many(const char *class_name, const char *parameters, size_t slots, int count,
                         int every, const char *others, int *ret_failed) {
    struct pool *pool;
    struct jobs_error err;
    atomic_int left = count, failed = 0;
    struct one_of_many *tasks = mem_zero((size_t)count, sizeof *tasks);
    assert_int_equal(pool_new(slots, &pool, &err), 0);
    int64_t begin = clock_now();
    for (int i = 0; i < count; i++) {
        bool other = every > 0 && i % every == 0;
        tasks[i] = (struct one_of_many){.left = &left, .failed = &failed};
        tasks[i].task.job = children_job(class_name, other ? others : parameters, 0);
        tasks[i].task.ended = one_ended;
        pool_put(pool, &tasks[i].task);
    }
    while (atomic_load(&left) > 0)
        poll(NULL, 0, 1);
    double seconds = (double)(clock_now() - begin) / CLOCK_SECOND;
    pool_free(pool);
    free(tasks);
    *ret_failed = atomic_load(&failed);
    return count / seconds;
}

/* Does the file of NUL-separated texts hold this one? */
static bool holds(const char *path, const char *text) {
    static char bytes[65536];
    size_t length = strlen(text);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, bytes, sizeof bytes - 1) : 0;
    if (fd >= 0)
        close(fd);
    bytes[n > 0 ? n : 0] = '\0';
    for (char *at = bytes; n > 0 && at < bytes + n; at += strlen(at) + 1)
        if (strncmp(at, text, length) == 0 && at[length] == '\0')
            return true;
    return false;
}

static bool is_dead(const char *pid) {
    char path[64], line[400] = "";
    snprintf(path, sizeof path, "/proc/%.20s/stat", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, line, sizeof line - 1) : 0;
    if (fd >= 0)
        close(fd);
    const char *behind = n > 0 ? strrchr(line, ')') : NULL;
    return !behind || behind[2] == 'Z' || behind[2] == 'X';
}

size_t children_alive(int owner) {
    char environment[80], argument[20], path[64];
    size_t count = 0;
    snprintf(environment, sizeof environment, "HOME=%s", now.directory);
    snprintf(argument, sizeof argument, "%d", owner);
    DIR *all = opendir("/proc");
    assert_non_null(all);
    for (struct dirent *e; (e = readdir(all)) != NULL;) {
        if (e->d_name[0] < '1' || e->d_name[0] > '9')
            continue;
        snprintf(path, sizeof path, "/proc/%.20s/environ", e->d_name);
        bool ours = holds(path, environment);
        snprintf(path, sizeof path, "/proc/%.20s/cmdline", e->d_name);
        ours = ours || (holds(path, argument) && holds(path, "jobs-spawner"));
        count += ours && !is_dead(e->d_name);
    }
    closedir(all);
    return count;
}

void children_wait_none(int owner) {
    int64_t until = clock_now() + 20 * CLOCK_SECOND * test_time_factor();
    while (children_alive(owner) > 0) {
        if (clock_now() > until)
            fail_msg("%zu processes are left", children_alive(owner));
        poll(NULL, 0, 10);
    }
}

size_t children_descriptors(void) {
    size_t count = 0;
    DIR *all = opendir("/proc/self/fd");
    assert_non_null(all);
    while (readdir(all))
        count++;
    closedir(all);
    return count;
}
