/* The pause before the next attempt. */
#include "tests/unit/unit.h"

#include "module/service/live.h"

#define SECOND INT64_C(1000)
#define MIDDLE 0.5 /* of the jitter: none */

static void it_doubles_up_to_its_cap(void **state) {
    (void)state;
    static const int64_t expected[] = {10, 20, 40, 80, 160, 320, 640, 900, 900, 900};
    for (int used = 1; used <= 10; used++)
        assert_int_equal(live_backoff(10 * SECOND, 900 * SECOND, used, MIDDLE),
                         expected[used - 1] * SECOND);
}

static void it_is_fixed_when_both_ends_are_equal(void **state) {
    (void)state;
    for (int used = 1; used <= 50; used++)
        assert_int_equal(live_backoff(5 * SECOND, 5 * SECOND, used, MIDDLE), 5 * SECOND);
}

static void a_cap_below_the_first_counts_as_the_first(void **state) {
    (void)state;
    assert_int_equal(live_backoff(5 * SECOND, 0, 1, MIDDLE), 5 * SECOND);
    assert_int_equal(live_backoff(5 * SECOND, SECOND, 9, MIDDLE), 5 * SECOND);
}

static void jitter_is_a_fifth_either_way(void **state) {
    (void)state;
    int64_t before = 0;
    for (int i = 0; i < 100; i++) {
        int64_t delay = live_backoff(1000 * SECOND, 1000 * SECOND, 1, i / 100.0);
        assert_true(delay >= 800 * SECOND && delay < 1200 * SECOND);
        assert_true(delay > before); /* every value of `random` counts */
        before = delay;
    }
    assert_int_equal(live_backoff(1000, 1000, 1, 0), 800);
}

static void none_stays_none(void **state) {
    (void)state;
    assert_int_equal(live_backoff(0, 0, 1, 0.9), 0);
    assert_int_equal(live_backoff(0, 60 * SECOND, 7, 0.9), 0); /* nothing to double */
}

static void it_never_overflows(void **state) {
    (void)state;
    const int64_t year = INT64_C(365) * 24 * 3600 * SECOND;
    assert_int_equal(live_backoff(1, year, 1000000, MIDDLE), year);
    assert_int_equal(live_backoff(year - 1, year, 3, MIDDLE), year);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_doubles_up_to_its_cap),
        cmocka_unit_test(it_is_fixed_when_both_ends_are_equal),
        cmocka_unit_test(a_cap_below_the_first_counts_as_the_first),
        cmocka_unit_test(jitter_is_a_fifth_either_way),
        cmocka_unit_test(none_stays_none),
        cmocka_unit_test(it_never_overflows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
