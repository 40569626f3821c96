#include "tests/lib/store_fixture.h"

#include "module/base/mem.h"
#include "module/job/status.h"
#include "module/store/store.h"
#include "tests/lib/program.h"
#include "tests/lib/servers.h"

#include <libpq-fe.h>
#include <stdlib.h>

#define INSTANCE "00000000-0000-7000-8000-00000000000a"

struct pg_conn *store_connect(const char *conninfo) {
    PGconn *db = PQconnectdb(conninfo);
    if (PQstatus(db) != CONNECTION_OK)
        program_give_up("%s: %s", conninfo, PQerrorMessage(db));
    return db;
}

void store_sql(struct pg_conn *db, const char *sql) {
    PGresult *result = PQexec(db, sql);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        program_give_up("%s: %s", sql, PQresultErrorMessage(result));
    PQclear(result);
}

int store_fixture_up(void **state) {
    struct store_fixture *f = MEM_NEW(struct store_fixture);
    struct jobs_error err;
    f->url = test_database();
    if (store_migrate(f->url, "jobs", NULL, NULL, &err) < 0)
        program_give_up("migrate: %s", err.text);
    test_sql(f->url, "insert into jobs.t_tenant (tenant) values ('acme'), ('globex')");
    test_sql(f->url,
             "insert into jobs.t_job_instance (id, name, host, pid, version, class_names, "
             "pool_size) values ('%s', 'a', 'here', 1, '0', '{noop}', 4)",
             INSTANCE);
    f->s.db = store_connect(f->url);
    *state = f;
    return 0;
}

int store_fixture_down(void **state) {
    struct store_fixture *f = *state;
    PQfinish(f->s.db);
    free(f);
    return 0;
}

void store_create(const struct job_info_service *s, const char *tenant, struct job_uuid *ret_id) {
    struct job_info job = JOB_INFO(.tenant = tenant, .class_name = "noop");
    struct jobs_error err;
    if (job_info_create_as_queued(s, &job, 1, ret_id, &err) < 0)
        program_give_up("create: %s", err.text);
}

enum job_status store_status(const struct store_fixture *f, const char *id) {
    char *name = test_sql_value(f->url, "select status from jobs.t_job_info where id = '%s'", id);
    int status = status_of_name(name);
    free(name);
    return (enum job_status)status;
}

/* One step of a daemon's, with its report. */
static void step(const struct store_fixture *f, const char *id, const char *to, const char *set) {
    test_sql(f->url,
             "with b as (select * from jobs.t_job_info where id = '%s'), "
             "u as (update jobs.t_job_info j set status = '%s', version = j.version + 1, "
             "status_date = clock_timestamp()%s from b where j.id = b.id returning j.*) "
             "select jobs.job_report(array[u.id], array[u.tenant], array[u.class_name], "
             "array[b.status], array[null::jobs.job_status], array[u.status], array[u.version], "
             "array[u.attempt], array[0], array[null::timestamptz], array[u.status_date], "
             "array[null::text]) from u, b",
             id, to, set);
}

void store_move(const struct store_fixture *f, const char *id, enum job_status status) {
    if (status == JOB_QUEUED)
        return;
    test_sql(f->url, "delete from jobs.t_job_ready where id = '%s'", id);
    if (status == JOB_PENDING) {
        step(f, id, "PENDING", ", queued_date = null, ready_seq = null");
        return;
    }
    step(f, id, "TO_BE_RUN", ", attempt = j.attempt + 1, instance = '" INSTANCE "'");
    test_sql(f->url,
             "insert into jobs.t_job_claim (instance, tick, tenant, ids) select '%s', "
             "coalesce(max(c.tick), 0) + 1, j.tenant, array[j.id] from jobs.t_job_info j left join "
             "jobs.t_job_claim c on true where j.id = '%s' group by j.id",
             INSTANCE, id);
    if (status == JOB_TO_BE_RUN)
        return;
    step(f, id, "RUNNING", ", start_date = clock_timestamp()");
    if (status == JOB_RUNNING)
        return;
    test_sql(f->url, "delete from jobs.t_job_claim where ids = array['%s'::uuid]", id);
    step(f, id, status_name(status),
         status == JOB_FAILED ? ", stop_date = clock_timestamp(), error_kind = 'ERROR', error = "
                                "'broken'"
                              : ", stop_date = clock_timestamp()");
    if (status != JOB_SUCCEEDED)
        test_sql(f->url,
                 "insert into jobs.t_job_failure select tenant, id from jobs.t_job_info where id = "
                 "'%s'",
                 id);
}

static void found(void *arg, const struct store_finding *finding) {
    (void)arg;
    program_give_up("fsck %s: job %s: %s", finding->check, finding->id ? finding->id : "-",
                    finding->text);
}

void store_check_clean(const struct job_info_service *s) {
    struct jobs_error err;
    if (store_fsck(s, found, NULL, &err) < 0)
        program_give_up("fsck: %s", err.text);
}
