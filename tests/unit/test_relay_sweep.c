/* How the relay's looks at everything are cut into pieces. */
#include "module/service/relay_sweep.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define QUICK 100    /* us */
#define SLOW 1000000 /* us */

static void test_nothing_known(void **state) {
    (void)state;
    struct relay_sweep sweep;
    relay_sweep_init(&sweep);
    relay_sweep_begin(&sweep, INT64_MIN);
    assert_true(sweep.from < 0);
    assert_true(sweep.to == INT64_MAX);
    assert_true(relay_sweep_end(&sweep, INT64_MIN, INT64_MAX, SLOW, 0));
}

static void test_a_quick_one_is_one_piece(void **state) {
    (void)state;
    struct relay_sweep sweep;
    relay_sweep_init(&sweep);
    for (int i = 0; i < 200; i++) {
        relay_sweep_begin(&sweep, 1000000);
        assert_true(sweep.from < 0);
        assert_true(sweep.to == INT64_MAX);
        assert_true(relay_sweep_end(&sweep, 1000000, INT64_MAX, QUICK, 0));
    }
}

/* Sweeps all; each piece begins where the one before ended. */
static size_t pieces(struct relay_sweep *sweep, int64_t high, int64_t took) {
    size_t count = 0;
    bool last = false;
    for (int64_t next = INT64_MIN + 1; !last; count++) {
        relay_sweep_begin(sweep, high);
        assert_true(sweep->from == next);
        next = sweep->to + (sweep->to < INT64_MAX);
        last = relay_sweep_end(sweep, high, INT64_MAX, took, 0);
        assert_true(last == (next > high));
    }
    return count;
}

static void test_a_slow_one_goes_in_pieces(void **state) {
    (void)state;
    struct relay_sweep sweep;
    relay_sweep_init(&sweep);
    assert_int_equal(pieces(&sweep, 100000, SLOW), 1);
    assert_in_range(pieces(&sweep, 100000, SLOW), 2, 200);
    assert_in_range(pieces(&sweep, 100000, SLOW), 190, 210); /* of 500 ids */
    size_t count = 0;
    for (int i = 0; i < 20; i++) /* the dead rows are gone */
        count = pieces(&sweep, 100000, QUICK);
    assert_int_equal(count, 1);
}

static void test_one_that_came_back_full_goes_on_from_there(void **state) {
    (void)state;
    struct relay_sweep sweep;
    relay_sweep_init(&sweep);
    relay_sweep_begin(&sweep, 1000);
    assert_false(relay_sweep_end(&sweep, 1000, 600, SLOW, 500));
    relay_sweep_begin(&sweep, 1000);
    assert_true(sweep.from == 601);
    assert_true(sweep.to == INT64_MAX); /* of many rows nothing was learned */
    assert_true(relay_sweep_end(&sweep, 1000, INT64_MAX, QUICK, 0));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_known),
        cmocka_unit_test(test_a_quick_one_is_one_piece),
        cmocka_unit_test(test_a_slow_one_goes_in_pieces),
        cmocka_unit_test(test_one_that_came_back_full_goes_on_from_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
