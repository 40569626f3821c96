#include "tests/lib/walls.h"

#include "module/base/buf.h"
#include "module/base/mem.h"
#include "module/store/store.h"
#include "tenant/role.h"
#include "tenant/tenant.h"
#include "tests/lib/program.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* "postgresql://jobs@…": the same with another login, in memory that lives as long as the test. */
static const char *as_login(const char *url, const char *login) {
    static char texts[64][128];
    static unsigned next;
    char *text = texts[next++ % 64];
    snprintf(text, 128, "postgresql://%s%s", login, strchr(url, '@'));
    return text;
}

const char *walls_url(const struct walls *walls, const char *login) {
    return as_login(walls->admin, login);
}

PGconn *walls_connect(const struct walls *walls, const char *login) {
    PGconn *db = PQconnectdb(walls_url(walls, login));
    if (PQstatus(db) != CONNECTION_OK)
        program_give_up("%s: %s", login, PQerrorMessage(db));
    return db;
}

const char *walls_database(const struct walls *walls) {
    const char *admin = test_pg_database(walls->pg);
    test_sql(admin, "alter database %s owner to owner", strrchr(admin, '/') + 1);
    return admin;
}

/* A job in every status, of ids that begin with `id`, and something in every table that has a
 * tenant. */
static const char fill[] =
    "select jobs.job_submit('@', '@-class', '{\"word\": \"@\"}', description => '@', "
    "owner => '@', related_type => '@', related_id => '@', "
    "pending => n = 1, at => case when n = 1 then now() + interval '1 day' end, "
    "id => ('#-0000-7000-8000-00000000000' || n)::uuid) from generate_series(1, 7) n;"
    "delete from jobs.t_job_ready where tenant = '@' and id::text not like '%2';"
    "update jobs.t_job_info set status = (array['PENDING', 'QUEUED', 'TO_BE_RUN', 'RUNNING', "
    "'SUCCEEDED', 'FAILED', 'ABORTED'])[right(id::text, 1)::int]::jobs.job_status, "
    "traceparent = '@', result = '\"@\"', result_class_name = '@', error_kind = 'ERROR', error = "
    "'@', "
    "start_date = now(), stop_date = now() where tenant = '@';"
    "insert into jobs.t_job_claim (instance, tick, tenant, ids) select gen_random_uuid(), 1, '@', "
    "array_agg(id) from "
    "jobs.t_job_info where tenant = '@' and status in ('TO_BE_RUN', 'RUNNING');"
    "insert into jobs.t_job_failure select tenant, id from jobs.t_job_info where tenant = '@' "
    "and status in ('FAILED', 'ABORTED');"
    "insert into jobs.t_job_attempt select id, 1, tenant, null, now(), now(), 'FAILED', 'ERROR', "
    "'@' from jobs.t_job_info where tenant = '@';"
    "insert into jobs.t_job_log select id, 1, '@' from jobs.t_job_info where tenant = '@';"
    "insert into jobs.t_job_count values ('@', '@', 'FAILED', 3);"
    "insert into jobs.t_job_crash values ('@', '@');"
    "insert into jobs.t_job_subscription values ('@.word', '@', '{@.#}', 'quorum');"
    "insert into jobs.t_job_quarantine values ('@', '@', now() + interval '1 h', 5, '@');"
    "update jobs.t_tenant set settings = '{\"word\": \"@\"}' where tenant = '@'";

static void make_tenant(const struct walls *walls, const char *tenant, const char *role) {
    struct jobs_error err;
    struct job_info_service s = {walls_connect(walls, "jobs"), NULL};
    if (tenant_create(&s, tenant, 1, &err) < 0 || tenant_set_role(&s, tenant, role, &err) < 0)
        program_give_up("%s", err.text);
    PQfinish(s.db);
}

static void fill_tenant(const struct walls *walls, const char *tenant, const char *id) {
    char *named = walls_text(fill, '@', tenant), *sql = walls_text(named, '#', id);
    test_sql(walls->admin, "%s", sql);
    free(named);
    free(sql);
}

char *walls_text(const char *pattern, char mark, const char *name) {
    struct buf out = {0};
    for (const char *p = pattern; *p; p++)
        if (*p == mark)
            buf_text(&out, name);
        else
            buf_char(&out, *p);
    return buf_take(&out);
}

int walls_up_empty(void **state) {
    struct walls *walls = MEM_NEW(struct walls);
    struct jobs_error err;
    walls->pg = test_pg_start();
    test_sql(test_pg_url(walls->pg), "create role owner login createrole");
    walls->admin = walls_database(walls);
    const char *owner = walls_url(walls, "owner");
    if (store_migrate(owner, "jobs", NULL, NULL, &err) < 0 || store_roles(owner, "jobs", &err) < 0)
        program_give_up("%s", err.text);
    make_tenant(walls, "acme", "r1");
    make_tenant(walls, SECRET, "r2");
    *state = walls;
    return 0;
}

int walls_up(void **state) {
    int rc = walls_up_empty(state);
    fill_tenant(*state, "acme", "00000000");
    fill_tenant(*state, SECRET, SECRET_ID);
    test_sql(((struct walls *)*state)->admin, "analyze"); /* statistics hold values */
    return rc;
}

int walls_down(void **state) {
    struct walls *walls = *state;
    test_pg_free(walls->pg);
    free(walls);
    return 0;
}

__attribute__((format(printf, 2, 0))) static PGresult *run(PGconn *db, const char *format,
                                                           va_list args) {
    char *sql;
    if (vasprintf(&sql, format, args) < 0)
        program_give_up("out of memory");
    PGresult *result = PQexec(db, sql);
    free(sql);
    return result;
}

PGresult *walls_try(PGconn *db, const char *format, ...) {
    va_list args;
    va_start(args, format);
    PGresult *result = run(db, format, args);
    va_end(args);
    return result;
}

static bool is_secret(const char *text) {
    return text && (strstr(text, SECRET) || strstr(text, SECRET_ID));
}

bool walls_shows_secret(const PGresult *result) {
    static const int fields[] = {PG_DIAG_MESSAGE_PRIMARY, PG_DIAG_MESSAGE_DETAIL,
                                 PG_DIAG_MESSAGE_HINT, PG_DIAG_CONTEXT};
    for (int row = 0; row < PQntuples(result); row++)
        for (int column = 0; column < PQnfields(result); column++)
            if (is_secret(PQgetvalue(result, row, column)))
                return true;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (is_secret(PQresultErrorField(result, fields[i])))
            return true;
    return false;
}

void walls_refused(PGconn *db, const char *sqlstate, const char *format, ...) {
    va_list args;
    va_start(args, format);
    PGresult *result = run(db, format, args);
    va_end(args);
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    if (!state || strcmp(state, sqlstate) != 0)
        fail_msg("%s: %s %s, not %s", format, state ? state : "no error",
                 PQresultErrorMessage(result), sqlstate);
    if (walls_shows_secret(result))
        fail_msg("%s: %s", format,
                 PQresultVerboseErrorMessage(result, PQERRORS_VERBOSE, PQSHOW_CONTEXT_ALWAYS));
    PQclear(result);
}
