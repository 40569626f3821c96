/* Where claims begin: floors of priorities. */
#include "tests/unit/unit.h"

#include "module/base/clock.h"
#include "module/service/floors.h"
#include "sql/sql.h"

#define NONE "-9223372036854775808" /* places may be negative */

#define LATER (300 * CLOCK_MS) /* a mark has settled */

/* "hi/lo>seq" of each range, in order. */
static void assert_ranges(const struct floors *floors, const char *his, const char *los,
                          const char *seqs) {
    struct buf a = {0}, b = {0}, c = {0};
    sql_array_begin(&a), sql_array_begin(&b), sql_array_begin(&c);
    floors_ranges(floors, &a, &b, &c);
    sql_array_end(&a), sql_array_end(&b), sql_array_end(&c);
    assert_string_equal(buf_get(&a), his);
    assert_string_equal(buf_get(&b), los);
    assert_string_equal(buf_get(&c), seqs);
    buf_done(&a), buf_done(&b), buf_done(&c);
}

static void assert_everything(const struct floors *floors) {
    assert_ranges(floors, "{2147483647}", "{-2147483648}", "{" NONE "}");
}

/* Claims up to `seq`, long enough ago. */
static void claimed(struct floors *floors, int priority, int64_t seq) {
    floors_note(floors, priority, seq, LATER);
    floors_note(floors, priority, seq, 2 * LATER);
    floors_note(floors, priority, seq, 3 * LATER);
}

static void nothing_claimed(void **state) {
    (void)state;
    struct floors floors = {0};
    assert_everything(NULL);
    assert_everything(&floors);
    floors_lower(&floors, 0, 10);
    floors_sweep_found(&floors, 0, 10);
    assert_everything(&floors);
    floors_done(&floors);
}

static void a_mark_is_a_floor_once_it_has_settled(void **state) {
    (void)state;
    struct floors floors = {0};
    floors_note(&floors, 0, 100, LATER);
    assert_everything(&floors);
    floors_note(&floors, 0, 150, LATER + 10 * CLOCK_MS);
    assert_everything(&floors);
    floors_note(&floors, 0, 200, 2 * LATER);
    assert_everything(&floors);
    floors_note(&floors, 0, 300, 3 * LATER); /* 150 was the mark a while ago */
    assert_ranges(&floors, "{2147483647,0,-1}", "{1,0,-2147483648}", "{" NONE ",150," NONE "}");
    floors_done(&floors);
}

static void each_priority_has_its_own(void **state) {
    (void)state;
    struct floors floors = {0};
    claimed(&floors, 5, 70);
    claimed(&floors, -3, 50);
    claimed(&floors, 6, 60);
    assert_ranges(&floors, "{2147483647,6,5,4,-3,-4}", "{7,6,5,-2,-3,-2147483648}",
                  "{" NONE ",60,70," NONE ",50," NONE "}");
    floors_done(&floors);
}

static void the_ends_of_the_priorities(void **state) {
    (void)state;
    struct floors floors = {0};
    claimed(&floors, 2147483647, 7);
    claimed(&floors, -2147483647 - 1, 8);
    assert_ranges(&floors, "{2147483647,2147483646,-2147483648}",
                  "{2147483647,-2147483647,-2147483648}", "{7," NONE ",8}");
    floors_done(&floors);
}

static void who_goes_back_lowers_it(void **state) {
    (void)state;
    struct floors floors = {0};
    claimed(&floors, 0, 100);
    floors_lower(&floors, 1, 10); /* another priority */
    floors_lower(&floors, 0, 40);
    assert_ranges(&floors, "{2147483647,0,-1}", "{1,0,-2147483648}", "{" NONE ",39," NONE "}");
    floors_note(&floors, 0, 40, 4 * LATER);
    floors_note(&floors, 0, 41, 5 * LATER);
    assert_ranges(&floors, "{2147483647,0,-1}", "{1,0,-2147483648}", "{" NONE ",39," NONE "}");
    floors_clear(&floors);
    assert_everything(&floors);
    floors_done(&floors);
}

/* What a sweep finds above the floor of when it set out says nothing: it was claimed meanwhile. */
static void a_sweep(void **state) {
    (void)state;
    struct floors floors = {0};
    claimed(&floors, 0, 100);
    floors_sweep_begins(&floors);
    for (int i = 4; i < 7; i++)
        floors_note(&floors, 0, 500, i * LATER);
    floors_sweep_found(&floors, 0, 101);
    assert_ranges(&floors, "{2147483647,0,-1}", "{1,0,-2147483648}", "{" NONE ",500," NONE "}");
    floors_sweep_found(&floors, 0, 90); /* passed over */
    assert_ranges(&floors, "{2147483647,0,-1}", "{1,0,-2147483648}", "{" NONE ",89," NONE "}");
    floors_done(&floors);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_claimed),
        cmocka_unit_test(a_mark_is_a_floor_once_it_has_settled),
        cmocka_unit_test(each_priority_has_its_own),
        cmocka_unit_test(the_ends_of_the_priorities),
        cmocka_unit_test(who_goes_back_lowers_it),
        cmocka_unit_test(a_sweep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
