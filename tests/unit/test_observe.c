/* Who is declared lost, on a clock of the test's own. */
#include "tests/unit/unit.h"

#include "module/base/clock.h"
#include "module/service/observe.h"

#include <string.h>

#define LEASE (15 * CLOCK_SECOND)

/* An observer, the instance it looks at, and the time. */
struct scene {
    struct observer observer;
    int64_t now, heartbeat;
    bool gone, beats;
};

/* A session that is older than the lease, after looks at a healthy instance. */
static struct scene healthy(void) {
    struct scene s = {.now = 1000 * CLOCK_SECOND, .heartbeat = 1, .beats = true};
    observe_reset(&s.observer, s.now - 100 * CLOCK_SECOND);
    return s;
}

/* One look, `gap` after the last one. */
static bool look(struct scene *s, int64_t gap) {
    s->now += gap;
    s->heartbeat += s->beats;
    observe_begin(&s->observer, s->now);
    bool lost = observe_instance(&s->observer, "a", s->heartbeat, s->gone, LEASE);
    observe_end(&s->observer);
    return lost;
}

/* Seconds of looks, one each, until it is lost; -1: not within a minute. */
static int seconds_until_lost(struct scene *s) {
    for (int i = 1; i <= 60; i++)
        if (look(s, CLOCK_SECOND))
            return i;
    return -1;
}

static void a_living_one_is_never_lost(void **state) {
    (void)state;
    struct scene s = healthy();
    assert_int_equal(seconds_until_lost(&s), -1);
    observe_done(&s.observer);
}

static void no_session_for_5_seconds(void **state) {
    (void)state;
    struct scene s = healthy();
    look(&s, CLOCK_SECOND);
    s.gone = true;
    s.beats = false;
    assert_int_equal(seconds_until_lost(&s), 6); /* gone in the first look, and 5 s later */
    observe_done(&s.observer);
}

static void a_session_that_is_back_begins_anew(void **state) {
    (void)state;
    struct scene s = healthy();
    for (int i = 0; i < 10; i++) {
        s.gone = true;
        for (int k = 0; k < 5; k++)
            assert_false(look(&s, CLOCK_SECOND));
        s.gone = false;
        assert_false(look(&s, CLOCK_SECOND));
    }
    observe_done(&s.observer);
}

static void a_heart_that_stands_still_for_the_lease(void **state) {
    (void)state;
    struct scene s = healthy();
    look(&s, CLOCK_SECOND);
    s.beats = false; /* frozen: the server still holds its lock */
    assert_int_equal(seconds_until_lost(&s), 15);
    observe_done(&s.observer);
}

static void one_beat_within_the_lease_is_enough(void **state) {
    (void)state;
    struct scene s = healthy();
    for (int i = 0; i < 60; i++) {
        s.beats = i % 14 == 0;
        assert_false(look(&s, CLOCK_SECOND));
    }
    observe_done(&s.observer);
}

/* Who stood still may not judge who did. */
static void a_gap_forgets_everything(void **state) {
    (void)state;
    struct scene s = healthy();
    look(&s, CLOCK_SECOND);
    s.gone = true;
    s.beats = false;
    for (int i = 0; i < 4; i++)
        assert_false(look(&s, CLOCK_SECOND));
    assert_false(look(&s, 60 * CLOCK_SECOND));
    assert_int_equal(seconds_until_lost(&s), 5); /* since the look after the gap */
    s = (observe_done(&s.observer), healthy());
    look(&s, CLOCK_SECOND);
    s.gone = true;
    for (int i = 0; i < 20; i++) /* 2 s are no gap */
        if (look(&s, OBSERVE_GAP_MOST))
            break;
    assert_int_equal(s.now, 1000 * CLOCK_SECOND + CLOCK_SECOND + 4 * OBSERVE_GAP_MOST);
    observe_done(&s.observer);
}

static void a_young_session_judges_nobody(void **state) {
    (void)state;
    struct scene s = {.now = 1000 * CLOCK_SECOND, .gone = true};
    observe_reset(&s.observer, s.now);
    assert_int_equal(seconds_until_lost(&s), 15); /* free all the time, but the session is young */
    observe_reset(&s.observer, s.now);
    assert_int_equal(seconds_until_lost(&s), 15);
    observe_done(&s.observer);
}

/* All locks are free for a moment, all sessions are new. */
static void a_restart_of_the_server(void **state) {
    (void)state;
    struct scene s = healthy();
    for (int i = 0; i < 3; i++)
        look(&s, CLOCK_SECOND);
    s.now += 30 * CLOCK_SECOND;
    observe_reset(&s.observer, s.now); /* the observer is back first */
    s.gone = true;
    s.beats = false;
    for (int i = 0; i < 4; i++)
        assert_false(look(&s, CLOCK_SECOND));
    s.gone = false; /* the other one too */
    s.beats = true;
    assert_int_equal(seconds_until_lost(&s), -1);
    observe_done(&s.observer);
}

static void one_that_was_away_from_the_list_is_new(void **state) {
    (void)state;
    struct scene s = healthy();
    look(&s, CLOCK_SECOND);
    s.beats = false;
    for (int i = 0; i < 14; i++)
        assert_false(look(&s, CLOCK_SECOND));
    s.now += CLOCK_SECOND;
    observe_begin(&s.observer, s.now); /* it is not shown */
    observe_end(&s.observer);
    assert_false(look(&s, CLOCK_SECOND));
    assert_int_equal(seconds_until_lost(&s), 15);
    observe_done(&s.observer);
}

static void each_is_judged_by_itself(void **state) {
    (void)state;
    struct scene s = healthy();
    for (int i = 1; i <= 30; i++) {
        s.now += CLOCK_SECOND;
        observe_begin(&s.observer, s.now);
        assert_false(observe_instance(&s.observer, "a", i, false, LEASE));
        bool dead = observe_instance(&s.observer, "b", 7, i > 3, LEASE),
             frozen = observe_instance(&s.observer, "c", 9, false, LEASE);
        observe_end(&s.observer);
        assert_int_equal(dead, i >= 4 + 5);
        assert_int_equal(frozen, i >= 1 + 15);
    }
    observe_done(&s.observer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_living_one_is_never_lost),
        cmocka_unit_test(no_session_for_5_seconds),
        cmocka_unit_test(a_session_that_is_back_begins_anew),
        cmocka_unit_test(a_heart_that_stands_still_for_the_lease),
        cmocka_unit_test(one_beat_within_the_lease_is_enough),
        cmocka_unit_test(a_gap_forgets_everything),
        cmocka_unit_test(a_young_session_judges_nobody),
        cmocka_unit_test(a_restart_of_the_server),
        cmocka_unit_test(one_that_was_away_from_the_list_is_new),
        cmocka_unit_test(each_is_judged_by_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
