/* A jobsd that owns nothing: as jobs_daemon it does all of its work, with the plans that the owner
 * has, whatever tenants hold; and the verbs of jobctl that make roles. */
#include "module/base/buf.h"
#include "module/service/tick.h"
#include "sql/session.h"
#include "tests/lib/audit.h"
#include "tests/lib/jobctl.h"
#include "tests/lib/service.h"
#include "tests/lib/walls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* `count` jobs by the tenant's own login. */
static void submit_as(const struct walls *walls, const char *login, const char *tenant,
                      const char *class_name, int count) {
    test_sql(walls_url(walls, login),
             "select jobs.job_submit_many('%s', jsonb_agg(jsonb_build_object('class_name', '%s', "
             "'attempts', 2, 'parameters', jsonb_build_object('n', n)))) from generate_series(0, "
             "%d) n",
             tenant, class_name, count - 1);
}

static void the_daemon_does_all_its_work(void **state) {
    struct walls *walls = *state;
    runs_reset();
    runs_gate(false);
    const char *url = walls_url(walls, "jobs_daemon");
    struct test_service *s = service_start(url, NULL, "jobs.pool.size=4", NULL);
    submit_as(walls, "r1", "acme", "mixed", 80);
    submit_as(walls, "r2", SECRET, "mixed", 80);
    wait_final(walls->admin, 160, LONG_MS);
    char *id = submit(walls_url(walls, "r1"), "'acme', 'gate'");
    wait_status(walls->admin, id, "RUNNING");
    test_sql(walls_url(walls, "r1"), "select jobs.job_stop('acme', '%s')", id);
    wait_status(walls->admin, id, "ABORTED");
    test_sql(walls_url(walls, "r1"), "select jobs.job_retry('acme', '%s')", id);
    wait_status(walls->admin, id, "RUNNING");
    runs_gate(true);
    wait_status(walls->admin, id, "SUCCEEDED");
    char *later =
        submit(walls_url(walls, "r2"), "'" SECRET "', 'count', at => now() + interval '1 s'");
    wait_status(walls->admin, later, "SUCCEEDED");
    assert_int_equal(test_sql_integer(walls->admin, "select count(*) from pg_locks where locktype "
                                                    "= 'advisory'"),
                     0);
    assert_int_equal(service_said(s, "permission denied"), 0);
    service_stop(s);
    audit_finished(walls->admin);
    free(id);
    free(later);
}

/* A tenant holds what it can get hold of, and does not let go. */
static void what_a_tenant_holds_stops_nobody(void **state) {
    struct walls *walls = *state;
    runs_reset();
    runs_gate(false);
    const char *url = walls_url(walls, "jobs_daemon");
    PGconn *db = walls_connect(walls, "r1");
    struct test_service *s = service_start(url, NULL, NULL);
    char *own = submit(walls_url(walls, "r1"), "'acme', 'gate'");
    wait_status(walls->admin, own, "RUNNING");
    PGresult *held = walls_try(
        db,
        "begin; select jobs.job_stop('acme', '%s'); select jobs.job_submit('acme', 'count'); "
        "select jobs.job_submit('acme', 'count', id => '" SECRET_JOB "'); "
        "select * from jobs.v_job, jobs.t_tenant, jobs.t_schema; "
        "lock table jobs.t_tenant in access share mode; select pg_advisory_lock(n) from "
        "generate_series(-1000, 1000) n; select pg_advisory_lock(hashtextextended('jobs/' || id, "
        "0)) from (select instance::text id from jobs.v_job where instance is not null union "
        "select "
        "'x') i; select pg_advisory_lock(hashtextextended('\"jobs\".t_schema', 0)); "
        "notify jobs, 'stop'; notify jobs, 'anything'",
        own);
    if (PQresultStatus(held) != PGRES_COMMAND_OK)
        fail_msg("%s", PQresultErrorMessage(held));
    PQclear(held);
    int64_t before = count_jobs(walls->admin, "status = 'SUCCEEDED'");
    submit_as(walls, "r2", SECRET, "count", 200);
    assert_true(test_wait_sql(walls->admin, LONG_MS,
                              "select count(*) = %lld from jobs.t_job_info where status = "
                              "'SUCCEEDED'",
                              (long long)before + 200));
    jobctl_says(0, "up to date", "migrate --url '%s'", walls_url(walls, "owner"));
    PQfinish(db); /* rolled back */
    runs_gate(true);
    wait_status(walls->admin, own, "SUCCEEDED");
    service_stop(s);
    audit_finished(walls->admin);
    free(own);
}

/* Taking over ends the sessions of an instance that hangs: same role, so it may. */
static void sessions_of_a_lost_instance_are_ended(void **state) {
    struct walls *walls = *state;
    struct sql_options options = {.url = walls_url(walls, "jobs_daemon"), .schema = "jobs"};
    struct sql *hung, *other;
    struct sql_result *rows;
    struct sql_parameters p = {0}, q = {0};
    const char *id = "00000000-0000-7000-8000-0000000000aa";
    OK(sql_open(&options, &hung, &err));
    OK(sql_open(&options, &other, &err));
    test_sql(walls->admin,
             "insert into jobs.t_job_instance (id, name, host, pid, version, class_names, "
             "pool_size) values ('%s', 'a', 'here', 1, '0', '{}', 1)",
             id);
    sql_add_text(&p, id);
    OK(sql_call(hung, "instance_control", &p, SQL_ONE, NULL, &err));
    sql_add_text(&q, "00000000-0000-7000-8000-0000000000bb");
    OK(sql_call(other, "instance_observe", &q, SQL_ONE, &rows, &err));
    assert_false(sql_get_boolean(rows, 0, sql_column(rows, "gone")));
    sql_result_free(rows);
    sql_add_integer(&p, 0);
    OK(sql_call(other, "instance_silence", &p, SQL_ONE, &rows, &err));
    assert_true(sql_get_boolean(rows, 0, sql_column(rows, "terminated")));
    sql_result_free(rows);
    assert_true(test_wait_sql(walls->admin, LONG_MS,
                              "select not exists (select from pg_stat_activity a join "
                              "jobs.t_job_instance i on i.control_pid = a.pid and i.control_start "
                              "= a.backend_start where i.id = '%s')",
                              id));
    OK(sql_call(other, "instance_observe", &q, SQL_ONE, &rows, &err));
    assert_true(sql_get_boolean(rows, 0, sql_column(rows, "gone")));
    sql_result_free(rows);
    test_sql(walls->admin, "delete from jobs.t_job_instance where id = '%s'", id);
    sql_close(hung);
    sql_close(other);
}

/* ---- plans ---- */

static char *plan_of(struct sql *sql, const char *name) {
    struct buf command = {0}, plan = {0};
    PGresult *result = PQprepare(sql->db, name, session_statement(sql, name)->text, 0, NULL);
    PQclear(result);
    result = PQdescribePrepared(sql->db, name);
    buf_format(&command, "explain (costs off) execute %s", name);
    for (int i = 0; i < PQnparams(result); i++)
        buf_text(&command, i ? ", null" : "(null");
    buf_text(&command, PQnparams(result) ? ")" : "");
    PQclear(result);
    result = PQexec(sql->db, buf_get(&command));
    if (PQresultStatus(result) != PGRES_TUPLES_OK)
        fail_msg("%s: %s", name, PQresultErrorMessage(result));
    for (int i = 0; i < PQntuples(result); i++)
        if (!strstr(PQgetvalue(result, i, 0), " Filter: ")) /* tests of one row: in any order */
            buf_format(&plan, "%s\n", PQgetvalue(result, i, 0));
    PQclear(result);
    buf_done(&command);
    return buf_take(&plan);
}

/* Row-level security costs the tick nothing: to the line what the owner gets. */
static void the_daemon_has_the_owners_plans(void **state) {
    struct walls *walls = *state;
    struct sql_options options = {.schema = "jobs", .fenced_plans = true};
    struct sql *owner, *daemon;
    options.url = walls_url(walls, "owner");
    OK(sql_open(&options, &owner, &err));
    options.url = walls_url(walls, "jobs_daemon");
    OK(sql_open(&options, &daemon, &err));
    for (size_t i = 0; i < tick_statement_count; i++) {
        char *want = plan_of(owner, tick_statements[i]),
             *have = plan_of(daemon, tick_statements[i]);
        assert_string_equal(have, want);
        free(want);
        free(have);
    }
    sql_close(owner);
    sql_close(daemon);
}

/* A tenant's pages are read by the index of its own jobs. */
static void a_tenants_lists_use_its_index(void **state) {
    struct walls *walls = *state;
    PGconn *db = walls_connect(walls, "r1");
    PGresult *plan = walls_try(db, "set enable_seqscan = off; explain (costs off) select id from "
                                   "jobs.v_job where tenant = 'acme' order by id desc limit 10");
    struct buf text = {0};
    for (int i = 0; i < PQntuples(plan); i++)
        buf_format(&text, "%s\n", PQgetvalue(plan, i, 0));
    assert_non_null(strstr(buf_get(&text), "using i_job_info_tenant"));
    assert_non_null(strstr(buf_get(&text), "(tenant = 'acme'"));
    assert_non_null(strstr(buf_get(&text), "(role = (CURRENT_USER)"));
    assert_null(strstr(buf_get(&text), "Filter"));
    buf_done(&text);
    PQclear(plan);
    PQfinish(db);
}

/* ---- jobctl ---- */

static void roles_are_made_by_jobctl(void **state) {
    struct walls *walls = *state;
    const char *admin = walls_database(walls), *owner = walls_url(walls, "owner");
    char own[200], printed[400];
    snprintf(own, sizeof own, "postgresql://owner%s", strchr(admin, '@'));
    jobctl_says(0, "roles other_daemon, other_client and other_tenant",
                "migrate --roles --url '%s' --schema other", own);
    jobctl_says(0, "roles other_daemon", "migrate --roles --url '%s' --schema other", own);
    jobctl_says(0, "role other_tenant_big", "tenant create big --role - --url '%s' --schema other",
                own);
    jobctl_says(0, "role somebody", "tenant create small --role somebody --url '%s' --schema other",
                own);
    jobctl_says(0, "\"role\":\"somebody\"", "tenant list --json --url '%s' --schema other", own);
    jobctl_says(1, "may see every tenant", "tenant role small owner --url '%s' --schema other",
                own);
    jobctl_says(1, "passes row-level", "tenant role small jobs --url '%s' --schema other", own);
    jobctl_says(1, "serve all tenants", "tenant role small other_tenant --url '%s' --schema other",
                own);
    jobctl_says(1, "serve all tenants", "tenant role small other_client --url '%s' --schema other",
                own);
    jobctl_says(3, "unknown here", "tenant role nobody x --url '%s' --schema other", own);
    jobctl_says(2, "--print goes with --roles", "migrate --print --url '%s'", owner);
    jobctl_says(2, "--none goes", "tenant role small x --none --url '%s' --schema other", own);
    free(jobctl(0, "tenant role small --none --url '%s' --schema other", own));
    assert_int_equal(test_sql_integer(admin, "select count(role) from other.t_tenant"), 1);

    /* The roles of one schema are nothing in another, also of the same database. */
    free(jobctl(0, "migrate --url '%s' --schema third", own));
    snprintf(printed, sizeof printed, "postgresql://other_tenant_big%s", strchr(admin, '@'));
    jobctl_says(1, "permission denied for schema third", "list -t big --url '%s' --schema third",
                printed);
    free(jobctl(0, "list -t big --url '%s' --schema other", printed));
}

/* What is printed does the same. */
static void roles_are_printed(void **state) {
    struct walls *walls = *state;
    const char *admin = walls_database(walls);
    char own[200];
    test_sql(admin, "create role plain login; create schema printed authorization plain");
    snprintf(own, sizeof own, "postgresql://plain%s", strchr(admin, '@'));
    jobctl_says(1, "jobctl migrate --roles --print", "migrate --roles --url '%s' --schema printed",
                own);
    free(jobctl(0, "tenant create acme --url '%s' --schema printed", own));
    free(jobctl(0, "tenant create globex --url '%s' --schema printed", own));
    char *sql = jobctl(0, "migrate --roles --print --url '%s' --schema printed 2>/dev/null", own);
    test_sql(admin, "%s", sql);
    free(sql);
    jobctl_says(1, "jobctl tenant role acme printed_tenant_acme --print",
                "tenant role acme --url '%s' --schema printed", own);
    sql = jobctl(0, "tenant role acme --print --url '%s' --schema printed 2>/dev/null", own);
    test_sql(admin, "%s", sql);
    free(sql);
    char role[200];
    snprintf(role, sizeof role, "postgresql://printed_tenant_acme%s", strchr(admin, '@'));
    free(jobctl(0, "submit noop -t acme --url '%s' --schema printed", role));
    jobctl_says(3, "unknown here", "submit noop -t globex --url '%s' --schema printed", role);
    jobctl_says(0, "noop", "list -t acme --url '%s' --schema printed", role);
    jobctl_says(0, "noop", "list -t acme -s QUEUED --url '%s' --schema printed", role);
    jobctl_says(0, "noop", "stats --url '%s' --schema printed", role);
}

static int up(void **state) {
    jobctl_use(BUILD_DIR "/bin");
    return walls_up_empty(state);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_daemon_does_all_its_work),
        cmocka_unit_test(what_a_tenant_holds_stops_nobody),
        cmocka_unit_test(sessions_of_a_lost_instance_are_ended),
        cmocka_unit_test(the_daemon_has_the_owners_plans),
        cmocka_unit_test(a_tenants_lists_use_its_index),
        cmocka_unit_test(roles_are_made_by_jobctl),
        cmocka_unit_test(roles_are_printed),
    };
    return cmocka_run_group_tests(tests, up, walls_down);
}
