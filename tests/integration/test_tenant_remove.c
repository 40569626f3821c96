/* Removal of tenants: refused, forced, beside submits and retries; nothing is left. */
#include "module/base/buf.h"
#include "tenant/remove.h"
#include "tests/lib/audit.h"
#include "tests/lib/event_log.h"
#include "tests/lib/servers.h"
#include "tests/lib/service.h"
#include "tests/lib/store_fixture.h"

#include <libpq-fe.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const struct tenant_removal discard = {.discard_events = true, .timeout = 20000};
static const struct tenant_removal force = {.force = true,
                                            .discard_events = true,
                                            .timeout = 20000};

/* Rows of any table that are of the tenant, by its name, or by a job that is not there. */
static void assert_nothing_left(const char *url, const char *tenant) {
    char *left = test_sql_value(
        url,
        "create function pg_temp.left_of(wanted text) returns text language plpgsql as $$ declare "
        "x "
        "record; n bigint; ret text := ''; begin for x in select c.relname, a.attname from "
        "pg_class "
        "c join pg_attribute a on a.attrelid = c.oid where c.relnamespace = 'jobs'::regnamespace "
        "and "
        "c.relkind = 'r' and a.attname in ('tenant', 'tenants', 'job_id') loop execute "
        "format(case x.attname when 'tenant' then 'select count(*) from jobs.%%I where tenant = "
        "$1' "
        "when 'tenants' then 'select count(*) from jobs.%%I where $1 = any(tenants)' else 'select "
        "count(*) from jobs.%%I t where $1 <> '''' and not exists (select from jobs.t_job_info j "
        "where j.id = t.job_id)' end, x.relname) into n using wanted; if n > 0 then ret := ret || "
        "format('%%s rows by %%s in %%s; ', n, x.attname, x.relname); end if; end loop; return "
        "ret; "
        "end $$; select pg_temp.left_of('%s')",
        tenant);
    assert_string_equal(left, "");
    free(left);
}

static char *state_of(const char *url, const char *tenant) {
    return test_sql_value(url, "select state from jobs.t_tenant where tenant = '%s'", tenant);
}

static void refused_while_a_job_lives(void **state) {
    struct store_fixture *f = *state;
    STORE_OK(tenant_create(&f->s, "busy", 1, &err));
    STORE_OK(tenant_set_state(&f->s, "busy", TENANT_PAUSED, &err));
    for (int status = JOB_PENDING; status <= JOB_RUNNING; status++) {
        struct job_uuid id;
        char *kept;
        store_create(&f->s, "busy", &id);
        store_move(f, id.text, (enum job_status)status);
        STORE_FAILS(JOBS_EREFUSED, "1 ", tenant_remove(&f->s, "busy", &discard, NULL, &err));
        assert_string_equal(kept = state_of(f->url, "busy"), "PAUSED");
        free(kept);
        test_sql(
            f->url,
            "update jobs.t_job_info set status = 'ABORTED', version = version + 1, stop_date = "
            "now() where id = '%s'; delete from jobs.t_job_ready where id = '%s'; insert into "
            "jobs.t_job_failure values ('busy', '%s'); delete from jobs.t_job_claim; delete "
            "from jobs.t_job_count_delta where tenant = 'busy'",
            id.text, id.text, id.text);
    }
    STORE_OK(tenant_remove(&f->s, "busy", &discard, NULL, &err));
    assert_nothing_left(f->url, "busy");
    store_sql(f->s.db, "begin");
    STORE_FAILS(JOBS_EINVAL, "none may be open", tenant_remove(&f->s, "acme", NULL, NULL, &err));
    store_sql(f->s.db, "rollback");
}

static void takes_all_but_others(void **state) {
    struct store_fixture *f = *state;
    struct job_uuid id, other;
    int64_t removed;
    STORE_OK(tenant_create(&f->s, "gone", 1, &err));
    struct job_info both[2] = {JOB_INFO(.tenant = "acme", .class_name = "noop"),
                               JOB_INFO(.tenant = "gone", .class_name = "noop",
                                        .parameters = "{\"a\":1,\"b\":2}")};
    struct job_uuid ids[2];
    STORE_OK(job_info_create_as_queued(&f->s, both, 2, ids, &err)); /* one outbox row of both */
    other = ids[0];
    store_move(f, ids[1].text, JOB_SUCCEEDED);
    for (int i = 0; i < 3; i++) {
        STORE_OK(job_info_create_as_queued(&f->s, &both[1], 1, &id, &err));
        store_move(f, id.text, i % 2 ? JOB_FAILED : JOB_SUCCEEDED);
    }
    test_sql(f->url,
             "insert into jobs.t_job_count values ('gone', 'old', 'FAILED', 5); insert into "
             "jobs.t_job_crash values ('gone', 'c', now()); insert into "
             "jobs.t_job_quarantine values ('gone', 'c', now() + interval '1 h', 5, 'r'); "
             "insert into jobs.t_job_log select id, 1, 'tail' from jobs.t_job_info where "
             "tenant = 'gone'");
    STORE_OK(tenant_remove(&f->s, "gone", &discard, &removed, &err));
    assert_int_equal(removed, 4);
    assert_nothing_left(f->url, "gone");
    assert_int_equal(store_status(f, other.text), JOB_QUEUED);
    audit(f->url); /* the other's event is where it was */
}

static void waits_for_events(void **state) {
    struct store_fixture *f = *state;
    struct job_uuid id;
    char *kept;
    struct tenant_removal how = {.force = true, .timeout = 300};
    STORE_OK(tenant_create(&f->s, "quiet", 1, &err));
    store_create(&f->s, "quiet", &id);
    STORE_FAILS(JOBS_ETIMEOUT, "broadcast", tenant_remove(&f->s, "quiet", &how, NULL, &err));
    assert_string_equal(kept = state_of(f->url, "quiet"), "MAINTENANCE");
    free(kept);
    test_sql(f->url, "delete from jobs.t_job_outbox where 'quiet' = any(tenants)");
    STORE_OK(tenant_remove(&f->s, "quiet", &how, NULL, &err)); /* it goes on */
    assert_nothing_left(f->url, "quiet");
}

/* ---- beside others ---- */

struct call {
    const char *url, *statement;
    char sqlstate[6];
};

static void *call_thread(void *arg) {
    struct call *call = arg;
    PGconn *db = store_connect(call->url);
    PGresult *result = PQexec(db, call->statement);
    const char *code = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    snprintf(call->sqlstate, sizeof call->sqlstate, "%s", code ? code : "");
    PQclear(result);
    PQfinish(db);
    return NULL;
}

static void *remove_thread(void *arg) {
    struct call *call = arg;
    struct job_info_service s = {.db = store_connect(call->url)};
    struct jobs_error err = {0};
    tenant_remove(&s, "raced", call->statement ? &force : &discard, NULL, &err);
    snprintf(call->sqlstate, sizeof call->sqlstate, "%d", err.code);
    PQfinish(s.db);
    return NULL;
}

/* A submit has looked at the tenant and found it ACTIVE when the tenant is closed: it is waited for,
 * and its job is seen. */
static void a_submit_that_looked_before(const struct store_fixture *f, const char *statement) {
    struct call submit = {.url = f->url, .statement = statement}, removal = {.url = f->url};
    pthread_t threads[2];
    STORE_OK(tenant_create(&f->s, "raced", 1, &err));
    struct pg_conn *held = store_connect(f->url);
    store_sql(held, "create or replace function jobs.job_uuid_at(at bigint, random bigint) returns "
                    "uuid language plpgsql as $$ begin perform pg_advisory_xact_lock_shared(4711); "
                    "return gen_random_uuid(); end $$; select pg_advisory_lock(4711)");
    assert_int_equal(pthread_create(&threads[0], NULL, call_thread, &submit), 0);
    assert_true(test_wait_sql(f->url, 10000,
                              "select count(*) = 1 from pg_stat_activity where wait_event_type = "
                              "'Lock' and wait_event = 'advisory' and datname = "
                              "current_database()"));
    assert_int_equal(pthread_create(&threads[1], NULL, remove_thread, &removal), 0);
    assert_true(test_wait_sql(f->url, 10000,
                              "select state = 'MAINTENANCE' from jobs.t_tenant "
                              "where tenant = 'raced'"));
    assert_false(test_wait_sql(f->url, 200,
                               "select count(*) = 0 from jobs.t_tenant where tenant = 'raced'"));
    store_sql(held, "select pg_advisory_unlock(4711)");
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    PQfinish(held);
    assert_string_equal(submit.sqlstate, "");
    assert_string_equal(removal.sqlstate, "-3"); /* there is a job */
    STORE_OK(tenant_remove(&f->s, "raced", &force, NULL, &err));
    assert_nothing_left(f->url, "raced");
    audit(f->url);
}

/* The submit's snapshot is older than the removal, and shows the tenant as it was. */
static void a_submit_with_an_old_snapshot(const struct store_fixture *f, const char *statement) {
    STORE_OK(tenant_create(&f->s, "raced", 1, &err));
    struct pg_conn *db = store_connect(f->url);
    store_sql(db, "begin isolation level repeatable read; select from jobs.t_tenant");
    STORE_OK(tenant_remove(&f->s, "raced", &discard, NULL, &err));
    PGresult *result = PQexec(db, statement);
    assert_string_equal(PQresultErrorField(result, PG_DIAG_SQLSTATE), "40001");
    PQclear(result);
    PQfinish(db);
    assert_nothing_left(f->url, "raced");
    audit(f->url);
}

static void a_submit_races(void **state) {
    static const char *const submits[] = {
        "select jobs.job_submit('raced', 'noop')",
        "select jobs.job_submit_many('raced', '[{\"class_name\": \"noop\"}, {\"class_name\": "
        "\"noop\"}]')"};
    for (size_t i = 0; i < 2; i++) {
        a_submit_that_looked_before(*state, submits[i]);
        a_submit_with_an_old_snapshot(*state, submits[i]);
    }
}

/* A submit has been done in a transaction that is still open when the removal begins. */
static void a_submit_not_committed_yet(void **state) {
    struct store_fixture *f = *state;
    for (int forced = 0; forced < 2; forced++) {
        struct call removal = {.url = f->url, .statement = forced ? "" : NULL};
        pthread_t thread;
        if (!forced)
            STORE_OK(tenant_create(&f->s, "raced", 1, &err));
        struct pg_conn *db = store_connect(f->url);
        store_sql(db, "begin; select jobs.job_submit('raced', 'noop')");
        assert_int_equal(pthread_create(&thread, NULL, remove_thread, &removal), 0);
        assert_true(test_wait_sql(f->url, 10000,
                                  "select state = 'MAINTENANCE' from jobs.t_tenant "
                                  "where tenant = 'raced'"));
        assert_false(test_wait_sql(f->url, 200,
                                   "select count(*) = 0 from jobs.t_tenant where "
                                   "tenant = 'raced'"));
        store_sql(db, "commit");
        pthread_join(thread, NULL);
        PQfinish(db);
        assert_string_equal(removal.sqlstate, forced ? "0" : "-3");
        if (!forced) {
            char *kept = state_of(f->url, "raced");
            assert_string_equal(kept, "ACTIVE");
            free(kept);
        }
    }
    assert_nothing_left(f->url, "raced");
    audit(f->url);
}

/* Who forgot a transaction is told, so that somebody can end it; who has nothing to do with jobs is
 * not waited for. */
static void who_holds_it_up_is_named(void **state) {
    struct store_fixture *f = *state;
    static const struct tenant_removal soon = {.discard_events = true, .timeout = 200};
    static const char *const holds[] = {
        "select jobs.job_submit('acme', 'noop')", "select jobs.job_class_pause('late', 'held')",
        "update jobs.t_tenant set weight = 2 where tenant = 'held'"};
    char part[100];
    struct pg_conn *db = store_connect(f->url), *other = store_connect(f->url);
    STORE_OK(tenant_create(&f->s, "held", 1, &err));
    store_sql(db, "set application_name = 'forgotten one'");
    store_sql(other, "begin; select pg_current_xact_id()");
    snprintf(part, sizeof part, "session %d (forgotten one, login jobs), its transaction open",
             PQbackendPID(db));
    for (size_t i = 0; i < sizeof holds / sizeof *holds; i++) {
        store_sql(db, "begin");
        store_sql(db, holds[i]);
        STORE_FAILS(JOBS_ETIMEOUT, part, tenant_remove(&f->s, "held", &soon, NULL, &err));
        store_sql(db, "rollback");
    }
    STORE_OK(tenant_remove(&f->s, "held", &soon, NULL, &err));
    assert_nothing_left(f->url, "held");
    PQfinish(db);
    PQfinish(other);
}

static void opened_again_meanwhile(void **state) {
    struct store_fixture *f = *state;
    struct call removal = {.url = f->url, .statement = ""};
    pthread_t thread;
    STORE_OK(tenant_create(&f->s, "raced", 1, &err));
    test_sql(f->url, "select jobs.job_stop('raced', jobs.job_submit('raced', 'noop'))");
    struct pg_conn *db = store_connect(f->url);
    store_sql(db, "begin; update jobs.t_job_wake set one = one");
    assert_int_equal(pthread_create(&thread, NULL, remove_thread, &removal), 0);
    assert_true(test_wait_sql(f->url, 10000,
                              "select state = 'MAINTENANCE' from jobs.t_tenant where "
                              "tenant = 'raced'"));
    STORE_OK(tenant_set_state(&f->s, "raced", TENANT_ACTIVE, &err));
    store_sql(db, "commit");
    pthread_join(thread, NULL);
    PQfinish(db);
    assert_string_equal(removal.sqlstate, "-3");
    assert_int_equal(test_sql_integer(f->url, "select count(*) from jobs.t_job_info where "
                                              "tenant = 'raced'"),
                     1); /* what had ended before is still there */
    STORE_OK(tenant_remove(&f->s, "raced", &discard, NULL, &err));
}

/* ---- beside a running service ---- */

static int scratch_run(struct job *job) {
    runs_begin(job);
    while (!job_is_stopped(job))
        job_sleep(job, 1000);
    runs_end(job);
    return job_aborted(job);
}

static const struct job_class scratch =
    JOB_CLASS(.name = "scratch", .run = scratch_run, .need_workspace = true);

static void submit_all(const char *url) {
    test_sql(url, "select jobs.job_submit('t0', 'scratch') from generate_series(1, 300); select "
                  "jobs.job_submit('t1', 'scratch') from generate_series(1, 2); select "
                  "jobs.job_submit('t0', 'scratch', pending => true), jobs.job_submit('t0', "
                  "'scratch', at => now() + interval '1 h', parameters => '{\"a\": 1}')");
}

static void forced_with_a_service(void **state) {
    (void)state;
    runs_reset();
    const char *url = service_database(), *service = test_service_name();
    char base[] = "/var/tmp/jobs-test-remove.XXXXXX";
    assert_non_null(mkdtemp(base));
    struct buf settings[3] = {0};
    buf_format(&settings[0], "jobs.workspace.dir=%s", base);
    buf_format(&settings[1], "jobs.amqp.url=%s", test_amqp_url());
    buf_format(&settings[2], "jobs.service=%s", service);
    struct event_log *log = event_log_start(test_amqp_url(), service, "#");
    struct test_service *s =
        service_start(url, (const struct job_class *const[]){&scratch, NULL}, "jobs.pool.size=4",
                      buf_get(&settings[0]), buf_get(&settings[1]), buf_get(&settings[2]), NULL);
    submit_all(url);
    assert_true(runs_wait(4, LONG_MS));
    char path[100];
    snprintf(path, sizeof path, "%s/t0", base);
    assert_int_equal(access(path, F_OK), 0);
    struct job_info_service store = {.db = store_connect(url)};
    struct tenant_removal how = {.force = true, .timeout = LONG_MS};
    int64_t removed;
    OK(tenant_remove(&store, "t0", &how, &removed, &err));
    assert_int_equal(removed, 302);
    assert_true(test_wait_sql(url, LONG_MS,
                              "select count(*) = 0 from jobs.t_job_share where tenant "
                              "= 't0'")); /* until the books are published again */
    assert_nothing_left(url, "t0");
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(count_jobs(url, "tenant = 't1'"), 2);
    OK(tenant_remove(&store, "t1", &how, NULL, &err));
    /* every event of the removed has been broadcast, in order */
    struct event_log_counts counts = event_log_get(log);
    print_message("%zu events of %zu jobs, %zu final\n", counts.applied, counts.jobs, counts.final);
    assert_int_equal(counts.jobs, 304);
    assert_int_equal(counts.final, 304);
    assert_int_equal(counts.ahead, 0);
    PQfinish(store.db);
    service_stop(s);
    event_log_stop(log);
    rmdir(base);
    for (int i = 0; i < 3; i++)
        buf_done(&settings[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused_while_a_job_lives),  cmocka_unit_test(takes_all_but_others),
        cmocka_unit_test(waits_for_events),           cmocka_unit_test(a_submit_races),
        cmocka_unit_test(a_submit_not_committed_yet), cmocka_unit_test(opened_again_meanwhile),
        cmocka_unit_test(who_holds_it_up_is_named),   cmocka_unit_test(forced_with_a_service),
    };
    return cmocka_run_group_tests(tests, store_fixture_up, store_fixture_down);
}
