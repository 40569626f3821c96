/* Databases that cannot be served, settings that are wrong, reload: each refusal is clear and
 * leaves nothing behind. */
#include "module/base/buf.h"
#include "sql/sql.h"
#include "tests/lib/audit.h"
#include "tests/lib/pooler.h"
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

/* Datasource "main" is `url`; `more`: another setting or NULL. Fails with that code and texts. */
static void assert_refused(const char *url, const char *more, int code, const char *said,
                           const char *said_too) {
    struct buf main_url = {0};
    struct test_service *s = NULL;
    struct jobs_error err = {0};
    buf_format(&main_url, "jobs.datasource.main.url=%s", url);
    const char *settings[] = {"jobs.amqp.url=", buf_get(&main_url), more, NULL};
    int rc = service_try(NULL, settings, NULL, &s, &err);
    print_message("%s\n", err.text);
    assert_int_equal(rc, code);
    if (!strstr(err.text, said) || !strstr(err.text, said_too))
        fail_msg("\"%s\" does not say \"%s\" and \"%s\"", err.text, said, said_too);
    buf_done(&main_url);
}

static void a_database_without_the_schema(void **state) {
    (void)state;
    const char *url = test_database();
    assert_refused(url, "jobs.migrate=never", JOBS_ESCHEMA, "datasource main", "jobctl migrate");
    assert_int_equal(test_sql_integer(url,
                                      "select count(*) from pg_namespace where nspname = 'jobs'"),
                     0);
    struct test_service *s = service_start(url, NULL, NULL); /* auto: it is made */
    service_stop(s);
    s = service_start(url, NULL, "jobs.migrate=never", NULL);
    service_stop(s);
}

static void an_older_schema(void **state) {
    (void)state;
    const char *url = service_database();
    test_sql(url, "update jobs.t_schema set version = version - 1");
    assert_refused(url, "jobs.migrate=never", JOBS_ESCHEMA, "datasource main", "jobctl migrate");
}

static void a_newer_schema(void **state) {
    (void)state;
    runs_reset();
    const char *url = service_database();
    test_sql(url, "insert into jobs.t_schema (version, min_build) values (999, %d)",
             sql_schema_newest());
    struct test_service *s = service_start(url, NULL, NULL); /* compatible with this release */
    char *id = submit(url, "'t0', 'count'");
    wait_status(url, id, "SUCCEEDED");
    service_stop(s);
    test_sql(url, "update jobs.t_schema set min_build = 999 where version = 999");
    assert_refused(url, "jobs.migrate=auto", JOBS_ESCHEMA, "999", "newer");
    assert_refused(url, "jobs.migrate=never", JOBS_ESCHEMA, "999", "newer");
    assert_int_equal(test_sql_integer(url, "select count(*) from jobs.t_job_instance"), 0);
    free(id);
}

static void a_transaction_pooler_in_between(void **state) {
    (void)state;
    const char *url = service_database();
    assert_refused(test_pooler(url), NULL, JOBS_ECONFIG, "datasource main", "transaction pooler");
    assert_int_equal(test_sql_integer(url, "select count(*) from jobs.t_job_instance"), 0);
}

static void a_schema_name_that_is_none(void **state) {
    (void)state;
    assert_refused("postgresql://127.0.0.1:1/x", "jobs.datasource.main.schema=a\";drop table x;--",
                   JOBS_ECONFIG, "jobs.datasource.main.schema", "");
}

/* The good one has work; it must not have been touched when the other one is refused. */
static void one_bad_datasource_of_two(void **state) {
    (void)state;
    runs_reset();
    const char *good = service_database(), *bad = test_database();
    submit_many(good, "nap", 50, 2, "{\"parameters\": {\"ms\": 20}}");
    struct buf settings[2] = {0};
    buf_format(&settings[0], "jobs.datasource.a.url=%s", good);
    buf_format(&settings[1], "jobs.datasource.b.url=%s", bad);
    const char *const all[] = {"jobs.amqp.url=", "jobs.migrate=never", buf_get(&settings[0]),
                               buf_get(&settings[1]), NULL};
    struct test_service *s = NULL;
    struct jobs_error err = {0};
    assert_int_equal(service_try(NULL, all, NULL, &s, &err), JOBS_ESCHEMA);
    assert_non_null(strstr(err.text, "datasource b"));
    assert_int_equal(runs_count(), 0);
    assert_int_equal(count_jobs(good, "status = 'QUEUED'"), 50);
    assert_int_equal(test_sql_integer(good, "select count(*) from jobs.t_job_instance"), 0);
    audit(good);
    buf_done(&settings[0]);
    buf_done(&settings[1]);
}

/* ---- files ---- */

struct file {
    char path[64];
};

static void write_file(const struct file *file, const char *url, const char *more) {
    FILE *out = fopen(file->path, "we");
    assert_non_null(out);
    fprintf(out, "jobs.amqp.url =\njobs.datasource.main.url = %s\n%s\n", url, more);
    fclose(out);
}

static struct file new_file(void) {
    struct file file = {"/var/tmp/jobs-test-config.XXXXXX"};
    int fd = mkstemp(file.path);
    assert_true(fd >= 0);
    close(fd);
    return file;
}

static void unknown_keys_and_bad_values(void **state) {
    (void)state;
    const char *url = service_database();
    static const struct {
        const char *line, *said;
    } bad[] = {{"jobs.pool.sise = 4", "jobs.pool.sise"},
               {"jobs.pool.size = many", "jobs.pool.size"},
               {"jobs.pool.size = 0", "jobs.pool.size"},
               {"jobs.migrate = perhaps", "jobs.migrate"},
               {"jobs.shutdown.grace.ms = -5s", "jobs.shutdown.grace.ms"}};
    struct file file = new_file();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct jobs_error err = {0};
        struct test_service *s = NULL;
        write_file(&file, url, bad[i].line);
        assert_int_equal(service_try(file.path, NULL, NULL, &s, &err), JOBS_ECONFIG);
        print_message("%s\n", err.text);
        assert_non_null(strstr(err.text, file.path));
        assert_non_null(strstr(err.text, ":3")); /* the line */
        assert_non_null(strstr(err.text, bad[i].said));
    }
    assert_int_equal(test_sql_integer(url, "select count(*) from jobs.t_job_instance"), 0);
    unlink(file.path);
}

static bool four_run(void *arg) { return runs_going() == 4 && arg == NULL; }

static void a_reload_resizes_the_pool(void **state) {
    (void)state;
    runs_reset();
    const char *url = service_database();
    struct file file = new_file();
    struct test_service *s = NULL;
    write_file(&file, url, "jobs.pool.size = 2");
    OK(service_try(file.path, NULL, NULL, &s, &err));
    runs_gate(false);
    submit_many(url, "gate", 6, 2, NULL);
    assert_true(runs_wait(2, LONG_MS));
    char *other = submit(url, "'t2', 'count'"); /* there is no slot for it */
    write_file(&file, url, "jobs.pool.size = 4");
    OK(job_service_reload(service_of(s), &err));
    assert_true(test_wait(four_run, NULL, LONG_MS));
    assert_true(test_wait_sql(url, LONG_MS, "select pool_size = 4 from jobs.t_job_instance"));

    struct jobs_error bad = {0};
    write_file(&file, url, "jobs.pool.size = 8\njobs.pool.sise = 8");
    assert_int_equal(job_service_reload(service_of(s), &bad), JOBS_ECONFIG);
    assert_non_null(strstr(bad.text, "jobs.pool.sise"));
    assert_int_equal(runs_going(), 4); /* nothing has changed */
    assert_int_equal(test_sql_integer(url, "select pool_size from jobs.t_job_instance"), 4);

    write_file(&file, url, "jobs.pool.size = 1");
    OK(job_service_reload(service_of(s), &err)); /* those that run may end */
    runs_gate(true);
    wait_final(url, 7, LONG_MS);
    assert_int_equal(runs_most() <= 4, 1);
    submit_many(url, "nap", 10, 2, "{\"parameters\": {\"ms\": 5}}");
    wait_final(url, 17, LONG_MS);
    assert_int_equal(runs_most(), 1);
    service_stop(s);
    unlink(file.path);
    free(other);
    audit_finished(url);
}

/* Settings of a class are the next run's, also where it has run before. */
static void a_reload_changes_a_timeout(void **state) {
    (void)state;
    const char *url = service_database();
    struct file file = new_file();
    struct test_service *s = NULL;
    write_file(&file, url, "jobs.class.sleep.timeout = 50ms");
    OK(service_try(file.path, NULL, NULL, &s, &err));
    char *id = submit(url, "'t1', 'sleep', parameters => '{\"ms\": 600000}', attempts => 1");
    wait_status(url, id, "FAILED");
    assert_int_equal(test_sql_integer(url,
                                      "select count(*) from jobs.t_job_info where id = '%s' "
                                      "and error_kind = 'TIMEOUT'",
                                      id),
                     1);
    free(id);
    write_file(&file, url, "jobs.class.sleep.timeout = 0");
    OK(job_service_reload(service_of(s), &err));
    id = submit(url, "'t1', 'sleep', parameters => '{\"ms\": 200}', attempts => 1");
    wait_status(url, id, "SUCCEEDED");
    free(id);
    service_stop(s);
    unlink(file.path);
    audit_finished(url);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_database_without_the_schema),
        cmocka_unit_test(an_older_schema),
        cmocka_unit_test(a_newer_schema),
        cmocka_unit_test(a_transaction_pooler_in_between),
        cmocka_unit_test(a_schema_name_that_is_none),
        cmocka_unit_test(one_bad_datasource_of_two),
        cmocka_unit_test(unknown_keys_and_bad_values),
        cmocka_unit_test(a_reload_resizes_the_pool),
        cmocka_unit_test(a_reload_changes_a_timeout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
