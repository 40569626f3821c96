/* Several services on one datasource, several datasources in one service. */
#include "module/base/buf.h"
#include "module/base/clock.h"
#include "tests/lib/audit.h"
#include "tests/lib/service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* Each job once; both instances have a part in it. */
static void none_is_run_twice(void **state) {
    (void)state;
    runs_reset();
    int count = test_time_factor() > 1 ? 4000 : 20000;
    const char *url = service_database();
    struct test_service *a = service_start(url, NULL, "jobs.pool.size=8", NULL);
    struct test_service *b = service_start(url, NULL, "jobs.pool.size=8", NULL);
    int64_t began = clock_now();
    submit_many(url, "count", count, 7, NULL);
    wait_final(url, count, 2 * LONG_MS);
    double took = (double)(clock_now() - began) / 1e6;
    service_stop(a);
    service_stop(b);
    assert_int_equal(runs_count(), count);
    assert_int_equal(runs_doubled(), 0);
    assert_int_equal(count_jobs(url, "status = 'SUCCEEDED' and attempt = 1"), count);
    char *shares =
        test_sql_value(url, "select string_agg(n::text, ' and ') from (select count(*) n "
                            "from jobs.t_job_info group by instance) x");
    int64_t instances =
        test_sql_integer(url, "select count(distinct instance) from jobs.t_job_info");
    print_message("%d jobs in %.1f s, submit included: %s\n", count, took, shares);
    assert_int_equal(instances, 2);
    free(shares);
    audit_finished(url);
}

/* Jobs of all kinds, three services, one of which leaves and one of which comes under way. */
static void services_come_and_go(void **state) {
    (void)state;
    runs_reset();
    int count = test_time_factor() > 1 ? 800 : 4000;
    const char *url = service_database();
    struct test_service *a = service_start(url, NULL, NULL);
    submit_many(url, "mixed", count, 7, "{\"attempts\": 2, \"backoff\": \"10 ms\"}");
    assert_true(runs_wait((size_t)count / 10, LONG_MS));
    struct test_service *b = service_start(url, NULL, NULL);
    assert_true(runs_wait((size_t)count / 4, LONG_MS));
    service_stop(a);
    struct test_service *c = service_start(url, NULL, NULL);
    wait_final(url, count, 2 * LONG_MS);
    service_stop(b);
    service_stop(c);
    assert_int_equal(runs_doubled(), 0);
    assert_int_equal(runs_count(), count + count / 8 + count / 8); /* kinds 4 and 6 twice */
    assert_int_equal(count_jobs(url, "status = 'FAILED'"), count / 8);
    assert_int_equal(test_sql_integer(url, "select count(*) from jobs.t_job_instance"), 0);
    audit_finished(url);
}

static void several_datasources_in_one_service(void **state) {
    (void)state;
    runs_reset();
    enum { N = 3, JOBS = 300 };
    const char *urls[N];
    struct buf settings[N] = {0};
    for (int i = 0; i < N; i++) {
        urls[i] = service_database();
        buf_format(&settings[i], "jobs.datasource.d%d.url=%s", i, urls[i]);
    }
    struct test_service *s = service_start(NULL, NULL, buf_get(&settings[0]), buf_get(&settings[1]),
                                           buf_get(&settings[2]), "jobs.pool.size=4", NULL);
    for (int i = 0; i < N; i++)
        submit_many(urls[i], "count", JOBS, 3, NULL);
    for (int i = 0; i < N; i++)
        wait_final(urls[i], JOBS, LONG_MS);
    service_stop(s);
    assert_int_equal(runs_count(), N * JOBS);
    assert_int_equal(runs_doubled(), 0);
    for (int i = 0; i < N; i++) {
        audit_finished(urls[i]);
        buf_done(&settings[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(none_is_run_twice),
        cmocka_unit_test(services_come_and_go),
        cmocka_unit_test(several_datasources_in_one_service),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
