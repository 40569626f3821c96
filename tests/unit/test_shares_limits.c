/* Limits and lanes in the dealing of places. */
#include "tests/unit/unit.h"

#include "module/service/shares.h"

#define MOST 32

static struct share *hungry(struct shares *shares, const char *lane, const char *tenant) {
    struct share *share = shares_find(shares, lane, tenant);
    shares_set_hungry(shares, share, true);
    return share;
}

/* All that was dealt was there, and `lives` jobs more point to each. */
static size_t claim(struct shares *shares, size_t room, size_t firm) {
    struct share *dealt[MOST];
    size_t n = shares_deal(shares, room, firm, dealt, MOST), given = 0;
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < dealt[i]->quota; k++)
            shares_join(dealt[i]);
        given += dealt[i]->quota;
        dealt[i]->got = dealt[i]->quota;
        shares_settle(shares, dealt[i]);
    }
    return given;
}

static void no_more_than_the_limit_leaves(void **state) {
    (void)state;
    struct shares shares;
    shares_init(&shares);
    struct share *a = hungry(&shares, "", "a"), *b = hungry(&shares, "", "b");
    shares_set_limit(&shares, a, 3);
    assert_true(share_is_limited(a));
    assert_false(share_is_limited(b));
    assert_int_equal(claim(&shares, 10, 10), 10);
    assert_int_equal(a->lives, 3);
    assert_int_equal(b->lives, 7);
    assert_int_equal(claim(&shares, 4, 4), 4);
    assert_int_equal(a->lives, 3);
    assert_true(a->capped);
    assert_int_equal(shares.active_count, 1);
    shares_done(&shares);
}

static void an_end_makes_room_at_once(void **state) {
    (void)state;
    struct shares shares;
    shares_init(&shares);
    struct share *a = hungry(&shares, "", "a");
    shares_set_limit(&shares, a, 2);
    assert_int_equal(claim(&shares, 5, 5), 2);
    assert_int_equal(claim(&shares, 5, 5), 0);
    shares_leaving(&shares, a); /* written by this tick: the claim beside it counts on that */
    assert_false(a->capped);
    assert_int_equal(claim(&shares, 5, 5), 1);
    shares_stay(a); /* the tick has failed, say: as before */
    assert_int_equal(claim(&shares, 5, 5), 0);
    shares_leave(&shares, a);
    shares_leave(&shares, a);
    assert_int_equal(claim(&shares, 5, 5), 1);
    shares_done(&shares);
}

static void only_into_firm_places(void **state) {
    (void)state;
    struct shares shares;
    shares_init(&shares);
    struct share *a = hungry(&shares, "", "a");
    shares_set_limit(&shares, a, 100);
    assert_int_equal(claim(&shares, 10, 4), 4);
    assert_false(a->capped); /* it was not its limit */
    struct share *b = hungry(&shares, "", "b");
    assert_int_equal(claim(&shares, 10, 0), 10);
    assert_int_equal(a->lives, 4);
    assert_int_equal(b->lives, 10);
    shares_done(&shares);
}

/* What others have is known only from the answer to a claim. */
static void capped_by_jobs_elsewhere(void **state) {
    (void)state;
    struct shares shares;
    shares_init(&shares);
    struct share *a = hungry(&shares, "", "a"), *dealt[MOST];
    shares_set_limit(&shares, a, 5);
    double before = a->account->time;
    assert_int_equal(shares_deal(&shares, 5, 5, dealt, MOST), 1);
    assert_int_equal(a->quota, 5);
    a->allowed = a->got = 0;
    shares_settle(&shares, a);
    assert_true(a->capped);
    assert_true(a->hungry);
    assert_true(a->account->time == before); /* and it is not charged */
    assert_int_equal(shares_deal(&shares, 5, 5, dealt, MOST), 0);
    shares_uncap(&shares, a);
    assert_int_equal(claim(&shares, 5, 5), 5);
    shares_done(&shares);
}

static void a_new_limit_is_tried_at_once(void **state) {
    (void)state;
    struct shares shares;
    shares_init(&shares);
    struct share *a = hungry(&shares, "", "a");
    shares_set_limit(&shares, a, 0);
    assert_int_equal(claim(&shares, 5, 5), 0);
    assert_true(a->capped);
    shares_set_limit(&shares, a, 2);
    assert_int_equal(claim(&shares, 5, 5), 2);
    shares_set_limit(&shares, a, -1);
    assert_int_equal(claim(&shares, 5, 0), 5);
    shares_done(&shares);
}

static void limits_of_a_lane(void **state) {
    (void)state;
    struct shares shares;
    shares_init(&shares);
    shares_set_lane(&shares, "c", 4, 3);
    struct share *a = hungry(&shares, "c", "a");
    assert_int_equal(claim(&shares, 10, 10), 3); /* of each tenant */
    struct share *b = hungry(&shares, "c", "b");
    assert_int_equal(claim(&shares, 10, 10), 1); /* of all */
    assert_int_equal(b->lives, 1);
    assert_int_equal(claim(&shares, 10, 10), 0);
    shares_leave(&shares, a); /* its place may be b's */
    assert_false(b->capped);
    assert_int_equal(claim(&shares, 10, 10), 1);
    shares_set_lane(&shares, "c", -1, -1);
    assert_int_equal(claim(&shares, 10, 0), 10);
    shares_done(&shares);
}

/* Two lanes are not two shares, and they take turns. */
static void lanes_of_a_tenant_have_one_share(void **state) {
    (void)state;
    struct shares shares;
    shares_init(&shares);
    struct share *plain = hungry(&shares, "", "a"), *own = hungry(&shares, "c", "a"),
                 *other = hungry(&shares, "", "b");
    for (int i = 0; i < 50; i++)
        assert_int_equal(claim(&shares, 8, 8), 8);
    assert_int_equal(other->lives, 200);
    assert_int_equal(plain->lives + own->lives, 200);
    assert_true(plain->lives > 80 && own->lives > 80);
    shares_done(&shares);
}

static void jobs_that_were_moved_leave_it_hungry(void **state) {
    (void)state;
    struct shares shares;
    shares_init(&shares);
    struct share *a = hungry(&shares, "", "a"), *dealt[MOST];
    assert_int_equal(shares_deal(&shares, 5, 5, dealt, MOST), 1);
    a->moved = 5; /* they were of a class that has a lane by now: others may stand behind them */
    shares_settle(&shares, a);
    assert_true(a->active);
    assert_int_equal(shares_deal(&shares, 5, 5, dealt, MOST), 1);
    shares_settle(&shares, a);
    assert_false(a->active);
    shares_done(&shares);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_more_than_the_limit_leaves),
        cmocka_unit_test(an_end_makes_room_at_once),
        cmocka_unit_test(only_into_firm_places),
        cmocka_unit_test(capped_by_jobs_elsewhere),
        cmocka_unit_test(a_new_limit_is_tried_at_once),
        cmocka_unit_test(limits_of_a_lane),
        cmocka_unit_test(lanes_of_a_tenant_have_one_share),
        cmocka_unit_test(jobs_that_were_moved_leave_it_hungry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
