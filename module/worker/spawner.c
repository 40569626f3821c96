#include "module/worker/spawner.h"

#include "module/base/error.h"
#include "module/base/mem.h"
#include "module/worker/spawn_wire.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define END_MOST_MS 20000

struct spawner {
    char *path, *cgroup;
    pthread_mutex_t lock;
    int control; /* under lock; -1: not running */
};

int spawner_new(const char *directory, const char *cgroup, struct spawner **ret,
                struct jobs_error *err) {
    char *path;
    int rc = helper_find(directory, "jobs-spawner", &path, err);
    if (rc < 0)
        return rc;
    struct spawner *spawner = MEM_NEW(struct spawner);
    spawner->path = path;
    spawner->cgroup = mem_text(cgroup ? cgroup : "");
    spawner->control = -1;
    pthread_mutex_init(&spawner->lock, NULL);
    *ret = spawner;
    return 0;
}

const char *spawner_cgroup(const struct spawner *spawner) { return spawner->cgroup; }

/* All signals unblocked and as they are by default: the program that embeds us may have changed
 * them. */
static void default_attributes(posix_spawnattr_t *attributes) {
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_init(attributes);
    posix_spawnattr_setsigmask(attributes, &none);
    posix_spawnattr_setsigdefault(attributes, &all);
    posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

/* Starts jobs-spawner with its end of the socket as descriptor 3. It leaves our process tree at
 * once, so the program that embeds us never sees a child that it does not know. */
static int start(const char *path, int end) {
    char pid_text[24]; /* whose it is, for those who look at the list of processes */
    snprintf(pid_text, sizeof pid_text, "%d", (int)getpid());
    char *const argv[] = {(char *)(uintptr_t) "jobs-spawner", pid_text, NULL};
    char *const environment[] = {(char *)(uintptr_t) "PATH=/usr/local/bin:/usr/bin:/bin", NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    pid_t pid;
    default_attributes(&attributes);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, end, SPAWN_CONTROL_FD);
    int rc = posix_spawn(&pid, path, &actions, &attributes, argv, environment);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    int status = 0;
    while (rc == 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return rc;
}

/* Under the lock. */
static int start_control(struct spawner *spawner, struct jobs_error *err) {
    int ends[2];
    if (spawner->control >= 0)
        return 0;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return error_set(err, JOBS_ECONFIG, "no socket for %s: %s", spawner->path, strerror(errno));
    int rc = start(spawner->path, ends[1]);
    close(ends[1]);
    if (rc != 0) {
        close(ends[0]);
        return error_set(err, JOBS_ECONFIG, "%s cannot be started: %s", spawner->path,
                         strerror(rc));
    }
    spawner->control = ends[0];
    return 0;
}

int spawner_send(struct spawner *spawner, const void *packet, size_t length, const int *fds,
                 size_t fd_count, struct jobs_error *err) {
    int rc = 0;
    pthread_mutex_lock(&spawner->lock);
    for (int attempt = 0; attempt < 2; attempt++) { /* the first may find out that it has gone */
        rc = start_control(spawner, err);
        if (rc < 0 || spawn_send(spawner->control, packet, length, fds, fd_count) == 0)
            break;
        rc = error_set(err, JOBS_ECONFIG, "%s does not take a request: %s", spawner->path,
                       strerror(errno));
        close(spawner->control);
        spawner->control = -1;
    }
    pthread_mutex_unlock(&spawner->lock);
    return rc;
}

void spawner_free(struct spawner *spawner) {
    if (!spawner)
        return;
    if (spawner->control >= 0) {
        struct pollfd fd = {.fd = spawner->control, .events = POLLIN};
        shutdown(spawner->control, SHUT_WR);
        while (poll(&fd, 1, END_MOST_MS) < 0 && errno == EINTR)
            ;
        close(spawner->control);
    }
    pthread_mutex_destroy(&spawner->lock);
    free(spawner->path);
    free(spawner->cgroup);
    free(spawner);
}
