/* Every embedded statement fits the schema, under whatever name; and those of the tick have the
 * plans that they were written for, also while PostgreSQL knows nothing about the tables. */
#include "module/base/buf.h"
#include "module/service/tick.h"
#include "sql/session.h"
#include "tests/lib/service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct sql *open_session(const char *url, const char *schema) {
    struct sql_options options = {.url = url, .schema = schema, .fenced_plans = true};
    struct sql *sql;
    OK(sql_open(&options, &sql, &err));
    OK(sql_migrate(sql, NULL, NULL, &err));
    return sql;
}

/* One that nobody would have written into a statement by mistake. */
static void every_statement_fits_the_schema(void **state) {
    (void)state;
    struct sql *sql = open_session(test_database(), "Other_1");
    int described = 0, bad = 0;
    for (const struct sql_text *text = sql_texts; text->name; text++) {
        if (strncmp(text->name, "query/", 6) != 0)
            continue;
        char *ours = sql_text_for_schema(text, "Other_1");
        PGresult *result = PQprepare(sql->db, text->name, ours, 0, NULL);
        if (PQresultStatus(result) == PGRES_COMMAND_OK) {
            PQclear(result);
            result = PQdescribePrepared(sql->db, text->name);
        }
        if (PQresultStatus(result) != PGRES_COMMAND_OK) {
            print_error("%s: %s", text->name, PQresultErrorMessage(result));
            bad++;
        }
        if (PQnparams(result) > SQL_PARAMETERS_MAX) {
            print_error("%s: %d parameters\n", text->name, PQnparams(result));
            bad++;
        }
        described++;
        PQclear(result);
        free(ours);
    }
    sql_close(sql);
    print_message("%d statements described\n", described);
    assert_true(described > 40);
    assert_int_equal(bad, 0);
}

/* The first line of a file says what it is for; parameters it uses are named there. */
static void every_statement_says_what_it_is_for(void **state) {
    (void)state;
    int bad = 0;
    for (const struct sql_text *text = sql_texts; text->name; text++)
        if (strncmp(text->text, "-- ", 3) != 0) {
            print_error("%s does not begin with a comment\n", text->name);
            bad++;
        }
    assert_int_equal(bad, 0);
}

/* ---- plans ---- */

/* The generic plan of a statement, as the daemon's sessions have it. Caller frees. */
static char *plan_of(struct sql *sql, const char *name) {
    struct buf command = {0}, plan = {0};
    PGresult *result = PQprepare(sql->db, name, session_statement(sql, name)->text, 0, NULL);
    PQclear(result);
    result = PQdescribePrepared(sql->db, name);
    assert_int_equal(PQresultStatus(result), PGRES_COMMAND_OK);
    buf_format(&command, "explain execute %s", name);
    for (int i = 0; i < PQnparams(result); i++)
        buf_text(&command, i ? ", null" : "(null");
    buf_text(&command, PQnparams(result) ? ")" : "");
    PQclear(result);
    result = PQexec(sql->db, buf_get(&command));
    if (PQresultStatus(result) != PGRES_TUPLES_OK)
        fail_msg("%s: %s", name, PQresultErrorMessage(result));
    for (int i = 0; i < PQntuples(result); i++)
        buf_format(&plan, "%s\n", PQgetvalue(result, i, 0));
    PQclear(result);
    buf_done(&command);
    return buf_take(&plan);
}

static bool holds(const char *line, size_t length, const char *text) {
    return memmem(line, length, text, strlen(text)) != NULL;
}

/* What is wrong with a line of a plan, given the one below it; NULL: nothing. */
static const char *fault_of(const char *line, size_t n, const char *next, size_t next_n) {
    bool job = holds(line, n, "t_job_info"), join = holds(line, n, " Join ");
    if (join && (holds(line, n, "Hash") || holds(line, n, "Merge")))
        return "a join that reads everything";
    if (holds(line, n, "Seq Scan on") &&
        (job || holds(line, n, "t_job_ready") || holds(line, n, "t_job_outbox") ||
         holds(line, n, "t_job_claim ")))
        return "reads a whole table";
    if (!job || !holds(line, n, "Scan"))
        return NULL;
    if (holds(line, n, "Tid Scan")) /* rows that the same statement has found and locked */
        return holds(next, next_n, "TID Cond: ") ? NULL : "reads jobs from one place to another";
    if (!holds(line, n, "Scan using t_job_info_pkey"))
        return "reads jobs by something else than their ids";
    return holds(next, next_n, "Index Cond: (id = ") ? NULL : "reads a whole index of jobs";
}

static int check_plan(const char *name, const char *plan) {
    for (const char *line = plan; *line;) {
        size_t n = strcspn(line, "\n");
        const char *next = line + n + 1;
        const char *fault = fault_of(line, n, next, strcspn(next, "\n"));
        if (fault) {
            print_error("%s: %s: %.*s\n", name, fault, (int)n, line);
            return 1;
        }
        line = next;
    }
    return 0;
}

static void check_plans(const char *url) {
    struct sql *sql = open_session(url, "jobs");
    int bad = 0;
    for (size_t i = 0; i < tick_statement_count; i++) {
        char *plan = plan_of(sql, tick_statements[i]);
        bad += check_plan(tick_statements[i], plan);
        free(plan);
    }
    sql_close(sql);
    assert_int_equal(bad, 0);
}

static void plans_on_an_empty_schema(void **state) {
    (void)state;
    const char *url = service_database();
    test_sql(url, "vacuum analyze");
    check_plans(url);
}

/* Statistics that say "no job is RUNNING" or "there is one tenant" must not mislead. */
static void plans_on_a_filled_schema(void **state) {
    (void)state;
    runs_reset();
    const char *url = service_database();
    struct test_service *s = service_start(url, NULL, NULL);
    submit_many(url, "count", 2000, 1, NULL);
    wait_final(url, 2000, LONG_MS);
    service_stop(s);
    submit_many(url, "count", 500, 1, NULL);
    test_sql(url, "vacuum analyze");
    check_plans(url);
}

/* A setting that was made for one transaction is an empty text in those after it, no null; and a plan may
 * be made at any time: after a vacuum, say. */
static void plans_where_rooms_were_found_before(void **state) {
    (void)state;
    struct sql *sql = open_session(service_database(), "jobs");
    PGresult *result = PQexec(sql->db, "select set_config('jobs.rooms', '{1}', true)");
    assert_int_equal(PQresultStatus(result), PGRES_TUPLES_OK);
    PQclear(result);
    free(plan_of(sql, "ready_claim"));
    sql_close(sql);
}

/* A snapshot is held: few receipts are left of many, and all are still in the indexes; that by tenant is the
 * smaller one, and leads over all those of the tenant. */
static void plans_where_receipts_were_deleted(void **state) {
    (void)state;
    const char *url = service_database();
    test_sql(url, "insert into jobs.t_job_claim (instance, tick, tenant, ids) select "
                  "'00000000-0000-7000-8000-000000000001', n / 20, 't' || n %% 100, '{}' from "
                  "generate_series(1, 80000) n");
    test_sql(url, "delete from jobs.t_job_claim where tick < 3998");
    test_sql(url, "analyze jobs.t_job_claim");
    struct sql *sql = open_session(url, "jobs");
    char *plan = plan_of(sql, "receipt_close");
    if (!strstr(plan, "t_job_claim_pkey") || strstr(plan, "i_job_claim_"))
        fail_msg("%s", plan);
    free(plan);
    sql_close(sql);
}

/* The check itself finds what it is for. */
static void a_bad_plan_is_found(void **state) {
    (void)state;
    static const char *const bad[] = {
        "Seq Scan on t_job_info j\n  Filter: (id = $1)\n",
        "Hash Join  (cost=1)\n  Hash Cond: (a = b)\n",
        "Index Scan using i_job_info_tenant on t_job_info j\n  Index Cond: (id = $1)\n",
        "Index Scan using t_job_info_pkey on t_job_info j\n  Filter: (version = 1)\n",
        "Bitmap Heap Scan on t_job_info j\n  Recheck Cond: (id = $1)\n",
        "Seq Scan on t_job_ready r\n  Filter: (seq = 1)\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *next = strchr(bad[i], '\n') + 1;
        assert_non_null(fault_of(bad[i], strcspn(bad[i], "\n"), next, strcspn(next, "\n")));
    }
    static const char good[] = "Index Scan using t_job_info_pkey on t_job_info j\n"
                               "  Index Cond: (id = ANY (ARRAY[c.id]))\n";
    assert_null(fault_of(good, strcspn(good, "\n"), strchr(good, '\n') + 1, 40));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_statement_fits_the_schema),
        cmocka_unit_test(every_statement_says_what_it_is_for),
        cmocka_unit_test(plans_on_an_empty_schema),
        cmocka_unit_test(plans_on_a_filled_schema),
        cmocka_unit_test(plans_where_rooms_were_found_before),
        cmocka_unit_test(plans_where_receipts_were_deleted),
        cmocka_unit_test(a_bad_plan_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
