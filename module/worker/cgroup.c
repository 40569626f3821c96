#include "module/worker/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PREFIX "jobs-"
#define DEPTH_MAX 16

bool cgroup_write_file(int directory, const char *name, const char *text) {
    int fd = openat(directory, name, O_WRONLY | O_TRUNC | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = write(fd, text, strlen(text));
    int error = errno;
    close(fd);
    errno = error;
    return n == (ssize_t)strlen(text);
}

bool cgroup_read_file(int directory, const char *name, char *text, size_t size) {
    size_t length = 0;
    int fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    for (ssize_t n; length < size - 1 && (n = read(fd, text + length, size - 1 - length)) > 0;)
        length += (size_t)n;
    text[length] = '\0';
    close(fd);
    return true;
}

/* The number behind `key` at the beginning of a line; 0: none. */
static int64_t number_of(const char *text, const char *key) {
    size_t length = strlen(key);
    for (const char *line = text; line && *line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, length) == 0 && line[length] == ' ')
            return strtoll(line + length, NULL, 10);
    }
    return 0;
}

/* ---- its life ---- */

/* Removes the directory and the cgroups below it; what still lives there keeps it. */
static bool remove_below(int parent, const char *name, int depth) {
    if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
        return true;
    int fd = depth > 0 ? openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
    DIR *all = fd >= 0 ? fdopendir(fd) : NULL;
    for (struct dirent *e; all && (e = readdir(all)) != NULL;)
        if (e->d_type == DT_DIR && strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            remove_below(fd, e->d_name, depth - 1);
    if (all)
        closedir(all);
    return unlinkat(parent, name, AT_REMOVEDIR) == 0;
}

static void kill_and_remove(const char *path) {
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        cgroup_write_file(fd, "cgroup.kill", "1");
        close(fd);
    }
    /* What was killed leaves it within moments. */
    for (int i = 0; i < 100 && !remove_below(AT_FDCWD, path, DEPTH_MAX) && errno == EBUSY; i++)
        poll(NULL, 0, 1);
}

void cgroup_make(struct cgroup *ret, const char *base, int64_t memory) {
    struct cgroup c = {.fd = -1};
    char number[32];
    *ret = c;
    int n = snprintf(c.path, sizeof c.path, "%s/" PREFIX "%d", base, (int)getpid());
    if (!*base || n < 0 || (size_t)n >= sizeof c.path)
        return;
    if (mkdir(c.path, 0755) < 0) { /* of an earlier process of that number */
        kill_and_remove(c.path);
        if (mkdir(c.path, 0755) < 0 && errno != EEXIST)
            return;
    }
    c.fd = open(c.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    snprintf(number, sizeof number, "%lld", (long long)memory);
    c.limited = c.fd >= 0 && memory > 0 && cgroup_write_file(c.fd, "memory.max", number);
    if (c.limited) {
        cgroup_write_file(c.fd, "memory.swap.max", "0");  /* the limit is all there is */
        cgroup_write_file(c.fd, "memory.oom.group", "1"); /* all of it or nothing */
    }
    *ret = c;
}

pid_t cgroup_fork(struct cgroup *c) {
    struct clone_args args = {.flags = CLONE_INTO_CGROUP,
                              .exit_signal = SIGCHLD,
                              .cgroup = (__u64)c->fd};
    /* Moving a process later waits for a grace period of the whole kernel, many milliseconds. */
    long pid = c->fd >= 0 ? syscall(SYS_clone3, &args, sizeof args) : -1;
    return pid >= 0 ? (pid_t)pid : fork();
}

/* Is `pid` a line of the text? */
static bool has_line(const char *text, long pid) {
    for (char *end; *text; text = end + (*end == '\n'))
        if (strtol(text, &end, 10) == pid || end == text)
            return end != text;
    return false;
}

bool cgroup_enter(const struct cgroup *c) {
    char members[4096];
    if (c->fd < 0 || (cgroup_read_file(c->fd, "cgroup.procs", members, sizeof members) &&
                      has_line(members, (long)getpid())))
        return true;
    return cgroup_write_file(c->fd, "cgroup.procs", "0");
}

void cgroup_kill(const struct cgroup *c) {
    if (c->fd >= 0)
        cgroup_write_file(c->fd, "cgroup.kill", "1");
}

void cgroup_read(const struct cgroup *c, struct cgroup_use *ret) {
    char text[4096];
    *ret = (struct cgroup_use){0};
    if (c->fd < 0)
        return;
    if (cgroup_read_file(c->fd, "memory.events", text, sizeof text)) {
        ret->killed = number_of(text, "oom_kill") > 0;
        ret->own_limit = number_of(text, "oom") > 0;
    }
    if (cgroup_read_file(c->fd, "memory.peak", text, sizeof text))
        ret->peak = strtoll(text, NULL, 10);
    if (cgroup_read_file(c->fd, "cpu.stat", text, sizeof text))
        ret->cpu_us = number_of(text, "usage_usec");
}

void cgroup_remove(struct cgroup *c) {
    if (c->fd < 0)
        return;
    close(c->fd);
    c->fd = -1;
    kill_and_remove(c->path);
}

void cgroup_sweep(const char *base) {
    char path[1400];
    DIR *all = opendir(base);
    for (struct dirent *e; all && (e = readdir(all)) != NULL;) {
        char *end;
        if (strncmp(e->d_name, PREFIX, sizeof PREFIX - 1) != 0)
            continue;
        long pid = strtol(e->d_name + sizeof PREFIX - 1, &end, 10);
        if (pid <= 0 || *end || kill((pid_t)pid, 0) == 0 || errno != ESRCH)
            continue;
        snprintf(path, sizeof path, "%s/%s", base, e->d_name);
        kill_and_remove(path);
    }
    if (all)
        closedir(all);
}
