#include "module/worker/idle.h"

#include "module/base/clock.h"
#include "module/base/mem.h"
#include "module/worker/child.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

struct idle_watch {
    /* When it looks next; INT64_MAX while it looks, so that whoever comes meanwhile asks for
     * another look. */
    _Atomic int64_t next;

    pthread_mutex_t lock; /* for all below; a class's lock is taken inside it */
    pthread_cond_t changed;
    struct list classes; /* of child_class.link */
    pthread_t thread;
    bool started, again, closing;
};

struct idle_watch *idle_watch_new(void) {
    struct idle_watch *watch = MEM_NEW(struct idle_watch);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&watch->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&watch->lock, NULL);
    list_init(&watch->classes);
    atomic_init(&watch->next, INT64_MAX);
    return watch;
}

/* Lets all go whose time has come; when the next one's will. */
static int64_t look(struct idle_watch *watch) {
    int64_t now = clock_now(), next = INT64_MAX;
    LIST_EACH (&watch->classes, link) {
        int64_t due = child_class_end_idle(LIST_ENTRY(link, struct child_class, link), now);
        next = due < next ? due : next;
    }
    return next;
}

static void wait_until(struct idle_watch *watch, int64_t due) {
    struct timespec at = {due / CLOCK_SECOND, due % CLOCK_SECOND * 1000};
    if (due == INT64_MAX)
        pthread_cond_wait(&watch->changed, &watch->lock);
    else
        pthread_cond_timedwait(&watch->changed, &watch->lock, &at);
}

static void *watch_main(void *arg) {
    struct idle_watch *watch = arg;
    pthread_mutex_lock(&watch->lock);
    while (!watch->closing) {
        watch->again = false;
        atomic_store(&watch->next, INT64_MAX);
        int64_t next = look(watch);
        atomic_store(&watch->next, next);
        while (!watch->closing && !watch->again && clock_now() < next)
            wait_until(watch, next);
    }
    pthread_mutex_unlock(&watch->lock);
    return NULL;
}

/* Under the lock. Without a thread children only stay longer than they should. */
static void start(struct idle_watch *watch) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    watch->started = pthread_create(&watch->thread, NULL, watch_main, watch) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (watch->started)
        pthread_setname_np(watch->thread, "job-idle");
}

void idle_watch_note(struct idle_watch *watch, int64_t due) {
    if (atomic_load(&watch->next) <= due)
        return;
    pthread_mutex_lock(&watch->lock);
    if (!watch->started)
        start(watch);
    watch->again = true;
    pthread_cond_signal(&watch->changed);
    pthread_mutex_unlock(&watch->lock);
}

void idle_watch_add(struct idle_watch *watch, struct child_class *class) {
    pthread_mutex_lock(&watch->lock);
    list_push_back(&watch->classes, &class->link);
    pthread_mutex_unlock(&watch->lock);
}

void idle_watch_remove(struct idle_watch *watch, struct child_class *class) {
    pthread_mutex_lock(&watch->lock);
    list_remove(&class->link);
    pthread_mutex_unlock(&watch->lock);
}

void idle_watch_free(void *arg) {
    struct idle_watch *watch = arg;
    if (!watch)
        return;
    pthread_mutex_lock(&watch->lock);
    watch->closing = true;
    pthread_cond_signal(&watch->changed);
    pthread_mutex_unlock(&watch->lock);
    if (watch->started)
        pthread_join(watch->thread, NULL);
    pthread_cond_destroy(&watch->changed);
    pthread_mutex_destroy(&watch->lock);
    free(watch);
}
