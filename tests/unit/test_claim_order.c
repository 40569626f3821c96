/* In which order the jobs of a claim begin. */
#include "module/service/claim_order.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

static char shares[3];

static const size_t quotas[] = {4, 2, 4};

static struct claim_entry entry(size_t share, int64_t priority, int64_t seq, size_t row) {
    return (struct claim_entry){.share = &shares[share],
                                .quota = quotas[share],
                                .priority = priority,
                                .seq = seq,
                                .row = row};
}

static void assert_order(struct claim_entry *entries, size_t count, const char *rows) {
    char found[64] = "";
    claim_order(entries, count);
    for (size_t i = 0; i < count; i++)
        snprintf(found + strlen(found), sizeof found - strlen(found), "%zu ", entries[i].row);
    assert_string_equal(found, rows);
}

static void one_share_by_priority_then_first_in_first_out(void **state) {
    (void)state;
    struct claim_entry entries[] = {entry(0, 0, 7, 0), entry(0, 5, 9, 1), entry(0, 0, 6, 2),
                                    entry(0, -1, 1, 3), entry(0, 5, 8, 4)};
    assert_order(entries, 5, "4 1 2 0 3 ");
}

static void shares_side_by_side(void **state) {
    (void)state;
    struct claim_entry entries[] = {entry(0, 0, 1, 0), entry(0, 0, 2, 1), entry(0, 0, 3, 2),
                                    entry(0, 0, 4, 3), entry(1, 0, 5, 4), entry(1, 0, 6, 5)};
    assert_order(entries, 6, "0 1 4 2 3 5 ");
}

/* A priority counts inside of a share only: tenants do not push each other aside by it. */
static void priority_is_no_matter_between_shares(void **state) {
    (void)state;
    struct claim_entry entries[] = {entry(0, 0, 1, 0), entry(2, 9, 2, 1), entry(2, 9, 3, 2),
                                    entry(0, 0, 4, 3)};
    assert_order(entries, 4, "0 1 3 2 ");
}

/* Who had less than it was dealt is not pushed back for it. */
static void one_that_has_less_than_its_quota(void **state) {
    (void)state;
    struct claim_entry entries[] = {entry(0, 0, 1, 0), entry(0, 0, 2, 1), entry(0, 0, 3, 2),
                                    entry(0, 0, 4, 3), entry(2, 0, 5, 4)};
    assert_order(entries, 5, "0 4 1 2 3 ");
}

static void nothing(void **state) {
    (void)state;
    claim_order(NULL, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_share_by_priority_then_first_in_first_out),
        cmocka_unit_test(shares_side_by_side),
        cmocka_unit_test(priority_is_no_matter_between_shares),
        cmocka_unit_test(one_that_has_less_than_its_quota),
        cmocka_unit_test(nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
