#include "tests/unit/unit.h"

#include "module/base/clock.h"
#include "module/base/mem.h"
#include "module/worker/pool.h"
#include "module/worker/run.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* A door that runs wait at, and counters of what came by. */
struct yard {
    pthread_mutex_t lock;
    pthread_cond_t change;
    bool open;
    int waiting, begun, ended;
    int order[64]; /* numbers of the tasks in the order of their start */
};

struct load {
    struct pool_task task;
    struct yard *yard;
    int number;
};

static void yard_init(struct yard *yard) {
    *yard = (struct yard){.lock = PTHREAD_MUTEX_INITIALIZER, .change = PTHREAD_COND_INITIALIZER};
}

static void yard_open(struct yard *yard, bool open) {
    pthread_mutex_lock(&yard->lock);
    yard->open = open;
    pthread_cond_broadcast(&yard->change);
    pthread_mutex_unlock(&yard->lock);
}

/* Waits until *counter is at least `least`. */
static void yard_wait(struct yard *yard, const int *counter, int least) {
    pthread_mutex_lock(&yard->lock);
    while (*counter < least)
        pthread_cond_wait(&yard->change, &yard->lock);
    pthread_mutex_unlock(&yard->lock);
}

static int run_at_door(struct job *job) {
    struct yard *yard = job_shared(job);
    pthread_mutex_lock(&yard->lock);
    yard->waiting++;
    pthread_cond_broadcast(&yard->change);
    while (!yard->open)
        pthread_cond_wait(&yard->change, &yard->lock);
    yard->waiting--;
    pthread_mutex_unlock(&yard->lock);
    return 0;
}

static int run_nothing(struct job *job) {
    (void)job;
    return 0;
}

static int run_sleep(struct job *job) {
    struct yard *yard = job_shared(job);
    pthread_mutex_lock(&yard->lock);
    yard->waiting++;
    pthread_cond_broadcast(&yard->change);
    pthread_mutex_unlock(&yard->lock);
    return job_sleep(job, INT64_MAX) ? job_fail(job, "slept") : job_aborted(job);
}

static const struct job_class door = JOB_CLASS(.name = "door", .run = run_at_door);
static const struct job_class nothing = JOB_CLASS(.name = "nothing", .run = run_nothing);
static const struct job_class sleeper = JOB_CLASS(.name = "sleeper", .run = run_sleep);

static void note_start(struct pool_task *task) {
    struct load *load = LIST_ENTRY(task, struct load, task);
    pthread_mutex_lock(&load->yard->lock);
    if (load->yard->begun < 64)
        load->yard->order[load->yard->begun] = load->number;
    load->yard->begun++;
    pthread_mutex_unlock(&load->yard->lock);
}

/* The load is freed here: the pool must not touch it any more. */
static void note_end(struct pool_task *task) {
    struct load *load = LIST_ENTRY(task, struct load, task);
    struct yard *yard = load->yard;
    run_free(task->job);
    free(load);
    pthread_mutex_lock(&yard->lock);
    yard->ended++;
    pthread_cond_broadcast(&yard->change);
    pthread_mutex_unlock(&yard->lock);
}

static struct load *load_new(struct yard *yard, const struct job_class *class, int number) {
    static const struct run_order order = {.id = "1", .tenant = "t", .class_name = "c"};
    struct load *load = MEM_NEW(struct load);
    load->yard = yard;
    load->number = number;
    load->task.job = run_new(&order, class, yard);
    load->task.started = note_start;
    load->task.ended = note_end;
    return load;
}

static struct load *put(struct pool *pool, struct yard *yard, const struct job_class *class,
                        int number) {
    struct load *load = load_new(yard, class, number);
    pool_put(pool, &load->task);
    return load;
}

static void discard(struct load *load) {
    run_free(load->task.job);
    free(load);
}

static struct pool *pool_of(size_t slots) {
    struct pool *pool = NULL;
    struct jobs_error err;
    if (pool_new(slots, &pool, &err) < 0)
        fail_msg("%s", err.text);
    return pool;
}

static void expect_stats(struct pool *pool, size_t slots, size_t running, size_t queued,
                         size_t reserved) {
    struct pool_stats stats;
    pool_get_stats(pool, &stats);
    assert_int_equal(stats.slots, slots);
    assert_int_equal(stats.running, running);
    assert_int_equal(stats.queued, queued);
    assert_int_equal(stats.reserved, reserved);
}

static void begins_in_order(void **state) {
    (void)state;
    struct yard yard;
    yard_init(&yard);
    struct pool *pool = pool_of(1);
    put(pool, &yard, &door, 0);
    yard_wait(&yard, &yard.waiting, 1);
    for (int i = 1; i < 64; i++)
        put(pool, &yard, &nothing, i);
    expect_stats(pool, 1, 1, 63, 0);
    yard_open(&yard, true);
    pool_free(pool); /* waits for them all */
    assert_int_equal(yard.ended, 64);
    for (int i = 0; i < 64; i++)
        assert_int_equal(yard.order[i], i);
}

static void runs_as_many_as_slots(void **state) {
    (void)state;
    struct yard yard;
    yard_init(&yard);
    struct pool *pool = pool_of(4);
    for (int i = 0; i < 10; i++)
        put(pool, &yard, &door, i);
    yard_wait(&yard, &yard.waiting, 4);
    expect_stats(pool, 4, 4, 6, 0);
    assert_int_equal(pool_slots(pool), 4);
    yard_open(&yard, true);
    yard_wait(&yard, &yard.ended, 10);
    expect_stats(pool, 4, 0, 0, 0); /* the slot is free before ended() is called */
    pool_free(pool);
    pool_free(NULL);
}

static void reserves_what_is_free(void **state) {
    (void)state;
    struct yard yard;
    yard_init(&yard);
    struct pool *pool = pool_of(4);
    put(pool, &yard, &door, 0);
    yard_wait(&yard, &yard.waiting, 1);
    assert_int_equal(pool_reserve(pool, 2), 2);
    assert_int_equal(pool_reserve(pool, 5), 1);
    assert_int_equal(pool_reserve(pool, 1), 0);
    expect_stats(pool, 4, 1, 0, 3);
    pool_release(pool, 1);
    put(pool, &yard, &door, 1);
    put(pool, &yard, &door, 2); /* as prefetch: more than the free slots */
    assert_int_equal(pool_reserve(pool, 1), 0);
    pool_release(pool, 2);
    assert_int_equal(pool_reserve(pool, 9), 1);
    pool_release(pool, 1);
    yard_open(&yard, true);
    pool_free(pool);
    assert_int_equal(yard.ended, 3);
}

static void takes_back_what_has_not_begun(void **state) {
    (void)state;
    struct yard yard;
    yard_init(&yard);
    struct pool *pool = pool_of(1);
    struct load *first = put(pool, &yard, &door, 0);
    yard_wait(&yard, &yard.waiting, 1);
    struct load *second = put(pool, &yard, &door, 1), *third = put(pool, &yard, &door, 2);
    struct load *never = load_new(&yard, &door, 3);
    assert_false(pool_withdraw(pool, &never->task));
    assert_false(pool_withdraw(pool, &first->task));
    assert_true(pool_withdraw(pool, &second->task));
    assert_false(pool_withdraw(pool, &second->task));
    expect_stats(pool, 1, 1, 1, 0);
    pool_put(pool, &second->task); /* and may come again, behind the third */
    yard_open(&yard, true);
    pool_free(pool);
    assert_int_equal(yard.begun, 3);
    assert_int_equal(yard.order[1], 2);
    assert_int_equal(yard.order[2], 1);
    (void)third;
    discard(never);
}

static void refuses_silly_sizes(void **state) {
    (void)state;
    struct pool *pool = NULL;
    struct jobs_error err;
    assert_int_equal(pool_new(0, &pool, &err), JOBS_EINVAL);
    assert_int_equal(pool_new(1000000, &pool, &err), JOBS_EINVAL);
    assert_null(pool);
    pool = pool_of(2);
    assert_int_equal(pool_resize(pool, 0, &err), JOBS_EINVAL);
    assert_int_equal(pool_slots(pool), 2);
    pool_free(pool);
}

static void grows_and_shrinks(void **state) {
    (void)state;
    struct yard yard;
    yard_init(&yard);
    struct pool *pool = pool_of(2);
    for (int i = 0; i < 12; i++)
        put(pool, &yard, &door, i);
    yard_wait(&yard, &yard.waiting, 2);
    assert_int_equal(pool_resize(pool, 6, NULL), 0);
    yard_wait(&yard, &yard.waiting, 6);
    expect_stats(pool, 6, 6, 6, 0);
    assert_int_equal(pool_resize(pool, 1, NULL), 0); /* does not wait for the six that run */
    expect_stats(pool, 1, 6, 6, 0);
    assert_int_equal(pool_reserve(pool, 1), 0);
    yard_open(&yard, true);
    yard_wait(&yard, &yard.ended, 12);
    yard_open(&yard, false);
    for (int i = 0; i < 3; i++)
        put(pool, &yard, &door, i);
    yard_wait(&yard, &yard.waiting, 1);
    expect_stats(pool, 1, 1, 2, 0);
    assert_int_equal(pool_resize(pool, 3, NULL), 0);
    yard_wait(&yard, &yard.waiting, 3);
    yard_open(&yard, true);
    pool_free(pool);
    assert_int_equal(yard.ended, 15);
}

static int see_signals(struct job *job) {
    sigset_t blocked;
    char name[32] = "";
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    pthread_getname_np(pthread_self(), name, sizeof name);
    bool all = sigismember(&blocked, SIGTERM) && sigismember(&blocked, SIGHUP) &&
               sigismember(&blocked, SIGINT) && sigismember(&blocked, SIGPIPE) &&
               sigismember(&blocked, SIGCHLD) && sigismember(&blocked, SIGALRM);
    if (all && strncmp(name, "job-slot-", 9) == 0)
        job_advance_completion(job, 50);
    return job_fail(job, "look at the percentage");
}

static unsigned seen;
static void note_percent(struct pool_task *task) { seen = run_percent(task->job); }

static void threads_are_named_and_block_signals(void **state) {
    (void)state;
    static const struct job_class class = JOB_CLASS(.name = "signals", .run = see_signals);
    struct yard yard;
    sigset_t before;
    yard_init(&yard);
    struct load *load = load_new(&yard, &class, 0);
    load->task.started = NULL;
    load->task.ended = note_percent;
    struct pool *pool = pool_of(1);
    pool_put(pool, &load->task);
    pool_free(pool);
    assert_int_equal(seen, 50);
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    assert_false(sigismember(&before, SIGTERM)); /* those of the caller stay as they were */
    discard(load);
}

static void a_sleeping_run_is_stopped(void **state) {
    (void)state;
    struct yard yard;
    yard_init(&yard);
    struct pool *pool = pool_of(3);
    struct load *loads[3];
    for (int i = 0; i < 3; i++)
        loads[i] = put(pool, &yard, &sleeper, i);
    yard_wait(&yard, &yard.waiting, 3);
    for (int i = 0; i < 3; i++)
        run_stop(loads[i]->task.job, RUN_STOP_REQUESTED);
    yard_wait(&yard, &yard.ended, 3);
    pool_free(pool);
}

/* ---- stress ---- */

enum { TASKS = 100000 };

struct counted {
    struct pool_task task;
    atomic_int *runs;
    atomic_int started, ended;
    bool withdrawn;
};

static void count_start(struct pool_task *task) {
    atomic_fetch_add(&LIST_ENTRY(task, struct counted, task)->started, 1);
}

static void count_end(struct pool_task *task) {
    struct counted *c = LIST_ENTRY(task, struct counted, task);
    run_free(task->job);
    task->job = NULL;
    atomic_fetch_add(c->runs, 1);
    atomic_fetch_add(&c->ended, 1);
}

static struct counted *counted_new(atomic_int *runs, int n) {
    static const struct run_order order = {.id = "1",
                                           .tenant = "t",
                                           .class_name = "c",
                                           .parameters = "{}"};
    struct counted *all = mem_zero((size_t)n, sizeof *all);
    for (int i = 0; i < n; i++) {
        all[i].runs = runs;
        all[i].task.job = run_new(&order, &nothing, NULL);
        all[i].task.started = count_start;
        all[i].task.ended = count_end;
    }
    return all;
}

static void check_counted(struct counted *all, int n) {
    for (int i = 0; i < n; i++) {
        int times = all[i].withdrawn ? 0 : 1;
        assert_int_equal(atomic_load(&all[i].started), times);
        assert_int_equal(atomic_load(&all[i].ended), times);
    }
    free(all);
}

static void *resize_often(void *arg) {
    static const size_t sizes[] = {8, 1, 3, 16, 2, 8};
    for (int i = 0; i < 60; i++) {
        assert_int_equal(pool_resize(arg, sizes[i % 6], NULL), 0);
        struct pool_stats stats;
        pool_get_stats(arg, &stats);
        assert_int_equal(stats.slots, sizes[i % 6]);
        size_t got = pool_reserve(arg, 4);
        sched_yield();
        pool_release(arg, got);
    }
    return NULL;
}

static void a_hundred_thousand_tasks_run_once_while_it_is_resized(void **state) {
    (void)state;
    atomic_int runs = 0;
    struct counted *all = counted_new(&runs, TASKS);
    struct pool *pool = pool_of(8);
    pthread_t resizer;
    assert_int_equal(pthread_create(&resizer, NULL, resize_often, pool), 0);
    for (int i = 0; i < TASKS; i++)
        pool_put(pool, &all[i].task);
    pthread_join(resizer, NULL);
    pool_free(pool);
    assert_int_equal(atomic_load(&runs), TASKS);
    check_counted(all, TASKS);
}

static void withdraw_races_with_the_start(void **state) {
    (void)state;
    enum { N = 20000 };
    atomic_int runs = 0;
    int withdrawn = 0;
    struct counted *all = counted_new(&runs, N);
    struct pool *pool = pool_of(4);
    for (int i = 0; i < N; i++) {
        pool_put(pool, &all[i].task);
        int at = i - i % 7; /* some just put, some long begun */
        if (!all[at].withdrawn && pool_withdraw(pool, &all[at].task)) {
            all[at].withdrawn = true;
            run_free(all[at].task.job);
            withdrawn++;
        }
    }
    pool_free(pool);
    assert_int_equal(atomic_load(&runs) + withdrawn, N);
    check_counted(all, N);
}

struct relay {
    struct pool_task task;
    struct pool *pool;
    atomic_int left;
};

static void put_again(struct pool_task *task) {
    struct relay *relay = LIST_ENTRY(task, struct relay, task);
    run_free(task->job);
    task->job = NULL;
    if (atomic_fetch_sub(&relay->left, 1) > 1) {
        task->job = run_new(&(struct run_order){.id = "1"}, &nothing, NULL);
        pool_put(relay->pool, task);
    }
}

static void a_task_may_be_put_again_when_it_ended(void **state) {
    (void)state;
    struct relay relay = {.pool = pool_of(2), .left = 1000};
    relay.task.job = run_new(&(struct run_order){.id = "1"}, &nothing, NULL);
    relay.task.ended = put_again;
    pool_put(relay.pool, &relay.task);
    pool_free(relay.pool); /* also waits for what running tasks put */
    assert_int_equal(atomic_load(&relay.left), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(begins_in_order),
        cmocka_unit_test(runs_as_many_as_slots),
        cmocka_unit_test(reserves_what_is_free),
        cmocka_unit_test(takes_back_what_has_not_begun),
        cmocka_unit_test(refuses_silly_sizes),
        cmocka_unit_test(grows_and_shrinks),
        cmocka_unit_test(threads_are_named_and_block_signals),
        cmocka_unit_test(a_sleeping_run_is_stopped),
        cmocka_unit_test(a_hundred_thousand_tasks_run_once_while_it_is_resized),
        cmocka_unit_test(withdraw_races_with_the_start),
        cmocka_unit_test(a_task_may_be_put_again_when_it_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
