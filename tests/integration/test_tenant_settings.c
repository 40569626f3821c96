/* Settings of tenants: defaults, changes, a file applied; states as a running service sees them. */
#include "tenant/settings.h"
#include "tests/lib/jobctl.h"
#include "tests/lib/servers.h"
#include "tests/lib/service.h"
#include "tests/lib/store_fixture.h"

#include <libpq-fe.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static int up(void **state) {
    int rc = store_fixture_up(state);
    const struct store_fixture *f = *state;
    jobctl_use(BUILD_DIR "/bin");
    setenv("JOBS_DATASOURCE_MAIN_URL", f->url, 1);
    return rc;
}

static void check(const struct store_fixture *f, const char *tenant, const char *expected) {
    char *got = test_sql_value(f->url,
                               "select concat_ws(' ', weight, coalesce(max_running::text, '-'), "
                               "coalesce(max_queued::text, '-'), state) from jobs.t_tenant where "
                               "tenant = '%s'",
                               tenant);
    assert_string_equal(got ? got : "(none)", expected);
    free(got);
}

static void created_and_set(void **state) {
    const struct store_fixture *f = *state;
    jobctl_says(0, "", "tenant create one --weight 3 --max-running 4 --max-queued 5");
    check(f, "one", "3 4 5 ACTIVE");
    jobctl_says(0, "", "tenant set one --max-running none --state PAUSED");
    check(f, "one", "3 - 5 PAUSED");
    jobctl_says(1, "exists already", "tenant create one");
    jobctl_says(3, "unknown", "tenant set nobody --weight 2");
    jobctl_says(2, "what shall be changed", "tenant set one");
    jobctl_says(2, "--max-queued", "tenant set one --max-queued -1");
    jobctl_says(2, "--state", "tenant set one --state ASLEEP");
    jobctl_says(0, "PAUSED", "tenant show one");
    jobctl_says(0, "max_queued", "tenant list --json");
}

static void defaults_hold_for_sql_too(void **state) {
    const struct store_fixture *f = *state;
    jobctl_says(0, "max_running none", "tenant defaults");
    jobctl_says(0, "max_queued 100", "tenant defaults --weight 2 --max-queued 100");
    jobctl_says(0, "", "tenant create by-jobctl");
    check(f, "by-jobctl", "2 - 100 ACTIVE");
    test_sql(f->url, "insert into jobs.t_tenant (tenant) values ('by-sql')");
    check(f, "by-sql", "2 - 100 ACTIVE");
    test_sql(f->url, "insert into jobs.t_tenant (tenant, max_queued) values ('free', null)");
    check(f, "free", "2 - - ACTIVE");
    assert_int_equal(jobctl_lines("\"max_queued\":100", "tenant defaults"), 1);
    jobctl_says(0, "weight 1", "tenant defaults --weight 1 --max-queued none");
    check(f, "by-sql", "2 - 100 ACTIVE");
}

/* ---- apply ---- */

static void apply(int status, const char *says, const char *options, const char *text) {
    char path[] = "/var/tmp/jobs-test-apply.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
    jobctl_says(status, says, "tenant apply %s %s", path, options);
    unlink(path);
}

static void a_file_is_applied(void **state) {
    const struct store_fixture *f = *state;
    static const char file[] = "[\n{\"tenant\": \"one\", \"weight\": 9},\n"
                               "{\"tenant\": \"new\", \"max_running\": 2, \"state\": \"PAUSED\"},\n"
                               "{\"tenant\": \"acme\"}\n]\n";
    apply(0, "would be 1 created, 1 changed, 1 left", "--dry-run", file);
    check(f, "one", "3 - 5 PAUSED");
    check(f, "new", "(none)");
    apply(0, "created new", "", file);
    check(f, "one", "9 - 5 PAUSED");
    check(f, "new", "1 2 - PAUSED");
    apply(0, "0 created, 0 changed, 3 left", "", file);
    jobctl_says(0, "0 created, 0 changed, 0 left", "tenant apply - <<'E'\n[]\nE");
    jobctl_says(0, "1 changed",
                "tenant apply - <<'E'\n[{\"tenant\":\"one\",\"max_queued\":null}]\nE");
    check(f, "one", "9 - - PAUSED");
}

static void bad_files_change_nothing(void **state) {
    const struct store_fixture *f = *state;
    static const struct {
        const char *text, *said;
    } bad[] = {
        {"[{\"tenant\":\"ok\"},\n{\"tenant\":\"x\",\"weight\":0}]", "line 2: tenant \"x\": weight"},
        {"[{\"tenant\":\"ok\"},\n\n{\"tenant\":\"X\"}]", "line 3: \"tenant\" must be a name"},
        {"[{\"tenant\":\"ok\"},{\"tenant\":\"ok\"}]", "tenant \"ok\": it stands on line 1"},
        {"[{\"tenant\":\"ok\",\"max_runing\":1}]", "unknown member \"max_runing\""},
        {"[{\"tenant\":\"ok\",\"max_running\":1.5}]", "max_running must be"},
        {"[{\"tenant\":\"ok\",\"max_queued\":-1}]", "max_queued must be"},
        {"[{\"tenant\":\"ok\",\"state\":\"BUSY\"}]", "state must be"},
        {"[{\"tenant\":\"ok\"},\n 7]", "line 2: an entry must be"},
        {"[{\"tenant\":\"ok\"},\n {\"tenant\":]", "line 2"},
        {"[{\"tenant\":\"ok\"}", "a comma or the end"},
        {"[{\"tenant\":\"ok\"}] x", "more behind"},
        {"[{\"tenant\":\"ok\"},{\"tenant\":\"ok\\u0000x\"}]", "\"tenant\" must be a name"},
        {"[{\"tenant\":\"ok\"},]", "line 1"},
        {"[{\"tenant\":\"ok\"},null]", "an entry must be"},
        {"[{\"tenant\":\"ok\",\"weight\":\"2\"}]", "weight must be"},
        {"[{\"tenant\":\"ok\",\"max_running\":99999999999999999999}]", "max_running must be"},
        {"[{\"tenant\":\"ok\",\"state\":null}]", "state must be"},
        {"[", "line 1"},
        {"{}", "must be a JSON array"},
        {"", "must be a JSON array"},
        {"[{\"tenant\":\"ok\",\"datasource\":\"elsewhere\"}]", "no datasource \"elsewhere\""},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        apply(strstr(bad[i].said, "elsewhere") ? 2 : 1, bad[i].said, "", bad[i].text);
    check(f, "ok", "(none)");
}

static void hundreds_at_once(void **state) {
    const struct store_fixture *f = *state;
    enum { N = 1000 };
    static char names[N][8];
    static struct tenant_entry entries[N];
    for (int i = 0; i < N; i++) {
        snprintf(names[i], sizeof names[i], "n%d", i);
        entries[i] = (struct tenant_entry){names[i], {TENANT_HAS_WEIGHT, 2, 0, 0, TENANT_ACTIVE}};
    }
    STORE_OK(tenant_apply(&f->s, entries, N, TENANT_BOTH, false, NULL, NULL, &err));
    assert_int_equal(test_sql_integer(f->url, "select count(*) from jobs.t_tenant where tenant ~ "
                                              "'^n[0-9]' and weight = 2"),
                     N);
    entries[N - 1].settings.weight = 2000; /* all or none */
    entries[0].settings.weight = 3;
    STORE_FAILS(JOBS_EINVAL, "n999",
                tenant_apply(&f->s, entries, N, TENANT_BOTH, false, NULL, NULL, &err));
    assert_int_equal(test_sql_integer(f->url, "select weight from jobs.t_tenant where tenant = "
                                              "'n0'"),
                     2);
}

/* Of two who make the same tenants at the same time the second finds them. */
static void two_admins(void **state) {
    const struct store_fixture *f = *state;
    struct pg_conn *first = store_connect(f->url), *second = store_connect(f->url);
    store_sql(first, "begin; select jobs.tenant_apply('[{\"tenant\": \"both2\", \"weight\": 2}]')");
    assert_true(PQsendQuery(second, "select string_agg(tenant || ' ' || outcome, ', ') from "
                                    "jobs.tenant_apply('[{\"tenant\": \"both2\", \"weight\": 3}, "
                                    "{\"tenant\": \"both1\", \"weight\": 3}]')"));
    assert_true(test_wait_sql(f->url, 10000,
                              "select count(*) = 1 from pg_stat_activity where wait_event_type = "
                              "'Lock' and datname = current_database()"));
    store_sql(first, "commit");
    PGresult *result = PQgetResult(second);
    if (PQresultStatus(result) != PGRES_TUPLES_OK)
        fail_msg("%s", PQresultErrorMessage(result));
    assert_string_equal(PQgetvalue(result, 0, 0), "both2 CHANGED, both1 CREATED");
    PQclear(result);
    PQfinish(first);
    PQfinish(second);
    check(f, "both1", "3 - - ACTIVE");
    check(f, "both2", "3 - - ACTIVE");
    jobctl_says(1, "exists already", "tenant create both1");
}

/* Who forgot a transaction is told, so that somebody can end it. */
static void who_holds_it_up_is_named(void **state) {
    const struct store_fixture *f = *state;
    struct pg_conn *db = store_connect(f->url);
    char part[100];
    store_sql(db, "set application_name = 'forgotten one'");
    store_sql(db, "begin; update jobs.t_tenant set weight = 2 where tenant = 'acme'");
    snprintf(part, sizeof part,
             "session %d (forgotten one, login jobs), its transaction open since",
             PQbackendPID(db));
    apply(1, part, "", "[{\"tenant\": \"acme\", \"weight\": 3}]");
    PQfinish(db);
    apply(0, "changed acme", "", "[{\"tenant\": \"acme\", \"weight\": 3}]");
}

static void two_datasources(void **state) {
    const struct store_fixture *f = *state;
    const char *other = service_database();
    char path[] = "/var/tmp/jobs-test-apply.XXXXXX";
    int fd = mkstemp(path);
    dprintf(fd, "jobs.datasource.a.url = %s\njobs.datasource.b.url = %s\n", f->url, other);
    close(fd);
    unsetenv("JOBS_DATASOURCE_MAIN_URL");
    jobctl_says(1, "lives in datasource a",
                "tenant apply -c %s - <<'E'\n[{\"tenant\":\"acme\",\"datasource\":\"b\"}]\nE",
                path);
    jobctl_says(2, "which datasource", "tenant apply -c %s - <<'E'\n[{\"tenant\":\"x\"}]\nE", path);
    jobctl_says(0, "created in-b",
                "tenant apply -c %s - <<'E'\n[{\"tenant\":\"in-a\",\"datasource\":\"a\"},\n"
                "{\"tenant\":\"in-b\",\"datasource\":\"b\"}]\nE",
                path);
    check(f, "in-a", "1 - - ACTIVE");
    check(f, "in-b", "(none)");
    assert_int_equal(test_sql_integer(other, "select count(*) from jobs.t_tenant where tenant = "
                                             "'in-b'"),
                     1);
    setenv("JOBS_DATASOURCE_MAIN_URL", f->url, 1);
    unlink(path);
}

/* ---- states, live ---- */

static void states_take_effect_within_a_second(void **state) {
    (void)state;
    runs_reset();
    const char *url = service_database();
    struct job_info_service store = {.db = store_connect(url)};
    struct job_info job = JOB_INFO(.tenant = "t0", .class_name = "count");
    struct job_uuid id;
    struct test_service *s = service_start(url, NULL, "jobs.pool.size=2", NULL);
    static const enum tenant_state states[] = {TENANT_PAUSED, TENANT_MAINTENANCE};
    for (size_t i = 0; i < 2; i++) {
        /* Work is under way when the state changes, so that it must be seen in the claim itself. */
        size_t before = runs_count();
        submit_many(url, "nap", 400, 1, "{\"parameters\": {\"ms\": 10}}");
        assert_true(runs_wait(before + 10, LONG_MS));
        OK(tenant_set_state(&store, "t0", states[i], &err));
        assert_true(test_wait_sql(url, 1000,
                                  "select count(*) = 0 from jobs.t_job_info where status "
                                  "in ('TO_BE_RUN', 'RUNNING')"));
        int64_t left = count_jobs(url, "status = 'QUEUED'");
        assert_true(left > 100);
        if (states[i] == TENANT_PAUSED)
            OK(job_info_create_as_queued(&store, &job, 1, &id, &err));
        else
            STORE_FAILS(JOBS_EREFUSED, "\"t0\" is in maintenance",
                        job_info_create_as_queued(&store, &job, 1, &id, &err));
        /* Another tenant's work goes on and shows that the service does look. */
        char *other = submit(url, "'t1', 'count'");
        wait_status(url, other, "SUCCEEDED");
        free(other);
        assert_true(count_jobs(url, "status = 'QUEUED'") >= left);
        OK(tenant_set_state(&store, "t0", TENANT_ACTIVE, &err));
        assert_true(test_wait_sql(url, 1000,
                                  "select count(*) < %lld from jobs.t_job_info where "
                                  "status = 'QUEUED'",
                                  (long long)left));
        assert_true(test_wait_sql(url, LONG_MS,
                                  "select count(*) = 0 from jobs.t_job_info where "
                                  "status not in ('SUCCEEDED')"));
    }
    PQfinish(store.db);
    service_stop(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(created_and_set),
        cmocka_unit_test(defaults_hold_for_sql_too),
        cmocka_unit_test(a_file_is_applied),
        cmocka_unit_test(bad_files_change_nothing),
        cmocka_unit_test(hundreds_at_once),
        cmocka_unit_test(two_admins),
        cmocka_unit_test(who_holds_it_up_is_named),
        cmocka_unit_test(two_datasources),
        cmocka_unit_test(states_take_effect_within_a_second),
    };
    return cmocka_run_group_tests(tests, up, store_fixture_down);
}
