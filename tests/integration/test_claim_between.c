/* A job that somebody changes after a claim has begun to look and before it locks the row: the claim
 * sees the new row, but its statement's view is older. The job must stay whole. */
#include "sql/text.h"
#include "tests/lib/service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libpq-fe.h>

#define INSTANCE "00000000-0000-7000-8000-00000000beef"
#define FROM "from unnest($3::text[]"
/* Waits for the lock once the statement has its view, before it reads a row. */
#define GATE "from (select pg_advisory_xact_lock(1)) gate cross join unnest($3::text[]"

/* ready_claim.sql with the gate in it; caller frees. */
static char *gated_claim(void) {
    char *text = sql_text_for_schema(sql_text_find("query/ready_claim"), "jobs");
    char *from = strstr(text, FROM);
    assert_non_null(from);
    size_t size = strlen(text) + sizeof GATE;
    char *ret = malloc(size);
    assert_non_null(ret);
    snprintf(ret, size, "%.*s%s%s", (int)(from - text), text, GATE, from + strlen(FROM));
    free(text);
    return ret;
}

static void send_claim(PGconn *db) {
    char *claim = gated_claim();
    const char *const values[] = {INSTANCE, "1",   "{\"\"}",       "{t0}",          "{5}", "5",
                                  "{1}",    "{1}", "{2147483647}", "{-2147483648}", "{-1}"};
    static const char *const settings =
        "set search_path = jobs; set enable_seqscan = off; set enable_hashjoin = off; "
        "set enable_mergejoin = off; set enable_bitmapscan = off; "
        "set plan_cache_mode = force_generic_plan";
    PQclear(PQexec(db, settings));
    PQclear(PQprepare(db, "claim", claim, 11, NULL));
    assert_int_equal(PQsendQueryPrepared(db, "claim", 11, values, NULL, NULL, 0), 1);
    free(claim);
}

/* Returns how many jobs it chose. */
static int claimed(PGconn *db) {
    PGresult *result = PQgetResult(db);
    if (PQresultStatus(result) != PGRES_TUPLES_OK)
        fail_msg("claim: %s", PQresultErrorMessage(result));
    int count = PQntuples(result);
    PQclear(result);
    return count;
}

static void locked_between(void **state) {
    (void)state;
    const char *url = service_database();
    char *id = submit(url, "'t0', 'noop'");
    test_sql(
        url,
        "insert into jobs.t_job_instance (id, name, host, pid, version, class_names, pool_size) "
        "values ('" INSTANCE "', 'x', '', 0, '', '{noop}', 1)");
    PGconn *gate = PQconnectdb(url), *db = PQconnectdb(url);
    PQclear(PQexec(gate, "select pg_advisory_lock(1)"));
    send_claim(db);
    assert_true(test_wait_sql(url, LONG_MS,
                              "select count(*) = 1 from pg_stat_activity "
                              "where wait_event_type = 'Lock' and wait_event = 'advisory'"));
    test_sql(url, "select jobs.job_lock('t0', '%s')", id);
    PQclear(PQexec(gate, "select pg_advisory_unlock(1)"));
    if (claimed(db) == 0) { /* left for the next claim: then it must be there for it */
        assert_job(url, id, "status", "QUEUED");
        assert_int_equal(test_sql_integer(url, "select count(*) from jobs.t_job_ready"), 1);
    } else {
        assert_job(url, id, "status", "TO_BE_RUN");
        assert_int_equal(test_sql_integer(url, "select count(*) from jobs.t_job_ready"), 0);
    }
    PQfinish(gate);
    PQfinish(db);
    free(id);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(locked_between),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
