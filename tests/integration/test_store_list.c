/* JobInfoService: pages and filters. */
#include "module/job/status.h"
#include "module/store/store.h"
#include "tests/lib/servers.h"
#include "tests/lib/store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* One job of acme in each status, in that order; globex has one too, which nobody may see. */
static struct job_uuid ids[JOB_STATUS_COUNT];

static int up(void **state) {
    int rc = store_fixture_up(state);
    struct store_fixture *f = *state;
    struct job_uuid other;
    for (int i = 0; i < JOB_STATUS_COUNT; i++) {
        struct job_info job = JOB_INFO(.tenant = "acme", .class_name = i % 2 ? "odd" : "even",
                                       .owner = i < 3 ? "ann" : "bob", .related_type = "order",
                                       .related_id = i == 4 ? "4" : NULL);
        STORE_OK(job_info_create_as_queued(&f->s, &job, 1, &ids[i], &err));
        store_move(f, ids[i].text, (enum job_status)i);
        store_create(&f->s, "globex", &other);
        store_move(f, other.text, (enum job_status)i);
    }
    store_check_clean(&f->s);
    return rc;
}

/* The statuses that a list with this filter shows, as bits; fails on another tenant's job. */
static unsigned shown(const struct store_fixture *f, const struct job_info_filter *filter) {
    struct job_info_list *list;
    unsigned statuses = 0;
    STORE_OK(job_info_list(&f->s, filter, &list, &err));
    for (size_t i = 0; i < list->count; i++) {
        const struct job_info *job = &list->infos[i];
        assert_string_equal(job->tenant, "acme");
        assert_string_equal(job->id, ids[job->status].text);
        assert_false(statuses & 1u << job->status);
        statuses |= 1u << job->status;
    }
    job_info_free(list);
    return statuses;
}

static void any_set_of_statuses(void **state) {
    for (unsigned statuses = 1; statuses < 1u << JOB_STATUS_COUNT; statuses++) {
        struct job_info_filter filter = JOB_INFO_FILTER(.tenant = "acme", .statuses = statuses);
        assert_int_equal(shown(*state, &filter), statuses);
    }
}

static void filters_narrow_further(void **state) {
    struct store_fixture *f = *state;
    struct job_info_filter all = JOB_INFO_FILTER(.tenant = "acme");
    assert_int_equal(shown(f, &all), 0x7f);
    struct job_info_filter class = JOB_INFO_FILTER(.tenant = "acme", .class_name = "odd");
    assert_int_equal(shown(f, &class), 0x2a);
    struct job_info_filter owner = JOB_INFO_FILTER(.tenant = "acme", .owner = "ann");
    assert_int_equal(shown(f, &owner), 0x07);
    struct job_info_filter related =
        JOB_INFO_FILTER(.tenant = "acme", .related_type = "order", .related_id = "4");
    assert_int_equal(shown(f, &related), 0x10);
    struct job_info_filter failed =
        JOB_INFO_FILTER(.tenant = "acme", .owner = "bob",
                        .statuses = 1u << JOB_FAILED | 1u << JOB_QUEUED);
    assert_int_equal(shown(f, &failed), 1u << JOB_FAILED);
    failed.class_name = "even";
    assert_int_equal(shown(f, &failed), 0);
    struct job_info_filter none = JOB_INFO_FILTER(.tenant = "acme", .related_id = "5");
    assert_int_equal(shown(f, &none), 0);
}

/* Walks the pages; every job comes once, ids only fall. */
static void page_through(const struct store_fixture *f, unsigned statuses, size_t expected) {
    struct job_info_filter filter =
        JOB_INFO_FILTER(.tenant = "acme", .statuses = statuses, .limit = 2);
    char last[37] = "";
    size_t seen = 0;
    for (;;) {
        struct job_info_list *page;
        STORE_OK(job_info_list(&f->s, &filter, &page, &err));
        for (size_t i = 0; i < page->count; i++, seen++) {
            assert_true(!last[0] || strcmp(page->infos[i].id, last) < 0);
            memcpy(last, page->infos[i].id, sizeof last);
        }
        bool end = page->count < 2;
        job_info_free(page);
        if (end)
            break;
        filter.after_id = last;
    }
    assert_int_equal(seen, expected);
}

static void pages_follow_each_other(void **state) {
    page_through(*state, 0, 7);
    page_through(*state, 1u << JOB_FAILED | 1u << JOB_ABORTED, 2);
    page_through(*state, 1u << JOB_QUEUED | 1u << JOB_RUNNING | 1u << JOB_FAILED, 3);
}

static void brief_lists_leave_out_what_is_large(void **state) {
    struct store_fixture *f = *state;
    struct job_info_filter filter = JOB_INFO_FILTER(.tenant = "acme", .statuses = 1u << JOB_FAILED);
    struct job_info_list *list;
    STORE_OK(store_list(&f->s, &filter, true, &list, &err));
    assert_null(list->infos[0].error);
    assert_null(list->infos[0].parameters);
    assert_string_equal(list->infos[0].error_kind, "ERROR");
    job_info_free(list);
    STORE_OK(store_list(&f->s, &filter, false, &list, &err));
    assert_string_equal(list->infos[0].error, "broken");
    assert_string_equal(list->infos[0].parameters, "{}");
    job_info_free(list);
}

static void bad_filters_are_told(void **state) {
    struct store_fixture *f = *state;
    struct job_info_list *list;
    struct job_info_filter bad = JOB_INFO_FILTER(.tenant = "nobody");
    STORE_FAILS(JOBS_ENOENT, "tenant 'nobody' is unknown", job_info_list(&f->s, &bad, &list, &err));
    bad = (struct job_info_filter)JOB_INFO_FILTER(.statuses = 0);
    STORE_FAILS(JOBS_EINVAL, "tenant", job_info_list(&f->s, &bad, &list, &err));
    bad = (struct job_info_filter)JOB_INFO_FILTER(.tenant = "acme", .statuses = 1u << 7);
    STORE_FAILS(JOBS_EINVAL, "status", job_info_list(&f->s, &bad, &list, &err));
    bad = (struct job_info_filter)JOB_INFO_FILTER(.tenant = "acme", .limit = 1001);
    STORE_FAILS(JOBS_EINVAL, "1000", job_info_list(&f->s, &bad, &list, &err));
    bad = (struct job_info_filter)JOB_INFO_FILTER(.tenant = "acme", .after_id = "x");
    STORE_FAILS(JOBS_EINVAL, "no job id", job_info_list(&f->s, &bad, &list, &err));
    bad.size = 0;
    STORE_FAILS(JOBS_EINVAL, "size", job_info_list(&f->s, &bad, &list, &err));
}

struct sums {
    int64_t n[JOB_STATUS_COUNT];
};

static void add_count(void *arg, const struct store_count *count) {
    assert_string_equal(count->tenant, "acme");
    for (int i = 0; i < JOB_STATUS_COUNT; i++)
        ((struct sums *)arg)->n[i] += count->n[i];
}

static void add_attempt(void *arg, const struct store_attempt *attempt) {
    assert_int_equal(attempt->attempt, 1);
    assert_string_equal(attempt->outcome, "FAILED");
    assert_string_equal(attempt->error, "broken");
    assert_true(attempt->start_date > 0 && attempt->stop_date >= attempt->start_date);
    ++*(int *)arg;
}

static void counts_and_attempts(void **state) {
    struct store_fixture *f = *state;
    struct sums sums = {0};
    int attempts = 0;
    STORE_OK(store_counts(&f->s, "acme", add_count, &sums, &err));
    for (int i = 0; i < JOB_STATUS_COUNT; i++)
        assert_int_equal(sums.n[i], 1);
    STORE_OK(store_attempts(&f->s, "acme", ids[JOB_FAILED].text, add_attempt, &attempts, &err));
    assert_int_equal(attempts, 1);
    STORE_OK(store_attempts(&f->s, "globex", ids[JOB_FAILED].text, add_attempt, &attempts, &err));
    assert_int_equal(attempts, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_set_of_statuses),
        cmocka_unit_test(filters_narrow_further),
        cmocka_unit_test(pages_follow_each_other),
        cmocka_unit_test(brief_lists_leave_out_what_is_large),
        cmocka_unit_test(bad_filters_are_told),
        cmocka_unit_test(counts_and_attempts),
    };
    return cmocka_run_group_tests(tests, up, store_fixture_down);
}
