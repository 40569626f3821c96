/* The life cycle: names, final statuses, and the whole table of moves against the diagram in
 * status.h. */
#include "module/job/status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void names_and_numbers_map_both_ways(void **state) {
    (void)state;
    static const char *const names[] = {"PENDING",   "QUEUED", "TO_BE_RUN", "RUNNING",
                                        "SUCCEEDED", "FAILED", "ABORTED"};
    for (int i = 0; i < JOB_STATUS_COUNT; i++) {
        assert_string_equal(status_name((enum job_status)i), names[i]);
        assert_int_equal(status_of_name(names[i]), i);
    }
}

static void unknown_names_are_refused(void **state) {
    (void)state;
    assert_int_equal(status_of_name("queued"), -1);
    assert_int_equal(status_of_name(""), -1);
    assert_int_equal(status_of_name("QUEUED "), -1);
    assert_string_equal(status_name((enum job_status)JOB_STATUS_COUNT), "?");
    assert_string_equal(status_name((enum job_status) - 1), "?");
}

static void three_statuses_are_final(void **state) {
    (void)state;
    for (int i = 0; i < JOB_STATUS_COUNT; i++) {
        bool final = i == JOB_SUCCEEDED || i == JOB_FAILED || i == JOB_ABORTED;
        assert_int_equal(status_is_final((enum job_status)i), final);
    }
}

static void moves_are_those_of_the_diagram(void **state) {
    (void)state;
    /* Rows: from; columns: to; in the order of enum job_status. */
    static const char *const moves[JOB_STATUS_COUNT] = {
        [JOB_PENDING] = ".x....x",   /* release or due; stop */
        [JOB_QUEUED] = "..x...x",    /* claim; stop */
        [JOB_TO_BE_RUN] = "xx.x.xx", /* other instance's class; handed back; start; expired; stop */
        [JOB_RUNNING] = "xx..xxx",   /* retry or snooze; owner lost; the three ends */
        [JOB_SUCCEEDED] = ".......", /* for ever */
        [JOB_FAILED] = ".x.....",    /* explicit retry */
        [JOB_ABORTED] = ".x.....",
    };
    for (int from = 0; from < JOB_STATUS_COUNT; from++)
        for (int to = 0; to < JOB_STATUS_COUNT; to++)
            assert_int_equal(status_may_move((enum job_status)from, (enum job_status)to),
                             moves[from][to] == 'x');
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_numbers_map_both_ways),
        cmocka_unit_test(unknown_names_are_refused),
        cmocka_unit_test(three_statuses_are_final),
        cmocka_unit_test(moves_are_those_of_the_diagram),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
