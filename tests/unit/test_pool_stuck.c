/* A class that ignores its stop: reported once, its slot counted as stuck until it returns. The clock is the test's. */
#include "tests/unit/unit.h"

#include "module/base/clock.h"
#include "module/worker/pool.h"
#include "module/worker/run.h"

#include <poll.h>
#include <stdatomic.h>
#include <string.h>

static _Atomic int64_t now = 1000 * CLOCK_SECOND;
static int64_t the_time(void) { return atomic_load(&now); }

static atomic_bool door_open;

static int ignore_the_stop(struct job *job) {
    (void)job;
    while (!atomic_load(&door_open))
        poll(NULL, 0, 1);
    return 0;
}

static void note(void *arg, const struct job *job, int64_t ms) {
    int64_t *said = arg;
    assert_string_equal(job_class_name(job), "deaf");
    *said += ms;
}

static void wait_running(struct pool *pool, size_t running) {
    struct pool_stats stats;
    do {
        poll(NULL, 0, 1);
        pool_get_stats(pool, &stats);
    } while (stats.running != running);
}

static void expect(struct pool *pool, size_t stuck, int64_t reported) {
    struct pool_stats stats;
    int64_t said = 0;
    pool_get_stats(pool, &stats);
    assert_int_equal(stats.stuck, stuck);
    pool_report_stuck(pool, note, &said);
    assert_int_equal(said, reported);
}

static void deaf_runs_are_reported_once(void **state) {
    (void)state;
    struct job_class deaf = JOB_CLASS(.name = "deaf", .run = ignore_the_stop);
    struct run_order order = {.class_name = "deaf"},
                     timed = {.class_name = "deaf", .timeout = 1000};
    struct pool_task tasks[2] = {{.job = run_new(&order, &deaf, NULL)},
                                 {.job = run_new(&timed, &deaf, NULL)}};
    struct pool *pool;
    struct jobs_error err;
    assert_int_equal(pool_new(3, &pool, &err), 0);
    pool_put(pool, &tasks[0]);
    pool_put(pool, &tasks[1]);
    wait_running(pool, 2);
    expect(pool, 0, 0);
    run_stop(tasks[0].job, RUN_STOP_REQUESTED);
    atomic_fetch_add(&now, (POOL_STUCK_MS - 1) * CLOCK_MS);
    expect(pool, 0, 0);
    atomic_fetch_add(&now, CLOCK_MS);
    expect(pool, 1, POOL_STUCK_MS);
    expect(pool, 1, 0);
    atomic_fetch_add(&now, 1000 * CLOCK_MS); /* now the other one is over its timeout for 10 s */
    expect(pool, 2, POOL_STUCK_MS);
    atomic_store(&door_open, true);
    wait_running(pool, 0);
    expect(pool, 0, 0);
    pool_free(pool);
    run_free(tasks[0].job);
    run_free(tasks[1].job);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(deaf_runs_are_reported_once)};
    clock_inject(the_time);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
