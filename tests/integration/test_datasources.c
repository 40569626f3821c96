/* Datasources that a reload adds, removes and changes, while jobs run. */
#include "tests/lib/audit.h"
#include "tests/lib/pg_proxy.h"
#include "tests/lib/service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct file {
    char path[64];
    struct test_service *s;
};

/* Datasources a, b; NULL: none. */
static void write_file(const struct file *file, const char *a, const char *b, const char *more) {
    FILE *out = fopen(file->path, "we");
    assert_non_null(out);
    fprintf(out, "jobs.amqp.url =\njobs.api.listen =\njobs.pool.size = 4\n%s\n", more ? more : "");
    if (a)
        fprintf(out, "jobs.datasource.a.url = %s\n", a);
    if (b)
        fprintf(out, "jobs.datasource.b.url = %s\n", b);
    fclose(out);
}

static struct file begin(const char *a, const char *b) {
    struct file file = {.path = "/var/tmp/jobs-test-sources.XXXXXX"};
    int fd = mkstemp(file.path);
    assert_true(fd >= 0);
    close(fd);
    runs_reset();
    write_file(&file, a, b, NULL);
    OK(service_try(file.path, NULL, NULL, &file.s, &err));
    return file;
}

static void reload(const struct file *file, const char *a, const char *b) {
    write_file(file, a, b, NULL);
    OK(job_service_reload(service_of(file->s), &err));
}

static void end(struct file *file) {
    service_stop(file->s);
    unlink(file->path);
}

static void run_one(const char *url) {
    char *id = submit(url, "'t0', 'count'");
    wait_status(url, id, "SUCCEEDED");
    free(id);
}

static int64_t sessions(const char *url) {
    return test_sql_integer(url, "select count(*) from pg_stat_activity where datname = "
                                 "current_database() and application_name like 'jobs%%'");
}

static void one_is_added(void **state) {
    (void)state;
    const char *a = service_database(), *b = service_database();
    struct file file = begin(a, NULL);
    char *id = submit(b, "'t0', 'count'");
    run_one(a);
    reload(&file, a, b);
    wait_status(b, id, "SUCCEEDED"); /* what waited there */
    run_one(a);
    run_one(b);
    reload(&file, a, b); /* nothing new: nothing happens */
    assert_int_equal(test_sql_integer(b, "select count(*) from jobs.t_job_instance"), 1);
    end(&file);
    assert_int_equal(test_sql_integer(b, "select count(*) from jobs.t_job_instance"), 0);
    audit_finished(a);
    audit_finished(b);
    free(id);
}

/* What runs there ends, what waits stays, sessions and instance row go; the other goes on. */
static void one_is_removed(void **state) {
    (void)state;
    const char *a = service_database(), *b = service_database();
    struct file file = begin(a, b);
    runs_gate(false);
    submit_many(b, "gate", 6, 2, NULL);
    assert_true(runs_wait(4, LONG_MS));
    reload(&file, a, NULL);
    assert_int_equal(runs_going(), 4);
    char *mine = submit(a, "'t0', 'count'"), *later = submit(b, "'t0', 'count'");
    runs_gate(true);
    wait_status(a, mine, "SUCCEEDED");
    assert_true(test_wait_sql(b, LONG_MS, "select count(*) = 0 from jobs.t_job_instance"));
    assert_true(test_wait_sql(b, LONG_MS,
                              "select count(*) = 0 from pg_stat_activity where datname "
                              "= current_database() and application_name like "
                              "'jobs%%'"));
    assert_int_equal(count_jobs(b, "status = 'SUCCEEDED'"), 4);
    assert_int_equal(count_jobs(b, "status = 'QUEUED'"), 3);
    assert_job(b, later, "status", "QUEUED");
    run_one(a);
    audit(b);
    reload(&file, a, b); /* back again */
    wait_final(b, 7, LONG_MS);
    assert_int_equal(runs_doubled(), 0);
    end(&file);
    audit_finished(a);
    audit_finished(b);
    free(mine);
    free(later);
}

/* A run that does not end in time is stopped and queued again there. */
static void grace_is_over(void **state) {
    (void)state;
    const char *a = service_database(), *b = service_database();
    struct file file = begin(a, b);
    runs_gate(false);
    char *id = submit(b, "'t0', 'gate'");
    assert_true(runs_wait(1, LONG_MS));
    write_file(&file, a, NULL, "jobs.shutdown.grace.ms = 200");
    OK(job_service_reload(service_of(file.s), &err));
    wait_status(b, id, "QUEUED");
    assert_true(test_wait_sql(b, LONG_MS, "select count(*) = 0 from jobs.t_job_instance"));
    runs_gate(true);
    run_one(a);
    end(&file);
    audit(b);
    free(id);
}

static void another_database(void **state) {
    (void)state;
    const char *first = service_database(), *second = service_database();
    struct file file = begin(first, NULL);
    runs_gate(false);
    char *id = submit(first, "'t0', 'gate'");
    assert_true(runs_wait_of(id, 1, LONG_MS));
    reload(&file, second, NULL);
    run_one(second); /* at once, although the old one still runs something */
    assert_job(first, id, "status", "RUNNING");
    runs_gate(true);
    wait_status(first, id, "SUCCEEDED");
    assert_true(test_wait_sql(first, LONG_MS, "select count(*) = 0 from jobs.t_job_instance"));
    end(&file);
    audit_finished(first);
    audit_finished(second);
    free(id);
}

/* The same database moves to another address, and the old one is gone: what runs is not run again. */
static void another_address(void **state) {
    (void)state;
    const char *url = service_database();
    struct pg_proxy *proxy = pg_proxy_start(url);
    struct file file = begin(pg_proxy_url(proxy), NULL);
    runs_gate(false);
    char *id = submit(url, "'t0', 'gate'");
    assert_true(runs_wait_of(id, 1, LONG_MS));
    reload(&file, url, NULL);
    pg_proxy_stop(proxy);
    run_one(url);
    runs_gate(true);
    wait_status(url, id, "SUCCEEDED");
    assert_int_equal(runs_of(id), 1);
    assert_true(test_wait_sql(url, LONG_MS, "select count(*) = 1 from jobs.t_job_instance"));
    end(&file);
    audit_finished(url);
    free(id);
}

static void one_that_cannot_be_used(void **state) {
    (void)state;
    const char *a = service_database(), *bare = test_database();
    struct file file = begin(a, NULL);
    struct jobs_error err = {0};
    write_file(&file, NULL, bare, "jobs.migrate = never");
    assert_int_equal(job_service_reload(service_of(file.s), &err), JOBS_ESCHEMA);
    assert_non_null(strstr(err.text, "datasource b"));
    write_file(&file, NULL, NULL, NULL);
    assert_int_equal(job_service_reload(service_of(file.s), &err), JOBS_ECONFIG);
    run_one(a); /* nothing has changed */
    assert_int_equal(sessions(bare), 0);
    /* One that does not answer is no mistake: it is tried until it does. */
    reload(&file, a, "postgresql://127.0.0.1:1/nowhere");
    run_one(a);
    reload(&file, a, NULL);
    end(&file);
    audit_finished(a);
}

/* Datasources come and go while jobs are there: none is lost, none runs twice. */
static void many_changes(void **state) {
    (void)state;
    const char *a = service_database(), *b = service_database();
    struct file file = begin(a, b);
    submit_many(a, "nap", 400, 3, "{\"parameters\": {\"ms\": 5}}");
    submit_many(b, "nap", 400, 3, "{\"parameters\": {\"ms\": 5}}");
    for (int i = 0; i < 6; i++) {
        assert_true(runs_wait((size_t)(i + 1) * 40, LONG_MS));
        reload(&file, a, i % 2 ? b : NULL);
    }
    wait_final(a, 400, LONG_MS);
    wait_final(b, 400, LONG_MS);
    assert_int_equal(runs_doubled(), 0);
    end(&file);
    audit_finished(a);
    audit_finished(b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_is_added),    cmocka_unit_test(one_is_removed),
        cmocka_unit_test(grace_is_over),   cmocka_unit_test(another_database),
        cmocka_unit_test(another_address), cmocka_unit_test(one_that_cannot_be_used),
        cmocka_unit_test(many_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
