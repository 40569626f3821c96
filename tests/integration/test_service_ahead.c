/* What is claimed beyond the free slots begins soon, or is not claimed: nobody else may run it
 * meanwhile, and a hand-back is two changes of status that everybody hears of. */
#include "module/base/clock.h"
#include "tests/lib/audit.h"
#include "tests/lib/service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define SLOTS 4
#define QUICK 200

static const struct job_class *const classes[] = {&runs_class_count, &runs_class_gate, NULL};

struct fixture {
    const char *url;
    struct test_service *service;
};

static int set_up(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    runs_reset();
    runs_gate(false);
    f->url = service_database();
    f->service = service_start(f->url, classes, "jobs.pool.size=4", NULL);
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    runs_gate(true);
    assert_true(test_wait_sql(f->url, LONG_MS,
                              "select not exists (select from jobs.t_job_info "
                              "where status not in ('SUCCEEDED', 'FAILED', 'ABORTED'))"));
    service_stop(f->service);
    assert_int_equal(runs_doubled(), 0);
    audit_finished(f->url);
    free(f);
    return 0;
}

static void hold_all_slots(const struct fixture *f) {
    for (int i = 0; i < SLOTS; i++)
        free(submit(f->url, "'t0', 'gate', priority => 10"));
}

static void wait_held(const struct fixture *f) {
    assert_true(test_wait_sql(f->url, LONG_MS,
                              "select count(*) = %d from jobs.t_job_info where class_name = 'gate' "
                              "and status = 'RUNNING' and start_date < clock_timestamp() - "
                              "interval '0.3 s'",
                              SLOTS));
}

/* Once the dispatcher has seen the jobs that wait, and has taken of them what it wanted: how many have
 * been claimed, those too that were handed back since. */
static int64_t claimed_ahead(const struct fixture *f) {
    assert_true(
        test_wait_sql(f->url, LONG_MS,
                      "select coalesce(bool_or(backlogged), false) from jobs.v_tenant_share"));
    return test_sql_integer(f->url, "select count(*) from jobs.t_job_info where status = "
                                    "'TO_BE_RUN' or status = 'QUEUED' and version > 1");
}

/* Runs were short all the time, but those that have the slots now are not. */
static void slots_that_are_held_for_long(void **state) {
    const struct fixture *f = *state;
    submit_many(f->url, "count", 1000, 1, "{}");
    assert_true(runs_wait(1000, LONG_MS));
    hold_all_slots(f);
    wait_held(f);
    submit_many(f->url, "count", QUICK, 1, "{}");
    assert_int_equal(claimed_ahead(f), 0);
}

/* One run was short, which says little of the next hundred. */
static void a_first_run_that_was_short(void **state) {
    const struct fixture *f = *state;
    free(submit(f->url, "'t0', 'count'"));
    assert_true(runs_wait(1, LONG_MS));
    test_sql(f->url,
             "select jobs.job_submit('t0', 'gate', priority => 10) from generate_series(1, %d); "
             "select jobs.job_submit('t0', 'count') from generate_series(1, %d)",
             SLOTS, QUICK);
    int64_t ahead = claimed_ahead(f);
    print_message("%lld jobs claimed ahead\n", (long long)ahead);
    assert_true(ahead < 2 * SLOTS);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(slots_that_are_held_for_long),
        TEST(a_first_run_that_was_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
