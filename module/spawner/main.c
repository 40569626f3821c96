/* jobs-spawner: the process that forks for a JobService, so that no thread of the service ever
 * does. Started by the library with a socket as descriptor 3; not for use by hand.
 *
 * It ends when that socket ends, that is with the process that started it, however that ended, and
 * not before every keeper (keeper.h) has ended. */
#include "module/spawner/keeper.h"
#include "module/spawner/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define END_MOST_MS 15000 /* keepers end sooner: theirs is 10 s after a grace of 5 */

struct spawner {
    int signals, daemon;
    pid_t *keepers;
    size_t count, capacity;
};

static void remember(struct spawner *s, pid_t pid) {
    if (s->count == s->capacity) {
        size_t capacity = s->capacity ? 2 * s->capacity : 64;
        pid_t *grown = realloc(s->keepers, capacity * sizeof *grown);
        if (!grown)
            return; /* a keeper that is not known here is only not waited for by name */
        s->keepers = grown, s->capacity = capacity;
    }
    s->keepers[s->count++] = pid;
}

static bool is_keeper(const struct spawner *s, pid_t pid, bool forget) {
    for (size_t i = 0; i < s->count; i++)
        if (s->keepers[i] == pid) {
            if (forget) {
                struct spawner *writable = (struct spawner *)(uintptr_t)s;
                writable->keepers[i] = writable->keepers[--writable->count];
            }
            return true;
        }
    return false;
}

/* What a keeper that was itself killed left behind is now a child of the spawner. */
static void kill_orphan(void *arg, pid_t child) {
    if (!is_keeper(arg, child, false))
        kill(child, SIGKILL);
}

static void reap(struct spawner *s) {
    struct signalfd_siginfo got;
    bool orphans = false;
    int status;
    while (read(s->signals, &got, sizeof got) > 0)
        ;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
        bool keeper = is_keeper(s, pid, true);
        orphans = orphans || !keeper || !WIFEXITED(status);
    }
    if (orphans)
        tree_children(getpid(), kill_orphan, s);
}

static void refuse(const struct launch *launch, int code, const char *step) {
    struct spawn_report report = {.event = SPAWN_FAILED, .code = code};
    snprintf(report.step, sizeof report.step, "%s", step);
    if (launch->fd_count > 0)
        spawn_send(launch->fds[0], &report, sizeof report, NULL, 0);
}

/* False: the socket has ended. */
static bool serve(struct spawner *s) {
    static char packet[SPAWN_BYTES_MAX];
    struct launch launch = {0};
    long n = spawn_receive(SPAWN_CONTROL_FD, packet, sizeof packet, launch.fds, &launch.fd_count);
    if (n <= 0)
        return n < 0 && (errno == EAGAIN || errno == EMFILE);
    if (launch.fd_count < 4 || !spawn_unpack(packet, (size_t)n, &launch.head, &launch.directory,
                                             &launch.cgroup, &launch.argv, &launch.environment)) {
        refuse(&launch, EPROTO, "request");
    } else {
        pid_t pid = fork();
        if (pid == 0) {
            close(SPAWN_CONTROL_FD);
            close(s->signals);
            keeper_run(&launch, s->daemon);
        }
        if (pid > 0)
            remember(s, pid);
        else
            refuse(&launch, errno, "fork");
        free(launch.argv);
    }
    for (size_t i = 0; i < launch.fd_count; i++)
        close(launch.fds[i]);
    return true;
}

static void work(struct spawner *s) {
    for (;;) {
        struct pollfd fds[] = {{.fd = SPAWN_CONTROL_FD, .events = POLLIN},
                               {.fd = s->signals, .events = POLLIN},
                               {.fd = s->daemon, .events = POLLIN}};
        if (poll(fds, 3, -1) < 0)
            continue;
        if (fds[1].revents)
            reap(s);
        if (fds[2].revents || (fds[0].revents && !serve(s)))
            return;
    }
}

/* The keepers see the same end and kill what is theirs. */
static void end(struct spawner *s) {
    int64_t until = tree_now() + END_MOST_MS;
    while (tree_now() < until) {
        struct pollfd fd = {.fd = s->signals, .events = POLLIN};
        poll(&fd, 1, 100);
        reap(s);
        if (waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD)
            return;
    }
    tree_kill_all(END_MOST_MS);
}

/* A session of its own, no child of the service, nothing open but the socket and stderr. */
static void detach(void) {
    pid_t pid = fork();
    if (pid != 0)
        _exit(pid > 0 ? 0 : 1);
    setsid();
    if (chdir("/") < 0)
        _exit(1);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    dup2(null, STDERR_FILENO);
    fcntl(SPAWN_CONTROL_FD, F_SETFD, FD_CLOEXEC);
    if (close_range(SPAWN_CONTROL_FD + 1, ~0U, 0) < 0)
        for (int fd = SPAWN_CONTROL_FD + 1; fd < 1024; fd++)
            close(fd);
}

int main(void) {
    struct spawner s = {0};
    struct ucred peer;
    socklen_t length = sizeof peer;
    if (getsockopt(SPAWN_CONTROL_FD, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0) {
        fputs("jobs-spawner: started by the Jobs library, not by hand\n", stderr);
        return 64;
    }
    detach();
    sigset_t all, child;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    s.signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    /* Should another process hold a copy of the socket, the end of the service still shows. */
    s.daemon = (int)syscall(SYS_pidfd_open, peer.pid, 0);
    if (s.daemon < 0 && errno == ESRCH)
        return 0;
    work(&s);
    end(&s);
    free(s.keepers);
    return 0;
}
