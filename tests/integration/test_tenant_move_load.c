/* A tenant is moved while a service runs on both datasources: nothing is lost or run twice. */
#include "module/base/buf.h"
#include "tests/lib/audit.h"
#include "tests/lib/event_log.h"
#include "tests/lib/jobctl.h"
#include "tests/lib/servers.h"
#include "tests/lib/service.h"
#include "tests/lib/store_fixture.h"
#include "tests/lib/tenant_move.h"

#include <libpq-fe.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { JOBS = 1500, RUNS = JOBS + 188 + 187 /* 4: fails once, 6: snoozes once, modulo 8 */ };

static void submit_mixed(const char *url) {
    test_sql(url,
             "update jobs.t_tenant set max_queued = null where tenant = 'mv'; select "
             "jobs.job_submit_many('mv', (select jsonb_agg(jsonb_build_object('class_name', "
             "'mixed', 'attempts', 2, 'backoff', '20 ms', 'parameters', jsonb_build_object('n', "
             "i))) from generate_series(1, %d) i))",
             JOBS);
}

/* There, back and there again while a service works on both. */
static void move_under_load(const struct move_pair *pair, const char *more, const char *more_too,
                            const char *events_for) {
    struct buf urls[2] = {0};
    const char *const way[] = {"b", "a", "b"};
    buf_format(&urls[0], "jobs.datasource.a.url=%s", pair->a);
    buf_format(&urls[1], "jobs.datasource.b.url=%s", pair->b);
    runs_reset();
    submit_mixed(pair->a);
    struct test_service *s = service_start(NULL, NULL, "jobs.pool.size=4", buf_get(&urls[0]),
                                           buf_get(&urls[1]), more, more_too, NULL);
    for (int i = 0; i < 3; i++) {
        assert_true(runs_wait((size_t)(i + 1) * 100, LONG_MS));
        jobctl_says(0, "is moved", "tenant move mv -c %s --to %s --events-for %s", pair->config,
                    way[i], events_for);
        int64_t here =
            test_sql_integer(pair->b, "select count(*) from jobs.t_job_info where tenant "
                                      "= 'mv'");
        assert_int_equal(here, i == 1 ? 0 : JOBS);
    }
    wait_final(pair->b, JOBS, LONG_MS);
    assert_int_equal(runs_count(), RUNS);
    assert_int_equal(runs_doubled(), 0);
    if (strcmp(more, "jobs.amqp.url=") !=
        0) { /* a relay that is stopped leaves the rest to others */
        assert_true(test_wait_sql(pair->a, LONG_MS, "select count(*) = 0 from jobs.t_job_outbox"));
        assert_true(test_wait_sql(pair->b, LONG_MS, "select count(*) = 0 from jobs.t_job_outbox"));
    }
    service_stop(s);
    buf_done(&urls[0]);
    buf_done(&urls[1]);
    unlink(pair->config);
}

static void moved_under_load(void **state) {
    (void)state;
    struct move_pair pair = move_pair_new();
    move_under_load(&pair, "jobs.amqp.url=", "jobs.api.listen=", "0");
    audit_finished(pair.a);
    audit_finished(pair.b);
}

/* A subscriber sees each job's events 1, 2, 3, … to the end, whichever datasource tells them. */
static void events_stay_in_order(void **state) {
    (void)state;
    struct move_pair pair = move_pair_new();
    const char *service = test_service_name();
    struct buf settings[2] = {0};
    buf_format(&settings[0], "jobs.amqp.url=%s", test_amqp_url());
    buf_format(&settings[1], "jobs.service=%s", service);
    struct event_log *log = event_log_start(test_amqp_url(), service, "mv.#");
    move_under_load(&pair, buf_get(&settings[0]), buf_get(&settings[1]), "1s");
    size_t versions = (size_t)test_sql_integer(pair.b, "select sum(version) from jobs.t_job_info "
                                                       "where tenant = 'mv'");
    assert_true(event_log_wait(log, versions, LONG_MS));
    struct event_log_counts counts = event_log_get(log);
    print_message("%zu events of %zu jobs, %zu more than once\n", counts.applied, counts.jobs,
                  counts.repeated);
    assert_int_equal(counts.applied, versions);
    assert_int_equal(counts.final, JOBS);
    assert_int_equal(counts.ahead, 0);
    event_log_stop(log);
    buf_done(&settings[0]);
    buf_done(&settings[1]);
}

static int up(void **state) {
    (void)state;
    jobctl_use(BUILD_DIR "/bin");
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moved_under_load),
        cmocka_unit_test(events_stay_in_order),
    };
    return cmocka_run_group_tests(tests, up, NULL);
}
