#include "amqp/watchdog.h"

#include "module/base/error.h"
#include "module/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct watchdog {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* under the lock */
    int fd;
    int64_t deadline; /* monotonic, us; 0 = nothing armed */
    int64_t alarm;    /* the thread sleeps until then; 0 = until it is told */
    bool fired, ended;
};

/* The real clock, also when tests inject one: this one guards against the real network. */
static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

static void sleep_until_told(struct watchdog *watchdog) {
    watchdog->alarm = watchdog->deadline;
    if (watchdog->alarm == 0) {
        pthread_cond_wait(&watchdog->changed, &watchdog->lock);
        return;
    }
    struct timespec until = {.tv_sec = watchdog->alarm / 1000000,
                             .tv_nsec = watchdog->alarm % 1000000 * 1000};
    pthread_cond_timedwait(&watchdog->changed, &watchdog->lock, &until);
}

static void *watch(void *arg) {
    struct watchdog *watchdog = arg;
    pthread_mutex_lock(&watchdog->lock);
    while (!watchdog->ended) {
        if (watchdog->deadline != 0 && now() >= watchdog->deadline) {
            watchdog->fired = true;
            watchdog->deadline = 0;
            shutdown(watchdog->fd, SHUT_RDWR);
        }
        sleep_until_told(watchdog);
    }
    pthread_mutex_unlock(&watchdog->lock);
    return NULL;
}

/* Signals are for the threads that wait for them. */
static int start_thread(struct watchdog *watchdog) {
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int failed = pthread_create(&watchdog->thread, NULL, watch, watchdog);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return failed;
}

int watchdog_new(int fd, struct watchdog **ret, struct jobs_error *err) {
    struct watchdog *watchdog = MEM_NEW(struct watchdog);
    watchdog->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (watchdog->fd < 0) {
        free(watchdog);
        return error_set(err, JOBS_ENOMEM, "no descriptor for the broker connection: %s",
                         strerror(errno));
    }
    pthread_mutex_init(&watchdog->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&watchdog->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    int failed = start_thread(watchdog);
    if (failed) {
        close(watchdog->fd);
        free(watchdog);
        return error_set(err, JOBS_ENOMEM, "no thread for the broker connection: %s",
                         strerror(failed));
    }
    *ret = watchdog;
    return 0;
}

void watchdog_free(struct watchdog *watchdog) {
    if (!watchdog)
        return;
    pthread_mutex_lock(&watchdog->lock);
    watchdog->ended = true;
    pthread_cond_signal(&watchdog->changed);
    pthread_mutex_unlock(&watchdog->lock);
    pthread_join(watchdog->thread, NULL);
    pthread_cond_destroy(&watchdog->changed);
    pthread_mutex_destroy(&watchdog->lock);
    close(watchdog->fd);
    free(watchdog);
}

/* A thread that sleeps until an earlier alarm looks again by itself then. */
void watchdog_arm(struct watchdog *watchdog, int64_t timeout) {
    pthread_mutex_lock(&watchdog->lock);
    watchdog->deadline = now() + timeout;
    if (watchdog->alarm == 0 || watchdog->alarm > watchdog->deadline)
        pthread_cond_signal(&watchdog->changed);
    pthread_mutex_unlock(&watchdog->lock);
}

void watchdog_disarm(struct watchdog *watchdog) {
    pthread_mutex_lock(&watchdog->lock);
    watchdog->deadline = 0;
    pthread_mutex_unlock(&watchdog->lock);
}

bool watchdog_has_fired(struct watchdog *watchdog) {
    pthread_mutex_lock(&watchdog->lock);
    bool fired = watchdog->fired;
    pthread_mutex_unlock(&watchdog->lock);
    return fired;
}
