/* Moving a tenant: everything comes along, killed at every step it is taken up again, nothing is
 * lost or run twice while a service runs on both datasources. */
#include "module/base/buf.h"
#include "tenant/move.h"
#include "tests/lib/audit.h"
#include "tests/lib/event_log.h"
#include "tests/lib/jobctl.h"
#include "tests/lib/program.h"
#include "tests/lib/servers.h"
#include "tests/lib/service.h"
#include "tests/lib/store_fixture.h"

#include <libpq-fe.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct pair {
    const char *a, *b; /* databases: source, target */
    char config[64];
};

static struct pair new_pair(void) {
    struct pair pair = {service_database(), service_database(), "/var/tmp/jobs-test-move.XXXXXX"};
    int fd = mkstemp(pair.config);
    assert_true(fd >= 0);
    dprintf(fd, "jobs.datasource.a.url = %s\njobs.datasource.b.url = %s\n", pair.a, pair.b);
    close(fd);
    test_sql(pair.a,
             "insert into jobs.t_tenant (tenant, weight, max_queued) values ('mv', 7, 999)");
    test_sql(pair.b, "insert into jobs.t_job_class (class_name, lane) values ('slow', 'slow')");
    return pair;
}

/* Jobs in every state that may be moved, with all that belongs to them; and a neighbour's beside
 * them in the same outbox row. */
static void fill(const struct pair *pair) {
    struct store_fixture f = {.url = pair->a, .s = {.db = store_connect(pair->a)}};
    test_sql(pair->a,
             "insert into jobs.t_job_instance (id, name, host, pid, version, class_names, "
             "pool_size) values ('00000000-0000-7000-8000-00000000000a', 'a', 'here', 1, '0', "
             "'{noop}', 4)");
    test_sql(pair->a, "select jobs.job_create(array['mv', 't0', 'mv'], array['slow', 'noop', "
                      "'noop'], array['{\"n\": null, \"t\": \"a\\tb\\\\n\\u00e4\"}', '{}', "
                      "'{}']::jsonb[], '{5,0,-1}', '{null,null,null}', '{f,f,f}', "
                      "'{null,null,null}', '{null,null,null}', '{\"o w\",null,null}', "
                      "'{3,null,null}', '{null,null,null}', '{null,null,null}', "
                      "'{null,null,null}', '{null,null,null}', '{f,f,f}', '{null,null,null}', "
                      "'{null,null,null}')");
    test_sql(pair->a,
             "select jobs.job_submit('mv', 'noop', pending => true), "
             "jobs.job_submit('mv', 'noop', at => now() + interval '1 h'), "
             "jobs.job_submit('mv', 'noop', at => now() + interval '1 h', pending => true), "
             "jobs.job_submit('mv', 'noop', parameters => jsonb_build_object('large', "
             "repeat('x', 100000)))");
    test_sql(pair->a, "select jobs.job_submit('mv', 'noop') from generate_series(1, 50)");
    for (int i = 0; i < 6; i++) {
        struct job_uuid id;
        store_create(&f.s, "mv", &id);
        store_move(&f, id.text, i % 2 ? JOB_FAILED : JOB_SUCCEEDED);
        test_sql(pair->a,
                 "update jobs.t_job_info set result = 'null' where id = '%s'; insert into "
                 "jobs.t_job_log values ('%s', 1, e'a\\tlog\\n'); insert into jobs.t_job_attempt "
                 "values ('%s', 0, 'mv', null, now(), now(), 'SNOOZED', null, null)",
                 id.text, id.text, id.text);
    }
    test_sql(pair->a, "insert into jobs.t_job_quarantine values ('mv', 'c', 'infinity', 5, 'r')");
    PQfinish(f.s.db);
}

/* All there is of the tenant, as text. Caller frees. */
static char *picture(const char *url) {
    return test_sql_value(
        url,
        "set timezone = 'UTC'; select concat_ws(chr(10), "
        "(select string_agg(v::text, chr(10) order by v.id) from jobs.v_job v where tenant = "
        "'mv'), "
        "(select string_agg(a::text, chr(10) order by a.job_id, a.attempt) from "
        "jobs.t_job_attempt a where tenant = 'mv'), "
        "(select string_agg(l::text, chr(10) order by l.job_id, l.attempt) from jobs.t_job_log "
        "l), "
        "(select string_agg(f.id::text, chr(10) order by f.id) from jobs.t_job_failure f where "
        "tenant = 'mv'), "
        "(select string_agg(q::text, chr(10)) from jobs.t_job_quarantine q where tenant = "
        "'mv'), "
        "(select string_agg(p::text, chr(10)) from jobs.t_job_class_pause p where tenant = 'mv'), "
        "(select string_agg(s::text, chr(10)) from jobs.t_job_subscription s where tenant = "
        "'mv'), "
        "(select string_agg(k::text, chr(10)) from jobs.t_job_token k where tenant = 'mv'), "
        "(select string_agg(concat(r.id, r.priority), chr(10) order by r.priority desc, r.seq) "
        "from jobs.t_job_ready r where tenant = 'mv'), "
        "(select string_agg(t::text, chr(10) order by t.id) from jobs.t_job_timer t where "
        "tenant = 'mv'), "
        "(select string_agg(c::text, chr(10) order by c.class_name, c.status) from "
        "jobs.v_job_count c where tenant = 'mv' and n <> 0), "
        "(select concat(weight, max_running, max_queued, state, settings) from jobs.t_tenant "
        "where tenant = 'mv'))");
}

/* Moved whole: as it was, the source has nothing of it, both are sound, and what waits to be
 * broadcast is each job's whole history. */
static void assert_moved(const struct pair *pair, const char *before) {
    char *after = picture(pair->b);
    if (strcmp(before, after) != 0)
        fail_msg("before:\n%s\nafter:\n%s", before, after);
    free(after);
    after = picture(pair->a);
    assert_string_equal(after ? after : "", "");
    free(after);
    audit(pair->a);
    audit(pair->b);
    assert_int_equal(test_sql_integer(pair->a,
                                      "select count(*) from jobs.t_job_outbox where 'mv' = "
                                      "any(tenants)"),
                     0);
    /* a job that is submitted now comes after those that were waiting */
    test_sql(pair->b, "select jobs.job_submit('mv', 'noop', id => "
                      "'00000000-0000-7000-8000-0000000000ff')");
    assert_int_equal(test_sql_integer(pair->b,
                                      "select count(*) from jobs.t_job_ready where tenant = 'mv' "
                                      "and seq >= (select ready_seq from jobs.t_job_info where id "
                                      "= '00000000-0000-7000-8000-0000000000ff')"),
                     1);
    assert_int_equal(test_sql_integer(pair->b, "select count(*) from jobs.t_job_ready where lane = "
                                               "'slow'"),
                     1); /* lanes are the target's */
    unlink(pair->config);
}

static void everything_comes_along(void **state) {
    (void)state;
    struct pair pair = new_pair();
    fill(&pair);
    char *before = picture(pair.a);
    assert_true(strlen(before) > 10000);
    jobctl_says(2, "--to", "tenant move mv -c %s", pair.config);
    jobctl_says(0, "is there already", "tenant move mv -c %s --to a", pair.config);
    jobctl_says(3, "unknown", "tenant move nobody -c %s --to a", pair.config);
    jobctl_says(1, "of its own", "tenant move t0 -c %s --to b --datasource a", pair.config);
    jobctl_says(2, "same datasource", "tenant move mv -c %s --to a --datasource a", pair.config);
    jobctl_says(1, "not being moved", "tenant move mv -c %s --to b --cancel", pair.config);
    jobctl_says(0, "is moved to b", "tenant move mv -c %s --to b --events-for 0", pair.config);
    assert_moved(&pair, before);
    free(before);
}

static void back_again(void **state) {
    (void)state;
    struct pair pair = new_pair();
    fill(&pair);
    test_sql(pair.a, "update jobs.t_tenant set state = 'PAUSED' where tenant = 'mv'");
    test_sql(pair.b, "alter sequence jobs.t_job_ready_seq_seq restart 100000");
    char *before = picture(pair.a);
    jobctl_says(0, "", "tenant move mv -c %s --to b --events-for 0", pair.config);
    jobctl_says(0, "", "tenant move mv -c %s --to a --events-for 0", pair.config);
    jobctl_says(0, "", "tenant move mv -c %s --to b --events-for 0", pair.config);
    assert_moved(&pair, before);
    free(before);
}

static void what_runs_is_waited_for(void **state) {
    (void)state;
    struct pair pair = new_pair();
    struct store_fixture f = {.url = pair.a, .s = {.db = store_connect(pair.a)}};
    struct job_uuid id;
    fill(&pair);
    store_create(&f.s, "mv", &id);
    store_move(&f, id.text, JOB_RUNNING);
    char *before = picture(pair.a);
    jobctl_says(1, "1 jobs still run", "tenant move mv -c %s --to b --timeout 300ms --events-for 0",
                pair.config);
    jobctl_says(1, "is being moved", "tenant set mv --weight 3 -c %s --datasource a", pair.config);
    jobctl_says(1, "is being moved", "tenant remove mv -c %s --datasource a --force", pair.config);
    jobctl_says(1, "maintenance", "submit noop -t mv -c %s --datasource a", pair.config);
    jobctl_says(1, "still run", "tenant move mv -c %s --to b --stop --timeout 300ms", pair.config);
    assert_int_equal(count_jobs(pair.a, "stop_requested and status = 'RUNNING'"), 1);
    jobctl_says(0, "", "tenant move mv -c %s --to b --cancel", pair.config);
    char *after = picture(pair.a);
    test_sql(pair.a, "select 1");
    assert_non_null(strstr(after, "7999ACTIVE{}"));
    free(after);
    free(before);
    PQfinish(f.s.db);
    unlink(pair.config);
}

/* ---- killed at every step ---- */

static pid_t start_move(const struct pair *pair) {
    return program_start((const char *const[]){BUILD_DIR "/bin/jobctl", "tenant", "move", "mv",
                                               "-c", pair->config, "--to", "b", "--events-for", "0",
                                               NULL},
                         NULL, NULL);
}

static void kill_move(pid_t pid) {
    int status;
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
}

static void wait_phase(const char *url, const char *phase) {
    if (!test_wait_sql(url, LONG_MS,
                       "select coalesce((select settings -> 'move' ->> 'phase' from jobs.t_tenant "
                       "where tenant = 'mv'), 'none') = '%s'",
                       phase))
        fail_msg("phase %s did not come", phase);
}

/* Somebody of another session waits for a lock on that table. */
static void wait_blocked(const char *url, const char *table) {
    if (!test_wait_sql(url, LONG_MS,
                       "select count(*) > 0 from pg_locks where not granted and relation = "
                       "'jobs.%s'::regclass",
                       table))
        fail_msg("nobody waits for %s", table);
}

static struct pg_conn *hold(const char *url, const char *table) {
    struct pg_conn *db = store_connect(url);
    char command[100];
    snprintf(command, sizeof command, "begin; lock table jobs.%s in share mode", table);
    store_sql(db, command);
    return db;
}

static void let_go(struct pg_conn *db) { PQfinish(db); }

enum { MARKED, COPYING, ARRIVED, HAS_LEFT, ACTIVATED, STEPS };

/* Brings a move to that step, holds it there and kills it. */
static void kill_at(const struct pair *pair, int step) {
    struct pg_conn *writer = store_connect(pair->a), *here = NULL, *there = NULL;
    store_sql(writer, "begin; select jobs.job_submit('t0', 'noop')");
    pid_t pid = start_move(pair);
    wait_phase(pair->a, "LEAVING"); /* now it waits for the writer */
    if (step == COPYING)
        there = hold(pair->b, "t_job_parameters");
    if (step >= ARRIVED)
        here = hold(pair->a, "t_tenant"); /* to lock its row is allowed, to change it is not */
    if (step > MARKED)
        PQfinish(writer);
    if (step == COPYING)
        wait_blocked(pair->b, "t_job_parameters");
    if (step >= ARRIVED) {
        wait_phase(pair->b, "ARRIVING");
        wait_blocked(pair->a, "t_tenant");
    }
    if (step >= HAS_LEFT) {
        there = hold(pair->b, "t_tenant");
        let_go(here);
        wait_phase(pair->a, "LEFT");
        wait_blocked(pair->b, "t_tenant");
    }
    if (step == ACTIVATED) {
        here = hold(pair->a, "t_tenant");
        let_go(there);
        wait_phase(pair->b, "none");
        wait_blocked(pair->a, "t_tenant");
    }
    kill_move(pid);
    if (step == MARKED)
        PQfinish(writer);
    if (step == COPYING || step == HAS_LEFT)
        let_go(there);
    if (step == ARRIVED || step == ACTIVATED)
        let_go(here);
}

static void killed_at_every_step(void **state) {
    (void)state;
    static const char *const names[] = {"marked", "copying", "arrived", "left", "activated"};
    for (int step = MARKED; step < STEPS; step++) {
        struct pair pair = new_pair();
        fill(&pair);
        char *before = picture(pair.a);
        kill_at(&pair, step);
        print_message("killed when %s\n", names[step]);
        if (step == ARRIVED) { /* nobody changes what is not decided */
            jobctl_says(1, "arriving", "stop -t mv -c %s --datasource b --all", pair.config);
            char *id = test_sql_value(pair.b, "select id from jobs.t_job_ready where tenant = 'mv' "
                                              "limit 1");
            jobctl_says(1, "arriving", "stop -t mv -c %s --datasource b %s", pair.config, id);
            free(id);
            audit(pair.b);
        }
        jobctl_says(0, "is moved to b", "tenant move mv -c %s --to b --datasource a --events-for 0",
                    pair.config);
        assert_moved(&pair, before);
        free(before);
    }
}

static void assert_ends_well(pid_t pid) {
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* Of a process that was killed the last statement may still be carried out, beside who moves on. */
static void two_go_on_at_once(void **state) {
    (void)state;
    struct pair pair = new_pair();
    fill(&pair);
    char *before = picture(pair.a);
    struct pg_conn *here = store_connect(pair.a);
    store_sql(here, "begin; select jobs.job_submit('t0', 'noop')");
    pid_t one = start_move(&pair);
    wait_phase(pair.a, "LEAVING");
    struct pg_conn *source = hold(pair.a, "t_tenant");
    let_go(here);
    wait_blocked(pair.a, "t_tenant");
    struct pg_conn *target = hold(pair.b, "t_tenant");
    let_go(source);
    wait_phase(pair.a, "LEFT");
    pid_t other = start_move(&pair);
    assert_true(test_wait_sql(pair.b, LONG_MS,
                              "select count(*) = 2 from pg_locks where not granted and relation = "
                              "'jobs.t_tenant'::regclass"));
    let_go(target);
    assert_ends_well(one);
    assert_ends_well(other);
    assert_moved(&pair, before);
    free(before);
}

/* ---- changes meanwhile ---- */

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

static void assert_closed(const struct pair *pair, const char *datasource) {
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
    static const int steps[] = {MARKED, ARRIVED, HAS_LEFT};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct pair pair = new_pair();
        fill(&pair);
        for (size_t k = 0; k < 3; k += 2) /* a pause and a queue */
            test_sql(pair.a, "%s", about_tenant[k]);
        char *before = picture(pair.a);
        kill_at(&pair, steps[i]);
        assert_closed(&pair, "a");
        if (steps[i] == ARRIVED)
            assert_closed(&pair, "b");
        jobctl_says(0, "is moved to b", "tenant move mv -c %s --to b --datasource a --events-for 0",
                    pair.config);
        assert_moved(&pair, before);
        free(before);
    }
}

/* A tenant that is about to arrive, with jobs that wait for a date, disturbs nobody there. */
static void others_run_beside_it(void **state) {
    (void)state;
    struct pair pair = new_pair();
    runs_reset();
    fill(&pair);
    kill_at(&pair, ARRIVED);
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
    struct pair pair = new_pair();
    fill(&pair);
    struct pg_conn *writer = store_connect(pair.a);
    int status;
    store_sql(writer, "begin; select jobs.job_class_pause('late', 'mv')");
    pid_t pid = start_move(&pair);
    wait_phase(pair.a, "LEAVING");
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
    struct pair pair = new_pair();
    struct pg_conn *db = store_connect(pair.a);
    fill(&pair);
    write_audit(db, "first");
    kill_at(&pair, ACTIVATED);
    write_audit(db, "after the copy");
    store_sql(db, "begin");
    write_audit(db, "open");
    pid_t pid = start_move(&pair);
    wait_phase(pair.a, "none");
    store_sql(db, "commit");
    assert_ends_well(pid);
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
    struct pair pair = new_pair();
    static const char *const holds[] = {"update jobs.t_tenant set weight = 2 where tenant = 'mv'",
                                        "select jobs.job_submit('t0', 'noop')",
                                        "select jobs.job_class_pause('late', 'mv')"};
    char part[100];
    struct pg_conn *db = store_connect(pair.a), *other = store_connect(pair.a);
    fill(&pair);
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

/* The target's numbers are drawn and never set: two jobs could have the same one. */
static void places_are_lowered(void **state) {
    (void)state;
    struct pair pair = new_pair();
    test_sql(pair.a, "alter sequence jobs.t_job_ready_seq_seq restart 1000000");
    fill(&pair);
    char *before = picture(pair.a);
    jobctl_says(0, "is moved to b", "tenant move mv -c %s --to b --events-for 0", pair.config);
    assert_moved(&pair, before);
    assert_int_equal(test_sql_integer(pair.b, "select count(*) from jobs.t_job_ready_seq_seq "
                                              "where last_value < 1000"),
                     1);
    free(before);
}

static void cancelled_after_a_kill(void **state) {
    (void)state;
    for (int step = MARKED; step <= HAS_LEFT; step++) {
        struct pair pair = new_pair();
        fill(&pair);
        char *before = picture(pair.a);
        kill_at(&pair, step);
        if (step == HAS_LEFT) {
            jobctl_says(1, "has left already",
                        "tenant move mv -c %s --to b --datasource a --cancel", pair.config);
        } else {
            jobctl_says(0, "", "tenant move mv -c %s --to b --datasource a --cancel", pair.config);
            char *after = picture(pair.a);
            assert_string_equal(before, after);
            free(after);
            after = picture(pair.b);
            assert_string_equal(after ? after : "", "");
            free(after);
            audit(pair.a);
            audit(pair.b);
        }
        free(before);
        unlink(pair.config);
    }
}

/* Two at once: one of them does it, the other says so or finds it done. */
static void two_movers(void **state) {
    (void)state;
    struct pair pair = new_pair();
    fill(&pair);
    char *before = picture(pair.a);
    pid_t pids[2] = {start_move(&pair), start_move(&pair)};
    for (int i = 0; i < 2; i++) {
        int status;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_true(WIFEXITED(status));
    }
    if (test_sql_integer(pair.a, "select count(*) from jobs.t_tenant where tenant = 'mv'") > 0)
        jobctl_says(0, "", "tenant move mv -c %s --to b --datasource a --events-for 0",
                    pair.config);
    assert_moved(&pair, before);
    free(before);
}

/* ---- under a running service ---- */

enum { JOBS = 1500, RUNS = JOBS + 188 + 187 /* 4: fails once, 6: snoozes once, modulo 8 */ };

static void submit_mixed(const char *url) {
    test_sql(url,
             "update jobs.t_tenant set max_queued = null where tenant = 'mv'; select "
             "jobs.job_submit_many('mv', (select jsonb_agg(jsonb_build_object('class_name', "
             "'mixed', 'attempts', 2, 'backoff', '20 ms', 'parameters', jsonb_build_object('n', "
             "i))) from generate_series(1, %d) i))",
             JOBS);
}

/* There, back and there again while a service works on both. */
static void move_under_load(const struct pair *pair, const char *more, const char *more_too,
                            const char *events_for) {
    struct buf urls[2] = {0};
    const char *const way[] = {"b", "a", "b"};
    buf_format(&urls[0], "jobs.datasource.a.url=%s", pair->a);
    buf_format(&urls[1], "jobs.datasource.b.url=%s", pair->b);
    runs_reset();
    submit_mixed(pair->a);
    struct test_service *s = service_start(NULL, NULL, "jobs.pool.size=4", buf_get(&urls[0]),
                                           buf_get(&urls[1]), more, more_too, NULL);
    for (int i = 0; i < 3; i++) {
        assert_true(runs_wait((size_t)(i + 1) * 100, LONG_MS));
        jobctl_says(0, "is moved", "tenant move mv -c %s --to %s --events-for %s", pair->config,
                    way[i], events_for);
        int64_t here =
            test_sql_integer(pair->b, "select count(*) from jobs.t_job_info where tenant "
                                      "= 'mv'");
        assert_int_equal(here, i == 1 ? 0 : JOBS);
    }
    wait_final(pair->b, JOBS, LONG_MS);
    assert_int_equal(runs_count(), RUNS);
    assert_int_equal(runs_doubled(), 0);
    if (strcmp(more, "jobs.amqp.url=") !=
        0) { /* a relay that is stopped leaves the rest to others */
        assert_true(test_wait_sql(pair->a, LONG_MS, "select count(*) = 0 from jobs.t_job_outbox"));
        assert_true(test_wait_sql(pair->b, LONG_MS, "select count(*) = 0 from jobs.t_job_outbox"));
    }
    service_stop(s);
    buf_done(&urls[0]);
    buf_done(&urls[1]);
    unlink(pair->config);
}

static void moved_under_load(void **state) {
    (void)state;
    struct pair pair = new_pair();
    move_under_load(&pair, "jobs.amqp.url=", "jobs.api.listen=", "0");
    audit_finished(pair.a);
    audit_finished(pair.b);
}

/* A subscriber sees each job's events 1, 2, 3, … to the end, whichever datasource tells them. */
static void events_stay_in_order(void **state) {
    (void)state;
    struct pair pair = new_pair();
    const char *service = test_service_name();
    struct buf settings[2] = {0};
    buf_format(&settings[0], "jobs.amqp.url=%s", test_amqp_url());
    buf_format(&settings[1], "jobs.service=%s", service);
    struct event_log *log = event_log_start(test_amqp_url(), service, "mv.#");
    move_under_load(&pair, buf_get(&settings[0]), buf_get(&settings[1]), "1s");
    size_t versions = (size_t)test_sql_integer(pair.b, "select sum(version) from jobs.t_job_info "
                                                       "where tenant = 'mv'");
    assert_true(event_log_wait(log, versions, LONG_MS));
    struct event_log_counts counts = event_log_get(log);
    print_message("%zu events of %zu jobs, %zu more than once\n", counts.applied, counts.jobs,
                  counts.repeated);
    assert_int_equal(counts.applied, versions);
    assert_int_equal(counts.final, JOBS);
    assert_int_equal(counts.ahead, 0);
    event_log_stop(log);
    buf_done(&settings[0]);
    buf_done(&settings[1]);
}

static int up(void **state) {
    (void)state;
    jobctl_use(BUILD_DIR "/bin");
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_comes_along),
        cmocka_unit_test(back_again),
        cmocka_unit_test(what_runs_is_waited_for),
        cmocka_unit_test(killed_at_every_step),
        cmocka_unit_test(two_go_on_at_once),
        cmocka_unit_test(nothing_changes_meanwhile),
        cmocka_unit_test(the_audit_log_comes_along),
        cmocka_unit_test(a_change_under_way),
        cmocka_unit_test(others_run_beside_it),
        cmocka_unit_test(places_are_lowered),
        cmocka_unit_test(who_holds_it_up_is_named),
        cmocka_unit_test(cancelled_after_a_kill),
        cmocka_unit_test(two_movers),
        cmocka_unit_test(moved_under_load),
        cmocka_unit_test(events_stay_in_order),
    };
    return cmocka_run_group_tests(tests, up, NULL);
}
