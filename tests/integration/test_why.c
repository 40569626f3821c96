/* "Why is this job not running?": each reason, as the SQL function and jobctl tell it. */
#include "tests/lib/jobctl.h"
#include "tests/lib/service.h"
#include "tests/lib/store_fixture.h"

#include "module/store/store.h"

#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libpq-fe.h>

/* An instance with that many slots and these classes, whose control session is the asking one. */
#define INSTANCE "eeeeeeee-0000-4000-8000-00000000000"
static void add_instance(const char *url, int n, int slots, const char *classes, bool connected) {
    test_sql(url,
             "insert into jobs.t_job_instance (id, name, host, pid, version, class_names, "
             "pool_size, control_pid, control_start) select '" INSTANCE
             "%d', 'worker-%d', 'host', 1, '0', '%s', %d, a.pid, a.backend_start from "
             "pg_stat_activity a where %s limit 1",
             n, n, classes, slots,
             connected ? "a.backend_type = 'checkpointer'" : "a.pid = pg_backend_pid()");
}

/* The job becomes RUNNING on that instance. */
static void run_on(const char *url, const char *id, int n) {
    test_sql(url,
             "delete from jobs.t_job_ready where id = '%s'; "
             "update jobs.t_job_info set status = 'RUNNING', start_date = clock_timestamp(), "
             "version = version + 2, attempt = attempt + 1, instance = '" INSTANCE
             "%d' where id = '%s'; "
             "insert into jobs.t_job_claim (instance, tick, tenant, ids) "
             "select '" INSTANCE "%d', nextval('jobs.t_job_ready_seq_seq'), tenant, array[id] "
             "from jobs.t_job_info where id = '%s'",
             id, n, id, n, id);
}

/* The words, in their order, separated by spaces. Caller frees. */
static char *words_of(const char *url, const char *id) {
    return test_sql_value(url,
                          "select string_agg(r.value ->> 'reason', ' ' order by r.ordinality) "
                          "from jobs.t_job_info j, jsonb_array_elements(jobs.job_why(j.tenant, "
                          "j.id) -> 'reasons') with ordinality r where j.id = '%s'",
                          id);
}

static void assert_words(const char *url, const char *id, const char *expected) {
    char *words = words_of(url, id);
    assert_string_equal(words, expected);
    free(words);
}

/* `part` is in the sentence of that word. */
static void assert_says(const char *url, const char *id, const char *word, const char *part) {
    char *text = test_sql_value(url,
                                "select r.value ->> 'text' from jobs.t_job_info j, "
                                "jsonb_array_elements(jobs.job_why(j.tenant, j.id) -> 'reasons') r "
                                "where j.id = '%s' and r.value ->> 'reason' = '%s'",
                                id, word);
    if (!text || !strstr(text, part))
        fail_msg("\"%s\" is not in %s: %s", part, word, text ? text : "(no such reason)");
    free(text);
}

/* Seconds from now; -1: null. */
static int64_t start_in(const char *url, const char *id) {
    return test_sql_integer(
        url,
        "select round(extract(epoch from (jobs.job_why(j.tenant, j.id) ->> "
        "'estimated_start')::timestamptz - clock_timestamp())) from jobs.t_job_info j "
        "where j.id = '%s'",
        id);
}

static void nobody_is_there(void **state) {
    (void)state;
    const char *url = service_database();
    char *id = submit(url, "'t0', 'noop'");
    assert_words(url, id, "no_instance");
    assert_int_equal(start_in(url, id), -1);
    add_instance(url, 1, 4, "{noop}", false);
    assert_words(url, id, "no_instance");
    assert_says(url, id, "no_instance", "1 is known");
    add_instance(url, 2, 4, "{other}", true);
    assert_words(url, id, "no_class");
    add_instance(url, 3, 4, "{noop}", true);
    assert_words(url, id, "next");
    assert_in_range(start_in(url, id), 0, 1);
    free(id);
}

static void what_blocks_it(void **state) {
    (void)state;
    const char *url = service_database();
    add_instance(url, 1, 4, "{noop,other}", true);
    char *id = submit(url, "'t0', 'noop'");
    test_sql(url, "update jobs.t_tenant set state = 'PAUSED' where tenant = 't0'");
    assert_words(url, id, "tenant_paused");
    assert_int_equal(start_in(url, id), -1);
    test_sql(url, "update jobs.t_tenant set state = 'MAINTENANCE' where tenant = 't0'");
    assert_words(url, id, "tenant_maintenance");
    test_sql(url, "update jobs.t_tenant set state = 'ACTIVE' where tenant = 't0'");
    test_sql(url, "select jobs.job_class_pause('noop')");
    assert_words(url, id, "class_paused");
    assert_says(url, id, "class_paused", "for all tenants");
    test_sql(url, "select jobs.job_class_resume('noop')");
    test_sql(url, "select jobs.job_class_pause('noop', 't0')");
    assert_says(url, id, "class_paused", "for its tenant");
    test_sql(url, "select jobs.job_class_resume('noop', 't0')");
    test_sql(url, "insert into jobs.t_job_quarantine values ('t0', 'noop', clock_timestamp() + "
                  "interval '5 minutes', 3, '3 of its runs crashed')");
    assert_words(url, id, "quarantined");
    assert_says(url, id, "quarantined", "3 of its runs crashed");
    test_sql(url, "delete from jobs.t_job_quarantine");
    assert_words(url, id, "next");
    free(id);
}

static void limits_and_who_holds_them(void **state) {
    (void)state;
    const char *url = service_database();
    add_instance(url, 1, 40, "{noop}", true);
    char *ids[6], *other = submit(url, "'t1', 'noop'");
    for (int i = 0; i < 6; i++)
        ids[i] = submit(url, "'t0', 'noop'");
    for (int i = 0; i < 5; i++)
        run_on(url, ids[i], 1);
    run_on(url, other, 1);
    assert_words(url, ids[5], "next");
    test_sql(url, "update jobs.t_tenant set max_running = 5 where tenant = 't0'");
    assert_words(url, ids[5], "limit_tenant");
    assert_says(url, ids[5], "limit_tenant", "5 jobs running (max_running), and 5 do: ");
    assert_says(url, ids[5], "limit_tenant", ids[0]);
    assert_says(url, ids[5], "limit_tenant", "on worker-1");
    assert_says(url, ids[5], "limit_tenant", "2 more of its tenant");
    test_sql(url, "update jobs.t_tenant set max_running = 6 where tenant = 't0'");
    assert_words(url, ids[5], "next");
    test_sql(url, "update jobs.t_tenant set max_running = null where tenant = 't0'");
    test_sql(url, "select jobs.job_class_set('noop', 6, null)");
    assert_words(url, ids[5], "limit_class");
    assert_says(url, ids[5], "limit_class", "1 of other tenants");
    char *text = test_sql_value(url, "select jobs.job_why('t0', '%s')::text", ids[5]);
    assert_null(strstr(text, other)); /* a neighbour's job is counted, not named */
    assert_null(strstr(text, "t1"));
    free(text);
    test_sql(url, "select jobs.job_class_set('noop', null, 5)");
    assert_words(url, ids[5], "limit_class_tenant");
    for (int i = 0; i < 6; i++)
        free(ids[i]);
    free(other);
}

static void dates(void **state) {
    (void)state;
    const char *url = service_database();
    add_instance(url, 1, 4, "{noop}", true);
    char *id = submit(url, "'t0', 'noop', pending => true");
    assert_words(url, id, "not_released");
    assert_int_equal(start_in(url, id), -1);
    free(id);
    id = submit(url, "'t0', 'noop', at => clock_timestamp() + interval '100 s'");
    assert_words(url, id, "trigger_date");
    assert_in_range(start_in(url, id), 80, 100);
    test_sql(url,
             "insert into jobs.t_job_attempt values ('%s', 0, 't0', null, now(), now(), 'FAILED', "
             "'ERROR', 'no paper')",
             id);
    assert_words(url, id, "back_off");
    assert_says(url, id, "back_off", "ERROR: no paper");
    test_sql(url, "update jobs.t_job_attempt set outcome = 'SNOOZED', error_kind = null, "
                  "error = null");
    assert_words(url, id, "snoozed");
    test_sql(url, "delete from jobs.t_job_attempt");
    test_sql(url,
             "update jobs.t_job_info set error_kind = 'WORKSPACE', error = 'no room' "
             "where id = '%s'",
             id);
    assert_words(url, id, "workspace_full");
    test_sql(url,
             "update jobs.t_job_info set error_kind = 'CLASS', error = 'elsewhere' "
             "where id = '%s'",
             id);
    assert_words(url, id, "handed_back");
    free(id);
    id = submit(url, "'t0', 'noop', expires => clock_timestamp() + interval '30 s'");
    assert_words(url, id, "next expires_soon");
    free(id);
    id = submit(url, "'t1', 'noop', expires => clock_timestamp() - interval '30 s'");
    assert_words(url, id, "next expired");
    assert_int_equal(start_in(url, id), -1);
    free(id);
}

static void places_in_the_queue(void **state) {
    (void)state;
    const char *url = service_database();
    add_instance(url, 1, 2, "{noop}", true);
    submit_many(url, "noop", 10, 1, NULL);
    char *id = submit(url, "'t0', 'noop'"), *high = submit(url, "'t0', 'noop', priority => 7");
    assert_words(url, id, "ahead");
    assert_says(url, id, "ahead", "11 jobs of its tenant are ahead");
    assert_int_equal(start_in(url, id), -1); /* nothing has ended yet */
    assert_words(url, high, "next");
    test_sql(url,
             "update jobs.t_job_info set status = 'SUCCEEDED', stop_date = clock_timestamp() - "
             "interval '1 s' * n from (select id as one, row_number() over (order by id) as n "
             "from jobs.t_job_info where tenant = 't0' and priority = 0 order by id limit 10) x "
             "where id = one; "
             "delete from jobs.t_job_ready r using jobs.t_job_info j where j.id = r.id and "
             "j.status = 'SUCCEEDED'");
    test_sql(url, "delete from jobs.t_job_ready where id = '%s'", high);
    for (int i = 0; i < 4; i++)
        free(submit(url, "'t0', 'noop', priority => 1"));
    /* ten seconds for nine ends after the first, four ahead of it */
    assert_in_range(start_in(url, id), 4, 7);
    test_sql(url, "select jobs.job_submit('t0', 'noop', priority => 2) "
                  "from generate_series(1, 1100)");
    assert_says(url, id, "ahead", "more than 1,000 jobs");
    assert_int_equal(start_in(url, id), -1);
    free(id);
    free(high);
}

static void every_slot_is_taken(void **state) {
    (void)state;
    const char *url = service_database();
    add_instance(url, 1, 2, "{noop}", true);
    char *ids[4];
    for (int i = 0; i < 4; i++)
        ids[i] = submit(url, i == 2 ? "'t1', 'noop'" : "'t0', 'noop'");
    run_on(url, ids[0], 1);
    assert_words(url, ids[2], "next");
    run_on(url, ids[1], 1);
    assert_words(url, ids[2], "pool_full");
    assert_says(url, ids[2], "pool_full", "all 2 slots of the instance");
    assert_words(url, ids[3], "pool_full");
    assert_words(url, ids[0], "running");
    assert_says(url, ids[0], "running", "on instance worker-1 (host) since 2");
    test_sql(url, "update jobs.t_job_info set stop_requested = true where id = '%s'", ids[0]);
    assert_words(url, ids[0], "stopping running");
    test_sql(url, "update jobs.t_job_info set status = 'TO_BE_RUN' where id = '%s'", ids[1]);
    assert_words(url, ids[1], "chosen");
    test_sql(url, "update jobs.t_job_instance set lost = true");
    assert_words(url, ids[1], "chosen instance_lost");
    for (int i = 0; i < 4; i++)
        free(ids[i]);
}

static void it_has_ended(void **state) {
    (void)state;
    const char *url = service_database();
    char *id = submit(url, "'t0', 'noop'");
    test_sql(url, "select jobs.job_stop('t0', '%s')", id);
    assert_words(url, id, "final");
    assert_says(url, id, "final", "it ended ABORTED at 2");
    free(id);
}

/* What the services themselves leave behind is understood, too. */
static int run_bad(struct job *job) { return job_fail(job, "no paper"); }
static int run_later(struct job *job) { return job_snooze(job, 60000); }
static const struct job_class class_bad =
    JOB_CLASS(.name = "bad", .run = run_bad, .attempts = 2, .backoff = 60000, .backoff_max = 60000);
static const struct job_class class_later = JOB_CLASS(.name = "later", .run = run_later);
static const struct job_class *const classes[] = {&class_bad, &class_later, NULL};

static void as_a_service_leaves_them(void **state) {
    (void)state;
    const char *url = service_database();
    struct test_service *s = service_start(url, classes, NULL);
    char *bad = submit(url, "'t0', 'bad'"), *later = submit(url, "'t0', 'later'");
    assert_true(test_wait_sql(url, LONG_MS,
                              "select count(*) = 2 from jobs.t_job_info where status = 'PENDING'"));
    assert_words(url, bad, "back_off");
    assert_says(url, bad, "back_off", "its attempt 1 failed (ERROR: no paper)");
    assert_in_range(start_in(url, bad), 30, 75);
    assert_words(url, later, "snoozed");
    service_stop(s);
    assert_words(url, bad, "back_off no_instance");
    free(bad);
    free(later);
}

static void jobctl_tells_it(void **state) {
    (void)state;
    const char *url = service_database();
    jobctl_use(BUILD_DIR "/bin");
    setenv("JOBS_DATASOURCE_MAIN_URL", url, 1);
    setenv("JOBS_TENANT", "t0", 1);
    char *id = submit(url, "'t0', 'noop', pending => true");
    jobctl_says(0, "not_released", "why %s", id);
    jobctl_says(0, "no instance of jobsd serves", "why %s", id);
    assert_int_equal(jobctl_lines("\"status\": \"PENDING\"", "why %s", id), 1);
    jobctl_says(3, "has no job", "why 11111111-1111-7111-8111-111111111111");
    jobctl_says(2, "no job id", "why x");
    jobctl_says(3, "has no job", "why %s --tenant t1", id);
    setenv("JOBS_DATASOURCE_MAIN_URL", "postgresql://127.0.0.1:1/none", 1);
    jobctl_says(1, "datasource_unreachable", "why %s --json", id);
    jobctl_says(1, "cannot connect", "why %s", id);
    free(id);
}

/* The same for C programs. */
static void the_store_tells_it(void **state) {
    (void)state;
    const char *url = service_database();
    PGconn *db = store_connect(url);
    struct job_info_service store = {.db = db};
    char *id = submit(url, "'t0', 'noop'"), *why = NULL;
    STORE_OK(store_why(&store, "t0", id, &why, &err));
    struct json_object *json = json_tokener_parse(why);
    assert_string_equal(json_object_get_string(json_object_object_get(json, "id")), id);
    assert_int_equal(json_object_array_length(json_object_object_get(json, "reasons")), 1);
    json_object_put(json);
    free(why);
    STORE_FAILS(JOBS_ENOENT, "has no job", store_why(&store, "t1", id, &why, &err));
    STORE_FAILS(JOBS_EINVAL, "no job id", store_why(&store, "t0", "x", &why, &err));
    free(id);
    PQfinish(db);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(nobody_is_there),
                                       cmocka_unit_test(what_blocks_it),
                                       cmocka_unit_test(limits_and_who_holds_them),
                                       cmocka_unit_test(dates),
                                       cmocka_unit_test(places_in_the_queue),
                                       cmocka_unit_test(every_slot_is_taken),
                                       cmocka_unit_test(it_has_ended),
                                       cmocka_unit_test(as_a_service_leaves_them),
                                       cmocka_unit_test(jobctl_tells_it),
                                       cmocka_unit_test(the_store_tells_it)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
