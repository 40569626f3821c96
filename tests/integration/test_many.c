/* Stop and retry by filter: what it means, in batches, beside others who hold rows. */
#include "module/store/many.h"
#include "tests/lib/audit.h"
#include "tests/lib/jobctl.h"
#include "tests/lib/servers.h"
#include "tests/lib/service.h"
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

static int64_t count(const struct store_fixture *f, const char *tenant, const char *condition) {
    return test_sql_integer(f->url,
                            "select count(*) from jobs.t_job_info where tenant = '%s' and (%s)",
                            tenant, condition);
}

/* A tenant of its own for a test, with `count` queued jobs of class noop. */
static void new_tenant(const struct store_fixture *f, const char *tenant, int jobs) {
    test_sql(f->url,
             "insert into jobs.t_tenant (tenant) values ('%s'); "
             "select jobs.job_submit_many('%s', (select "
             "coalesce(jsonb_agg(jsonb_build_object('class_name', "
             "'noop', 'owner', 'o' || i %% 2, 'description', 'd')), '[]') from generate_series(1, "
             "%d) i))",
             tenant, tenant, jobs);
}

static void filters_narrow(void **state) {
    struct store_fixture *f = *state;
    struct store_many_done done;
    new_tenant(f, "filters", 10);
    test_sql(f->url, "select jobs.job_submit('filters', 'other', related_type => 't', related_id "
                     "=> '1'), jobs.job_submit('filters', 'other', pending => true), "
                     "jobs.job_submit('filters', 'other', at => now() + interval '1 day')");
    test_sql(f->url, "update jobs.t_job_info set created_date = now() - interval '1 hour' where "
                     "tenant = 'filters' and owner = 'o1'");
    struct store_many many = {.tenant = "filters", .class_name = "nobody"};
    STORE_OK(store_stop_many(&f->s, &many, &done, &err));
    assert_int_equal(done.aborted + done.asked, 0);
    many = (struct store_many){.tenant = "filters", .class_name = "noop", .older_than = 1800000};
    STORE_OK(store_stop_many(&f->s, &many, &done, &err));
    assert_int_equal(done.aborted, 5);
    assert_int_equal(count(f, "filters", "status = 'ABORTED' and owner = 'o1'"), 5);
    many = (struct store_many){.tenant = "filters", .owner = "o1", .newer_than = 1800000};
    STORE_OK(store_stop_many(&f->s, &many, &done, &err));
    assert_int_equal(done.aborted, 0);
    many = (struct store_many){.tenant = "filters", .statuses = 1u << JOB_PENDING};
    STORE_OK(store_stop_many(&f->s, &many, &done, &err));
    assert_int_equal(done.aborted, 2);
    many = (struct store_many){.tenant = "filters", .related_type = "t", .related_id = "1"};
    STORE_OK(store_stop_many(&f->s, &many, &done, &err));
    assert_int_equal(done.aborted, 1);
    assert_int_equal(count(f, "filters", "status = 'QUEUED'"), 5);
    many = (struct store_many){.tenant = "filters"};
    STORE_OK(store_stop_many(&f->s, &many, &done, &err));
    assert_int_equal(done.aborted, 5);
    audit(f->url);
}

static void bad_filters_are_told(void **state) {
    struct store_fixture *f = *state;
    struct store_many_done done;
    struct store_many many = {.tenant = "nobody"};
    STORE_FAILS(JOBS_ENOENT, "nobody", store_stop_many(&f->s, &many, &done, &err));
    many = (struct store_many){.tenant = "acme", .statuses = 1u << JOB_FAILED};
    STORE_FAILS(JOBS_EINVAL, "only jobs that are", store_stop_many(&f->s, &many, &done, &err));
    many.statuses = 1u << JOB_RUNNING;
    STORE_FAILS(JOBS_EINVAL, "only jobs that are", store_retry_many(&f->s, &many, &done, &err));
    PGresult *result =
        PQexec(f->s.db, "select * from jobs.job_stop_many('acme', '{\"clas\": \"noop\"}')");
    assert_string_equal(PQresultErrorField(result, PG_DIAG_SQLSTATE), "22023");
    assert_non_null(strstr(PQresultErrorMessage(result), "unknown filter \"clas\""));
    PQclear(result);
    store_sql(f->s.db, "begin");
    STORE_FAILS(JOBS_EINVAL, "transaction", store_stop_many(&f->s, &many, &done, &err));
    store_sql(f->s.db, "rollback");
}

static void what_runs_is_asked(void **state) {
    struct store_fixture *f = *state;
    struct store_many_done done;
    struct job_uuid ids[4];
    new_tenant(f, "runs", 0);
    for (int i = 0; i < 4; i++) {
        store_create(&f->s, "runs", &ids[i]);
        store_move(f, ids[i].text, i == 0 ? JOB_TO_BE_RUN : i == 1 ? JOB_RUNNING : JOB_QUEUED);
    }
    STORE_OK(store_stop_many(&f->s, &(struct store_many){.tenant = "runs"}, &done, &err));
    assert_int_equal(done.aborted, 2);
    assert_int_equal(done.asked, 2);
    assert_int_equal(count(f, "runs", "stop_requested and status in ('TO_BE_RUN', 'RUNNING')"), 2);
    audit(f->url);
}

static void many_batches(void **state) {
    struct store_fixture *f = *state;
    struct store_many_done done;
    struct store_many many = {.tenant = "batches", .most = 1200};
    new_tenant(f, "batches", 2300);
    STORE_OK(store_stop_many(&f->s, &many, &done, &err));
    assert_int_equal(done.aborted, 1200);
    assert_int_equal(done.batches, 3);
    many.most = 0;
    STORE_OK(store_stop_many(&f->s, &many, &done, &err));
    assert_int_equal(done.aborted, 1100);
    many.statuses = 1u << JOB_ABORTED;
    STORE_OK(store_retry_many(&f->s, &many, &done, &err));
    assert_int_equal(done.queued, 2300);
    assert_int_equal(done.batches, 5);
    assert_int_equal(count(f, "batches", "status = 'QUEUED' and version = 3"), 2300);
    /* first in, first out among those that were queued again, too */
    assert_int_equal(test_sql_integer(f->url,
                                      "select count(*) from (select id < lag(id) over (order by "
                                      "seq) as back from jobs.t_job_ready where tenant = "
                                      "'batches') x where back"),
                     0);
    audit(f->url);
}

static void retry_by_kind(void **state) {
    struct store_fixture *f = *state;
    struct store_many_done done;
    struct job_uuid id;
    new_tenant(f, "again", 0);
    for (int i = 0; i < 6; i++) {
        store_create(&f->s, "again", &id);
        store_move(f, id.text, i % 2 ? JOB_FAILED : JOB_SUCCEEDED);
    }
    test_sql(f->url, "update jobs.t_job_info set error_kind = 'CRASH' where id = '%s'", id.text);
    struct store_many many = {.tenant = "again", .error_kind = "CRASH"};
    STORE_OK(store_retry_many(&f->s, &many, &done, &err));
    assert_int_equal(done.queued, 1);
    assert_int_equal(store_status(f, id.text), JOB_QUEUED);
    test_sql(f->url, "update jobs.t_tenant set state = 'MAINTENANCE' where tenant = 'again'");
    many = (struct store_many){.tenant = "again"};
    STORE_FAILS(JOBS_EREFUSED, "maintenance", store_retry_many(&f->s, &many, &done, &err));
    test_sql(f->url, "update jobs.t_tenant set state = 'ACTIVE' where tenant = 'again'");
    STORE_OK(store_retry_many(&f->s, &many, &done, &err));
    assert_int_equal(done.queued, 2);
    assert_int_equal(count(f, "again", "status = 'SUCCEEDED'"), 3);
    audit(f->url);
}

/* ---- beside others ---- */

struct stopper {
    const char *url;
    struct store_many_done done;
    int rc;
    struct jobs_error err;
};

static void *stop_thread(void *arg) {
    struct stopper *stopper = arg;
    struct job_info_service s = {.db = store_connect(stopper->url)};
    stopper->rc = store_stop_many(&s, &(struct store_many){.tenant = "beside"}, &stopper->done,
                                  &stopper->err);
    PQfinish(s.db);
    return NULL;
}

/* A claim has taken a ready row and not committed; then it commits. The stop waits for that one job
 * and asks its run; a claim never waits for the stop. */
static void a_claim_under_way(void **state) {
    struct store_fixture *f = *state;
    struct stopper stopper = {.url = f->url};
    pthread_t thread;
    new_tenant(f, "beside", 20);
    struct pg_conn *claim = store_connect(f->url);
    store_sql(claim,
              "begin; with d as (delete from jobs.t_job_ready where id = (select id from "
              "jobs.t_job_ready where tenant = 'beside' order by seq limit 1) returning id), "
              "u as (update jobs.t_job_info j set status = 'TO_BE_RUN', version = 2, attempt "
              "= 1, status_date = clock_timestamp(), instance = (select id from "
              "jobs.t_job_instance limit 1) from d where j.id = d.id returning j.*), c as "
              "(insert into jobs.t_job_claim select instance, 900, tenant, array[id] from u) "
              "select jobs.job_report(array[id], array[tenant], array[class_name], "
              "array['QUEUED'::jobs.job_status], array[null::jobs.job_status], "
              "array[status], array[2], array[1], array[0], array[null::timestamptz], "
              "array[status_date], array[null::text]) from u");
    assert_int_equal(pthread_create(&thread, NULL, stop_thread, &stopper), 0);
    assert_true(test_wait_sql(f->url, 10000,
                              "select count(*) = 1 from pg_stat_activity where wait_event_type = "
                              "'Lock' and query like '%%job_stop_many%%' and datname = "
                              "current_database()"));
    store_sql(claim, "commit");
    pthread_join(thread, NULL);
    PQfinish(claim);
    if (stopper.rc < 0)
        fail_msg("%s", stopper.err.text);
    assert_int_equal(stopper.done.aborted, 19);
    assert_int_equal(stopper.done.asked, 1);
    audit(f->url);
}

/* Daemons claim and run, two stoppers and a retrier go over the same jobs: each job's events stay
 * whole and in order, nothing deadlocks for good, and at last all is stopped. */
static void a_storm(void **state) {
    (void)state;
    runs_reset();
    const char *url = service_database();
    test_sql(url, "insert into jobs.t_tenant (tenant) values ('beside') on conflict do nothing; "
                  "select jobs.job_submit_many('beside', (select jsonb_agg(jsonb_build_object("
                  "'class_name', 'nap', 'parameters', '{\"ms\": 2}'::jsonb)) from "
                  "generate_series(1, 3000) i))");
    struct test_service *s = service_start(url, NULL, "jobs.pool.size=8", NULL);
    struct job_info_service store = {.db = store_connect(url)};
    assert_true(runs_wait(20, LONG_MS));
    int64_t queued = 0;
    for (int i = 0; i < 3; i++) {
        struct stopper stoppers[2] = {{.url = url}, {.url = url}};
        struct store_many_done done;
        pthread_t threads[2];
        for (int k = 0; k < 2; k++)
            assert_int_equal(pthread_create(&threads[k], NULL, stop_thread, &stoppers[k]), 0);
        OK(store_retry_many(&store, &(struct store_many){.tenant = "beside"}, &done, &err));
        queued += done.queued;
        for (int k = 0; k < 2; k++) {
            pthread_join(threads[k], NULL);
            if (stoppers[k].rc < 0)
                fail_msg("%s", stoppers[k].err.text);
        }
    }
    struct stopper last = {.url = url};
    stop_thread(&last);
    assert_int_equal(last.rc, 0);
    wait_final(url, 3000, LONG_MS);
    print_message("%lld queued again, %lld SUCCEEDED, %lld ABORTED at last\n", (long long)queued,
                  (long long)count_jobs(url, "status = 'SUCCEEDED'"),
                  (long long)count_jobs(url, "status = 'ABORTED'"));
    assert_true(count_jobs(url, "status = 'ABORTED'") > 0);
    PQfinish(store.db);
    service_stop(s);
    audit_finished(url);
}

static void from_the_command_line(void **state) {
    struct store_fixture *f = *state;
    new_tenant(f, "shell", 7);
    jobctl_use(BUILD_DIR "/bin");
    setenv("JOBS_DATASOURCE_MAIN_URL", f->url, 1);
    setenv("JOBS_TENANT", "shell", 1);
    jobctl_says(2, "which jobs", "stop");
    jobctl_says(2, "which jobs", "retry");
    jobctl_says(2, "not both", "stop --all 00000000-0000-7000-8000-00000000000a");
    jobctl_says(2, "--amqp goes with ids", "stop --all --amqp");
    jobctl_says(2, "--limit", "stop --limit 3 00000000-0000-7000-8000-00000000000a");
    jobctl_says(1, "only jobs that are", "stop --status FAILED");
    jobctl_says(0, "0 ABORTED, 0 asked to stop", "stop --class noop --older-than 1h");
    jobctl_says(0, "3 ABORTED, 0 asked to stop", "stop --class noop --limit 3");
    jobctl_says(0, "4 ABORTED, 0 asked to stop", "stop -t shell --status queued");
    jobctl_says(0, "0 QUEUED", "retry --failed");
    jobctl_says(0, "0 QUEUED", "retry --error-kind CRASH");
    jobctl_says(0, "7 QUEUED", "retry --status aborted --newer-than 1h");
    jobctl_says(3, "nobody", "stop -t nobody --all");
    audit(f->url);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filters_narrow),
        cmocka_unit_test(bad_filters_are_told),
        cmocka_unit_test(what_runs_is_asked),
        cmocka_unit_test(many_batches),
        cmocka_unit_test(retry_by_kind),
        cmocka_unit_test(a_claim_under_way),
        cmocka_unit_test(a_storm),
        cmocka_unit_test(from_the_command_line),
    };
    return cmocka_run_group_tests(tests, store_fixture_up, store_fixture_down);
}
