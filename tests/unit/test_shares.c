/* Who may run next: the shares of tenants, in memory and on a clock of the test's own. */
#include "tests/unit/unit.h"

#include "module/base/clock.h"
#include "module/service/shares.h"

#include <stdio.h>

#define MOST 32

static int64_t now;
static int64_t the_clock(void) { return now; }

static int set_up(void **state) {
    (void)state;
    now = 1000 * CLOCK_SECOND;
    clock_inject(the_clock);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    clock_inject(NULL);
    return 0;
}

static struct share *hungry(struct shares *shares, const char *tenant, int weight) {
    struct share *share = shares_find(shares, "", tenant);
    shares_set_weight(shares, share, weight);
    shares_set_hungry(shares, share, true);
    return share;
}

/* A claim of `room` places of which everyone's quota was there; each run takes `took[i]`
 * microseconds, by the tenant's place in `tenants`. Adds up what each was given. */
static void claim(struct shares *shares, size_t room, struct share *const *tenants, size_t n,
                  const double *took, size_t *got) {
    struct share *dealt[MOST];
    size_t dealt_count = shares_deal(shares, room, room, dealt, MOST);
    for (size_t i = 0; i < dealt_count; i++) {
        size_t who = 0;
        while (who < n && tenants[who] != dealt[i])
            who++;
        assert_true(who < n);
        size_t quota = dealt[i]->quota;
        double estimate = dealt[i]->account->run_time;
        got[who] += quota;
        dealt[i]->got = quota;
        shares_settle(shares, dealt[i]);
        shares_set_hungry(shares, dealt[i], true);
        for (size_t k = 0; took && k < quota; k++)
            shares_ended(dealt[i], estimate, took[who]);
    }
}

static void assert_near(double value, double expected, double part) {
    if (value < expected * (1 - part) || value > expected * (1 + part))
        fail_msg("%g is not near %g", value, expected);
}

static void equal_shares(void **state) {
    (void)state;
    struct shares shares;
    shares_init(&shares);
    struct share *t[3] = {hungry(&shares, "a", 1), hungry(&shares, "b", 1),
                          hungry(&shares, "c", 1)};
    const double took[3] = {1000, 1000, 1000};
    size_t got[3] = {0};
    for (int i = 0; i < 100; i++)
        claim(&shares, 9, t, 3, took, got);
    for (int i = 0; i < 3; i++)
        assert_int_equal(got[i], 300);
    shares_done(&shares);
}

static void weights(void **state) {
    (void)state;
    struct shares shares;
    shares_init(&shares);
    struct share *t[3] = {hungry(&shares, "a", 1), hungry(&shares, "b", 2),
                          hungry(&shares, "c", 5)};
    const double took[3] = {1000, 1000, 1000};
    size_t got[3] = {0};
    for (int i = 0; i < 200; i++)
        claim(&shares, 8, t, 3, took, got);
    assert_near((double)got[0], 200, 0.02);
    assert_near((double)got[1], 400, 0.02);
    assert_near((double)got[2], 1000, 0.02);
    shares_done(&shares);
}

/* Time in the slots is what is shared, not the number of jobs. */
static void long_runs_count_for_more(void **state) {
    (void)state;
    struct shares shares;
    shares_init(&shares);
    struct share *t[2] = {hungry(&shares, "long", 1), hungry(&shares, "short", 1)};
    const double took[2] = {50000, 1000};
    size_t got[2] = {0};
    for (int i = 0; i < 3000; i++)
        claim(&shares, 1, t, 2, took, got);
    assert_near((double)got[1] * took[1], (double)got[0] * took[0], 0.1);
    shares_done(&shares);
}

static void a_newcomer_gets_no_credit_for_its_absence(void **state) {
    (void)state;
    struct shares shares;
    shares_init(&shares);
    struct share *t[2] = {hungry(&shares, "old", 1), NULL};
    const double took[2] = {1000, 1000};
    size_t got[2] = {0};
    for (int i = 0; i < 1000; i++)
        claim(&shares, 4, t, 1, took, got);
    t[1] = hungry(&shares, "new", 1);
    got[0] = got[1] = 0;
    claim(&shares, 2, t, 2, took, got);
    assert_true(got[1] >= 1); /* nor does it wait for the flood before it */
    for (int i = 0; i < 100; i++)
        claim(&shares, 4, t, 2, took, got);
    assert_near((double)got[1], (double)got[0], 0.02);
    shares_done(&shares);
}

static void who_comes_back_gets_none_either(void **state) {
    (void)state;
    struct shares shares;
    shares_init(&shares);
    struct share *t[2] = {hungry(&shares, "a", 1), hungry(&shares, "b", 1)};
    const double took[2] = {1000, 1000};
    size_t got[2] = {0};
    claim(&shares, 4, t, 2, took, got);
    shares_set_hungry(&shares, t[1], false);
    for (int i = 0; i < 500; i++)
        claim(&shares, 4, t, 2, took, got);
    assert_int_equal(got[1], 2);
    shares_set_hungry(&shares, t[1], true);
    got[0] = got[1] = 0;
    for (int i = 0; i < 50; i++)
        claim(&shares, 4, t, 2, took, got);
    assert_near((double)got[1], (double)got[0], 0.05);
    shares_done(&shares);
}

static void idle_shares_go_to_the_others(void **state) {
    (void)state;
    struct shares shares;
    shares_init(&shares);
    struct share *dealt[MOST], *one = hungry(&shares, "busy", 1),
                               *other = hungry(&shares, "idle", 100);
    assert_int_equal(shares_deal(&shares, 10, 10, dealt, MOST), 2);
    assert_true(other->quota > one->quota); /* believed to have work */
    one->got = one->quota;
    other->got = 0; /* had none */
    double before = other->account->time;
    shares_settle(&shares, one);
    shares_settle(&shares, other);
    assert_true(other->account->time < before); /* what it did not use is given back */
    assert_false(other->hungry);
    assert_int_equal(shares_deal(&shares, 10, 10, dealt, MOST), 1);
    assert_ptr_equal(dealt[0], one);
    assert_int_equal(one->quota, 10);
    shares_done(&shares);
}

static void what_a_run_took_is_corrected_at_its_end(void **state) {
    (void)state;
    struct shares shares;
    shares_init(&shares);
    struct share *dealt[MOST], *share = hungry(&shares, "a", 2);
    double before = share->account->time, estimate = share->account->run_time;
    assert_int_equal(shares_deal(&shares, 1, 1, dealt, MOST), 1);
    assert_near(share->account->time, before + estimate / 2, 0.0001);
    share->got = 1;
    shares_settle(&shares, share);
    shares_ended(share, estimate, 60000);
    assert_near(share->account->time, before + 60000.0 / 2, 0.0001);
    for (int i = 0; i < 200; i++)
        shares_ended(share, 60000, 60000);
    assert_near(share->account->run_time, 60000, 0.01); /* and the next estimate is better */
    shares_done(&shares);
}

static void charged_with_what_runs_of_the_class_take(void **state) {
    (void)state;
    struct shares shares;
    shares_init(&shares);
    struct share *dealt[MOST], *share = hungry(&shares, "a", 2);
    double before = share->account->time;
    assert_int_equal(shares_deal(&shares, 2, 2, dealt, MOST), 1);
    assert_near(shares_estimate(&shares, share, share->estimate, "long"), share->estimate,
                0.0001); /* not known */
    for (int i = 0; i < 300; i++)
        shares_learn(&shares, "long", 50000);
    assert_near(shares_estimate(&shares, share, share->estimate, "long"), 50000, 0.01);
    assert_near(share->account->time, before + (share->estimate + 50000) / 2, 0.01);
    shares_ended(share, share->estimate, 50000);
    shares_ended(share, 50000, 50000);
    assert_near(share->account->time, before + 2 * 50000.0 / 2, 0.01);
    shares_done(&shares);
}

static void what_was_not_run_costs_nothing(void **state) {
    (void)state;
    struct shares shares;
    shares_init(&shares);
    struct share *dealt[MOST], *share = hungry(&shares, "a", 1);
    double before = share->account->time, estimate = share->account->run_time;
    shares_deal(&shares, 5, 5, dealt, MOST);
    shares_undo(share); /* the tick failed */
    assert_near(1 + share->account->time, 1 + before, 0.0001);
    shares_deal(&shares, 1, 1, dealt, MOST);
    share->got = 1;
    shares_settle(&shares, share);
    shares_refund(share, estimate); /* it was withdrawn */
    assert_near(1 + share->account->time, 1 + before, 0.0001);
    shares_done(&shares);
}

static void only_so_many_tenants_in_a_deal(void **state) {
    (void)state;
    struct shares shares;
    shares_init(&shares);
    struct share *dealt[3];
    char name[3] = "t0";
    for (int i = 0; i < 9; i++, name[1]++)
        hungry(&shares, name, 1);
    assert_int_equal(shares_deal(&shares, 9, 9, dealt, 3), 3);
    for (int i = 0; i < 3; i++) {
        dealt[i]->got = dealt[i]->quota;
        shares_settle(&shares, dealt[i]);
    }
    struct share *next[3];
    assert_int_equal(shares_deal(&shares, 9, 9, next, 3), 3); /* others come first now */
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++)
            assert_ptr_not_equal(next[i], dealt[k]);
    shares_done(&shares);
}

/* More tenants than places: where no slot is free yet each is given up to eight at once, and in the end
 * all have got the same. */
static void many_tenants_are_given_some_at_once(void **state) {
    (void)state;
    enum { TENANTS = 100, ROOM = 40, FIRM = 4 };
    struct shares shares;
    shares_init(&shares);
    size_t got[TENANTS] = {0}, least = SIZE_MAX, most = 0;
    struct share *t[TENANTS], *dealt[ROOM];
    for (int i = 0; i < TENANTS; i++) {
        char name[8];
        snprintf(name, sizeof name, "t%d", i);
        t[i] = hungry(&shares, name, 1);
    }
    for (int round = 0; round < 200; round++) {
        size_t n = shares_deal(&shares, ROOM, FIRM, dealt, ROOM), given = 0;
        assert_true(n <= FIRM + (ROOM - FIRM) / 8 + 1);
        for (size_t i = 0; i < n; i++) {
            given += dealt[i]->quota;
            for (int who = 0; who < TENANTS; who++)
                got[who] += t[who] == dealt[i] ? dealt[i]->quota : 0;
            dealt[i]->got = dealt[i]->quota;
            shares_settle(&shares, dealt[i]);
        }
        assert_int_equal(given, ROOM);
    }
    for (int who = 0; who < TENANTS; who++) {
        least = got[who] < least ? got[who] : least;
        most = got[who] > most ? got[who] : most;
    }
    assert_true(most - least <= 8);
    shares_done(&shares);
}

static void among_equals_the_first_job_comes_first(void **state) {
    (void)state;
    static const char *const names[] = {"c", "a", "d", "b"};
    struct shares shares;
    shares_init(&shares);
    struct share *dealt[MOST];
    for (int i = 0; i < 4; i++)
        hungry(&shares, names[i], 1)->head = 100 - i;
    assert_int_equal(shares_deal(&shares, 3, 3, dealt, MOST), 3);
    assert_string_equal(dealt[0]->account->tenant, "b");
    assert_string_equal(dealt[1]->account->tenant, "d");
    assert_string_equal(dealt[2]->account->tenant, "a");
    shares_done(&shares);
}

static void idle_tenants_are_forgotten(void **state) {
    (void)state;
    struct shares shares;
    shares_init(&shares);
    struct share *busy = hungry(&shares, "busy", 1), *idle = hungry(&shares, "idle", 1),
                 *lives = hungry(&shares, "lives", 1), *dealt[MOST];
    lives->lives = 1;
    shares_set_hungry(&shares, lives, false);
    shares_set_hungry(&shares, idle, false);
    now += 600 * CLOCK_SECOND;
    for (int i = 0; i < 10; i++) { /* virtual time goes on */
        shares_deal(&shares, 4, 4, dealt, MOST);
        busy->got = busy->quota;
        shares_settle(&shares, busy);
        shares_set_hungry(&shares, busy, true);
    }
    shares_wake_recent(&shares, now - 60 * CLOCK_SECOND, MOST, false);
    assert_int_equal(shares.active_count, 1); /* too long ago */
    shares_forget(&shares, now - 120 * CLOCK_SECOND);
    assert_int_equal(shares.by_key.count, 2);
    assert_ptr_equal(shares_find(&shares, "", "lives"), lives);
    shares_wake_recent(&shares, now - 700 * CLOCK_SECOND, MOST, false);
    assert_int_equal(shares.active_count, 2);
    shares_done(&shares);
}

static void who_is_asked_above_floors(void **state) {
    (void)state;
    struct shares shares;
    shares_init(&shares);
    static const char *const names[] = {"a", "b", "c", "d"};
    for (size_t i = 0; i < 4; i++) {
        struct share *share = hungry(&shares, names[i], 1);
        floors_note(&share->floors, 0, 1, now);
        floors_note(&share->floors, 5, 2, now);
        shares_set_hungry(&shares, share, false);
    }
    shares_wake_recent(&shares, 0, 6,
                       true); /* two priorities and what lies between and beside them */
    assert_int_equal(shares.active_count, 2);
    shares_wake_recent(&shares, 0, 6, true); /* the others */
    assert_int_equal(shares.active_count, 4);
    shares_done(&shares);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(equal_shares),
        TEST(weights),
        TEST(long_runs_count_for_more),
        TEST(a_newcomer_gets_no_credit_for_its_absence),
        TEST(who_comes_back_gets_none_either),
        TEST(idle_shares_go_to_the_others),
        TEST(what_a_run_took_is_corrected_at_its_end),
        TEST(charged_with_what_runs_of_the_class_take),
        TEST(what_was_not_run_costs_nothing),
        TEST(many_tenants_are_given_some_at_once),
        TEST(only_so_many_tenants_in_a_deal),
        TEST(who_is_asked_above_floors),
        TEST(among_equals_the_first_job_comes_first),
        TEST(idle_tenants_are_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
