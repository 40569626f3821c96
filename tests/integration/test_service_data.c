/* Results and errors that PostgreSQL refuses or that are over their limits: the job that has one
 * fails, all others go on and keep their results as they were. */
#include "tests/lib/audit.h"
#include "tests/lib/service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { BRACKETS = 20000, TWO_MIB = 2 << 20, GOOD = 500 };

struct bad {
    const char *what;
    const char *json; /* NULL: made by run_bad */
};

static const struct bad bad[] = {
    {"NUL character", "{\"result\": \"\\u0000\"}"},
    {"lone high surrogate", "\"\\ud800\""},
    {"lone low surrogate", "{\"a\": \"\\udc00x\"}"},
    {"invalid UTF-8", "\"\xff\xfe\""},
    {"overlong UTF-8", "\"\xc0\x80\""},
    {"surrogate in UTF-8", "\"\xed\xa0\x80\""},
    {"number over the range", "1e400000"},
    {"20,000 nested brackets", NULL},
    {"2 MiB", NULL},
    {"no JSON", "this is not JSON"},
    {"two values", "{} {}"},
    {"nothing", ""},
    {"single quotes", "{'a': 1}"},
    {"NaN", "{\"a\": NaN}"},
    {"an open object", "{\"a\": "},
};
enum { BAD = sizeof bad / sizeof *bad };

/* As many brackets, or bytes in quotes. Caller frees. */
static char *make_json(const char *what) {
    bool brackets = strstr(what, "brackets") != NULL;
    size_t n = brackets ? 2 * BRACKETS : TWO_MIB;
    char *text = malloc(n + 1);
    memset(text, brackets ? '[' : 'x', n);
    memset(text + (brackets ? n / 2 : n - 1), brackets ? ']' : '"', brackets ? n / 2 : 1);
    text[0] = brackets ? '[' : '"';
    text[n] = '\0';
    return text;
}

static int run_bad(struct job *job) {
    const struct bad *b = &bad[job_integer(job, "n", 0) % BAD];
    runs_begin(job);
    char *made = b->json ? NULL : make_json(b->what);
    int end = job_succeed_as(job, "bad", made ? made : b->json);
    free(made);
    runs_end(job);
    return end;
}

static int run_good(struct job *job) {
    char json[200];
    runs_begin(job);
    snprintf(json, sizeof json,
             "{\"n\": %lld, \"big\": 12345678901234567890123, \"text\": \"\\u00e9\xc3\xa9\\n\"}",
             (long long)job_integer(job, "n", -1));
    runs_end(job);
    return job_succeed(job, json);
}

/* Errors: bytes that are no UTF-8, or 100 KiB of two-byte characters. */
static int run_error(struct job *job) {
    runs_begin(job);
    runs_end(job);
    if (job_boolean(job, "long", false)) {
        char *text = malloc(100 * 1024 + 1);
        for (size_t i = 0; i < 100 * 1024; i += 2)
            memcpy(text + i, "\xc3\xa9", 2);
        text[100 * 1024] = '\0';
        int end = job_fail(job, "%s", text);
        free(text);
        return end;
    }
    return job_fail(job, "before \xff\xfe\xed\xa0\x80 after, \"quoted\" {1,2} \\ NULL");
}

static const struct job_class class_bad = JOB_CLASS(.name = "bad", .run = run_bad, .attempts = 5);
static const struct job_class class_good = JOB_CLASS(.name = "good", .run = run_good);
static const struct job_class class_error = JOB_CLASS(.name = "error", .run = run_error);
static const struct job_class *const classes[] = {&class_bad, &class_good, &class_error, NULL};

static void assert_bad_ones_failed(const char *url, int64_t copies) {
    for (int i = 0; i < BAD; i++) {
        char *found = test_sql_value(
            url,
            "select string_agg(distinct j.status || ' ' || coalesce(j.error_kind, '-') || "
            "case when j.result is null and j.result_class_name is null then '' else "
            "' with data' end, ',') || ' ' || count(*) from jobs.t_job_info j "
            "join jobs.t_job_parameters p on p.job_id = j.id "
            "where j.class_name = 'bad' and p.value = '%d'",
            i);
        char expected[40];
        snprintf(expected, sizeof expected, "FAILED RESULT %lld", (long long)copies);
        if (strcmp(found, expected) != 0)
            fail_msg("%s: %s", bad[i].what, found);
        free(found);
    }
    assert_int_equal(count_jobs(url, "class_name = 'bad' and coalesce(error, '') = ''"), 0);
    assert_int_equal(count_jobs(url, "class_name = 'bad' and attempt <> 1"), 0);
}

static void assert_good_ones_are_untouched(const char *url, int64_t count) {
    assert_int_equal(
        test_sql_integer(
            url,
            "select count(*) from jobs.t_job_info j join jobs.t_job_parameters p "
            "on p.job_id = j.id where j.class_name = 'good' and j.status = 'SUCCEEDED' and "
            "j.result::text = '{\"n\": ' || p.value::text || ', \"big\": 12345678901234567890123, "
            "\"text\": \"\xc3\xa9\xc3\xa9\\n\"}'"),
        count);
}

/* Each bad value lies among good ones in the same transaction and, with luck, in the same tick. */
static void bad_results_among_good_ones(void **state) {
    (void)state;
    runs_reset();
    const char *url = service_database();
    submit_many(url, "good", GOOD / 2, 1, NULL);
    submit_many(url, "bad", BAD, 1, NULL);
    submit_many(url, "good", GOOD / 2, 1, NULL);
    struct test_service *s = service_start(url, classes, "jobs.pool.size=64", NULL);
    wait_final(url, GOOD + BAD, LONG_MS);
    service_stop(s);
    assert_bad_ones_failed(url, 1);
    assert_good_ones_are_untouched(url, GOOD);
    assert_int_equal(runs_count(), GOOD + BAD);
    audit_finished(url);
}

/* Many at once: the search for the culprits ends, whoever else is there. */
static void many_bad_results_at_once(void **state) {
    (void)state;
    runs_reset();
    const char *url = service_database();
    for (int i = 0; i < 6; i++)
        submit_many(url, "bad", BAD, 1, NULL);
    submit_many(url, "good", GOOD, 1, NULL);
    struct test_service *s = service_start(url, classes, "jobs.pool.size=64", NULL);
    wait_final(url, GOOD + 6 * BAD, 2 * LONG_MS);
    service_stop(s);
    assert_bad_ones_failed(url, 6);
    assert_good_ones_are_untouched(url, GOOD);
    audit_finished(url);
}

static void error_texts(void **state) {
    (void)state;
    runs_reset();
    const char *url = service_database();
    struct test_service *s = service_start(url, classes, NULL);
    char *bytes = submit(url, "'t0', 'error'");
    char *large = submit(url, "'t0', 'error', '{\"long\": true}'");
    wait_status(url, bytes, "FAILED");
    wait_status(url, large, "FAILED");
    assert_job(url, bytes, "error_kind", "ERROR");
    char *text = job_column(url, bytes, "error");
    assert_memory_equal(text, "before \xef\xbf\xbd", 10);
    assert_non_null(strstr(text, " after, \"quoted\" {1,2} \\ NULL"));
    free(text);
    text = job_column(url, large, "octet_length(error)");
    assert_in_range(atoi(text), 65000, 65536);
    print_message("100 KiB of error text were cut to %s bytes\n", text);
    free(text);
    text = job_column(url, large, "right(error, 40)");
    assert_null(strstr(text, "\xef\xbf\xbd"));                    /* cut between characters */
    assert_string_not_equal(text + strlen(text) - 2, "\xc3\xa9"); /* and marked */
    free(text);
    service_stop(s);
    free(bytes), free(large);
    audit_finished(url);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_results_among_good_ones),
        cmocka_unit_test(many_bad_results_at_once),
        cmocka_unit_test(error_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
