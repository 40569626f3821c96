/* JobInfoService on the caller's connection: its transactions, its session, a pooler in between,
 * a connection that is lost, a schema that is not there. */
#include "module/base/clock.h"
#include "tests/lib/pooler.h"
#include "tests/lib/servers.h"
#include "tests/lib/store_fixture.h"

#include <libpq-fe.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define EVERYTHING                                                                             \
    "select concat((select count(*) from jobs.t_job_info), ' ', (select count(*) from "        \
    "jobs.t_job_ready), ' ', (select count(*) from jobs.t_job_outbox), ' ', (select count(*) " \
    "from jobs.t_job_parameters), ' ', (select coalesce(sum(n), 0) from jobs.v_job_count))"

/* Each call once, on this job and a new one. */
static void use_everything(const struct job_info_service *s) {
    struct job_info job =
        JOB_INFO(.tenant = "acme", .class_name = "noop", .parameters = "{\"a\":1}");
    struct job_info_filter filter = JOB_INFO_FILTER(.tenant = "acme");
    struct job_info_list *list;
    struct job_uuid id;
    enum job_status now;
    STORE_OK(job_info_create_as_pending(s, &job, 1, &id, &err));
    STORE_OK(job_info_release(s, "acme", id.text, &err));
    STORE_OK(job_info_lock(s, "acme", id.text, true, &err));
    STORE_OK(job_info_stop(s, "acme", id.text, &now, &err));
    assert_int_equal(now, JOB_ABORTED);
    STORE_OK(job_info_wait(s, "acme", id.text, 0, &now, &err));
    STORE_OK(job_info_retry(s, "acme", id.text, &err));
    STORE_OK(job_info_create_as_queued(s, &job, 1, NULL, &err));
    STORE_OK(job_info_get(s, "acme", id.text, &list, &err));
    assert_int_equal(list->infos[0].status, JOB_QUEUED);
    job_info_free(list);
    STORE_OK(job_info_list(s, &filter, &list, &err));
    assert_true(list->count >= 2);
    job_info_free(list);
}

static void rollback_leaves_nothing(void **state) {
    struct store_fixture *f = *state;
    char *before = test_sql_value(f->url, EVERYTHING);
    store_sql(f->s.db, "begin");
    use_everything(&f->s);
    store_sql(f->s.db, "rollback");
    char *after = test_sql_value(f->url, EVERYTHING);
    assert_string_equal(before, after);
    free(before), free(after);
    store_check_clean(&f->s);
}

static void jobs_count_with_the_callers_commit(void **state) {
    struct store_fixture *f = *state;
    struct job_info_list *list;
    struct job_uuid id, lost;
    struct pg_conn *other = store_connect(f->url);
    struct job_info_service outside = {other, NULL};
    store_sql(f->s.db, "begin");
    store_create(&f->s, "acme", &id);
    store_sql(f->s.db, "savepoint here");
    store_create(&f->s, "acme", &lost);
    STORE_FAILS(JOBS_ENOENT, "nobody", job_info_stop(&f->s, "nobody", lost.text, NULL, &err));
    store_sql(f->s.db, "rollback to here");
    STORE_FAILS(JOBS_ENOENT, id.text, job_info_get(&outside, "acme", id.text, &list, &err));
    store_sql(f->s.db, "commit");
    STORE_OK(job_info_get(&outside, "acme", id.text, &list, &err));
    job_info_free(list);
    STORE_FAILS(JOBS_ENOENT, lost.text, job_info_get(&outside, "acme", lost.text, &list, &err));
    PQfinish(other);
}

static void failed_transaction_is_told(void **state) {
    struct store_fixture *f = *state;
    struct job_info_list *list;
    struct job_uuid id;
    store_create(&f->s, "acme", &id);
    store_sql(f->s.db, "begin");
    STORE_FAILS(JOBS_ENOENT, "globex", job_info_retry(&f->s, "globex", id.text, &err));
    STORE_FAILS(JOBS_EDB, "aborted", job_info_get(&f->s, "acme", id.text, &list, &err));
    store_sql(f->s.db, "rollback");
}

static void count_notice(void *arg, const PGresult *result) {
    (void)result;
    ++*(int *)arg;
}

static void session_is_left_as_it_was(void **state) {
    struct store_fixture *f = *state;
    struct pg_conn *db = store_connect(f->url);
    struct job_info_service s = {db, "jobs"};
    int notices = 0;
    store_sql(db, "create schema if not exists mine");
    /* Settings that would break statements which lean on them. */
    store_sql(db,
              "set search_path = mine; set timezone = 'Asia/Kolkata'; set datestyle = 'SQL, DMY';"
              "set intervalstyle = 'sql_standard'; set extra_float_digits = 0;"
              "set standard_conforming_strings = off; set client_min_messages = notice;"
              "set synchronous_commit = off; set default_transaction_isolation = 'serializable'");
    PQsetNoticeReceiver(db, count_notice, &notices);
    PQsetErrorVerbosity(db, PQERRORS_TERSE);
    store_sql(db, "create temp table before as select name, setting from pg_settings");
    notices = 0;
    use_everything(&s);
    assert_int_equal(notices, 0);
    assert_int_equal(PQtransactionStatus(db), PQTRANS_IDLE);
    PGresult *rows =
        PQexec(db, "select coalesce(string_agg(name, ' '), 'none'), "
                   "(select count(*) from pg_prepared_statements), "
                   "(select count(*) from pg_listening_channels()) "
                   "from pg_settings s join before b using (name) where s.setting <> b.setting");
    assert_string_equal(PQgetvalue(rows, 0, 0), "none");
    assert_string_equal(PQgetvalue(rows, 0, 1), "0");
    assert_string_equal(PQgetvalue(rows, 0, 2), "0");
    PQclear(rows);
    PQfinish(db);
}

static void transaction_pooler_is_fine(void **state) {
    struct store_fixture *f = *state;
    struct pg_conn *db = store_connect(test_pooler(f->url));
    struct job_info_service s = {db, NULL};
    for (int i = 0; i < 5; i++)
        use_everything(&s);
    store_sql(db, "begin");
    use_everything(&s);
    store_sql(db, "rollback");
    PQfinish(db);
}

static void unusable_connections_are_told(void **state) {
    struct store_fixture *f = *state;
    struct job_uuid id;
    struct job_info_list *list;
    store_create(&f->s, "acme", &id);
    struct job_info_service none = {NULL, NULL};
    STORE_FAILS(JOBS_EINVAL, "connection", job_info_get(&none, "acme", id.text, &list, &err));
    struct pg_conn *db = store_connect(f->url);
    struct job_info_service s = {db, "no_schema_here"};
    STORE_FAILS(JOBS_ESCHEMA, "no_schema_here", job_info_get(&s, "acme", id.text, &list, &err));
    s.schema = "bad\"name";
    STORE_FAILS(JOBS_EINVAL, "no schema name", job_info_get(&s, "acme", id.text, &list, &err));
    s.schema = "jobs";
    store_sql(db, "set client_encoding = 'LATIN1'");
    STORE_FAILS(JOBS_ECONFIG, "LATIN1", job_info_get(&s, "acme", id.text, &list, &err));
    store_sql(db, "set client_encoding = 'UTF8'");
    assert_int_equal(PQenterPipelineMode(db), 1);
    STORE_FAILS(JOBS_EINVAL, "busy", job_info_get(&s, "acme", id.text, &list, &err));
    assert_int_equal(PQexitPipelineMode(db), 1);
    assert_int_equal(PQsendQuery(db, "select 1"), 1);
    STORE_FAILS(JOBS_EINVAL, "busy", job_info_get(&s, "acme", id.text, &list, &err));
    for (PGresult *result; (result = PQgetResult(db));)
        PQclear(result);
    STORE_OK(job_info_get(&s, "acme", id.text, &list, &err));
    job_info_free(list);
    PQfinish(db);
}

static void lost_connection_is_unsure_then_gone(void **state) {
    struct store_fixture *f = *state;
    struct pg_conn *db = store_connect(f->url);
    struct job_info_service s = {db, NULL};
    struct job_info job = JOB_INFO(.tenant = "acme", .class_name = "noop");
    /* Nobody has read yet that the backend is gone: it is sent, the answer is not known. */
    test_sql(f->url, "select pg_terminate_backend(%d, 10000)", PQbackendPID(db));
    struct jobs_error lost;
    int rc = job_info_create_as_queued(&s, &job, 1, NULL, &lost);
    assert_true(rc == JOBS_EUNSURE || (rc == JOBS_EDB && strcmp(lost.sqlstate, "57P01") == 0));
    assert_non_null(strstr(lost.text, "acme"));
    STORE_FAILS(JOBS_EDB, "gone", job_info_create_as_queued(&s, &job, 1, NULL, &err));
    PQfinish(db);
}

static void the_connections_own_deadlines_hold(void **state) {
    struct store_fixture *f = *state;
    struct job_uuid id;
    struct pg_conn *db = store_connect(f->url);
    struct job_info_service s = {db, NULL};
    store_create(&f->s, "acme", &id);
    store_sql(f->s.db, "begin");
    STORE_OK(job_info_lock(&f->s, "acme", id.text, true, &err)); /* holds the row */
    store_sql(db, "set lock_timeout = '50ms'");
    STORE_FAILS(JOBS_ETIMEOUT, id.text, job_info_lock(&s, "acme", id.text, false, &err));
    store_sql(f->s.db, "rollback");
    PQfinish(db);
}

static void *end_job(void *arg) {
    const struct store_fixture *f = arg;
    test_sql(f->url, "select pg_sleep(0.02); select jobs.job_stop('acme', id) from jobs.t_job_info "
                     "where class_name = 'awaited'");
    return NULL;
}

static void wait_sees_the_end(void **state) {
    struct store_fixture *f = *state;
    struct job_info job = JOB_INFO(.tenant = "acme", .class_name = "awaited");
    struct job_uuid id;
    enum job_status now = JOB_PENDING;
    pthread_t thread;
    STORE_OK(job_info_create_as_queued(&f->s, &job, 1, &id, &err));
    STORE_FAILS(JOBS_ETIMEOUT, "still QUEUED",
                job_info_wait(&f->s, "acme", id.text, 0, &now, &err));
    int64_t begin = clock_now();
    STORE_FAILS(JOBS_ETIMEOUT, id.text, job_info_wait(&f->s, "acme", id.text, 60, &now, &err));
    assert_true(clock_now() - begin >= 60 * CLOCK_MS);
    assert_int_equal(now, JOB_PENDING); /* written on success only */
    assert_int_equal(pthread_create(&thread, NULL, end_job, f), 0);
    STORE_OK(job_info_wait(&f->s, "acme", id.text, -1, &now, &err));
    pthread_join(thread, NULL);
    assert_int_equal(now, JOB_ABORTED);
    STORE_OK(job_info_wait(&f->s, "acme", id.text, INT64_MAX, NULL, &err));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rollback_leaves_nothing),
        cmocka_unit_test(jobs_count_with_the_callers_commit),
        cmocka_unit_test(failed_transaction_is_told),
        cmocka_unit_test(session_is_left_as_it_was),
        cmocka_unit_test(transaction_pooler_is_fine),
        cmocka_unit_test(unusable_connections_are_told),
        cmocka_unit_test(lost_connection_is_unsure_then_gone),
        cmocka_unit_test(the_connections_own_deadlines_hold),
        cmocka_unit_test(wait_sees_the_end),
    };
    return cmocka_run_group_tests(tests, store_fixture_up, store_fixture_down);
}
