/* What others do while a tenant is moved: refused, or it comes along; and who holds a move up. */
#include "tests/lib/jobctl.h"
#include "tests/lib/servers.h"
#include "tests/lib/service.h"
#include "tests/lib/store_fixture.h"
#include "tests/lib/tenant_move.h"

#include <libpq-fe.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* What is written about a tenant as such … */
static const char *const about_tenant[] = {
    "select jobs.job_class_pause('held', 'mv')",
    "select jobs.job_class_resume('held', 'mv')",
    "select jobs.job_subscribe('mv', 'mv.q', '{mv.#}', 'quorum', null, null)",
    "select jobs.job_unsubscribe('mv', 'mv.q')",
    "select jobs.tenant_apply('[{\"tenant\": \"mv\", \"weight\": 3}]')",
};
/* … with jobctl, where there is no function … */
static const char *const by_jobctl[] = {
    "quarantine release c -t mv",
    "token create somebody -t mv --role viewer",
    "tenant amqp mv --user other --amqp-url amqp://localhost/",
};
/* … and about one of its jobs. */
static const char *const about_jobs[] = {
    "select jobs.job_change('mv', id, 9, false, null) from jobs.t_job_ready where tenant = 'mv' "
    "limit 1",
    "select jobs.job_change('mv', id, null, true, null) from jobs.t_job_timer where tenant = 'mv' "
    "limit 1",
    "select jobs.job_delete('mv', id) from jobs.t_job_failure where tenant = 'mv' limit 1",
    "select jobs.job_lock('mv', id) from jobs.t_job_failure where tenant = 'mv' limit 1",
    "select jobs.job_release('mv', id) from jobs.t_job_timer where tenant = 'mv' limit 1",
};

static void assert_refused(const char *url, const char *const *statements, size_t count) {
    struct pg_conn *db = store_connect(url);
    for (size_t i = 0; i < count; i++) {
        PGresult *result = PQexec(db, statements[i]);
        const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
        if (!state || strcmp(state, "JB009") != 0)
            fail_msg("%s: %s %s", statements[i], state ? state : "done",
                     PQresultErrorMessage(result));
        PQclear(result);
    }
    PQfinish(db);
}

static void assert_closed(const struct move_pair *pair, const char *datasource) {
    bool source = strcmp(datasource, "a") == 0;
    assert_refused(source ? pair->a : pair->b, about_tenant,
                   sizeof about_tenant / sizeof *about_tenant);
    if (!source)
        assert_refused(pair->b, about_jobs, sizeof about_jobs / sizeof *about_jobs);
    for (size_t i = 0; i < sizeof by_jobctl / sizeof *by_jobctl; i++)
        jobctl_says(1, "is being moved", "%s -c %s --datasource %s", by_jobctl[i], pair->config,
                    datasource);
}

/* What is not refused comes along: nothing is written where it is forgotten. */
static void nothing_changes_meanwhile(void **state) {
    (void)state;
    static const int steps[] = {MOVE_MARKED, MOVE_ARRIVED, MOVE_HAS_LEFT};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct move_pair pair = move_pair_new();
        move_fill(&pair);
        for (size_t k = 0; k < 3; k += 2) /* a pause and a queue */
            test_sql(pair.a, "%s", about_tenant[k]);
        char *before = move_picture(pair.a);
        move_kill_at(&pair, steps[i]);
        assert_closed(&pair, "a");
        if (steps[i] == MOVE_ARRIVED)
            assert_closed(&pair, "b");
        jobctl_says(0, "is moved to b", "tenant move mv -c %s --to b --datasource a --events-for 0",
                    pair.config);
        move_assert_done(&pair, before);
        free(before);
    }
}

/* A tenant that is about to arrive, with jobs that wait for a date, disturbs nobody there. */
static void others_run_beside_it(void **state) {
    (void)state;
    struct move_pair pair = move_pair_new();
    runs_reset();
    move_fill(&pair);
    move_kill_at(&pair, MOVE_ARRIVED);
    struct test_service *s = service_start(pair.b, NULL, NULL);
    char *id = submit(pair.b, "'t1', 'count', at => clock_timestamp() + interval '100 ms'");
    wait_status(pair.b, id, "SUCCEEDED");
    free(id);
    id = submit(pair.b, "'t1', 'count'");
    wait_status(pair.b, id, "SUCCEEDED");
    free(id);
    assert_int_equal(service_said(s, "a tick failed"), 0);
    service_stop(s);
    unlink(pair.config);
}

/* A change that is made, but not committed, when a move begins is waited for, and comes along. */
static void a_change_under_way(void **state) {
    (void)state;
    struct move_pair pair = move_pair_new();
    move_fill(&pair);
    struct pg_conn *writer = store_connect(pair.a);
    int status;
    store_sql(writer, "begin; select jobs.job_class_pause('late', 'mv')");
    pid_t pid = move_start(&pair);
    move_wait_phase(pair.a, "LEAVING");
    store_sql(writer, "commit");
    PQfinish(writer);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(test_sql_integer(pair.b, "select count(*) from jobs.t_job_class_pause where "
                                              "class_name = 'late' and tenant = 'mv'"),
                     1);
    unlink(pair.config);
}

static void write_audit(struct pg_conn *db, const char *detail) {
    char command[200];
    snprintf(command, sizeof command,
             "insert into jobs.t_job_audit (who, action, tenant, outcome, detail) values ('me', "
             "'job.stop', 'mv', 'JB009', '%s')",
             detail);
    store_sql(db, command);
}

static void assert_audits(const char *url, const char *expected) {
    char *details = test_sql_value(url, "select coalesce(string_agg(detail, ' ' order by id), '') "
                                        "from jobs.t_job_audit where tenant = 'mv'");
    assert_string_equal(details, expected);
    free(details);
}

/* Entries of the audit log that are written after the copy come along, the last one when the tenant is
 * moved once more. */
static void the_audit_log_comes_along(void **state) {
    (void)state;
    struct move_pair pair = move_pair_new();
    struct pg_conn *db = store_connect(pair.a);
    move_fill(&pair);
    write_audit(db, "first");
    move_kill_at(&pair, MOVE_ACTIVATED);
    write_audit(db, "after the copy");
    store_sql(db, "begin");
    write_audit(db, "open");
    pid_t pid = move_start(&pair);
    move_wait_phase(pair.a, "none");
    store_sql(db, "commit");
    move_assert_ends_well(pid);
    assert_audits(pair.b, "first after the copy open");
    write_audit(db, "late");
    jobctl_says(0, "is there already", "tenant move mv -c %s --to b --datasource a", pair.config);
    assert_audits(pair.b, "first after the copy open late");
    assert_audits(pair.a, "");
    PQfinish(db);
    unlink(pair.config);
}

/* Who forgot a transaction is told, so that somebody can end it; who has nothing to do with jobs is
 * not waited for. */
static void who_holds_it_up_is_named(void **state) {
    (void)state;
    struct move_pair pair = move_pair_new();
    static const char *const holds[] = {"update jobs.t_tenant set weight = 2 where tenant = 'mv'",
                                        "select jobs.job_submit('t0', 'noop')",
                                        "select jobs.job_class_pause('late', 'mv')"};
    char part[100];
    struct pg_conn *db = store_connect(pair.a), *other = store_connect(pair.a);
    move_fill(&pair);
    store_sql(db, "set application_name = 'forgotten one'");
    store_sql(other, "begin; select pg_current_xact_id()");
    snprintf(part, sizeof part, "session %d (forgotten one, login jobs), its transaction open",
             PQbackendPID(db));
    for (size_t i = 0; i < sizeof holds / sizeof *holds; i++) {
        store_sql(db, "begin");
        store_sql(db, holds[i]);
        jobctl_says(1, part, "tenant move mv -c %s --to b --timeout 200ms --events-for 0",
                    pair.config);
        store_sql(db, "rollback");
        if (i == 1)
            jobctl_says(0, "", "tenant move mv -c %s --to b --cancel", pair.config);
    }
    jobctl_says(0, "is moved to b", "tenant move mv -c %s --to b --datasource a --events-for 0",
                pair.config);
    PQfinish(db);
    PQfinish(other);
    unlink(pair.config);
}

static int up(void **state) {
    (void)state;
    jobctl_use(BUILD_DIR "/bin");
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_changes_meanwhile), cmocka_unit_test(others_run_beside_it),
        cmocka_unit_test(a_change_under_way),        cmocka_unit_test(the_audit_log_comes_along),
        cmocka_unit_test(who_holds_it_up_is_named),
    };
    return cmocka_run_group_tests(tests, up, NULL);
}
