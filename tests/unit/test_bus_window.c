/* The window of unconfirmed tags: every tag is settled once, whatever order the answers come in. */
#include "amqp/window.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { TAGS = 5000 };

struct seen {
    struct window *window;
    int times[TAGS * 2 + 1];
    uint64_t latest;
    int grow; /* tags still to add from within the callback */
};

static void see(void *arg, uint64_t tag) {
    struct seen *seen = arg;
    assert_in_range(tag, 1, TAGS * 2);
    seen->times[tag]++;
    seen->latest = tag;
    if (seen->grow > 0) {
        seen->grow--;
        window_add(seen->window);
    }
}

static void tags_count_from_one(void **state) {
    (void)state;
    struct window window = {0};
    for (uint64_t tag = 1; tag <= 1000; tag++)
        assert_int_equal(window_add(&window), tag);
    assert_int_equal(window.open, 1000);
    window_done(&window);
}

static void answers_in_any_order_settle_each_tag_once(void **state) {
    (void)state;
    struct window window = {0};
    struct seen *seen = calloc(1, sizeof(*seen));
    for (int i = 0; i < 20; i++)
        window_add(&window);
    window_settle(&window, 1, false, see, seen);
    for (uint64_t tag = 2; tag <= 20; tag += 2)
        window_settle(&window, tag, false, see, seen);
    assert_int_equal(window.open, 9);
    window_settle(&window, 9, true, see, seen);
    assert_int_equal(window.open, 5);
    window_settle(&window, 9, true, see, seen);  /* again: nothing left */
    window_settle(&window, 4, false, see, seen); /* again */
    window_settle(&window, 19, true, see, seen);
    for (int tag = 1; tag <= 20; tag++)
        assert_int_equal(seen->times[tag], 1);
    assert_int_equal(window.open, 0);
    free(seen);
    window_done(&window);
}

static void unknown_tags_change_nothing(void **state) {
    (void)state;
    struct window window = {0};
    struct seen *seen = calloc(1, sizeof(*seen));
    window_settle(&window, 7, true, see, seen);
    window_add(&window);
    window_settle(&window, 2, true, see, seen);
    window_settle(&window, 0, false, see, seen);
    assert_int_equal(window.open, 1);
    assert_int_equal(seen->latest, 0);
    free(seen);
    window_done(&window);
}

static void callbacks_may_add(void **state) {
    (void)state;
    struct window window = {0};
    struct seen *seen = calloc(1, sizeof(*seen));
    seen->window = &window;
    seen->grow = TAGS;
    for (int i = 0; i < TAGS; i++)
        window_add(&window);
    window_settle(&window, TAGS, true, see, seen);
    assert_int_equal(seen->latest, TAGS);
    assert_int_equal(window.open, TAGS);
    window_settle(&window, window.last, true, see, seen);
    for (int tag = 1; tag <= TAGS * 2; tag++)
        assert_int_equal(seen->times[tag], 1);
    free(seen);
    window_done(&window);
}

static void random_answers_match_a_model(void **state) {
    (void)state;
    struct window window = {0};
    struct seen *seen = calloc(1, sizeof(*seen));
    unsigned short random[3] = {1, 2, 3};
    size_t open = 0;
    unsigned char is_open[TAGS + 1] = {0};
    while (window.last < TAGS) {
        if (nrand48(random) % 2) {
            is_open[window_add(&window)] = 1;
            open++;
            continue;
        }
        uint64_t tag = 1 + (uint64_t)nrand48(random) % (window.last + 1);
        bool multiple = nrand48(random) % 16 == 0;
        window_settle(&window, tag, multiple, see, seen);
        for (uint64_t at = multiple ? 1 : tag; at <= tag && tag <= window.last; at++) {
            open -= is_open[at];
            is_open[at] = 0;
        }
        assert_int_equal(window.open, open);
    }
    for (int tag = 1; tag <= TAGS; tag++)
        assert_int_equal(seen->times[tag], 1 - is_open[tag]);
    free(seen);
    window_done(&window);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tags_count_from_one),
        cmocka_unit_test(answers_in_any_order_settle_each_tag_once),
        cmocka_unit_test(unknown_tags_change_nothing),
        cmocka_unit_test(callbacks_may_add),
        cmocka_unit_test(random_answers_match_a_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
