/* What subscribers of "<service>.progress" get. */
#include "module/job/progress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ID "0189d2f0-1234-7abc-8000-0123456789ab"

static struct job_progress plain(void) {
    return (struct job_progress){.tenant = "acme",
                                 .id = ID,
                                 .class_name = "print.page",
                                 .version = 3,
                                 .attempt = 1,
                                 .percent = 7,
                                 .date = 1709168523000004};
}

static void assert_body(const struct job_progress *progress, const char *expected) {
    struct buf body = {0};
    assert_int_equal(job_progress_body(progress, &body, NULL), 0);
    assert_string_equal(buf_get(&body), expected);
    buf_done(&body);
}

static void members(void **state) {
    (void)state;
    struct job_progress progress = plain();
    assert_body(&progress, "{\"jobId\":\"" ID "\",\"tenant\":\"acme\",\"jobClassName\":"
                           "\"print.page\",\"attempt\":1,\"version\":3,\"percentCompleted\":7,"
                           "\"time\":\"2024-02-29T01:02:03.000004Z\"}");
    progress.estimated = progress.date + 1500000;
    progress.text = "page \"7\"\n";
    assert_body(&progress,
                "{\"jobId\":\"" ID "\",\"tenant\":\"acme\",\"jobClassName\":\"print.page\","
                "\"attempt\":1,\"version\":3,\"percentCompleted\":7,"
                "\"estimatedCompletion\":\"2024-02-29T01:02:04.500004Z\","
                "\"text\":\"page \\\"7\\\"\\n\",\"time\":\"2024-02-29T01:02:03.000004Z\"}");
}

static void what_cannot_be_told(void **state) {
    (void)state;
    struct job_progress progress = plain();
    struct buf body = {0};
    struct jobs_error err = {0};
    progress.text = "\xff";
    assert_int_equal(job_progress_body(&progress, &body, &err), JOBS_EINVAL);
    progress.text = NULL;
    progress.estimated = INT64_MAX;
    assert_int_equal(job_progress_body(&progress, &body, &err), JOBS_EINVAL);
    buf_done(&body);
}

static void key(void **state) {
    (void)state;
    struct job_progress progress = plain();
    struct buf buf = {0};
    job_progress_key(&progress, &buf);
    assert_string_equal(buf_get(&buf), "acme.print.page");
    buf_done(&buf);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(members),
                                       cmocka_unit_test(what_cannot_be_told),
                                       cmocka_unit_test(key)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
