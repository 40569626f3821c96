/* Which ids of the outbox the relay asks for. */
#include "module/service/relay_floor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void assert_gap(const struct relay_floor *floor, size_t at, int64_t first, int64_t last) {
    assert_true(at < floor->count);
    assert_int_equal(floor->gaps[at].first, first);
    assert_int_equal(floor->gaps[at].last, last);
}

static void take(struct relay_floor *floor, const int64_t *ids) {
    for (; *ids; ids++)
        floor_take(floor, *ids);
}

static void look(struct relay_floor *floor, int64_t up_to, int64_t oldest) {
    floor_looked(floor, up_to, oldest, NULL, NULL);
}

static void test_ids_passed_over_are_gaps(void **state) {
    (void)state;
    struct relay_floor floor;
    floor_init(&floor, false);
    assert_int_equal(floor.high, INT64_MIN);
    take(&floor, (int64_t[]){10, 11, 15, 17, 0});
    assert_int_equal(floor.high, 17);
    assert_int_equal(floor.count, 3);
    assert_gap(&floor, 0, INT64_MIN + 1, 9);
    assert_gap(&floor, 1, 12, 14);
    assert_gap(&floor, 2, 16, 16);
    take(&floor, (int64_t[]){13, 16, 16, 11, 0}); /* late ones, and known ones */
    assert_int_equal(floor.count, 3);
    assert_gap(&floor, 1, 12, 12);
    assert_gap(&floor, 2, 14, 14);
    assert_int_equal(floor.high, 17);
    floor_done(&floor);
}

/* Whoever drew an id of the gap has a lower transaction id than the fence. */
static void test_a_gap_lasts_as_long_as_somebody_may_fill_it(void **state) {
    (void)state;
    struct relay_floor floor;
    floor_init(&floor, false);
    take(&floor, (int64_t[]){1, 3, 5, 0});
    look(&floor, INT64_MAX, 1000); /* no fence yet */
    assert_int_equal(floor.count, 3);
    assert_true(floor_wants_fence(&floor));
    floor_fence(&floor, 500);
    assert_false(floor_wants_fence(&floor));
    floor_take(&floor, 7);
    assert_true(floor_wants_fence(&floor));
    floor_fence(&floor, 600);
    look(&floor, INT64_MAX, 499); /* somebody still runs */
    assert_int_equal(floor.count, 4);
    look(&floor, 3, 500); /* not looked at beyond */
    assert_int_equal(floor.count, 2);
    assert_gap(&floor, 0, 4, 4);
    look(&floor, INT64_MAX, 599);
    assert_int_equal(floor.count, 1);
    assert_gap(&floor, 0, 6, 6);
    floor_done(&floor);
}

static void test_parts_of_a_gap_keep_its_fence(void **state) {
    (void)state;
    struct relay_floor floor;
    floor_init(&floor, false);
    take(&floor, (int64_t[]){1, 9, 0});
    floor_fence(&floor, 500);
    floor_take(&floor, 5);
    assert_false(floor_wants_fence(&floor));
    assert_int_equal(floor.count, 3);
    look(&floor, 6, 500); /* the last part was looked at in part */
    assert_int_equal(floor.count, 1);
    assert_gap(&floor, 0, 6, 8);
    floor_done(&floor);
}

static void test_what_is_forgotten_is_asked_for_again(void **state) {
    (void)state;
    struct relay_floor floor;
    floor_init(&floor, false);
    take(&floor, (int64_t[]){1, 2, 3, 5, 6, 9, 0});
    floor_fence(&floor, 500);
    floor_reopen(&floor, 3, INT64_MAX); /* over two gaps */
    assert_int_equal(floor.count, 2);
    assert_gap(&floor, 1, 3, 9);
    assert_true(floor_wants_fence(&floor));
    floor_take(&floor, 5);
    assert_gap(&floor, 1, 3, 4);
    assert_gap(&floor, 2, 6, 9);
    floor_reopen(&floor, 10, 20); /* unknown anyway */
    assert_int_equal(floor.count, 3);
    floor_done(&floor);
}

static void note_gap(void *arg, int64_t first, int64_t last) {
    int64_t *sums = arg;
    sums[0] += first;
    sums[1] += last;
}

static void test_who_wants_to_know_is_told_of_closed_gaps(void **state) {
    (void)state;
    struct relay_floor floor;
    int64_t sums[2] = {0};
    floor_init(&floor, false);
    take(&floor, (int64_t[]){1, 5, 9, 0});
    look(&floor, 0, 0);
    floor_fence(&floor, 500);
    look(&floor, 0, 500); /* what is below 1 */
    assert_int_equal(floor.count, 2);
    floor_looked(&floor, INT64_MAX, 500, note_gap, sums);
    assert_int_equal(sums[0], 2 + 6);
    assert_int_equal(sums[1], 4 + 8);
    floor_done(&floor);
}

static void test_a_sparse_floor_has_only_the_gaps_it_is_told_of(void **state) {
    (void)state;
    struct relay_floor floor;
    floor_init(&floor, true);
    take(&floor, (int64_t[]){100, 200, 0});
    assert_int_equal(floor.count, 0);
    assert_false(floor_wants_fence(&floor));
    floor_reopen(&floor, 150, 150);
    floor_reopen(&floor, 180, 250);
    assert_int_equal(floor.count, 2);
    assert_gap(&floor, 1, 180, 200);
    look(&floor, 190, 0);
    assert_int_equal(floor.count, 1);
    look(&floor, 200, 0); /* one look is enough */
    assert_int_equal(floor.count, 0);
    floor_done(&floor);
}

static void test_many_gaps(void **state) {
    (void)state;
    struct relay_floor floor;
    floor_init(&floor, false);
    for (int64_t id = 2; id <= 20000; id += 2)
        floor_take(&floor, id);
    assert_int_equal(floor.count, 10000);
    for (int64_t id = 19999; id >= 3; id -= 2)
        floor_take(&floor, id);
    assert_int_equal(floor.count, 1);
    assert_gap(&floor, 0, INT64_MIN + 1, 1);
    floor_done(&floor);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ids_passed_over_are_gaps),
        cmocka_unit_test(test_a_gap_lasts_as_long_as_somebody_may_fill_it),
        cmocka_unit_test(test_parts_of_a_gap_keep_its_fence),
        cmocka_unit_test(test_what_is_forgotten_is_asked_for_again),
        cmocka_unit_test(test_who_wants_to_know_is_told_of_closed_gaps),
        cmocka_unit_test(test_a_sparse_floor_has_only_the_gaps_it_is_told_of),
        cmocka_unit_test(test_many_gaps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
