#include "module/spawner/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FIRST_FREE 64 /* above all that become the child's */

static _Noreturn void give_up(int pipe, const char *step) {
    struct launch_failure failure = {.code = errno};
    snprintf(failure.step, sizeof failure.step, "%s", step);
    ssize_t n = write(pipe, &failure, sizeof failure);
    (void)n;
    _exit(127);
}

/* A new program sees every signal as if nobody had ever touched it. By system call, for the C
 * library refuses two that are its own and that its posix_spawn leaves ignored. */
static void default_signals(void) {
    struct {
        void *handler;
        unsigned long flags;
        void *restorer;
        uint64_t mask;
    } plain = {0};
    sigset_t none;
    for (int n = 1; n < NSIG; n++)
        syscall(SYS_rt_sigaction, n, &plain, NULL, sizeof plain.mask);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static void place_descriptors(const struct launch *launch, int *pipe) {
    int moved[SPAWN_FDS_MAX], count = (int)launch->fd_count - 1;
    *pipe = fcntl(*pipe, F_DUPFD_CLOEXEC, FIRST_FREE);
    for (int i = 0; i < count; i++)
        moved[i] = fcntl(launch->fds[i + 1], F_DUPFD_CLOEXEC, FIRST_FREE);
    for (int i = 0; i < count; i++)
        if (dup2(moved[i], i) < 0)
            give_up(*pipe, "descriptors");
    if (close_range((unsigned)count, ~0U, CLOSE_RANGE_CLOEXEC) < 0) /* before Linux 5.11 */
        for (int fd = count; fd < 1024; fd++)
            fcntl(fd, F_SETFD, FD_CLOEXEC);
}

static void limit(int pipe, int what, int64_t soft, int64_t hard, const char *step) {
    struct rlimit value = {(rlim_t)soft, (rlim_t)hard};
    if (setrlimit((__rlimit_resource_t)what, &value) < 0)
        give_up(pipe, step);
}

static void set_limits(const struct spawn_head *head, int pipe) {
    limit(pipe, RLIMIT_CORE, 0, 0, "core limit");
    if (head->cpu > 0) { /* the soft one may be moved on for the next job */
        struct rlimit value = {(rlim_t)head->cpu, RLIM_INFINITY};
        getrlimit(RLIMIT_CPU, &value);
        value.rlim_cur = (rlim_t)head->cpu;
        if (setrlimit(RLIMIT_CPU, &value) < 0)
            give_up(pipe, "processor time limit");
    }
    if (head->files > 0)
        limit(pipe, RLIMIT_NOFILE, head->files, head->files, "open files limit");
    if (head->set_nice && setpriority(PRIO_PROCESS, 0, head->nice) < 0)
        give_up(pipe, "nice");
    /* When the host runs out of memory a job goes before the daemon. No harm if it may not. */
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? write(fd, "500", 3) : 0;
    (void)n;
    if (fd >= 0)
        close(fd);
}

static void change_user(const struct spawn_head *head, int pipe) {
    gid_t groups[SPAWN_GROUPS_MAX];
    if (!head->set_user)
        return;
    for (uint32_t i = 0; i < head->group_count; i++)
        groups[i] = head->groups[i];
    if (setgroups(head->group_count, groups) < 0 || setgid(head->gid) < 0 || setuid(head->uid) < 0)
        give_up(pipe, "change of user");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        give_up(pipe, "no new privileges");
}

_Noreturn void launch_run(const struct launch *launch, const struct cgroup *cgroup, int pipe) {
    if (!cgroup_enter(cgroup))
        give_up(pipe, "entering its cgroup");
    setsid();
    umask(022);
    place_descriptors(launch, &pipe);
    if (chdir(launch->directory) < 0)
        give_up(pipe, "chdir");
    set_limits(&launch->head, pipe);
    change_user(&launch->head, pipe);
    default_signals(); /* late: the C library needs one of its own to change the user */
    execve(launch->argv[0], launch->argv, launch->environment);
    give_up(pipe, "exec");
}
