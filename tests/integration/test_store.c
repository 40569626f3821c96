/* JobInfoService: creating and reading jobs, and what it says of bad input. */
#include "module/base/buf.h"
#include "module/base/mem.h"
#include "tests/lib/servers.h"
#include "tests/lib/store_fixture.h"

#include <libpq-fe.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define UNKNOWN "11111111-1111-7111-8111-111111111111"

static int create(const struct store_fixture *f, const struct job_info *job, struct job_uuid *id,
                  struct jobs_error *err) {
    return job_info_create_as_queued(&f->s, job, 1, id, err);
}

#define TRACE "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

static void what_is_created_is_read_back(void **state) {
    struct store_fixture *f = *state;
    struct job_info_list *list;
    struct job_uuid id;
    struct job_info job =
        JOB_INFO(.tenant = "acme", .class_name = "report.pdf",
                 .parameters = "{\"n\":12345678901234567890123,\"t\":\"\\u00e4\\\"\"}",
                 .description = "text with \"quotes\", \\ and\nlines, {braces}, NULL",
                 .owner = "ann", .related_type = "order", .related_id = "42", .traceparent = TRACE,
                 .priority = INT32_MIN, .attempts = 7, .timeout = 90000, .backoff = 1500,
                 .expiration_date = 1234567890123456, .locked = true);
    STORE_OK(create(f, &job, &id, &err));
    STORE_OK(job_info_get(&f->s, "acme", id.text, &list, &err));
    assert_int_equal(list->count, 1);
    const struct job_info *read = &list->infos[0];
    assert_int_equal(read->size, sizeof *read);
    assert_string_equal(read->id, id.text);
    assert_string_equal(read->tenant, "acme");
    assert_string_equal(read->class_name, job.class_name);
    assert_string_equal(read->parameters, "{\"n\": 12345678901234567890123, \"t\": \"ä\\\"\"}");
    assert_string_equal(read->description, job.description);
    assert_string_equal(read->owner, "ann");
    assert_string_equal(read->related_type, "order");
    assert_string_equal(read->related_id, "42");
    assert_string_equal(read->traceparent, job.traceparent);
    assert_int_equal(read->priority, INT32_MIN);
    assert_int_equal(read->attempts, 7);
    assert_int_equal(read->timeout, 90000);
    assert_int_equal(read->backoff, 1500);
    assert_int_equal(read->expiration_date, 1234567890123456);
    assert_int_equal(read->trigger_after_date, 0);
    assert_true(read->locked);
    assert_int_equal(read->status, JOB_QUEUED);
    assert_int_equal(read->version, 1);
    assert_int_equal(read->attempt, 0);
    assert_true(read->created_date > 1700000000000000 && read->queued_date > 1700000000000000);
    assert_int_equal(read->start_date, 0);
    assert_null(read->result);
    assert_null(read->error_kind);
    job_info_free(list);
}

static void least_is_tenant_and_class(void **state) {
    struct store_fixture *f = *state;
    struct job_info_list *list;
    struct job_info job = JOB_INFO(.tenant = "acme", .class_name = "noop", .priority = INT32_MAX);
    struct job_uuid id;
    STORE_OK(create(f, &job, &id, &err));
    STORE_OK(create(f, &job, NULL, &err)); /* nobody wants the id */
    STORE_OK(job_info_get(&f->s, "acme", id.text, &list, &err));
    assert_string_equal(list->infos[0].parameters, "{}");
    assert_int_equal(list->infos[0].priority, INT32_MAX);
    assert_null(list->infos[0].owner);
    job_info_free(list);
    job_info_free(NULL);
}

static void dates_decide_between_pending_and_queued(void **state) {
    struct store_fixture *f = *state;
    struct job_info jobs[] = {
        JOB_INFO(.tenant = "acme", .class_name = "noop", .trigger_after_date = 1),
        JOB_INFO(.tenant = "acme", .class_name = "noop", .trigger_after_date = 4102444800000000),
        JOB_INFO(.tenant = "acme", .class_name = "noop", .expiration_date = 1),
    };
    struct job_uuid ids[3];
    STORE_OK(job_info_create_as_queued(&f->s, jobs, 3, ids, &err));
    assert_int_equal(store_status(f, ids[0].text), JOB_QUEUED); /* in the past */
    assert_int_equal(store_status(f, ids[1].text), JOB_PENDING);
    assert_int_equal(store_status(f, ids[2].text), JOB_QUEUED); /* it will expire when chosen */
    STORE_OK(job_info_create_as_pending(&f->s, jobs, 1, ids, &err));
    assert_int_equal(store_status(f, ids[0].text), JOB_PENDING);
}

static void many_are_made_in_order_or_not_at_all(void **state) {
    struct store_fixture *f = *state;
    enum { JOBS = 2000 };
    struct job_info *jobs = mem_zero(JOBS, sizeof *jobs);
    struct job_uuid *ids = mem_zero(JOBS, sizeof *ids);
    for (int i = 0; i < JOBS; i++)
        jobs[i] = (struct job_info)JOB_INFO(.tenant = i % 2 ? "acme" : "globex",
                                            .class_name = "many", .priority = i);
    STORE_OK(job_info_create_as_queued(&f->s, jobs, JOBS, ids, &err));
    int64_t priority =
        test_sql_integer(f->url, "select priority from jobs.t_job_info where id = '%s'",
                         ids[JOBS - 1].text);
    assert_int_equal(priority, JOBS - 1);
    jobs[1234].class_name = "no class";
    STORE_FAILS(JOBS_EINVAL, "job 1235 of 2000",
                job_info_create_as_queued(&f->s, jobs, JOBS, ids, &err));
    jobs[1234].class_name = "many";
    jobs[77].parameters = "{";
    STORE_FAILS(JOBS_EINVAL, "2000 new jobs",
                job_info_create_as_queued(&f->s, jobs, JOBS, ids, &err));
    assert_int_equal(
        test_sql_integer(f->url, "select count(*) from jobs.t_job_info where class_name = 'many'"),
        JOBS);
    STORE_OK(job_info_create_as_queued(&f->s, jobs, 0, ids, &err));
    free(jobs);
    free(ids);
}

static void same_id_makes_one_job(void **state) {
    struct store_fixture *f = *state;
    struct job_info job = JOB_INFO(.tenant = "acme", .class_name = "noop",
                                   .id = "22222222-2222-7222-8222-222222222222");
    struct job_uuid id;
    for (int i = 0; i < 2; i++) {
        STORE_OK(create(f, &job, &id, &err));
        assert_string_equal(id.text, job.id);
    }
    assert_int_equal(test_sql_integer(f->url, "select version from jobs.t_job_info where id = '%s'",
                                      job.id),
                     1);
    job.tenant = "globex";
    STORE_FAILS(JOBS_ENOENT, "an id that was given cannot be used", create(f, &job, &id, &err));
}

static void another_tenants_job_is_no_job(void **state) {
    struct store_fixture *f = *state;
    struct job_info_list *list;
    struct job_uuid id;
    store_create(&f->s, "acme", &id);
    STORE_FAILS(JOBS_ENOENT, id.text, job_info_get(&f->s, "globex", id.text, &list, &err));
    STORE_FAILS(JOBS_ENOENT, "globex", job_info_stop(&f->s, "globex", id.text, NULL, &err));
    STORE_FAILS(JOBS_ENOENT, "globex", job_info_release(&f->s, "globex", id.text, &err));
    STORE_FAILS(JOBS_ENOENT, "globex", job_info_retry(&f->s, "globex", id.text, &err));
    STORE_FAILS(JOBS_ENOENT, "globex", job_info_lock(&f->s, "globex", id.text, true, &err));
    STORE_FAILS(JOBS_ENOENT, "globex", job_info_wait(&f->s, "globex", id.text, 0, NULL, &err));
    assert_int_equal(store_status(f, id.text), JOB_QUEUED);
}

/* ---- Bad input ---- */

static char *long_text(size_t length, const char *before, const char *after) {
    struct buf text = {0};
    buf_text(&text, before);
    for (size_t i = 0; i < length; i++)
        buf_char(&text, 'x');
    buf_text(&text, after);
    return buf_take(&text);
}

static void bad_values_are_named(void **state) {
    struct store_fixture *f = *state;
    char *name = long_text(1000, "", ""), *large = long_text(1048577, "{\"a\":\"", "\"}"),
         *letter = long_text(4097, "", "");
    const struct {
        int code;
        const char *part;
        struct job_info job;
    } cases[] = {
        {JOBS_ENOENT, "tenant 'nobody' is unknown", JOB_INFO(.tenant = "nobody")},
        {JOBS_ENOENT, "xxxxxxxx", JOB_INFO(.tenant = name)},
        {JOBS_EINVAL, "no tenant", JOB_INFO(.class_name = "noop")},
        {JOBS_EINVAL, "class name", JOB_INFO(.class_name = name)},
        {JOBS_EINVAL, "class name", JOB_INFO(.class_name = "a\x01")},
        {JOBS_EINVAL, "class name", JOB_INFO(.class_name = "")},
        {JOBS_EINVAL, "is no job id", JOB_INFO(.id = "12")},
        {JOBS_EINVAL, "1 MiB", JOB_INFO(.parameters = large)},
        {JOBS_EINVAL, "json", JOB_INFO(.parameters = "{\"a\":}")},
        {JOBS_EINVAL, "json", JOB_INFO(.parameters = "")},
        {JOBS_EINVAL, "not array", JOB_INFO(.parameters = "[1]")},
        {JOBS_EINVAL, "Unicode", JOB_INFO(.parameters = "{\"a\":\"\\u0000\"}")},
        {JOBS_EINVAL, "json", JOB_INFO(.parameters = "{\"a\":\"\\ud800\"}")},
        {JOBS_EINVAL, "UTF8", JOB_INFO(.parameters = "{\"a\":\"\xff\"}")},
        {JOBS_EINVAL, "UTF8", JOB_INFO(.description = "\xc3")},
        {JOBS_EINVAL, "description is over", JOB_INFO(.description = letter)},
        {JOBS_EINVAL, "owner is over", JOB_INFO(.owner = name)},
        {JOBS_EINVAL, "related_type is over", JOB_INFO(.related_type = name)},
        {JOBS_EINVAL, "related_id is over", JOB_INFO(.related_id = name)},
        {JOBS_EINVAL, "control characters", JOB_INFO(.owner = "a\x1b[31m")},
        {JOBS_EINVAL, "attempts", JOB_INFO(.attempts = 1001)},
        {JOBS_EINVAL, "attempts", JOB_INFO(.attempts = UINT_MAX)},
        {JOBS_EINVAL, "timeout must be", JOB_INFO(.timeout = INT64_C(366) * 86400000)},
        {JOBS_EINVAL, "out of range", JOB_INFO(.timeout = INT64_MAX)},
        {JOBS_EINVAL, "out of range", JOB_INFO(.timeout = -1)},
        {JOBS_EINVAL, "out of range", JOB_INFO(.backoff = INT64_MIN)},
        {JOBS_EINVAL, "out of range", JOB_INFO(.trigger_after_date = INT64_MAX)},
        {JOBS_EINVAL, "out of range", JOB_INFO(.expiration_date = INT64_MIN)},
    };
    int64_t before = test_sql_integer(f->url, "select count(*) from jobs.t_job_info");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct job_info job = cases[i].job;
        if (i != 2 && !job.tenant)
            job.tenant = "acme";
        if (!job.class_name)
            job.class_name = "noop";
        STORE_FAILS(cases[i].code, cases[i].part, create(f, &job, NULL, &err));
    }
    assert_int_equal(test_sql_integer(f->url, "select count(*) from jobs.t_job_info"), before);
    struct job_info job = {.tenant = "acme", .class_name = "noop"};
    STORE_FAILS(JOBS_EINVAL, "size", create(f, &job, NULL, &err));
    assert_int_equal(create(f, &job, NULL, NULL), JOBS_EINVAL); /* err may be NULL */
    job.size = sizeof job;
    job.parameters = "{";
    assert_int_equal(create(f, &job, NULL, NULL), JOBS_EINVAL);
    free(name), free(large), free(letter);
}

static void tenants_may_refuse(void **state) {
    struct store_fixture *f = *state;
    struct job_info job = JOB_INFO(.tenant = "strict", .class_name = "noop");
    test_sql(f->url, "insert into jobs.t_tenant (tenant, max_queued) values ('strict', 1)");
    STORE_OK(create(f, &job, NULL, &err));
    STORE_FAILS(JOBS_EREFUSED, "max_queued is 1", create(f, &job, NULL, &err));
    char *state_of = test_sql_value(
        f->url, "create function pg_temp.try() returns text language plpgsql as $$ begin perform "
                "jobs.job_submit('strict', 'noop'); return 'none'; exception when others then "
                "return sqlstate; end $$; select pg_temp.try()");
    assert_string_equal(state_of, "JB005");
    free(state_of);
    /* What is there already is no new job; what waits in a lane counts as well. */
    char *id = test_sql_value(f->url, "select id from jobs.t_job_info where tenant = 'strict'");
    job.id = id;
    STORE_OK(create(f, &job, NULL, &err));
    job.id = NULL;
    test_sql(f->url,
             "insert into jobs.t_job_class (class_name, lane) values ('slow', 'slow'); "
             "update jobs.t_job_ready set lane = 'slow' where id = '%s'",
             id);
    STORE_FAILS(JOBS_EREFUSED, "has 1 jobs queued", create(f, &job, NULL, &err));
    test_sql(f->url, "update jobs.t_job_ready set lane = '' where id = '%s'", id);
    free(id);
    /* One statement, many jobs. */
    struct job_info two[2] = {job, job};
    test_sql(f->url, "update jobs.t_tenant set max_queued = 2 where tenant = 'strict'");
    STORE_FAILS(JOBS_EREFUSED, "max_queued is 2",
                job_info_create_as_queued(&f->s, two, 2, NULL, &err));
    STORE_OK(create(f, &job, NULL, &err));
    test_sql(f->url, "update jobs.t_tenant set state = 'MAINTENANCE' where tenant = 'strict'");
    STORE_FAILS(JOBS_EREFUSED, "tenant \"strict\" is in maintenance", create(f, &job, NULL, &err));
}

static void bad_ids_are_told(void **state) {
    struct store_fixture *f = *state;
    struct job_info_list *list = NULL;
    STORE_FAILS(JOBS_EINVAL, "\"x'; --\" is no job id",
                job_info_get(&f->s, "acme", "x'; --", &list, &err));
    STORE_FAILS(JOBS_EINVAL, "is no job id", job_info_stop(&f->s, "acme", NULL, NULL, &err));
    STORE_FAILS(JOBS_EINVAL, "tenant", job_info_get(&f->s, NULL, UNKNOWN, &list, &err));
    STORE_FAILS(JOBS_ENOENT, "tenant \"acme\" has no job " UNKNOWN,
                job_info_get(&f->s, "acme", UNKNOWN, &list, &err));
    STORE_FAILS(JOBS_ENOENT, UNKNOWN, job_info_wait(&f->s, "acme", UNKNOWN, 1000, NULL, &err));
    assert_null(list); /* written on success only */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_created_is_read_back),
        cmocka_unit_test(least_is_tenant_and_class),
        cmocka_unit_test(dates_decide_between_pending_and_queued),
        cmocka_unit_test(many_are_made_in_order_or_not_at_all),
        cmocka_unit_test(same_id_makes_one_job),
        cmocka_unit_test(another_tenants_job_is_no_job),
        cmocka_unit_test(bad_values_are_named),
        cmocka_unit_test(tenants_may_refuse),
        cmocka_unit_test(bad_ids_are_told),
    };
    return cmocka_run_group_tests(tests, store_fixture_up, store_fixture_down);
}
