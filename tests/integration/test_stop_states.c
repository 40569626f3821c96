/* stop, release, retry and lock in each of the seven statuses. */
#include "module/job/status.h"
#include "tests/lib/servers.h"
#include "tests/lib/store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void job_in(const struct store_fixture *f, enum job_status status, struct job_uuid *ret_id) {
    store_create(&f->s, "acme", ret_id);
    store_move(f, ret_id->text, status);
    assert_int_equal(store_status(f, ret_id->text), status);
}

static int64_t version_of(const struct store_fixture *f, const char *id) {
    return test_sql_integer(f->url, "select version from jobs.t_job_info where id = '%s'", id);
}

static int64_t asked(const struct store_fixture *f, const char *id) {
    return test_sql_integer(f->url,
                            "select stop_requested::int from jobs.t_job_info where id = '%s'", id);
}

static void stop_in_every_status(void **state) {
    static const enum job_status after[] = {
        [JOB_PENDING] = JOB_ABORTED,     [JOB_QUEUED] = JOB_ABORTED,
        [JOB_TO_BE_RUN] = JOB_TO_BE_RUN, [JOB_RUNNING] = JOB_RUNNING,
        [JOB_SUCCEEDED] = JOB_SUCCEEDED, [JOB_FAILED] = JOB_FAILED,
        [JOB_ABORTED] = JOB_ABORTED,
    };
    struct store_fixture *f = *state;
    for (int i = 0; i < JOB_STATUS_COUNT; i++) {
        struct job_uuid id;
        enum job_status now;
        job_in(f, (enum job_status)i, &id);
        int64_t version = version_of(f, id.text);
        bool ends_now = i == JOB_PENDING || i == JOB_QUEUED;
        for (int again = 0; again < 2; again++) {
            STORE_OK(job_info_stop(&f->s, "acme", id.text, &now, &err));
            assert_int_equal(now, after[i]);
            assert_int_equal(store_status(f, id.text), after[i]);
            assert_int_equal(version_of(f, id.text), version + ends_now);
        }
        assert_int_equal(asked(f, id.text), !status_is_final((enum job_status)i));
    }
    store_check_clean(&f->s);
}

static void stop_takes_a_timer_along(void **state) {
    struct store_fixture *f = *state;
    struct job_info job =
        JOB_INFO(.tenant = "acme", .class_name = "noop", .trigger_after_date = 4102444800000000);
    struct job_uuid id;
    STORE_OK(job_info_create_as_queued(&f->s, &job, 1, &id, &err));
    assert_int_equal(test_sql_integer(f->url,
                                      "select count(*) from jobs.t_job_timer where id = '%s'",
                                      id.text),
                     1);
    STORE_OK(job_info_stop(&f->s, "acme", id.text, NULL, &err));
    assert_int_equal(test_sql_integer(f->url,
                                      "select count(*) from jobs.t_job_timer where id = '%s'",
                                      id.text),
                     0);
    store_check_clean(&f->s);
}

static void release_only_from_pending(void **state) {
    struct store_fixture *f = *state;
    for (int i = 0; i < JOB_STATUS_COUNT; i++) {
        struct job_uuid id;
        job_in(f, (enum job_status)i, &id);
        if (i == JOB_PENDING) {
            STORE_OK(job_info_release(&f->s, "acme", id.text, &err));
            assert_int_equal(store_status(f, id.text), JOB_QUEUED);
        } else
            STORE_FAILS(JOBS_ESTATUS, status_name((enum job_status)i),
                        job_info_release(&f->s, "acme", id.text, &err));
    }
    store_check_clean(&f->s);
}

static void release_keeps_a_date_that_is_to_come(void **state) {
    struct store_fixture *f = *state;
    struct job_info job =
        JOB_INFO(.tenant = "acme", .class_name = "noop", .trigger_after_date = 4102444800000000);
    struct job_uuid id;
    STORE_OK(job_info_create_as_pending(&f->s, &job, 1, &id, &err));
    STORE_OK(job_info_release(&f->s, "acme", id.text, &err)); /* now it waits for its date */
    assert_int_equal(store_status(f, id.text), JOB_PENDING);
    store_check_clean(&f->s);
    STORE_OK(job_info_release(&f->s, "acme", id.text, &err)); /* and now for nothing */
    assert_int_equal(store_status(f, id.text), JOB_QUEUED);
    store_check_clean(&f->s);
}

static void retry_only_after_a_failure(void **state) {
    struct store_fixture *f = *state;
    for (int i = 0; i < JOB_STATUS_COUNT; i++) {
        struct job_uuid id;
        job_in(f, (enum job_status)i, &id);
        int64_t version = version_of(f, id.text);
        if (i == JOB_FAILED || i == JOB_ABORTED) {
            STORE_OK(job_info_retry(&f->s, "acme", id.text, &err));
            assert_int_equal(store_status(f, id.text), JOB_QUEUED);
            assert_int_equal(version_of(f, id.text), version + 1);
        } else
            STORE_FAILS(JOBS_ESTATUS, status_name((enum job_status)i),
                        job_info_retry(&f->s, "acme", id.text, &err));
    }
    store_check_clean(&f->s);
}

static void lock_in_every_status(void **state) {
    struct store_fixture *f = *state;
    for (int i = 0; i < JOB_STATUS_COUNT; i++) {
        struct job_uuid id;
        job_in(f, (enum job_status)i, &id);
        int64_t version = version_of(f, id.text);
        for (int locked = 1; locked >= 0; locked--) {
            STORE_OK(job_info_lock(&f->s, "acme", id.text, locked, &err));
            assert_int_equal(test_sql_integer(f->url,
                                              "select locked::int from jobs.t_job_info where id "
                                              "= '%s'",
                                              id.text),
                             locked);
        }
        assert_int_equal(version_of(f, id.text), version);
    }
    store_check_clean(&f->s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stop_in_every_status),
        cmocka_unit_test(stop_takes_a_timer_along),
        cmocka_unit_test(release_only_from_pending),
        cmocka_unit_test(release_keeps_a_date_that_is_to_come),
        cmocka_unit_test(retry_only_after_a_failure),
        cmocka_unit_test(lock_in_every_status),
    };
    return cmocka_run_group_tests(tests, store_fixture_up, store_fixture_down);
}
