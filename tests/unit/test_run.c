#include "tests/unit/unit.h"

#include "module/base/clock.h"
#include "module/base/mem.h"
#include "module/base/text.h"
#include "module/worker/run.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

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

/* ---- what a run sees ---- */

static int look(struct job *job) {
    assert_string_equal(job_id(job), plain.id);
    assert_string_equal(job_tenant(job), "acme");
    assert_string_equal(job_class_name(job), "probe");
    assert_string_equal(job_traceparent(job), "00-ab-cd-01");
    assert_string_equal(job_workspace(job), "");
    assert_int_equal(job_attempt(job), 2);
    assert_null(job_shared(job));
    assert_string_equal(job_string(job, "text", ""), "hi");
    assert_int_equal(job_integer(job, "i", 0), 5);
    assert_true(job_number(job, "i", 0) == 5.0);
    assert_true(job_boolean(job, "b", false));
    assert_string_equal(job_json(job, "n"), "12345678901234567890123");
    assert_string_equal(job_json(job, NULL), plain.parameters);
    assert_false(job_is_stopped(job));
    return 0;
}

static void shows_the_order(void **state) {
    (void)state;
    struct job *job = execute(look);
    expect_end(job, RUN_SUCCEEDED, NULL, NULL);
    assert_null(run_outcome(job)->result);
    assert_int_equal(run_percent(job), 100);
    run_free(job);
    run_free(NULL);
}

static int look_at_nothing(struct job *job) {
    assert_string_equal(job_id(job), "");
    assert_string_equal(job_traceparent(job), "");
    assert_string_equal(job_json(job, NULL), "{}");
    return job_shared(job) == &plain ? 0 : 1;
}

static void an_empty_order_is_empty_texts(void **state) {
    (void)state;
    struct run_order order = {0};
    struct job_class class = JOB_CLASS(.name = "probe", .run = look_at_nothing);
    char shared;
    struct job *job = run_new(&order, &class, &shared);
    run_execute(job);
    expect_end(job, RUN_FAILED, "ERROR",
               "run() returned 1, which is no end of a run: return 0 or job_fail(…)");
    run_free(job);
}

static int read_broken(struct job *job) {
    assert_null(job_json(job, NULL));
    assert_int_equal(job_integer(job, "i", 3), 3);
    return job_string(job, "s", NULL) ? 1 : 0;
}

static void broken_parameters_read_as_absent(void **state) {
    (void)state;
    struct run_order order = plain;
    struct job_class class = JOB_CLASS(.name = "probe", .run = read_broken);
    order.parameters = "[1]";
    struct job *job = run_new(&order, &class, NULL);
    run_execute(job);
    expect_end(job, RUN_SUCCEEDED, NULL, NULL);
    run_free(job);
}

static int never(struct job *job) {
    (void)job;
    fail_msg("this class must not be run");
    return 0;
}

static void declared_parameters_are_checked_first(void **state) {
    (void)state;
    static const struct job_parameter declared[] = {{.name = "path", .type = JOB_STRING},
                                                    {.name = NULL}};
    struct job_class class = JOB_CLASS(.name = "probe", .run = never, .parameters = declared);
    struct run_order order = plain;
    order.parameters = "{\"path\": 3}";
    struct job *job = run_new(&order, &class, NULL);
    run_execute(job);
    expect_end(job, RUN_FAILED_FOR_GOOD, "PARAMETER",
               "parameter 'path' must be a string, found an integer");
    run_free(job);
    order.parameters = "{";
    job = run_new(&order, &class, NULL);
    run_execute(job);
    assert_string_equal(run_outcome(job)->error_kind, "PARAMETER");
    run_free(job);
}

/* ---- how a run ends ---- */

static int succeed_plain(struct job *job) {
    return job_succeed(job, "{\"a\": 12345678901234567890123}");
}
static int succeed_as(struct job *job) { return job_succeed_as(job, "my.Result", "[1]"); }
static int succeed_null(struct job *job) { return job_succeed(job, NULL); }
static int succeed_twice(struct job *job) { return job_succeed(job, "1"), job_succeed(job, "2"); }
static int succeed_then_zero(struct job *job) {
    job_succeed(job, "3");
    return 0;
}

static void succeeds_with_a_result(void **state) {
    (void)state;
    static const struct {
        int (*run)(struct job *);
        const char *result, *name;
    } cases[] = {
        {succeed_plain, "{\"a\": 12345678901234567890123}", NULL},
        {succeed_as, "[1]", "my.Result"},
        {succeed_null, NULL, NULL},
        {succeed_twice, "2", NULL},
        {succeed_then_zero, "3", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct job *job = execute(cases[i].run);
        const struct run_outcome *out = run_outcome(job);
        expect_end(job, RUN_SUCCEEDED, NULL, NULL);
        assert_true(out->result ? cases[i].result && strcmp(out->result, cases[i].result) == 0
                                : !cases[i].result);
        assert_true(out->result_class_name
                        ? cases[i].name && strcmp(out->result_class_name, cases[i].name) == 0
                        : !cases[i].name);
        run_free(job);
    }
}

static int fail_plain(struct job *job) { return job_fail(job, "no %s at %d", "paper", 3); }
static int fail_for_good(struct job *job) { return job_fail_for_good(job, "bad input"); }
static int retry(struct job *job) { return job_retry_in(job, 5000, "later"); }
static int retry_negative(struct job *job) { return job_retry_in(job, -1, "now"); }
static int snooze(struct job *job) { return job_snooze(job, 60000); }
static int aborted(struct job *job) { return job_aborted(job); }
static int fail_after_success(struct job *job) {
    job_succeed(job, "1");
    return job_fail(job, "after all not");
}
static int fail_then_zero(struct job *job) {
    job_fail(job, "tried once");
    return 0;
}
static int own_number(struct job *job) {
    job_fail(job, "not returned");
    return -1;
}

static void ends_as_returned(void **state) {
    (void)state;
    static const struct {
        int (*run)(struct job *);
        enum run_end end;
        const char *kind, *error;
        int64_t delay;
    } cases[] = {
        {fail_plain, RUN_FAILED, "ERROR", "no paper at 3", 0},
        {fail_for_good, RUN_FAILED_FOR_GOOD, "ERROR", "bad input", 0},
        {retry, RUN_RETRY_IN, "ERROR", "later", 5000},
        {retry_negative, RUN_RETRY_IN, "ERROR", "now", 0},
        {snooze, RUN_SNOOZED, NULL, NULL, 60000},
        {aborted, RUN_ABORTED, NULL, NULL, 0},
        {fail_after_success, RUN_FAILED, "ERROR", "after all not", 0},
        {fail_then_zero, RUN_SUCCEEDED, NULL, NULL, 0},
        {own_number, RUN_FAILED, "ERROR",
         "run() returned -1, which is no end of a run: return 0 or job_fail(…)", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct job *job = execute(cases[i].run);
        expect_end(job, cases[i].end, cases[i].kind, cases[i].error);
        assert_int_equal(run_outcome(job)->delay, cases[i].delay);
        assert_null(run_outcome(job)->result);
        run_free(job);
    }
}

static int fail_binary(struct job *job) { return job_fail(job, "bad \xff\xc3 byte"); }
static int fail_long(struct job *job) {
    char *text = mem_alloc(200001);
    memset(text, 'e', 200000), text[200000] = '\0';
    int code = job_fail(job, "%s", text);
    free(text);
    return code;
}
static int fail_long_wide(struct job *job) {
    char *text = mem_alloc(80001);
    for (int i = 0; i < 80000; i += 2)
        memcpy(text + i, "\xc3\xa9", 2);
    text[80000] = '\0';
    int code = job_fail(job, "x%s", text);
    free(text);
    return code;
}

static void cleans_error_texts(void **state) {
    (void)state;
    struct job *job = execute(fail_binary);
    expect_end(job, RUN_FAILED, "ERROR", "bad \xef\xbf\xbd\xef\xbf\xbd byte");
    run_free(job);
    static int (*const longs[])(struct job *) = {fail_long, fail_long_wide};
    for (size_t i = 0; i < 2; i++) {
        job = execute(longs[i]);
        const char *error = run_outcome(job)->error;
        size_t length = strlen(error);
        assert_in_range(length, RUN_ERROR_MAX - 32, RUN_ERROR_MAX);
        assert_true(text_is_utf8(error, length));
        assert_non_null(strstr(error, "(cut)"));
        run_free(job);
    }
}

static int result_binary(struct job *job) { return job_succeed(job, "\"\xff\""); }
static int result_large(struct job *job) {
    char *text = mem_alloc(RUN_RESULT_MAX + 2);
    memset(text, '1', RUN_RESULT_MAX + 1), text[RUN_RESULT_MAX + 1] = '\0';
    int code = job_succeed(job, text);
    free(text);
    return code;
}
static int result_largest(struct job *job) {
    char *text = mem_alloc(RUN_RESULT_MAX + 1);
    memset(text, '1', RUN_RESULT_MAX), text[RUN_RESULT_MAX] = '\0';
    int code = job_succeed(job, text);
    free(text);
    return code;
}
static int result_refused_unseen(struct job *job) { return job_succeed(job, "\xff"), 0; }
static int result_mended(struct job *job) {
    return job_succeed(job, "\xff"), job_succeed(job, "1");
}

static void refuses_bad_results(void **state) {
    (void)state;
    struct job *job = execute(result_binary);
    expect_end(job, RUN_FAILED_FOR_GOOD, "RESULT", "the result is not valid UTF-8");
    run_free(job);
    job = execute(result_large);
    expect_end(job, RUN_FAILED_FOR_GOOD, "RESULT", "the result is over the limit of 1048576 bytes");
    run_free(job);
    job = execute(result_largest);
    expect_end(job, RUN_SUCCEEDED, NULL, NULL);
    run_free(job);
    job = execute(result_refused_unseen);
    expect_end(job, RUN_FAILED_FOR_GOOD, "RESULT", "the result is not valid UTF-8");
    run_free(job);
    job = execute(result_mended);
    expect_end(job, RUN_SUCCEEDED, NULL, NULL);
    run_refuse(job, "RESULT", "invalid input syntax for type json \xff");
    expect_end(job, RUN_FAILED_FOR_GOOD, "RESULT",
               "invalid input syntax for type json \xef\xbf\xbd");
    assert_null(run_outcome(job)->result);
    run_free(job);
}

/* ---- completion ---- */

static void percent_never_goes_back(void **state) {
    (void)state;
    struct job_class class = JOB_CLASS(.name = "probe", .run = look);
    struct job *job = run_new(&plain, &class, NULL);
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
    struct job_class class = JOB_CLASS(.name = "probe", .run = look);
    struct job *job = run_new(&plain, &class, NULL);
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
    struct job_class class = JOB_CLASS(.name = "probe", .run = look);
    struct job *job = run_new(&plain, &class, NULL);
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
    struct job_class class = JOB_CLASS(.name = "probe", .run = look);
    for (int early = 0; early < 2; early++) {
        struct job *job = run_new(&plain, &class, NULL);
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
    struct job_class class = JOB_CLASS(.name = "probe", .run = never);
    for (size_t i = 0; i < 4; i++) {
        struct job *job = run_new(&plain, &class, NULL);
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

/* ---- log ---- */

struct line {
    int level;
    char text[2100];
};

static void keep_line(void *arg, const struct job *job, int level, const char *text) {
    struct line *line = arg;
    assert_string_equal(job_tenant(job), "acme");
    line->level = level;
    strncpy(line->text, text, sizeof line->text - 1);
}

static void logs_clean_lines(void **state) {
    (void)state;
    struct job_class class = JOB_CLASS(.name = "probe", .run = look);
    struct line line = {0};
    char large[5000];
    struct job *job = run_new(&plain, &class, NULL);
    job_log(job, 2, "to nobody");
    run_set_log(job, keep_line, &line);
    job_log(job, 1, "page %d \xff", 3);
    assert_int_equal(line.level, 1);
    assert_string_equal(line.text, "page 3 \xef\xbf\xbd");
    memset(large, 'x', sizeof large - 1), large[sizeof large - 1] = '\0';
    job_log(job, 3, "%s", large);
    assert_in_range(strlen(line.text), 2000, 2048);
    run_free(job);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shows_the_order),
        cmocka_unit_test(an_empty_order_is_empty_texts),
        cmocka_unit_test(broken_parameters_read_as_absent),
        cmocka_unit_test(declared_parameters_are_checked_first),
        cmocka_unit_test(succeeds_with_a_result),
        cmocka_unit_test(ends_as_returned),
        cmocka_unit_test(cleans_error_texts),
        cmocka_unit_test(refuses_bad_results),
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
        cmocka_unit_test(logs_clean_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
