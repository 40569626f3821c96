/* The stop of a run: a flag, a sleep that ends at once, and a descriptor for those who poll.
 *
 * The descriptor is a timerfd and not an eventfd, so that it becomes readable at the timeout as
 * well, without a thread that watches: it is armed for the deadline when made, and for now when the
 * stop comes. Nobody reads it. */
#include "module/base/clock.h"
#include "module/worker/run_object.h"

#include <sys/timerfd.h>
#include <time.h>

/* The longest wait armed at once: keeps any duration clear of overflow. */
#define WAIT_MAX (INT64_C(365) * 86400 * CLOCK_SECOND)

static struct timespec timespec_of(int64_t microseconds) {
    return (struct timespec){.tv_sec = microseconds / CLOCK_SECOND,
                             .tv_nsec = microseconds % CLOCK_SECOND * 1000};
}

/* Readable after `delay` µs, or at once. */
static void arm(int fd, int64_t delay) {
    struct itimerspec when = {.it_value = timespec_of(delay > 0 ? delay : 0)};
    if (delay <= 0)
        when.it_value.tv_nsec = 1; /* all zero would disarm it */
    timerfd_settime(fd, 0, &when, NULL);
}

void run_stop(struct job *job, enum run_stop_reason reason) {
    int none = RUN_STOP_NONE;
    if (reason == RUN_STOP_NONE ||
        !atomic_compare_exchange_strong(&job->stop_reason, &none, (int)reason))
        return;
    atomic_store(&job->stopped_at, clock_now());
    /* Under the lock no sleeper is between its look at the flag and its wait, and no descriptor
     * half made. */
    pthread_mutex_lock(&job->lock);
    int fd = atomic_load(&job->stop_fd);
    if (fd >= 0)
        arm(fd, 0);
    pthread_cond_broadcast(&job->stopped);
    pthread_mutex_unlock(&job->lock);
}

enum run_stop_reason run_stop_reason(const struct job *job) {
    return (enum run_stop_reason)atomic_load(&job->stop_reason);
}

int64_t run_stopping_for(const struct job *job) {
    int64_t now = clock_now(), since = atomic_load(&job->stopped_at);
    int64_t deadline = atomic_load(&job->deadline);
    if (since == 0 && deadline > 0 && now >= deadline)
        since = deadline; /* it does not look: nobody has noted it */
    return since == 0 ? -1 : (now - since) / CLOCK_MS;
}

void run_check_deadline(struct job *job) {
    int64_t deadline = atomic_load_explicit(&job->deadline, memory_order_relaxed);
    if (deadline > 0 && clock_now() >= deadline)
        run_stop(job, RUN_STOP_TIMEOUT);
}

bool job_is_stopped(const struct job *job) {
    if (run_stop_reason(job) == RUN_STOP_NONE)
        run_check_deadline(job->self);
    return run_stop_reason(job) != RUN_STOP_NONE;
}

static int make_stop_fd(struct job *job) {
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    int64_t deadline = atomic_load(&job->deadline);
    if (fd >= 0 && run_stop_reason(job) != RUN_STOP_NONE)
        arm(fd, 0);
    else if (fd >= 0 && deadline > 0)
        arm(fd, deadline - clock_now());
    return fd;
}

int job_stop_fd(const struct job *const_job) {
    struct job *job = const_job->self;
    int fd = atomic_load(&job->stop_fd);
    if (fd >= 0)
        return fd;
    pthread_mutex_lock(&job->lock);
    fd = atomic_load(&job->stop_fd);
    if (fd < 0) {
        fd = make_stop_fd(job);
        atomic_store(&job->stop_fd, fd);
    }
    pthread_mutex_unlock(&job->lock);
    return fd;
}

/* How long to wait now: to `until`, to the deadline or WAIT_MAX, whatever comes first. */
static int64_t wait_of(const struct job *job, int64_t now, int64_t until) {
    int64_t deadline = atomic_load(&job->deadline), wait = until - now;
    if (deadline > 0 && deadline - now < wait)
        wait = deadline - now;
    return wait < WAIT_MAX ? wait : WAIT_MAX;
}

bool job_sleep(struct job *job, int64_t duration) {
    int64_t now = clock_now();
    int64_t until = duration < (INT64_MAX - now) / CLOCK_MS ? now + duration * CLOCK_MS : INT64_MAX;
    while (!job_is_stopped(job) && (now = clock_now()) < until) {
        struct timespec at;
        clock_gettime(CLOCK_MONOTONIC, &at); /* clock_now() may be a test's */
        at = timespec_of((int64_t)at.tv_sec * CLOCK_SECOND + (at.tv_nsec + 999) / 1000 +
                         wait_of(job, now, until));
        pthread_mutex_lock(&job->lock);
        if (run_stop_reason(job) == RUN_STOP_NONE)
            pthread_cond_clockwait(&job->stopped, &job->lock, CLOCK_MONOTONIC, &at);
        pthread_mutex_unlock(&job->lock);
    }
    return !job_is_stopped(job);
}
