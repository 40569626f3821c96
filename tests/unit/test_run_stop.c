/* Completion and stop of a run, from several threads. */
#include "tests/unit/unit.h"

#include "module/base/clock.h"
#include "module/base/mem.h"
#include "module/worker/run.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

static const struct run_order plain = {
    .id = "0192aaaa-0000-7000-8000-000000000001",
    .tenant = "acme",
    .class_name = "probe",
    .parameters = "{\"text\": \"hi\", \"n\": 12345678901234567890123, \"i\": 5, \"b\": true}",
    .traceparent = "00-ab-cd-01",
    .attempt = 2,
    .version = 7,
};

/* A run of `run` with the plain order, executed. */
static struct job *execute(int (*run)(struct job *)) {
    struct job_class *class = mem_alloc(sizeof *class);
    *class = (struct job_class)JOB_CLASS(.name = "probe", .run = run);
    struct job *job = run_new(&plain, class, NULL);
    run_execute(job);
    free(class); /* only run_execute looks at it */
    return job;
}

static void expect_end(struct job *job, enum run_end end, const char *kind, const char *error) {
    const struct run_outcome *out = run_outcome(job);
    assert_int_equal(out->end, end);
    if (kind)
        assert_string_equal(out->error_kind, kind);
    else
        assert_null(out->error_kind);
    if (error)
        assert_string_equal(out->error, error);
    else
        assert_null(out->error);
}

static int never(struct job *job) {
    (void)job;
    fail_msg("this class must not be run");
    return 0;
}

static const struct job_class idle = JOB_CLASS(.name = "probe", .run = never);

/* ---- completion ---- */

static void percent_never_goes_back(void **state) {
    (void)state;
    struct job *job = run_new(&plain, &idle, NULL);
    assert_int_equal(run_percent(job), 0);
    job_advance_completion(job, 40);
    assert_int_equal(run_percent(job), 40);
    job_set_completion_count(job, 1000);
    assert_int_equal(run_percent(job), 40);
    job_advance_completion(job, 460);
    assert_int_equal(run_percent(job), 50);
    job_set_completion_count(job, 0);
    job_set_completion_count(job, -5);
    job_advance_completion(job, -100);
    job_advance_completion(job, 0);
    job_advance_completion(job, INT64_MIN);
    assert_int_equal(run_percent(job), 50);
    job_advance_completion(job, 499);
    assert_int_equal(run_percent(job), 99);
    job_advance_completion(job, INT64_MAX);
    job_advance_completion(job, INT64_MAX);
    assert_int_equal(run_percent(job), 100);
    job_set_completion_count(job, INT64_MAX);
    assert_int_equal(run_percent(job), 100);
    run_free(job);
}

static void percent_of_huge_counts(void **state) {
    (void)state;
    struct job *job = run_new(&plain, &idle, NULL);
    job_set_completion_count(job, INT64_MAX);
    job_advance_completion(job, INT64_MAX / 2);
    assert_int_equal(run_percent(job), 50);
    job_advance_completion(job, INT64_MAX / 2);
    assert_int_equal(run_percent(job), 99);
    job_advance_completion(job, 1);
    assert_int_equal(run_percent(job), 100);
    run_free(job);
}

static void *advance_often(void *job) {
    for (int i = 0; i < 10000; i++)
        job_advance_completion(job, 1);
    return NULL;
}

static void threads_advance_together(void **state) {
    (void)state;
    struct job *job = run_new(&plain, &idle, NULL);
    pthread_t threads[4];
    job_set_completion_count(job, 80000);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, advance_often, job), 0);
    unsigned last = 0;
    for (int i = 0; i < 1000; i++) {
        unsigned now = run_percent(job);
        assert_true(now >= last);
        last = now;
    }
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(run_percent(job), 50);
    run_free(job);
}

/* ---- stop ---- */

static bool readable(int fd) {
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, 0) == 1;
}

static void stop_makes_the_descriptor_readable(void **state) {
    (void)state;
    for (int early = 0; early < 2; early++) {
        struct job *job = run_new(&plain, &idle, NULL);
        if (early)
            run_stop(job, RUN_STOP_REQUESTED);
        int fd = job_stop_fd(job);
        assert_true(fd >= 0 && job_stop_fd(job) == fd);
        assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        if (!early) {
            assert_false(readable(fd));
            run_stop(job, RUN_STOP_NONE);
            assert_false(job_is_stopped(job) || readable(fd));
            run_stop(job, RUN_STOP_REQUESTED);
        }
        struct pollfd p = {.fd = fd, .events = POLLIN};
        assert_int_equal(poll(&p, 1, 10000),
                         1); /* armed for now: at once, if not in the same instant */
        assert_true(readable(fd) && job_is_stopped(job));
        run_stop(job, RUN_STOP_SHUTDOWN);
        assert_int_equal(run_stop_reason(job), RUN_STOP_REQUESTED);
        assert_false(job_sleep(job, 100000));
        run_free(job);
    }
}

static void a_stopped_run_is_not_begun(void **state) {
    (void)state;
    static const struct {
        enum run_stop_reason reason;
        enum run_end end;
        const char *kind;
    } cases[] = {
        {RUN_STOP_REQUESTED, RUN_ABORTED, NULL},
        {RUN_STOP_SHUTDOWN, RUN_ABORTED, NULL},
        {RUN_STOP_LOST, RUN_ABORTED, NULL},
        {RUN_STOP_TIMEOUT, RUN_FAILED, "TIMEOUT"},
    };
    for (size_t i = 0; i < 4; i++) {
        struct job *job = run_new(&plain, &idle, NULL);
        run_stop(job, cases[i].reason);
        run_execute(job);
        expect_end(job, cases[i].end, cases[i].kind,
                   cases[i].kind ? "stopped at its timeout of 0 ms" : NULL);
        run_free(job);
    }
}

struct shared {
    enum run_stop_reason reason;
    int code; /* which end the run chooses */
};

static int stop_then_end(struct job *job) {
    struct shared *s = job_shared(job);
    run_stop(job, s->reason);
    switch (s->code) {
    case 0: return job_succeed(job, "1");
    case 1: return job_fail(job, "broke");
    case 2: return job_snooze(job, 5);
    case 3: return job_retry_in(job, 5, "broke");
    default: return job_aborted(job);
    }
}

static void the_stop_decides_all_ends_but_success(void **state) {
    (void)state;
    struct job_class class = JOB_CLASS(.name = "probe", .run = stop_then_end);
    for (int code = 0; code < 5; code++)
        for (int reason = RUN_STOP_REQUESTED; reason <= RUN_STOP_LOST; reason++) {
            struct shared shared = {(enum run_stop_reason)reason, code};
            struct job *job = run_new(&plain, &class, &shared);
            run_execute(job);
            const struct run_outcome *out = run_outcome(job);
            if (code == 0)
                expect_end(job, RUN_SUCCEEDED, NULL, NULL);
            else if (reason == RUN_STOP_REQUESTED)
                expect_end(job, RUN_ABORTED, NULL, NULL);
            else if (reason == RUN_STOP_TIMEOUT)
                expect_end(job, RUN_FAILED, "TIMEOUT",
                           code == 1 || code == 3 ? "stopped at its timeout of 0 ms: broke"
                                                  : "stopped at its timeout of 0 ms");
            else
                assert_int_equal(out->end, code == 1   ? RUN_FAILED
                                           : code == 2 ? RUN_SNOOZED
                                           : code == 3 ? RUN_RETRY_IN
                                                       : RUN_ABORTED);
            if (reason == RUN_STOP_REQUESTED || reason == RUN_STOP_TIMEOUT)
                assert_int_equal(out->delay, 0);
            run_free(job);
        }
}

static int sleep_long(struct job *job) {
    return job_sleep(job, INT64_MAX) ? job_fail(job, "slept") : job_aborted(job);
}
static int poll_long(struct job *job) {
    struct pollfd p = {.fd = job_stop_fd(job), .events = POLLIN};
    return poll(&p, 1, 60000) == 1 ? job_aborted(job) : job_fail(job, "not readable");
}
static int spin(struct job *job) {
    while (!job_is_stopped(job))
        sched_yield();
    return job_snooze(job, 1);
}

/* Nobody calls run_stop: the run finds out by itself, whichever way it looks. */
static void the_timeout_comes_by_itself(void **state) {
    (void)state;
    static int (*const runs[])(struct job *) = {sleep_long, poll_long, spin};
    for (size_t i = 0; i < 3; i++) {
        struct job_class class = JOB_CLASS(.name = "probe", .run = runs[i]);
        struct run_order order = plain;
        order.timeout = 30;
        struct job *job = run_new(&order, &class, NULL);
        int64_t before = clock_now();
        run_execute(job);
        assert_true(clock_now() - before >= 30 * CLOCK_MS);
        expect_end(job, RUN_FAILED, "TIMEOUT", "stopped at its timeout of 30 ms");
        assert_int_equal(run_stop_reason(job), RUN_STOP_TIMEOUT);
        run_free(job);
    }
}

static atomic_int sleeping;
static int sleep_and_tell(struct job *job) {
    atomic_store(&sleeping, 1);
    return sleep_long(job);
}
static void *execute_main(void *job) {
    run_execute(job);
    return NULL;
}

static void a_stop_ends_a_sleep(void **state) {
    (void)state;
    struct job_class class = JOB_CLASS(.name = "probe", .run = sleep_and_tell);
    for (int i = 0; i < 200; i++) { /* the stop meets the sleep at many points of its way */
        struct job *job = run_new(&plain, &class, NULL);
        pthread_t thread;
        atomic_store(&sleeping, 0);
        assert_int_equal(pthread_create(&thread, NULL, execute_main, job), 0);
        while (!atomic_load(&sleeping))
            sched_yield();
        run_stop(job, RUN_STOP_REQUESTED);
        pthread_join(thread, NULL);
        expect_end(job, RUN_ABORTED, NULL, NULL);
        run_free(job);
    }
}

static int sleep_short(struct job *job) {
    int64_t before = clock_now();
    if (!job_sleep(job, 20) || clock_now() - before < 20 * CLOCK_MS)
        return job_fail(job, "20 ms were not slept");
    return job_sleep(job, 0) && job_sleep(job, -3) ? 0 : job_fail(job, "0 ms: stopped?");
}

static void sleeps_as_long_as_asked(void **state) {
    (void)state;
    struct job *job = execute(sleep_short);
    expect_end(job, RUN_SUCCEEDED, NULL, NULL);
    run_free(job);
}

/* Threads of one run use everything at once; the sanitizers watch. */
static void *use_everything(void *arg) {
    struct job *job = arg;
    int *fd = mem_alloc(sizeof *fd);
    *fd = job_stop_fd(job);
    for (int i = 0; i < 200; i++) {
        assert_int_equal(job_integer(job, "i", 0), 5);
        job_advance_completion(job, 1);
        job_fail(job, "thread %d", i);
        job_succeed(job, "1");
    }
    assert_false(job_sleep(job, INT64_MAX));
    return fd;
}

static int many_threads(struct job *job) {
    pthread_t threads[4];
    void *fds[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, use_everything, job), 0);
    run_stop(job, RUN_STOP_SHUTDOWN);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], &fds[i]);
    int same = 1;
    for (int i = 0; i < 4; i++) {
        same = same && *(int *)fds[i] == *(int *)fds[0];
        if (i > 0)
            free(fds[i]);
    }
    free(fds[0]);
    return same ? job_aborted(job) : job_fail(job, "several stop descriptors");
}

static void threads_of_a_run_share_it(void **state) {
    (void)state;
    struct job *job = execute(many_threads);
    expect_end(job, RUN_ABORTED, NULL, NULL);
    run_free(job);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(percent_never_goes_back),
        cmocka_unit_test(percent_of_huge_counts),
        cmocka_unit_test(threads_advance_together),
        cmocka_unit_test(stop_makes_the_descriptor_readable),
        cmocka_unit_test(a_stopped_run_is_not_begun),
        cmocka_unit_test(the_stop_decides_all_ends_but_success),
        cmocka_unit_test(the_timeout_comes_by_itself),
        cmocka_unit_test(a_stop_ends_a_sleep),
        cmocka_unit_test(sleeps_as_long_as_asked),
        cmocka_unit_test(threads_of_a_run_share_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
