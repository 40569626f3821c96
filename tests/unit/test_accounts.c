/* The books: what tenants were owed and given. */
#include "tests/unit/unit.h"

#include "module/service/accounts.h"

static struct account *backlogged(struct accounts *accounts, const char *tenant, int weight) {
    struct account *account = accounts_find(accounts, tenant);
    account_set_weight(accounts, account, weight);
    account_set_backlog(accounts, account, true);
    return account;
}

static void assert_lag(const struct accounts *accounts, const struct account *account,
                       double expected) {
    double lag = account_lag(accounts, account);
    if (lag < expected - 0.001 || lag > expected + 0.001)
        fail_msg("lag of %s is %g, not %g", account->tenant, lag, expected);
}

static void what_one_gets_is_owed_to_all_by_weight(void **state) {
    (void)state;
    struct accounts accounts = {0};
    struct account *a = backlogged(&accounts, "a", 1), *b = backlogged(&accounts, "b", 3);
    account_use(&accounts, a, 1000);
    assert_lag(&accounts, a, 250 - 1000);
    assert_lag(&accounts, b, 750);
    account_use(&accounts, b, 3000);
    assert_lag(&accounts, a, 0);
    assert_lag(&accounts, b, 0);
    accounts_done(&accounts);
}

static void who_has_no_backlog_is_owed_nothing(void **state) {
    (void)state;
    struct accounts accounts = {0};
    struct account *a = backlogged(&accounts, "a", 1), *b = accounts_find(&accounts, "b");
    account_use(&accounts, a, 500);
    assert_lag(&accounts, a, 0); /* alone: all was its own */
    account_use(&accounts, b, 700);
    assert_lag(&accounts, a, 0); /* b had only what it asked for */
    assert_lag(&accounts, b, 0);
    assert_true(b->got == 700);
    account_set_backlog(&accounts, b, true);
    account_use(&accounts, a, 500);
    assert_lag(&accounts, b, 250); /* since its backlog began */
    account_set_backlog(&accounts, b, false);
    assert_lag(&accounts, b, 0);
    assert_lag(&accounts, a, -250);
    account_use(&accounts, a, 500);
    assert_lag(&accounts, a, -250);
    account_set_backlog(&accounts, b, true);
    assert_lag(&accounts, b, 0); /* the earlier one is forgotten */
    accounts_done(&accounts);
}

static void a_new_weight_counts_from_now_on(void **state) {
    (void)state;
    struct accounts accounts = {0};
    struct account *a = backlogged(&accounts, "a", 1), *b = backlogged(&accounts, "b", 1);
    account_use(&accounts, a, 1000);
    account_set_weight(&accounts, b, 4);
    assert_lag(&accounts, b, 500);
    account_use(&accounts, a, 1000);
    assert_lag(&accounts, b, 500 + 800);
    assert_lag(&accounts, a, -500 - 800);
    accounts_done(&accounts);
}

static void lanes_of_a_tenant_are_one_backlog(void **state) {
    (void)state;
    struct accounts accounts = {0};
    struct account *a = backlogged(&accounts, "a", 2), *b = backlogged(&accounts, "b", 2);
    account_set_backlog(&accounts, a, true);
    assert_true(accounts.weight == 4);
    account_use(&accounts, b, 1000);
    account_set_backlog(&accounts, a, false);
    assert_lag(&accounts, a, 500);
    account_set_backlog(&accounts, a, false);
    assert_true(accounts.weight == 2);
    accounts_done(&accounts);
}

static void forgotten_with_its_last_lane(void **state) {
    (void)state;
    struct accounts accounts = {0};
    struct account *a = accounts_find(&accounts, "a");
    accounts_join(a), accounts_join(a);
    accounts_leave(&accounts, a);
    assert_ptr_equal(accounts_find(&accounts, "a"), a);
    accounts_leave(&accounts, a);
    assert_int_equal(accounts.by_tenant.count, 0);
    accounts_done(&accounts);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_one_gets_is_owed_to_all_by_weight),
        cmocka_unit_test(who_has_no_backlog_is_owed_nothing),
        cmocka_unit_test(a_new_weight_counts_from_now_on),
        cmocka_unit_test(lanes_of_a_tenant_are_one_backlog),
        cmocka_unit_test(forgotten_with_its_last_lane),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
