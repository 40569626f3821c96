/* What the relay has in hand: order, back-off, bookkeeping. Rows are made by hand. */
#include "module/base/clock.h"
#include "module/base/mem.h"
#include "module/service/relay_hand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* A row with a change of each of the jobs in `ids` (an array literal). `middles`: likewise, NULL
 * elements for none. */
static struct relay_row *make_row(int64_t id, const char *ids, const char *middles) {
    struct relay_row *row = MEM_NEW(struct relay_row);
    list_init(&row->link);
    row->id = id;
    row->bytes = 1000;
    row->columns[COLUMN_IDS] = sql_array_read(ids, &row->count);
    size_t count;
    row->columns[COLUMN_MIDDLES] = sql_array_read(middles, &count);
    assert_int_equal(count, row->count);
    row->events = mem_zero(2 * row->count + 1, sizeof *row->events);
    for (size_t i = 0; i < row->count; i++)
        for (int middle = row->columns[COLUMN_MIDDLES][i] != NULL; middle >= 0; middle--) {
            struct relay_event *event = &row->events[row->event_count++];
            *event = (struct relay_event){.row = row, .index = i, .middle = middle};
            list_init(&event->link);
        }
    row->open = row->event_count;
    return row;
}

static struct relay_chain *assert_next(struct relay_hand *hand, const char *id, int64_t row,
                                       bool middle) {
    struct relay_chain *chain = hand_next(hand);
    assert_non_null(chain);
    assert_string_equal(chain->id, id);
    assert_int_equal(hand_first(chain)->row->id, row);
    assert_int_equal(hand_first(chain)->middle, middle);
    return chain;
}

static void test_one_event_per_job_at_a_time(void **state) {
    (void)state;
    struct relay_hand hand;
    hand_init(&hand);
    hand_add(&hand, make_row(1, "{a,b}", "{NULL,x}"));
    hand_add(&hand, make_row(2, "{a}", "{NULL}"));
    assert_int_equal(hand.events, 4);
    struct relay_chain *a = assert_next(&hand, "a", 1, false),
                       *b = assert_next(&hand, "b", 1, true);
    assert_null(hand_next(&hand));
    hand_settle(&hand, b);
    b = assert_next(&hand, "b", 1, false);
    hand_settle(&hand, b);
    assert_int_equal(hand.row_count, 2); /* a's event of row 1 is still open */
    hand_settle(&hand, a);
    assert_int_equal(hand.row_count, 1);
    assert_int_equal(hand.done_count, 1);
    a = assert_next(&hand, "a", 2, false);
    hand_add(&hand, make_row(3, "{a}", "{NULL}"));
    assert_null(hand_next(&hand));
    hand_settle(&hand, a);
    hand_settle(&hand, assert_next(&hand, "a", 3, false));
    assert_null(hand_next(&hand));
    assert_int_equal(hand.events, 0);
    assert_int_equal(hand.row_count, 0);
    assert_int_equal(hand.done_count, 3);
    assert_int_equal(hand.bytes, 0);
    assert_int_equal(hand.chains.count, 0);
    hand_clear(&hand);
}

static void test_refused_events_wait_longer_and_longer(void **state) {
    (void)state;
    static const int64_t waits[] = {100, 200, 400, 800, 1600, 3200, 5000, 5000};
    struct relay_hand hand;
    hand_init(&hand);
    hand_add(&hand, make_row(1, "{a,b}", "{NULL,NULL}"));
    hand_add(&hand, make_row(2, "{a}", "{NULL}"));
    int64_t now = CLOCK_SECOND;
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
        hand_refuse(&hand, assert_next(&hand, "a", 1, false), now);
        if (i == 0)
            hand_settle(&hand, assert_next(&hand, "b", 1, false));
        assert_int_equal(hand.stuck, 2);
        assert_int_equal(hand_wake(&hand, now), now + waits[i] * CLOCK_MS);
        now += waits[i] * CLOCK_MS;
        assert_int_equal(hand_wake(&hand, now - 1), now);
        assert_null(hand_next(&hand));
        assert_int_equal(hand_wake(&hand, now), INT64_MAX);
    }
    struct relay_chain *a = assert_next(&hand, "a", 1, false);
    assert_int_equal(a->refused_since, CLOCK_SECOND);
    hand_add(&hand, make_row(3, "{a}", "{NULL}"));
    assert_int_equal(hand.stuck, 3);
    hand_settle(&hand, a);
    assert_int_equal(hand.stuck, 0);
    a = assert_next(&hand, "a", 2, false); /* starts afresh */
    assert_int_equal(a->refused_since, 0);
    hand_refuse(&hand, a, now);
    assert_int_equal(hand_wake(&hand, now), now + 100 * CLOCK_MS);
    hand_clear(&hand);
}

static void test_forgetting_keeps_what_is_to_be_deleted(void **state) {
    (void)state;
    struct relay_hand hand;
    hand_init(&hand);
    hand_add(&hand, make_row(1, "{a}", "{NULL}"));
    hand_add(&hand, make_row(2, "{}", "{}")); /* nothing to send */
    hand_add(&hand, make_row(3, "{a,b,c}", "{NULL,NULL,NULL}"));
    hand_settle(&hand, assert_next(&hand, "a", 1, false));
    hand_refuse(&hand, assert_next(&hand, "b", 3, false), 1);
    assert_next(&hand, "c", 3, false);
    hand_forget(&hand);
    assert_null(hand_next(&hand));
    assert_int_equal(hand_wake(&hand, INT64_MAX), INT64_MAX);
    assert_int_equal(hand.events, 0);
    assert_int_equal(hand.stuck, 0);
    assert_int_equal(hand.row_count, 0);
    assert_int_equal(hand.done_count, 2);
    hand_add(&hand, make_row(3, "{a,b,c}", "{NULL,NULL,NULL}"));
    assert_next(&hand, "a", 3, false);
    hand_clear(&hand);
    assert_int_equal(hand.done_count, 0);
    assert_true(list_empty(&hand.done));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_event_per_job_at_a_time),
        cmocka_unit_test(test_refused_events_wait_longer_and_longer),
        cmocka_unit_test(test_forgetting_keeps_what_is_to_be_deleted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
