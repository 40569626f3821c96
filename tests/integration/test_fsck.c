/* fsck finds each kind of damage, names the job, and finds nothing else. */
#include "module/store/store.h"
#include "tests/lib/servers.h"
#include "tests/lib/store_fixture.h"

#include <libpq-fe.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A damage done to a job in some status; %s is its id. */
static const struct {
    enum job_status status;
    const char *check, *text, *damage;
} damages[] = {
    {JOB_QUEUED, "ready", "has no ready row", "delete from jobs.t_job_ready where id = '%s'"},
    {JOB_QUEUED, "ready", "2 ready rows",
     "insert into jobs.t_job_ready select * from jobs.t_job_ready where id = '%s'"},
    {JOB_QUEUED, "ready", "another tenant, lane, priority",
     "update jobs.t_job_ready set priority = 9 where id = '%s'"},
    {JOB_SUCCEEDED, "ready", "SUCCEEDED, but has 1 ready",
     "insert into jobs.t_job_ready (tenant, priority, id) values ('acme', 0, '%s')"},
    {JOB_RUNNING, "receipt", "on no receipt",
     "delete from jobs.t_job_claim where ids = array['%s'::uuid]"},
    {JOB_TO_BE_RUN, "receipt", "on no receipt",
     "update jobs.t_job_info set instance = gen_random_uuid() where id = '%s'"},
    {JOB_FAILED, "final", "no stop date",
     "update jobs.t_job_info set stop_date = null where id = '%s'"},
    {JOB_RUNNING, "final", "has a stop date",
     "update jobs.t_job_info set stop_date = now() where id = '%s'"},
    {JOB_FAILED, "final", "no kind of error",
     "update jobs.t_job_info set error_kind = null where id = '%s'"},
    {JOB_SUCCEEDED, "final", "error of kind CRASH",
     "update jobs.t_job_info set error_kind = 'CRASH' where id = '%s'"},
    {JOB_ABORTED, "final", "no failure row", "delete from jobs.t_job_failure where id = '%s'"},
    {JOB_RUNNING, "final", "has a failure row",
     "insert into jobs.t_job_failure values ('acme', '%s')"},
    {JOB_QUEUED, "timer", "QUEUED, but has a timer",
     "insert into jobs.t_job_timer values (now(), '%s', 'acme')"},
    {JOB_PENDING, "timer", "another tenant or date",
     "insert into jobs.t_job_timer values (now(), '%s', 'acme')"},
    {JOB_FAILED, "orphan", "attempts of a job",
     "insert into jobs.t_job_attempt (job_id, attempt, tenant, outcome) select gen_random_uuid(), "
     "1, tenant, 'FAILED' from jobs.t_job_info where id = '%s'"},
    {JOB_FAILED, "orphan", "parameters of a job",
     "insert into jobs.t_job_parameters select gen_random_uuid(), id::text, '1' from "
     "jobs.t_job_info where id = '%s'"},
    {JOB_FAILED, "orphan", "logs of a job",
     "insert into jobs.t_job_log (job_id, attempt, tail) select gen_random_uuid(), 1, id::text "
     "from "
     "jobs.t_job_info where id = '%s'"},
    {JOB_SUCCEEDED, "count", "class noop, SUCCEEDED",
     "insert into jobs.t_job_count_delta select tenant, class_name, status, 1 from jobs.t_job_info "
     "where id = '%s'"},
    {JOB_RUNNING, "outbox", "event 3 follows event 1",
     "delete from jobs.t_job_outbox where ids = array['%s'::uuid] and versions = '{2}'"},
    {JOB_RUNNING, "outbox", "the job is at 3",
     "delete from jobs.t_job_outbox where ids = array['%s'::uuid] and versions = '{3}'"},
};

struct findings {
    const char *check, *text;
    int expected, others;
};

static void count(void *arg, const struct store_finding *finding) {
    struct findings *findings = arg;
    if (strcmp(finding->check, findings->check) == 0 && strstr(finding->text, findings->text))
        findings->expected++;
    else
        findings->others++;
}

static void each_damage_is_found(void **state) {
    struct store_fixture *f = *state;
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        struct job_uuid id;
        struct findings findings = {damages[i].check, damages[i].text, 0, 0};
        store_create(&f->s, "acme", &id);
        store_move(f, id.text, damages[i].status);
        store_check_clean(&f->s);
        char sql[512];
        const char *mark = strstr(damages[i].damage, "%s");
        snprintf(sql, sizeof sql, "%.*s%s%s", (int)(mark - damages[i].damage), damages[i].damage,
                 id.text, mark + 2);
        store_sql(f->s.db, sql);
        STORE_OK(store_fsck(&f->s, count, &findings, &err));
        if (findings.expected != 1 || findings.others != 0)
            fail_msg("%s: found %d times, and %d others", sql, findings.expected, findings.others);
        store_sql(f->s.db, "truncate jobs.t_job_info, jobs.t_job_ready, jobs.t_job_timer, "
                           "jobs.t_job_claim, jobs.t_job_attempt, jobs.t_job_failure, "
                           "jobs.t_job_outbox, jobs.t_job_count, jobs.t_job_count_delta, "
                           "jobs.t_job_parameters, jobs.t_job_log");
    }
}

static void sequences_with_a_cache_are_found(void **state) {
    struct store_fixture *f = *state;
    struct findings findings = {"identity", "has cache 32", 0, 0};
    store_sql(f->s.db, "alter table jobs.t_job_outbox alter id set cache 32");
    STORE_OK(store_fsck(&f->s, count, &findings, &err));
    assert_int_equal(findings.expected, 1);
    assert_int_equal(findings.others, 0);
    store_sql(f->s.db, "alter table jobs.t_job_outbox alter id set cache 1");
}

static void it_wants_a_snapshot_of_its_own(void **state) {
    struct store_fixture *f = *state;
    store_sql(f->s.db, "begin");
    STORE_FAILS(JOBS_EINVAL, "snapshot", store_fsck(&f->s, count, NULL, &err));
    store_sql(f->s.db, "rollback");
    store_sql(f->s.db, "alter table jobs.t_job_timer rename to away");
    STORE_FAILS(JOBS_ESCHEMA, "t_job_timer",
                store_fsck(&f->s, count, &(struct findings){"", "", 0, 0}, &err));
    assert_int_equal(PQtransactionStatus(f->s.db), PQTRANS_IDLE); /* ended after an error too */
    store_sql(f->s.db, "alter table jobs.away rename to t_job_timer");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_damage_is_found),
        cmocka_unit_test(sequences_with_a_cache_are_found),
        cmocka_unit_test(it_wants_a_snapshot_of_its_own),
    };
    return cmocka_run_group_tests(tests, store_fixture_up, store_fixture_down);
}
