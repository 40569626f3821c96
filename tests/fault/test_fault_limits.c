/* A tenant's limit while the instances that keep it are killed: never passed, and always used. */
#include "module/base/clock.h"
#include "tests/lib/audit.h"
#include "tests/lib/program.h"
#include "tests/lib/service.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libpq-fe.h>

#define LIMIT 3
#define JOBS 5000
#define KILLS 4
#define TAKEOVER_MS 8000 /* 5 s in which its lock is seen free, and what it takes to act on it */

static pid_t start_jobsd(const char *url, int number) {
    char database[256], name[64];
    snprintf(database, sizeof database, "jobs.datasource.main.url=%s", url);
    snprintf(name, sizeof name, "jobs.instance.name=n%d", number);
    const char *argv[] = {BUILD_DIR "/bin/jobsd",
                          "--set",
                          database,
                          "--set",
                          name,
                          "--set",
                          "jobs.pool.size=6",
                          "--set",
                          "jobs.lease.ms=6s",
                          "--set",
                          "jobs.amqp.url=",
                          "--set",
                          "jobs.log.level=error",
                          NULL};
    pid_t pid = program_start(argv, NULL, NULL);
    if (!test_wait_sql(url, LONG_MS,
                       "select count(*) = 1 from jobs.t_job_instance where name = 'n%d'", number))
        fail_msg("jobsd n%d does not come up", number);
    return pid;
}

/* ---- samples of the tables ---- */

struct samples {
    size_t count, above;
    int64_t below_since,
        below_longest; /* microseconds with fewer than the limit and work waiting */
    int64_t left;
};

static PGconn *open_tables(const char *url) {
    PGconn *db = PQconnectdb(url);
    PQclear(
        PQprepare(db, "look",
                  "select (select count(*) from jobs.t_job_claim c cross join unnest(c.ids) u(id) "
                  "join jobs.t_job_info j on j.id = u.id where j.instance = c.instance and "
                  "j.status in ('TO_BE_RUN', 'RUNNING')), (select count(*) from (select from "
                  "jobs.t_job_ready limit 10) x), (select coalesce(sum(n), 0) from "
                  "jobs.v_job_count where status not in ('SUCCEEDED', 'FAILED', 'ABORTED'))",
                  0, NULL));
    return db;
}

static void look(PGconn *db, struct samples *s) {
    PGresult *row = PQexecPrepared(db, "look", 0, NULL, NULL, NULL, 0);
    assert_int_equal(PQresultStatus(row), PGRES_TUPLES_OK);
    int live = atoi(PQgetvalue(row, 0, 0)), waiting = atoi(PQgetvalue(row, 0, 1));
    s->left = atoll(PQgetvalue(row, 0, 2));
    PQclear(row);
    int64_t now = clock_now();
    s->count++;
    s->above += live > LIMIT;
    if (live >= LIMIT || waiting < 10)
        s->below_since = 0;
    else if (s->below_since == 0)
        s->below_since = now;
    else if (now - s->below_since > s->below_longest)
        s->below_longest = now - s->below_since;
}

/* Until so many are left to do, or so much time has passed (0: however long it takes). */
static void watch(PGconn *db, struct samples *s, int64_t left, int64_t most_ms) {
    int64_t began = clock_now(), give_up = began + 600 * CLOCK_SECOND;
    do {
        look(db, s);
        if (clock_now() > give_up)
            fail_msg("%lld jobs are left after ten minutes", (long long)s->left);
    } while (s->left > left && (most_ms == 0 || clock_now() - began < most_ms * CLOCK_MS));
}

/* ---- the record of events ---- */

/* The most jobs that were TO_BE_RUN or RUNNING at a time, by the dates of the events. */
static int64_t most_by_events(const char *url) {
    return test_sql_integer(
        url, "select max(n) from (select sum(case s.status when 'TO_BE_RUN' then 1 else -1 end) "
             "over (order by s.date, s.status = 'TO_BE_RUN') as n from (select u.status, u.date "
             "from jobs.t_job_outbox o cross join lateral unnest(o.statuses, o.versions, o.dates) "
             "u(status, version, date) where u.version > 1 and u.status <> 'RUNNING') s) x");
}

static void never_more_and_hardly_ever_fewer(void **state) {
    (void)state;
    const char *url = service_database();
    struct samples s = {0};
    test_sql(url, "update jobs.t_tenant set max_running = %d where tenant = 't0'", LIMIT);
    test_sql(url,
             "select jobs.job_submit_many('t0', jsonb_agg('{\"class_name\": \"noop\"}'::jsonb)) "
             "from generate_series(1, %d)",
             JOBS);
    pid_t pids[2] = {start_jobsd(url, 1), start_jobsd(url, 2)};
    PGconn *db = open_tables(url);
    for (int i = 0; i < KILLS; i++) {
        watch(db, &s, s.left > 0 ? s.left - 300 : JOBS - 300, 0);
        assert_int_equal(program_end(pids[i % 2], SIGKILL, LONG_MS), 128 + SIGKILL);
        pids[i % 2] = start_jobsd(url, i + 3);
        watch(db, &s, 0, 2 * TAKEOVER_MS);
    }
    watch(db, &s, 0, 0);
    PQfinish(db);
    assert_true(test_wait_sql(url, 2 * LONG_MS, "select count(*) = 0 from jobs.t_job_claim"));
    for (int i = 0; i < 2; i++)
        assert_int_equal(program_end(pids[i], SIGTERM, LONG_MS), 0);
    print_message("%zu samples, %zu above the limit; fewer for %.1f s at most\n", s.count, s.above,
                  (double)s.below_longest / 1e6);
    assert_int_equal(s.above, 0);
    assert_int_equal(most_by_events(url), LIMIT);
    assert_true(s.below_longest < TAKEOVER_MS * CLOCK_MS * test_time_factor());
    assert_int_equal(count_jobs(url, "status = 'SUCCEEDED'"), JOBS);
    audit_finished(url);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(never_more_and_hardly_ever_fewer)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
