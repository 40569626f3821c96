/* Rows that were deleted and cannot be cleaned away: claims begin above them, and what they pass over
 * is found all the same. */
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
#include <libpq-fe.h>

static PGconn *begin(const char *url, const char *statement) {
    PGconn *db = PQconnectdb(url);
    PQclear(PQexec(db, "begin isolation level repeatable read"));
    PGresult *result = PQexec(db, statement);
    if (PQresultStatus(result) != PGRES_TUPLES_OK)
        fail_msg("%s: %s", statement, PQresultErrorMessage(result));
    PQclear(result);
    return db;
}

static void commit(PGconn *db) {
    PQclear(PQexec(db, "commit"));
    PQfinish(db);
}

static bool sweeps(const char *url, int count) {
    return test_wait_sql(url, 2 * LONG_MS,
                         "select count(*) = %d from pg_stat_activity where application_name = "
                         "'jobs sweep' and datname = current_database()",
                         count);
}

/* Each is due a third of a second after the one before began. */
static void run_one_after_another(const char *url, int count) {
    for (int i = 0; i < count; i++) {
        char *id = submit(url, "'t0', 'count', at => now() + interval '0.3 s'");
        wait_status(url, id, "SUCCEEDED");
        free(id);
    }
}

/* Tenants that it has not seen yet are found at once, in the gaps between the others, and not by the next
 * sweep, a second after the last one. */
static void run_newcomers(const char *url) {
    static const char *const calls[] = {"'t3', 'count'", "'t2', 'count'", "'t5', 'count'",
                                        "'t6', 'nap', '{\"ms\": 1}'", "'t4', 'count'"};
    int64_t began = clock_now();
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        char *id = submit(url, "%s", calls[i]);
        wait_status(url, id, "SUCCEEDED");
        free(id);
    }
    int64_t took = (clock_now() - began) / CLOCK_MS;
    print_message("five newcomers, one after another: %lld ms\n", (long long)took);
    assert_true(took < (int64_t)2500 * test_time_factor());
}

static void deleted_rows_in_the_way(void **state) {
    (void)state;
    runs_reset();
    const char *url = service_database();
    test_sql(url, "select jobs.job_class_lane('nap')");
    struct test_service *s = service_start(url, NULL, "jobs.pool.size=20", NULL);
    PGconn *holder = begin(url, "select count(*) from jobs.t_job_info");
    PGconn *late =
        begin(url, "select jobs.job_submit('t0', 'count'), jobs.job_submit('t0', 'count', "
                   "at => now() + interval '0.1 s')");
    test_sql(
        url,
        "do $$ begin insert into jobs.t_job_ready (tenant, priority, id) select 't' || n %% 2, "
        "0, gen_random_uuid() from generate_series(1, 80000) n; "
        "delete from jobs.t_job_ready; end $$");
    assert_true(sweeps(url, 1));

    /* Claims go on, past the place of one that is not visible yet, and past the date of another. */
    run_one_after_another(url, 4);
    int64_t committed = clock_now();
    commit(late);
    wait_final(url, 6, LONG_MS);
    print_message("passed over, found %.0f ms after its commit\n",
                  (double)(clock_now() - committed) / 1000);
    char *urgent = submit(url, "'t1', 'count', priority => 9");
    wait_status(url, urgent, "SUCCEEDED");
    free(urgent);
    run_newcomers(url);
    assert_true(sweeps(url, 1));

    commit(holder);
    test_sql(url, "vacuum jobs.t_job_ready");
    assert_true(sweeps(url, 0));
    run_one_after_another(url, 1);
    service_stop(s);
    assert_int_equal(runs_doubled(), 0);
    assert_int_equal(runs_count(), 13);
    audit_finished(url);
}

/* The keeper goes on behind the deltas that it has folded; the places that vacuum gives back lie before. */
static void deltas_in_places_that_were_used_before(void **state) {
    (void)state;
    runs_reset();
    const char *url = service_database();
    struct test_service *s = service_start(url, NULL, NULL);
    static const char folded[] = "select not exists (select from jobs.t_job_count_delta) and "
                                 "(select sum(n) = %d from jobs.t_job_count)";
    test_sql(url, "insert into jobs.t_job_count_delta select 't0', 'count', 'PENDING', 1 from "
                  "generate_series(1, 20000)");
    assert_true(test_wait_sql(url, LONG_MS, folded, 20000));
    test_sql(url, "vacuum jobs.t_job_count_delta");
    test_sql(url, "insert into jobs.t_job_count_delta values ('t0', 'count', 'PENDING', -20000)");
    assert_int_equal(test_sql_integer(url, "select (ctid::text::point)[0] from "
                                           "jobs.t_job_count_delta"),
                     0);
    assert_true(test_wait_sql(url, LONG_MS, folded, 0));
    service_stop(s);
    audit_finished(url);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deleted_rows_in_the_way),
        cmocka_unit_test(deltas_in_places_that_were_used_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
