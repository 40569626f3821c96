/* What a run sees, and how it ends. */
#include "tests/unit/unit.h"

#include "module/base/mem.h"
#include "module/base/text.h"
#include "module/worker/run.h"

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
    expect_end(job, RUN_FAILED_FOR_GOOD, "RESULT",
               "the result is over the limit of 1048576 bytes: put it into a store and return "
               "where it is");
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
        cmocka_unit_test(logs_clean_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
