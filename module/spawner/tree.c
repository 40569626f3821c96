#include "module/spawner/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DEPTH_MAX 100

int64_t tree_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The pids of a "children" file: decimal numbers and spaces. */
static void read_children(const char *path, void (*visit)(void *arg, pid_t child), void *arg) {
    char bytes[4096];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    long pid = 0;
    for (ssize_t n; fd >= 0 && (n = read(fd, bytes, sizeof bytes)) > 0;)
        for (ssize_t i = 0; i < n; i++) {
            if (bytes[i] >= '0' && bytes[i] <= '9')
                pid = pid * 10 + (bytes[i] - '0');
            else if (pid > 0)
                visit(arg, (pid_t)pid), pid = 0;
        }
    if (fd >= 0)
        close(fd);
}

static pid_t parent_of(const char *pid) {
    char path[64], line[512];
    snprintf(path, sizeof path, "/proc/%.20s/stat", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC), parent = 0;
    ssize_t n = fd >= 0 ? read(fd, line, sizeof line - 1) : -1;
    if (fd >= 0)
        close(fd);
    if (n <= 0)
        return 0;
    line[n] = '\0';
    const char *behind = strrchr(line, ')'); /* the name may hold anything */
    return behind && sscanf(behind + 1, " %*c %d", &parent) == 1 ? parent : 0;
}

/* Where the kernel lists no children: everybody is asked for the parent. */
static void search_children(pid_t pid, void (*visit)(void *arg, pid_t child), void *arg) {
    DIR *all = opendir("/proc");
    for (struct dirent *e; all && (e = readdir(all)) != NULL;)
        if (e->d_name[0] >= '1' && e->d_name[0] <= '9' && parent_of(e->d_name) == pid)
            visit(arg, (pid_t)atoi(e->d_name));
    if (all)
        closedir(all);
}

void tree_children(pid_t pid, void (*visit)(void *arg, pid_t child), void *arg) {
    char path[400];
    if (access("/proc/self/task", F_OK) != 0)
        return;
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    if (access(path, R_OK) != 0) {
        search_children(pid, visit, arg);
        return;
    }
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *tasks = opendir(path);
    for (struct dirent *e; tasks && (e = readdir(tasks)) != NULL;) {
        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "/proc/%d/task/%.256s/children", (int)pid, e->d_name);
        read_children(path, visit, arg);
    }
    if (tasks)
        closedir(tasks);
}

static void kill_one(void *arg, pid_t child) {
    (void)arg;
    kill(child, SIGKILL);
}

bool tree_kill_all(int64_t most) {
    int64_t until = tree_now() + most;
    for (;;) {
        tree_children(getpid(), kill_one, NULL);
        pid_t gone;
        while ((gone = waitpid(-1, NULL, WNOHANG)) > 0)
            ;
        if (gone < 0 && errno == ECHILD)
            return true;
        if (tree_now() >= until)
            return false;
        poll(NULL, 0, 1);
    }
}

struct sum {
    int64_t pages;
    int depth;
};

static void add_memory(void *arg, pid_t pid) {
    struct sum *sum = arg;
    char path[64], line[128];
    long resident = 0, shared = 0;
    snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, line, sizeof line - 1) : -1;
    if (fd >= 0)
        close(fd);
    line[n > 0 ? n : 0] = '\0';
    if (sscanf(line, "%*d %ld %ld", &resident, &shared) == 2)
        sum->pages += resident - shared;
    if (sum->depth >= DEPTH_MAX)
        return;
    sum->depth++;
    tree_children(pid, add_memory, sum);
    sum->depth--;
}

int64_t tree_memory(void) {
    struct sum sum = {0};
    tree_children(getpid(), add_memory, &sum);
    return sum.pages * sysconf(_SC_PAGESIZE);
}
