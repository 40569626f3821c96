#include "module/spawner/keeper.h"

#include "module/spawner/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LOOK_MS 100        /* between two looks at memory and processor time */
#define CPU_GRACE_S 2      /* from SIGXCPU to SIGKILL */
#define KILL_MOST_MS 10000 /* what does not go by then, no signal ends */

struct keeper {
    const struct launch *launch;
    struct cgroup cgroup;
    int line, signals, daemon, failure; /* -1: done with */
    pid_t child;
    int64_t kill_at; /* tree_now(), 0 = never */
    int64_t cpu_end; /* seconds on the child's processor clock from which on it is killed, 0 = no */
    uint8_t over;    /* enum spawn_over */
    struct spawn_report report;
};

static void kill_tree(struct keeper *k) {
    kill(-k->child, SIGKILL); /* the whole group at one instant */
    kill(k->child, SIGKILL);  /* it may not have come to its setsid yet */
    cgroup_kill(&k->cgroup);  /* and whatever it has become meanwhile */
}

static int64_t cpu_used(const struct keeper *k) {
    struct timespec used = {0};
    clockid_t clock;
    if (clock_getcpuclockid(k->child, &clock) == 0)
        clock_gettime(clock, &used);
    return used.tv_sec;
}

/* From now on that much more processor time than it has used so far: then SIGXCPU, and what does
 * not end by that is killed. */
static void limit_cpu(struct keeper *k, int64_t seconds) {
    struct rlimit value;
    if (seconds <= 0 || prlimit(k->child, RLIMIT_CPU, NULL, &value) < 0)
        return;
    int64_t end = cpu_used(k) + 1 + seconds;
    value.rlim_cur = (rlim_t)end;
    prlimit(k->child, RLIMIT_CPU, &value, NULL);
    k->cpu_end = end + CPU_GRACE_S;
}

static void obey(struct keeper *k) {
    struct spawn_order order;
    ssize_t n = recv(k->line, &order, sizeof order, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n != (ssize_t)sizeof order) { /* whoever wanted the child is gone */
        close(k->line);
        k->line = -1;
        if (k->kill_at == 0)
            kill_tree(k);
        return;
    }
    switch ((enum spawn_verb)order.verb) {
    case SPAWN_TERMINATE:
        kill(-k->child, SIGTERM);
        /* To those it stopped itself as well, or they would not notice. */
        kill(-k->child, SIGCONT);
        break;
    case SPAWN_KILL: kill_tree(k); break;
    case SPAWN_LEAVE: k->kill_at = tree_now() + order.value; break;
    case SPAWN_NEXT: limit_cpu(k, order.value); break;
    }
}

/* The pipe that exec closes: nothing in it when the child's program has begun. */
static void read_failure(struct keeper *k) {
    struct launch_failure failure;
    if (read(k->failure, &failure, sizeof failure) == (ssize_t)sizeof failure) {
        k->report.event = SPAWN_FAILED;
        k->report.code = failure.code;
        memcpy(k->report.step, failure.step, sizeof k->report.step);
    }
    close(k->failure);
    k->failure = -1;
}

/* Reaps what has ended below; true: the child itself (left unreaped, so that its number stays
 * its). */
static bool child_has_ended(struct keeper *k) {
    struct signalfd_siginfo got;
    while (read(k->signals, &got, sizeof got) > 0)
        ;
    for (;;) {
        siginfo_t info = {0};
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0)
            return false;
        if (info.si_pid == k->child)
            return true;
        waitpid(info.si_pid, NULL, 0);
    }
}

static bool watches_memory(const struct keeper *k) {
    return k->launch->head.memory > 0 && !k->cgroup.limited;
}

static int poll_timeout(const struct keeper *k) {
    int64_t wait = -1;
    if (k->kill_at > 0)
        wait = k->kill_at > tree_now() ? k->kill_at - tree_now() : 0;
    if ((watches_memory(k) || k->cpu_end > 0) && (wait < 0 || wait > LOOK_MS))
        wait = LOOK_MS;
    return (int)wait;
}

static void watch(struct keeper *k) {
    if (k->kill_at > 0 && tree_now() >= k->kill_at) {
        kill_tree(k);
        k->kill_at = tree_now() + 1000; /* again, should something have slipped through */
    }
    if (k->over)
        return;
    if (watches_memory(k) && tree_memory() > k->launch->head.memory)
        k->over = SPAWN_OVER_MEMORY;
    else if (k->cpu_end > 0 && cpu_used(k) >= k->cpu_end)
        k->over = SPAWN_OVER_CPU;
    if (k->over)
        kill_tree(k);
}

/* Until the child has ended. */
static void keep(struct keeper *k) {
    for (;;) {
        struct pollfd fds[] = {{.fd = k->line, .events = POLLIN},
                               {.fd = k->signals, .events = POLLIN},
                               {.fd = k->daemon, .events = POLLIN},
                               {.fd = k->failure, .events = POLLIN}};
        poll(fds, 4, poll_timeout(k));
        if (fds[3].revents)
            read_failure(k);
        if (fds[0].revents)
            obey(k);
        if (fds[2].revents) {
            kill_tree(k);
            k->daemon = -1;
        }
        if (child_has_ended(k))
            return;
        watch(k);
    }
}

/* What the kernel knows of all that ran there. */
static void add_cgroup_use(struct keeper *k, int status) {
    struct cgroup_use use;
    cgroup_read(&k->cgroup, &use);
    if (use.killed && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && !k->report.over)
        k->report.over = use.own_limit ? SPAWN_OVER_MEMORY : SPAWN_OVER_HOST;
    if (use.peak > 0)
        k->report.peak_kib = use.peak / 1024;
    if (use.cpu_us > k->report.cpu_us)
        k->report.cpu_us = use.cpu_us;
}

static void tell_end(struct keeper *k) {
    struct rusage used = {0};
    int status = 0;
    if (k->failure >= 0)
        read_failure(k);
    wait4(k->child, &status, 0, &used);
    tree_kill_all(KILL_MOST_MS);
    if (k->report.event != SPAWN_FAILED)
        k->report.code = status;
    k->report.over = k->over;
    k->report.peak_kib = used.ru_maxrss;
    k->report.cpu_us = (int64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000 +
                       used.ru_utime.tv_usec + used.ru_stime.tv_usec;
    add_cgroup_use(k, status);
    cgroup_remove(&k->cgroup);
    if (k->line >= 0)
        spawn_send(k->line, &k->report, sizeof k->report, NULL, 0);
}

/* Only what the keeper needs stays open: the child's descriptors must end with the child. */
static void close_childs(const struct launch *launch) {
    for (size_t i = 1; i < launch->fd_count; i++)
        close(launch->fds[i]);
}

_Noreturn void keeper_run(const struct launch *launch, int daemon_fd) {
    struct keeper k = {.launch = launch,
                       .line = launch->fds[0],
                       .daemon = daemon_fd,
                       .report = {.event = SPAWN_ENDED}};
    int failure[2];
    sigset_t child;
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD); /* blocked, as all signals, by the spawner */
    k.signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    cgroup_make(&k.cgroup, launch->cgroup, launch->head.memory);
    if (k.signals < 0 || pipe2(failure, O_CLOEXEC) < 0 || (k.child = cgroup_fork(&k.cgroup)) < 0) {
        k.report = (struct spawn_report){.event = SPAWN_FAILED, .code = errno, .step = "fork"};
        spawn_send(k.line, &k.report, sizeof k.report, NULL, 0);
        cgroup_remove(&k.cgroup);
        _exit(0);
    }
    if (k.child == 0)
        launch_run(launch, &k.cgroup, failure[1]);
    close(failure[1]);
    k.failure = failure[0];
    close_childs(launch);
    if (launch->head.cpu > 0)
        k.cpu_end = launch->head.cpu + CPU_GRACE_S;
    keep(&k);
    kill_tree(&k);
    tell_end(&k);
    _exit(0);
}
