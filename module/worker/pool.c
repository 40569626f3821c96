#include "module/worker/pool.h"

#include "module/base/error.h"
#include "module/base/mem.h"
#include "module/worker/run.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS_MAX 10000

struct slot {
    struct list link; /* in pool->live or pool->left */
    struct pool *pool;
    pthread_t thread;
    /* Under the pool's lock. */
    const struct job *job; /* the one that runs; NULL: none */
    bool reported;         /* that it is stuck */
};

struct pool {
    atomic_size_t slots; /* wanted; written under lock */

    pthread_mutex_t lock; /* for all below */
    pthread_cond_t work;
    struct list queue; /* of pool_task.link, oldest first */
    struct list live;  /* threads that work or wait; more than slots while a shrink is under way */
    struct list left;  /* threads that have returned or are about to: to be joined */
    size_t threads;    /* length of live */
    size_t waiting;    /* threads inside the wait: who puts signals only then */
    size_t running, queued, reserved;
    size_t named; /* number of the next thread, for its name */
    bool closing;
};

/* The next task, or NULL: this thread is to leave. */
static struct pool_task *next_task(struct pool *pool) {
    while (pool->threads <= atomic_load_explicit(&pool->slots, memory_order_relaxed)) {
        struct list *link = list_pop_front(&pool->queue);
        if (link) {
            pool->queued--;
            pool->running++;
            return LIST_ENTRY(link, struct pool_task, link);
        }
        if (pool->closing)
            break;
        pool->waiting++;
        pthread_cond_wait(&pool->work, &pool->lock);
        pool->waiting--;
    }
    return NULL;
}

static void run_task(struct slot *slot, struct pool_task *task) {
    struct pool *pool = slot->pool;
    if (task->started)
        task->started(task);
    run_execute(task->job);
    pthread_mutex_lock(&pool->lock);
    slot->job = NULL;
    pool->running--;
    pthread_mutex_unlock(&pool->lock);
    if (task->ended)
        task->ended(task); /* the task may be gone now */
}

static void *slot_main(void *arg) {
    struct slot *slot = arg;
    struct pool *pool = slot->pool;
    struct pool_task *task;
    pthread_mutex_lock(&pool->lock);
    while ((task = next_task(pool)) != NULL) {
        slot->job = task->job;
        slot->reported = false;
        pthread_mutex_unlock(&pool->lock);
        run_task(slot, task);
        pthread_mutex_lock(&pool->lock);
    }
    pool->threads--;
    list_remove(&slot->link);
    list_push_back(&pool->left, &slot->link);
    /* A signal that this thread took while it was to leave was meant for the next one. */
    pthread_cond_signal(&pool->work);
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

/* Signals are for the program's own threads. Called with the lock held: the new thread waits for
 * it. */
static int start_thread(struct pool *pool) {
    struct slot *slot = MEM_NEW(struct slot);
    sigset_t all, before;
    slot->pool = pool;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&slot->thread, NULL, slot_main, slot);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0) {
        free(slot);
        return rc;
    }
    char name[32];
    snprintf(name, sizeof name, "job-slot-%zu", pool->named++ % 1000000);
    pthread_setname_np(slot->thread, name);
    list_push_back(&pool->live, &slot->link);
    pool->threads++;
    return 0;
}

/* Joins threads that have left; they hold no lock any more but that of their last lines. */
static void join_left(struct pool *pool) {
    struct list left;
    list_init(&left);
    pthread_mutex_lock(&pool->lock);
    list_move_all(&left, &pool->left);
    pthread_mutex_unlock(&pool->lock);
    for (struct list *link; (link = list_pop_front(&left)) != NULL;) {
        struct slot *slot = LIST_ENTRY(link, struct slot, link);
        pthread_join(slot->thread, NULL);
        free(slot);
    }
}

int pool_resize(struct pool *pool, size_t slots, struct jobs_error *err) {
    if (slots == 0 || slots > SLOTS_MAX)
        return error_set(err, JOBS_EINVAL, "a pool has 1 to %d slots, not %zu", SLOTS_MAX, slots);
    join_left(pool);
    int rc = 0;
    pthread_mutex_lock(&pool->lock);
    size_t before = atomic_load(&pool->slots);
    atomic_store(&pool->slots, slots);
    while (rc == 0 && pool->threads < slots)
        rc = start_thread(pool);
    if (rc != 0) {
        size_t got = pool->threads > before ? pool->threads : before;
        atomic_store(&pool->slots, got);
        error_set(err, JOBS_ENOMEM, "cannot start a thread for slot %zu of %zu: %s",
                  pool->threads + 1, slots, strerror(rc));
    }
    pthread_cond_broadcast(&pool->work); /* surplus threads that wait leave now */
    pthread_mutex_unlock(&pool->lock);
    return rc == 0 ? 0 : JOBS_ENOMEM;
}

int pool_new(size_t slots, struct pool **ret, struct jobs_error *err) {
    struct pool *pool = MEM_NEW(struct pool);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->work, NULL);
    list_init(&pool->queue);
    list_init(&pool->live);
    list_init(&pool->left);
    int rc = pool_resize(pool, slots, err);
    if (rc < 0)
        pool_free(pool);
    else
        *ret = pool;
    return rc;
}

void pool_free(struct pool *pool) {
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->closing = true;
    pthread_cond_broadcast(&pool->work);
    while (!list_empty(&pool->live)) { /* in any order: each is joined by its own handle */
        struct slot *slot = LIST_ENTRY(pool->live.next, struct slot, link);
        pthread_t thread = slot->thread;
        pthread_mutex_unlock(&pool->lock);
        pthread_join(thread, NULL);
        pthread_mutex_lock(&pool->lock);
        list_remove(&slot->link);
        free(slot);
    }
    pthread_mutex_unlock(&pool->lock);
    join_left(pool);
    assert(list_empty(&pool->queue));
    pthread_cond_destroy(&pool->work);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

void pool_put_all(struct pool *pool, struct list *tasks) {
    size_t count = 0;
    pthread_mutex_lock(&pool->lock);
    for (struct list *link; (link = list_pop_front(tasks)) != NULL; count++)
        list_push_back(&pool->queue, link);
    pool->queued += count;
    size_t wake = pool->waiting < count ? pool->waiting : count;
    pthread_mutex_unlock(&pool->lock);
    for (; wake > 0; wake--)
        pthread_cond_signal(&pool->work);
}

void pool_put(struct pool *pool, struct pool_task *task) {
    struct list one;
    list_init(&one);
    list_push_back(&one, &task->link);
    pool_put_all(pool, &one);
}

bool pool_withdraw(struct pool *pool, struct pool_task *task) {
    pthread_mutex_lock(&pool->lock);
    /* Tasks that have begun have an empty link, new ones none. */
    bool here = task->link.next && !list_empty(&task->link);
    if (here) {
        list_remove(&task->link);
        pool->queued--;
    }
    pthread_mutex_unlock(&pool->lock);
    return here;
}

size_t pool_reserve(struct pool *pool, size_t want) {
    pthread_mutex_lock(&pool->lock);
    size_t slots = atomic_load(&pool->slots), taken = pool->running + pool->queued + pool->reserved;
    size_t free_slots = taken < slots ? slots - taken : 0;
    size_t got = want < free_slots ? want : free_slots;
    pool->reserved += got;
    pthread_mutex_unlock(&pool->lock);
    return got;
}

void pool_release(struct pool *pool, size_t n) {
    pthread_mutex_lock(&pool->lock);
    assert(n <= pool->reserved);
    pool->reserved -= n;
    pthread_mutex_unlock(&pool->lock);
}

size_t pool_slots(const struct pool *pool) { return atomic_load(&pool->slots); }

static bool is_stuck(const struct slot *slot) {
    return slot->job && run_stopping_for(slot->job) >= POOL_STUCK_MS;
}

static size_t count_stuck(const struct pool *pool) {
    size_t count = 0;
    for (struct list *l = pool->live.next; l != &pool->live; l = l->next)
        count += is_stuck(LIST_ENTRY(l, struct slot, link));
    return count;
}

void pool_report_stuck(struct pool *pool,
                       void (*report)(void *arg, const struct job *job, int64_t ms), void *arg) {
    pthread_mutex_lock(&pool->lock);
    LIST_EACH (&pool->live, l) {
        struct slot *slot = LIST_ENTRY(l, struct slot, link);
        if (slot->reported || !is_stuck(slot))
            continue;
        slot->reported = true;
        report(arg, slot->job, run_stopping_for(slot->job));
    }
    pthread_mutex_unlock(&pool->lock);
}

void pool_get_stats(struct pool *pool, struct pool_stats *ret) {
    pthread_mutex_lock(&pool->lock);
    *ret = (struct pool_stats){.slots = atomic_load(&pool->slots),
                               .running = pool->running,
                               .queued = pool->queued,
                               .reserved = pool->reserved,
                               .stuck = count_stuck(pool)};
    pthread_mutex_unlock(&pool->lock);
}
