/* A tenant's role in PostgreSQL tries everything that there is: what it may not do is refused, and
 * what it may do shows it nothing of its neighbour. Tables, views and functions are those of the
 * catalogue, so that a new one is tried too. */
#include "tests/lib/walls.h"

#include "module/base/buf.h"
#include "module/base/mem.h"
#include "tests/lib/store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Everything of the neighbour's, in all tables, as one text. Caller frees. */
static char *neighbour(const struct walls *walls) {
    struct buf all = {0};
    PGconn *db = walls_connect(walls, "jobs");
    PGresult *tables = walls_try(db, "select 'jobs.' || relname from pg_class where relnamespace = "
                                     "'jobs'::regnamespace and relkind = 'r' order by 1");
    assert_true(PQntuples(tables) > 15);
    for (int i = 0; i < PQntuples(tables); i++) {
        PGresult *rows = walls_try(db,
                                   "select coalesce(string_agg(x::text, '|' order by x::text), '') "
                                   "from %s x where x::text ~ '" SECRET "|" SECRET_ID "'",
                                   PQgetvalue(tables, i, 0));
        buf_format(&all, "%s: %s\n", PQgetvalue(tables, i, 0), PQgetvalue(rows, 0, 0));
        PQclear(rows);
    }
    PQclear(tables);
    PQfinish(db);
    return buf_take(&all);
}

static void assert_untouched(const struct walls *walls, char *before) {
    char *after = neighbour(walls);
    assert_string_equal(after, before);
    free(before);
    free(after);
}

/* ---- tables and views ---- */

static PGresult *relations(const struct walls *walls, const char *schemas, const char *kinds) {
    PGconn *db = walls_connect(walls, "jobs");
    PGresult *list = walls_try(db,
                               "select format('%%I.%%I', n.nspname, c.relname), c.relkind, "
                               "(select count(*) from pg_attribute a where a.attrelid = c.oid and "
                               "a.attnum > 0) from pg_class c join pg_namespace n on n.oid = "
                               "c.relnamespace where n.nspname in (%s) and c.relkind in (%s)",
                               schemas, kinds);
    PQfinish(db);
    return list;
}

static void no_row_of_the_neighbours_is_seen(void **state) {
    PGresult *list = relations(*state, "'jobs', 'pg_catalog', 'information_schema'",
                               "'r', 'v', 'm', 'p', 'f', 'S'");
    PGconn *db = walls_connect(*state, "r1");
    int read = 0, refused = 0;
    for (int i = 0; i < PQntuples(list); i++) {
        const char *name = PQgetvalue(list, i, 0);
        PGresult *rows = walls_try(db, "select x::text from %s x", name);
        if (walls_shows_secret(rows))
            fail_msg("%s shows the neighbour's", name);
        if (PQresultStatus(rows) == PGRES_TUPLES_OK)
            read++;
        else
            refused++;
        PQclear(rows);
    }
    print_message("%d tables and views read, %d refused\n", read, refused);
    assert_true(read > 100 && refused > 10);
    PQclear(list);
    PQfinish(db);
}

static void every_column_hides_the_neighbours(void **state) {
    struct walls *walls = *state;
    PGconn *admin = walls_connect(walls, "jobs"), *db = walls_connect(walls, "r1");
    PGresult *list =
        walls_try(admin, "select 'jobs.' || c.relname, quote_ident(a.attname) from pg_class "
                         "c join pg_attribute a on a.attrelid = c.oid where "
                         "c.relnamespace = 'jobs'::regnamespace and c.relkind in "
                         "('r', 'v')");
    int own = 0;
    for (int i = 0; i < PQntuples(list); i++) {
        PGresult *rows =
            walls_try(db, "select %s from %s", PQgetvalue(list, i, 1), PQgetvalue(list, i, 0));
        assert_false(walls_shows_secret(rows));
        own += PQntuples(rows) > 0;
        PQclear(rows);
    }
    assert_true(own > 50); /* its own it does see */
    walls_refused(db, "42501", "select ready_seq from jobs.t_job_info");
    walls_refused(db, "42501", "select xmin from jobs.t_job_info");
    PQclear(list);
    PQfinish(admin);
    PQfinish(db);
}

/* The own rows are all there. */
static void own_rows_are_seen(void **state) {
    static const char *const counts[] = {
        "count(*) = 7 from jobs.v_job where parameters ->> 'word' = 'acme'",
        "count(*) >= 7 from jobs.v_job_attempt",
        "sum(n) > 3 from jobs.v_job_count",
        "count(*) = 1 from jobs.t_tenant",
        "count(*) = 7 from jobs.t_job_log",
        "count(*) = 1 from jobs.t_job_quarantine",
        "count(*) = 2 from jobs.t_job_failure",
        "count(*) = 1 from jobs.t_job_subscription",
        "jobs.job_why('acme', '00000000-0000-7000-8000-000000000007') @> '{\"status\": "
        "\"ABORTED\"}'",
        "jobs.job_why('acme', '00000000-0000-7000-8000-000000000002') @> '{\"status\": "
        "\"QUEUED\"}'",
        "count(*) = 5 from jobs.job_narrow('acme', '{QUEUED,RUNNING,FAILED}', null, null)",
    };
    PGconn *db = walls_connect(*state, "r1");
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        PGresult *row = walls_try(db, "select %s", counts[i]);
        if (strcmp(PQgetvalue(row, 0, 0), "t") != 0)
            fail_msg("%s: %s", counts[i], PQresultErrorMessage(row));
        PQclear(row);
    }
    PQfinish(db);
}

static void nothing_is_written_past_functions(void **state) {
    static const char *const attempts[] = {
        "insert into @ default values",
        "delete from @",
        "truncate @",
        "lock table @ in row share mode",
        "lock table @ in access exclusive mode",
        "select 1 from @ for key share",
        "alter table @ add column x int",
        "drop table @",
        "alter table @ disable row level security",
        "create policy p on @ using (true)",
        ("create trigger t before insert on @ execute function "
         "pg_catalog.suppress_redundant_updates_trigger()"),
        "create index on @ (tableoid)",
        "copy @ from program 'true'",
    };
    struct walls *walls = *state;
    char *before = neighbour(walls);
    PGresult *list = relations(walls, "'jobs'", "'r', 'p'");
    PGconn *db = walls_connect(walls, "r1");
    for (int i = 0; i < PQntuples(list); i++) {
        const char *name = PQgetvalue(list, i, 0);
        for (size_t a = 0; a < sizeof attempts / sizeof *attempts; a++) {
            char *sql = walls_text(attempts[a], '@', name);
            PGresult *result = walls_try(db, "%s", sql);
            free(sql);
            if (PQresultStatus(result) != PGRES_FATAL_ERROR || walls_shows_secret(result))
                fail_msg("%s: %s was not refused", name, attempts[a]);
            PQclear(result);
        }
        PGresult *column =
            walls_try(db,
                      "select quote_ident(attname) from pg_attribute where "
                      "attrelid = '%s'::regclass and attnum > 0 and attidentity = '' limit 1",
                      name);
        walls_refused(db, "42501", "update %s set %s = null", name, PQgetvalue(column, 0, 0));
        PQclear(column);
    }
    PQclear(list);
    list = relations(walls, "'jobs'", "'S'");
    for (int i = 0; i < PQntuples(list); i++) {
        walls_refused(db, "42501", "select nextval('%s')", PQgetvalue(list, i, 0));
        walls_refused(db, "42501", "select setval('%s', 1)", PQgetvalue(list, i, 0));
        walls_refused(db, "42501", "select last_value from %s", PQgetvalue(list, i, 0));
    }
    walls_refused(db, "42501", "create table jobs.x (a int)");
    walls_refused(db, "42501", "create function jobs.x() returns int language sql return 1");
    walls_refused(db, "42501", "drop schema jobs cascade");
    walls_refused(db, "42501", "set role jobs_daemon");
    walls_refused(db, "42501", "set role jobs_client");
    walls_refused(db, "42501", "set role r2");
    walls_refused(db, "42501", "set session authorization r2");
    PQclear(list);
    PQfinish(db);
    assert_untouched(walls, before);
}

/* ---- functions ---- */

/* An argument of that type that means the neighbour. */
static const char *argument(const char *type) {
    static const char *const values[][2] = {
        {"text", "'" SECRET "'"},
        {"text[]", "array['" SECRET "']"},
        {"uuid", "'" SECRET_JOB "'::uuid"},
        {"uuid[]", "array['" SECRET_JOB "'::uuid]"},
        {"jsonb", "'[{\"class_name\": \"x\"}]'::jsonb"},
        {"jsonb[]", "array['{}'::jsonb]"},
        {"jobs.job_status", "'QUEUED'::jobs.job_status"},
        {"jobs.job_status[]", "array['QUEUED', 'RUNNING', 'FAILED']::jobs.job_status[]"},
        {"integer", "1"},
        {"integer[]", "array[1]"},
        {"bigint", "1"},
        {"bigint[]", "array[1::bigint]"},
        {"boolean", "false"},
        {"boolean[]", "array[false]"},
        {"timestamp with time zone", "now()"},
        {"timestamp with time zone[]", "array[now()]"},
        {"interval", "interval '1 s'"},
        {"interval[]", "array[interval '1 s']"},
    };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        if (strcmp(values[i][0], type) == 0)
            return values[i][1];
    static char row[100]; /* of a table: such are not for callers from outside */
    if (snprintf(row, sizeof row, "null::%s", type) > 0 && strncmp(type, "jobs.t_", 7) == 0)
        return row;
    fail_msg("a function takes %s: say what means the neighbour there", type);
    return NULL;
}

/* Every function, with the neighbour wherever it takes anything. Those that the role may call say
 * that there is no such tenant; the others are not for it. */
static void every_function_refuses_the_neighbours(void **state) {
    struct walls *walls = *state;
    char *before = neighbour(walls);
    PGconn *admin = walls_connect(walls, "jobs"), *db = walls_connect(walls, "r1");
    PQclear(walls_try(admin, "set search_path = pg_catalog"));
    PGresult *list = walls_try(
        admin,
        "select 'jobs.' || p.proname, p.oid, has_function_privilege('r1', p.oid, 'execute') from "
        "pg_proc p where p.pronamespace = 'jobs'::regnamespace and p.prokind = 'f'");
    int callable = 0;
    for (int i = 0; i < PQntuples(list); i++) {
        struct buf call = {0};
        bool may = *PQgetvalue(list, i, 2) == 't';
        PGresult *types =
            walls_try(admin,
                      "select format_type(t, null) from pg_proc p, unnest(p.proargtypes) t "
                      "where p.oid = %s",
                      PQgetvalue(list, i, 1));
        buf_format(&call, "select * from %s(", PQgetvalue(list, i, 0));
        for (int t = 0; t < PQntuples(types); t++)
            buf_format(&call, "%s%s", t ? ", " : "", argument(PQgetvalue(types, t, 0)));
        buf_text(&call, ")");
        PGresult *result = walls_try(db, "%s", buf_get(&call));
        const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
        if (!sqlstate || strcmp(sqlstate, may ? "JB001" : "42501") != 0)
            fail_msg("%s: %s", buf_get(&call), sqlstate ? PQresultErrorMessage(result) : "done");
        callable += may;
        PQclear(result);
        PQclear(types);
        buf_done(&call);
    }
    print_message("%d functions, %d for tenants\n", PQntuples(list), callable);
    assert_true(callable >= 10);
    PQclear(list);
    PQfinish(admin);
    PQfinish(db);
    assert_untouched(walls, before);
}

/* Of another tenant and of none it is told the same. */
static void existence_is_not_told(void **state) {
    static const char *const calls[] = {
        "select jobs.job_submit('@', 'x')",
        "select jobs.job_submit_many('@', '[{\"class_name\": \"x\"}]')",
        "select jobs.job_stop('@', '" SECRET_JOB "')",
        "select jobs.job_retry('@', '" SECRET_JOB "')",
        "select jobs.job_release('@', '" SECRET_JOB "')",
        "select jobs.job_lock('@', '" SECRET_JOB "')",
        "select jobs.job_why('@', '" SECRET_JOB "')",
        "select jobs.job_subscribe('@', '@.x', '{@.#}', 'quorum', null, null)",
        "select jobs.job_unsubscribe('@', '@.x')",
    };
    PGconn *db = walls_connect(*state, "r1");
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        char *of_other = walls_text(calls[i], '@', SECRET);
        char *of_none = walls_text(calls[i], '@', "nobody");
        PGresult *other = walls_try(db, "%s", of_other), *none = walls_try(db, "%s", of_none);
        free(of_other);
        free(of_none);
        assert_string_equal(PQresultErrorField(other, PG_DIAG_SQLSTATE), "JB001");
        assert_string_equal(PQresultErrorField(none, PG_DIAG_SQLSTATE), "JB001");
        assert_string_equal(PQresultErrorField(other, PG_DIAG_MESSAGE_PRIMARY),
                            "tenant '" SECRET "' is unknown here");
        assert_string_equal(PQresultErrorField(none, PG_DIAG_MESSAGE_PRIMARY),
                            "tenant 'nobody' is unknown here");
        PQclear(other);
        PQclear(none);
    }
    PQfinish(db);
}

/* As its own tenant, with the neighbour's ids: alone, among own ones, again and again. */
static void ids_of_the_neighbours_do_nothing(void **state) {
    struct walls *walls = *state;
    char *before = neighbour(walls);
    PGconn *db = walls_connect(walls, "r1");
    for (int n = 1; n <= 7; n++) {
        char id[40];
        snprintf(id, sizeof id, SECRET_ID "-0000-7000-8000-00000000000%d", n);
        PGresult *own = walls_try(db, "select jobs.job_submit('acme', 'x', id => '%s')", id);
        assert_string_equal(PQresultErrorField(own, PG_DIAG_SQLSTATE), "JB007");
        assert_false(walls_shows_secret(own));
        PQclear(own);
        walls_refused(db, "JB007",
                      "select jobs.job_submit_many('acme', '[{\"class_name\": \"x\"}, "
                      "{\"class_name\": \"x\", \"id\": \"%s\"}]')",
                      id);
        static const char *const functions[] = {"stop", "release", "retry", "lock"};
        for (size_t f = 0; f < 4; f++) {
            PGresult *one = walls_try(db, "select jobs.job_%s('acme', '%s')", functions[f], id);
            assert_string_equal(PQresultErrorField(one, PG_DIAG_SQLSTATE), "JB007");
            PQclear(one);
        }
    }
    PQfinish(db);
    assert_untouched(walls, before);
    assert_int_equal(test_sql_integer(walls->admin, "select count(*) from jobs.t_job_info where "
                                                    "class_name = 'x'"),
                     0);
}

/* ---- tricks ---- */

/* Names of ours in the caller's own temporary schema, first in its search_path. */
static void shadows_do_nothing(void **state) {
    struct walls *walls = *state;
    char *before = neighbour(walls);
    PGconn *db = walls_connect(walls, "r1");
    PGresult *made = walls_try(
        db, "create temp table t_tenant as select '" SECRET
            "'::text tenant, 'r1'::text as role, 'ACTIVE' state, "
            "null::int max_queued;"
            "create temp table t_job_info (id uuid, tenant text);"
            "create temp table t_job_wake as select array[gen_random_uuid()] sleepers;"
            "create temp table v_job_count as select '" SECRET "' tenant, 'QUEUED' status, 1 n;"
            "create function pg_temp.job_any_tenant() returns boolean language sql return true;"
            "create function pg_temp.job_check_caller(text[]) returns void language sql as '';"
            "create function pg_temp.has_function_privilege(text, text, text) returns boolean "
            "language sql return true;"
            "create function pg_temp.leak(text) returns boolean language plpgsql cost 0.0001 as "
            "'begin if $1 ~ ''" SECRET "'' then raise ''leaked %%'', $1; end if; return true; end';"
            "set search_path = pg_temp, pg_catalog, jobs");
    if (PQresultStatus(made) != PGRES_COMMAND_OK)
        fail_msg("%s", PQresultErrorMessage(made));
    PQclear(made);
    PGresult *result = walls_try(db, "select jobs.job_submit('" SECRET "', 'x')");
    assert_string_equal(PQresultErrorField(result, PG_DIAG_SQLSTATE), "JB001");
    PQclear(result);
    result = walls_try(db, "select * from jobs.v_job where pg_temp.leak(owner) and "
                           "pg_temp.leak(error) and pg_temp.leak(tenant)");
    assert_int_equal(PQresultStatus(result), PGRES_TUPLES_OK);
    assert_int_equal(PQntuples(result), 7);
    assert_false(walls_shows_secret(result));
    PQclear(result);
    walls_refused(db, "42501", "set row_security = off; select * from jobs.t_job_info");
    result =
        walls_try(db, "reset row_security; select tenant from jobs.v_job union select tenant from "
                      "jobs.v_job_count union select tenant from jobs.t_tenant");
    assert_int_equal(PQntuples(result), 1);
    PQclear(result);
    PQfinish(db);
    assert_untouched(walls, before);
}

/* A wake-up says that something happened, never what or to whom. */
static void notifications_say_nothing(void **state) {
    struct walls *walls = *state;
    PGconn *db = walls_connect(walls, "r1");
    test_sql(walls->admin, "update jobs.t_job_wake set sleepers = array[gen_random_uuid()]");
    PQclear(walls_try(db, "listen jobs"));
    test_sql(walls->admin,
             "select jobs.job_submit('" SECRET "', 'x', id => '" SECRET_ID
             "-0000-7000-8000-000000000009');"
             "select jobs.job_stop('" SECRET "', '" SECRET_ID "-0000-7000-8000-000000000004')");
    test_sql(walls->admin,
             "select jobs.job_stop('" SECRET "', '" SECRET_ID "-0000-7000-8000-000000000009')");
    PQclear(walls_try(db, "select 1"));
    int heard = 0;
    for (PGnotify *n; (n = PQnotifies(db)); PQfreemem(n), heard++)
        assert_true(!*n->extra || strcmp(n->extra, "stop") == 0);
    assert_true(heard >= 2);
    test_sql(walls->admin, "update jobs.t_job_wake set sleepers = '{}'");
    PQfinish(db);
}

/* ---- what it may do ---- */

/* One attempt after the other. NOLINTNEXTLINE(readability-function-size) */
static void the_library_works_for_a_tenant(void **state) {
    struct walls *walls = *state;
    struct job_info_service s = {walls_connect(walls, "r1"), NULL};
    struct job_info job = JOB_INFO(.tenant = "acme", .class_name = "mine");
    struct job_info others = JOB_INFO(.tenant = SECRET, .class_name = "mine");
    struct job_info_filter filter = JOB_INFO_FILTER(.tenant = "acme", .statuses = 1u << JOB_QUEUED);
    struct job_info_list *list;
    struct job_uuid id;
    enum job_status now;
    STORE_OK(job_info_create_as_queued(&s, &job, 1, &id, &err));
    STORE_OK(job_info_list(&s, &filter, &list, &err));
    assert_int_equal(list->count, 2);
    job_info_free(list);
    filter.statuses = 0;
    STORE_OK(job_info_list(&s, &filter, &list, &err));
    assert_int_equal(list->count, 8);
    job_info_free(list);
    STORE_OK(job_info_get(&s, "acme", id.text, &list, &err));
    job_info_free(list);
    STORE_OK(job_info_stop(&s, "acme", id.text, &now, &err));
    assert_int_equal(now, JOB_ABORTED);
    STORE_OK(job_info_wait(&s, "acme", id.text, 0, &now, &err));
    STORE_OK(job_info_retry(&s, "acme", id.text, &err));
    STORE_OK(job_info_lock(&s, "acme", id.text, true, &err));
    STORE_OK(job_info_stop(&s, "acme", id.text, &now, &err));
    filter.tenant = SECRET;
    STORE_FAILS(JOBS_ENOENT, "unknown here", job_info_list(&s, &filter, &list, &err));
    filter.statuses = 1u << JOB_QUEUED;
    STORE_FAILS(JOBS_ENOENT, "unknown here", job_info_list(&s, &filter, &list, &err));
    STORE_FAILS(JOBS_ENOENT, "unknown here", job_info_create_as_queued(&s, &others, 1, &id, &err));
    STORE_FAILS(JOBS_ENOENT, "has no job", job_info_get(&s, SECRET, SECRET_JOB, &list, &err));
    STORE_FAILS(JOBS_ENOENT, "has no job", job_info_get(&s, "acme", SECRET_JOB, &list, &err));
    PQfinish(s.db);
    test_sql(walls->admin, "delete from jobs.t_job_info where class_name = 'mine'");
}

/* Of several logins of one tenant each is its role by SET ROLE; a pool of logins likewise. */
static void set_role_counts(void **state) {
    struct walls *walls = *state;
    test_sql(walls->admin, "create role app login noinherit; grant r1, r2 to app");
    PGconn *db = walls_connect(walls, "app");
    walls_refused(db, "42501", "select * from jobs.v_job");
    walls_refused(db, "42501", "select jobs.job_lock('acme', '" OWN_JOB "')");
    PQclear(walls_try(db, "set role r1"));
    PGresult *row =
        walls_try(db, "select count(*), jobs.job_lock('acme', '" OWN_JOB "') from jobs.v_job");
    assert_string_equal(PQgetvalue(row, 0, 0), "7");
    PQclear(row);
    row = walls_try(db, "select jobs.job_lock('" SECRET "', '" SECRET_JOB "')");
    assert_string_equal(PQresultErrorField(row, PG_DIAG_SQLSTATE), "JB001");
    PQclear(row);
    PQfinish(db);
}

static void clients_serve_all_tenants(void **state) {
    struct walls *walls = *state;
    PGconn *db = walls_connect(walls, "jobs_client");
    PGresult *row =
        walls_try(db, "select count(distinct tenant), jobs.job_lock('acme', '" OWN_JOB "', false), "
                      "jobs.job_lock('" SECRET "', '" SECRET_JOB "', false) from jobs.v_job");
    assert_int_equal(PQresultStatus(row), PGRES_TUPLES_OK);
    assert_string_equal(PQgetvalue(row, 0, 0), "2");
    PQclear(row);
    walls_refused(db, "42501", "select hash from jobs.t_job_token");
    walls_refused(db, "42501", "delete from jobs.t_job_info");
    walls_refused(db, "42501", "update jobs.t_tenant set role = 'jobs_client'");
    walls_refused(db, "42501",
                  "select jobs.job_report(null, null, null, null, null, null, null, null, null, "
                  "null, null, null)");
    PQfinish(db);
}

/* The other side, so that the above is no accident of acme's. */
static void a_login_without_a_tenant_sees_nothing(void **state) {
    struct walls *walls = *state;
    test_sql(walls->admin,
             "create role stranger login; create role lost login; grant jobs_tenant to lost");
    PGconn *db = walls_connect(walls, "stranger");
    walls_refused(db, "42501", "select * from jobs.v_job");
    walls_refused(db, "42501", "select jobs.job_submit('acme', 'x')");
    PQfinish(db);
    db = walls_connect(walls, "lost");
    PGresult *rows =
        walls_try(db, "select tenant from jobs.v_job union select tenant from jobs.t_tenant");
    assert_int_equal(PQresultStatus(rows), PGRES_TUPLES_OK);
    assert_int_equal(PQntuples(rows), 0);
    PQclear(rows);
    walls_refused(db, "JB001", "select jobs.job_submit('acme', 'x')");
    PQfinish(db);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_row_of_the_neighbours_is_seen),
        cmocka_unit_test(every_column_hides_the_neighbours),
        cmocka_unit_test(own_rows_are_seen),
        cmocka_unit_test(nothing_is_written_past_functions),
        cmocka_unit_test(every_function_refuses_the_neighbours),
        cmocka_unit_test(existence_is_not_told),
        cmocka_unit_test(ids_of_the_neighbours_do_nothing),
        cmocka_unit_test(shadows_do_nothing),
        cmocka_unit_test(notifications_say_nothing),
        cmocka_unit_test(the_library_works_for_a_tenant),
        cmocka_unit_test(set_role_counts),
        cmocka_unit_test(clients_serve_all_tenants),
        cmocka_unit_test(a_login_without_a_tenant_sees_nothing),
    };
    return cmocka_run_group_tests(tests, walls_up, walls_down);
}
