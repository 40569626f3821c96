/* Real jobsd processes that are killed, frozen, cut off or told to go: whose jobs are taken over,
 * when, and what they are charged. The classes keep a record of the runs (suite/classes.c). */
#include "module/base/clock.h"
#include "tests/fault/suite/record.h"
#include "tests/lib/audit.h"
#include "tests/lib/pg_proxy.h"
#include "tests/lib/program.h"
#include "tests/lib/service.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>
#include <libpq-fe.h>

#define LEASE_MS 6000
#define IN_FLIGHT 450 /* runs, and so many chosen that never began */
#define UNSTARTED 50

struct node {
    pid_t pid;
    char name[32];
};

struct fixture {
    const char *url;
    struct test_pg *pg;
    char dir[64], record[96], workspace[96];
    int nodes;
};

static void prepare(struct fixture *f, bool own_server) {
    *f = (struct fixture){.pg = own_server ? test_pg_start() : NULL};
    if (own_server)
        service_schema(f->url = test_pg_database(f->pg));
    else
        f->url = service_database();
    snprintf(f->dir, sizeof f->dir, "/var/tmp/jobs-takeover.XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->record, sizeof f->record, "%s/record", f->dir);
    snprintf(f->workspace, sizeof f->workspace, "%s/workspace", f->dir);
}

static void finish(struct fixture *f) {
    audit_finished(f->url);
    test_pg_free(f->pg);
    free(program_read((const char *const[]){"rm", "-r", f->dir, NULL}));
}

/* ---- nodes ---- */

/* Its number in the record is that of the start, from 1. url NULL: the fixture's. */
static struct node node_start(struct fixture *f, const char *url, int slots) {
    struct node node;
    char texts[8][256];
    const char *argv[] = {BUILD_DIR "/bin/jobsd",
                          "--set",
                          texts[0],
                          "--set",
                          texts[1],
                          "--set",
                          texts[2],
                          "--set",
                          texts[3],
                          "--set",
                          texts[4],
                          "--set",
                          texts[5],
                          "--set",
                          "jobs.lease.ms=6s",
                          "--set",
                          "jobs.api.listen=",
                          "--set",
                          "jobs.shutdown.grace.ms=60s",
                          NULL};
    const char *environment[] = {texts[6], texts[7], NULL};
    char log[128];
    int number = ++f->nodes;
    snprintf(node.name, sizeof node.name, "n%d", number);
    snprintf(texts[0], sizeof *texts, "jobs.datasource.main.url=%s", url ? url : f->url);
    snprintf(texts[1], sizeof *texts, "jobs.instance.name=%s", node.name);
    snprintf(texts[2], sizeof *texts, "jobs.pool.size=%d", slots);
    snprintf(texts[3], sizeof *texts, "jobs.classes.dir=%s", CLASSES_DIR);
    snprintf(texts[4], sizeof *texts, "jobs.workspace.dir=%s", f->workspace);
    snprintf(texts[5], sizeof *texts, "jobs.amqp.url=");
    snprintf(texts[6], sizeof *texts, "FAULT_SUITE_RECORD=%s", f->record);
    snprintf(texts[7], sizeof *texts, "FAULT_SUITE_INCARNATION=%d", number);
    snprintf(log, sizeof log, "%s/%s.log", f->dir, node.name);
    node.pid = program_start(argv, environment, log);
    if (!test_wait_sql(f->url, LONG_MS,
                       "select count(*) > 0 from jobs.t_job_instance "
                       "where name = '%s' and not lost",
                       node.name))
        fail_msg("jobsd %s does not come up: see %s", node.name, log);
    return node;
}

static void node_kill(const struct node *node) {
    assert_int_equal(program_end(node->pid, SIGKILL, LONG_MS), 128 + SIGKILL);
}

static void node_leave(const struct node *node) {
    assert_int_equal(program_end(node->pid, SIGTERM, 60000), 0);
}

/* Until it has beaten for longer than the lease: from then on it may judge. */
static void wait_until_old(const struct fixture *f, const struct node *node) {
    assert_true(test_wait_sql(f->url, LONG_MS,
                              "select max(heartbeat) >= %d from "
                              "jobs.t_job_instance where name = '%s' and not lost",
                              LEASE_MS / 1000 + 2, node->name));
}

static void wait_lost(const struct fixture *f, const struct node *node) {
    assert_true(test_wait_sql(f->url, LONG_MS,
                              "select count(*) > 0 from jobs.t_job_instance "
                              "where name = '%s' and lost",
                              node->name));
}

static void wait_count(const struct fixture *f, int64_t count, const char *condition) {
    if (!test_wait_sql(f->url, LONG_MS, "select count(*) = %lld from jobs.t_job_info where %s",
                       (long long)count, condition))
        fail_msg("%lld jobs of %lld are %s", (long long)count_jobs(f->url, condition),
                 (long long)count, condition);
}

/* Of one job, or of all (NULL). */
static size_t runs_recorded(const struct fixture *f, const char *id) {
    struct record record;
    size_t count = 0;
    record_read(&record, f->record);
    if (id)
        for (const struct run_note *run = table_get(&record.runs, id); run; run = run->next)
            count++;
    else
        count = record.count;
    record_done(&record);
    return count;
}

/* Runs that began and never ended. */
static size_t runs_open(const struct fixture *f) {
    struct record record;
    size_t at = 0, open = 0;
    const char *id;
    void *first;
    record_read(&record, f->record);
    while (table_next(&record.runs, &at, &id, &first))
        for (const struct run_note *run = first; run; run = run->next)
            open += run->end == INT64_MAX;
    record_done(&record);
    return open;
}

/* ---- the tests ---- */

/* Some run, some were chosen in a tick whose answer was lost: those never began. */
static void kill_with_500_jobs_in_flight(void **state) {
    (void)state;
    struct fixture f;
    prepare(&f, false);
    struct pg_proxy *proxy = pg_proxy_start(f.url);
    struct node a = node_start(&f, pg_proxy_url(proxy), IN_FLIGHT + UNSTARTED);
    submit_many(f.url, "holder", IN_FLIGHT, 5, NULL);
    wait_count(&f, IN_FLIGHT, "status = 'RUNNING'");
    struct node b = node_start(&f, NULL, 50);
    wait_until_old(&f, &b);
    kill(b.pid, SIGSTOP); /* for an instant: the next jobs are the other one's */
    pg_proxy_hold(proxy, "jobs tick", PG_PROXY_TO_CLIENT, "ready_claim");
    submit_many(f.url, "quick", UNSTARTED, 5, NULL);
    wait_count(&f, UNSTARTED, "status = 'TO_BE_RUN'");
    kill(b.pid, SIGCONT);
    int64_t began = clock_now();
    node_kill(&a);
    pg_proxy_drop(proxy);
    wait_count(&f, IN_FLIGHT + UNSTARTED, "status = 'SUCCEEDED'");
    int64_t took = (clock_now() - began) / CLOCK_MS;
    print_message("all ran elsewhere %lld ms after the kill\n", (long long)took);
    assert_true(took <= 10000 * test_time_factor());
    /* The count of attempts goes on; what counts against the job is attempt - attempt_base. */
    assert_int_equal(count_jobs(f.url, "class_name = 'quick' and crashes = 0 and attempt = 2 and "
                                       "attempt_base = 1"),
                     UNSTARTED);
    assert_int_equal(count_jobs(f.url, "class_name = 'holder' and crashes = 1 and attempt = 2"),
                     IN_FLIGHT);
    assert_int_equal(test_sql_integer(f.url, "select count(*) from jobs.t_job_attempt a join "
                                             "jobs.t_job_info j on j.id = a.job_id where outcome = "
                                             "'LOST' and a.attempt = 1 and class_name = 'holder'"),
                     IN_FLIGHT);
    assert_int_equal(test_sql_integer(f.url, "select count(*) from jobs.t_job_attempt"), IN_FLIGHT);
    assert_int_equal(runs_recorded(&f, NULL), 2 * IN_FLIGHT + UNSTARTED);
    node_leave(&b);
    pg_proxy_stop(proxy);
    finish(&f);
}

/* When it wakes, its runs end as if nothing had happened: too late. */
static void a_frozen_instance_wakes(void **state) {
    (void)state;
    enum { JOBS = 10 };
    struct fixture f;
    prepare(&f, false);
    struct node a = node_start(&f, NULL, 2 * JOBS);
    submit_many(f.url, "deaf", JOBS, 2, "{\"parameters\": {\"ms\": 5000}}");
    submit_many(f.url, "holder", JOBS, 2, NULL);
    wait_count(&f, 2 * JOBS, "status = 'RUNNING'");
    kill(a.pid, SIGSTOP);
    struct node b = node_start(&f, NULL, 2 * JOBS);
    wait_count(&f, 2 * JOBS, "status = 'SUCCEEDED'");
    wait_lost(&f, &a);
    char *before = test_sql_value(f.url, "select md5(string_agg(j::text, ',' order by id)) from "
                                         "jobs.t_job_info j");
    assert_int_equal(runs_open(&f), 2 * JOBS);
    kill(a.pid, SIGCONT);
    assert_true(test_wait_sql(f.url, LONG_MS,
                              "select count(*) = 2 and count(*) filter (where "
                              "lost) = 1 from jobs.t_job_instance where name = "
                              "'%s'",
                              a.name));
    node_leave(&b);
    char *id = submit(f.url, "'t0', 'quick'"); /* only the woken one can run it */
    wait_status(f.url, id, "SUCCEEDED");
    assert_job(f.url, id, "(select name from jobs.t_job_instance i where i.id = instance)", a.name);
    node_leave(&a); /* waits for its runs */
    assert_int_equal(runs_open(&f), 0);
    char *after = test_sql_value(f.url,
                                 "select md5(string_agg(j::text, ',' order by id)) from "
                                 "jobs.t_job_info j where id <> '%s'",
                                 id);
    assert_string_equal(before, after);
    assert_int_equal(count_jobs(f.url, "attempt = 2 and result ->> 'attempt' = '2'"), 2 * JOBS);
    free(before), free(after), free(id);
    finish(&f);
}

static bool never(void *arg) { return arg != NULL; }

static bool is_gone(void *arg) { return kill(*(const pid_t *)arg, 0) != 0; }

static bool has_recovered(void *arg) {
    const struct fixture *f = arg;
    PGconn *db = PQconnectdb(f->url);
    bool up = PQstatus(db) == CONNECTION_OK;
    PQfinish(db);
    return up;
}

/* The server ends all sessions when a backend dies, and recovers. */
static void crash_by_one_backend(const struct fixture *f) {
    static const char pid[] = "select coalesce(max(pid), 0) from pg_stat_activity where "
                              "application_name = 'jobs tick'";
    assert_true(test_wait_sql(f->url, LONG_MS, "select (%s) > 0", pid));
    pid_t backend = (pid_t)test_sql_integer(f->url, "%s", pid);
    kill(backend, SIGKILL);
    assert_true(test_wait(is_gone, &backend, LONG_MS));
    assert_true(test_wait(has_recovered, (void *)(uintptr_t)f, LONG_MS));
}

/* Longer away than the lease, and then a crash of all sessions: nobody is declared lost for it. */
static void the_server_restarts(void **state) {
    (void)state;
    enum { JOBS = 20 };
    struct fixture f;
    prepare(&f, true);
    struct node a = node_start(&f, NULL, JOBS), b = node_start(&f, NULL, JOBS);
    submit_many(f.url, "worker", JOBS, 2, "{\"parameters\": {\"ms\": 12000}}"); /* end meanwhile */
    submit_many(f.url, "deaf", JOBS, 2, "{\"parameters\": {\"ms\": 25000}}");   /* outlive it */
    wait_count(&f, 2 * JOBS, "status = 'RUNNING'");
    wait_until_old(&f, &a);
    test_pg_stop(f.pg);
    test_wait(never, NULL, (LEASE_MS + 1500) / test_time_factor());
    test_pg_restart(f.pg);
    wait_count(&f, JOBS, "class_name = 'worker' and status = 'SUCCEEDED'");
    crash_by_one_backend(&f);
    wait_count(&f, 2 * JOBS, "status = 'SUCCEEDED'");
    assert_int_equal(count_jobs(f.url, "attempt = 1 and version = 4 and crashes = 0"), 2 * JOBS);
    assert_int_equal(runs_recorded(&f, NULL), 2 * JOBS);
    assert_int_equal(test_sql_integer(f.url, "select count(*) from jobs.t_job_instance where lost"),
                     0);
    node_leave(&a);
    node_leave(&b);
    finish(&f);
}

/* The first loss is free, for the run was not yet written down; from then on it is charged. */
static void a_job_that_kills_its_daemon(void **state) {
    (void)state;
    enum { BUDGET = 3 };
    struct fixture f;
    prepare(&f, false);
    struct node nodes[] = {node_start(&f, NULL, 4), node_start(&f, NULL, 4)};
    wait_until_old(&f, &nodes[1]);
    char *id = submit(f.url, "'t0', 'bomb'");
    int64_t began = clock_now();
    int deaths = 0;
    while (!test_wait_sql(f.url, 0, "select status = 'FAILED' from jobs.t_job_info where id = '%s'",
                          id)) {
        if (clock_now() - began > 120 * CLOCK_SECOND * test_time_factor())
            fail_msg("after %d deaths the job has not ended", deaths);
        for (int i = 0; i < 2; i++)
            if (waitpid(nodes[i].pid, NULL, WNOHANG) == nodes[i].pid) {
                deaths++;
                nodes[i] = node_start(&f, NULL, 4);
            }
        test_wait(never, NULL, 50);
    }
    print_message("%d instances died of it\n", deaths);
    assert_in_range(deaths, 2, BUDGET + 1);
    assert_int_equal(runs_recorded(&f, id), deaths);
    assert_job(f.url, id, "error_kind", "CRASH");
    char *next = submit(f.url, "'t0', 'quick'");
    wait_status(f.url, next, "SUCCEEDED");
    node_leave(&nodes[0]);
    node_leave(&nodes[1]);
    free(id), free(next);
    finish(&f);
}

/* at_most_once; and a stop that was asked for. Neither is run again. */
static void what_must_not_run_again(void **state) {
    (void)state;
    struct fixture f;
    prepare(&f, false);
    struct node a = node_start(&f, NULL, 4);
    char *once = submit(f.url, "'t0', 'once', '{\"ms\": 3600000}'");
    char *asked = submit(f.url, "'t0', 'deaf', '{\"ms\": 3600000}'");
    wait_status(f.url, once, "RUNNING");
    wait_status(f.url, asked, "RUNNING");
    struct node b = node_start(&f, NULL, 4);
    wait_until_old(&f, &b);
    char *now = test_sql_value(f.url, "select jobs.job_stop('t0', '%s')", asked);
    assert_string_equal(now, "RUNNING"); /* it does not look */
    node_kill(&a);
    wait_status(f.url, once, "FAILED");
    wait_status(f.url, asked, "ABORTED");
    assert_job(f.url, once, "error_kind", "CRASH");
    assert_int_equal(runs_recorded(&f, once), 1);
    assert_int_equal(runs_recorded(&f, asked), 1);
    node_leave(&b);
    free(once), free(asked), free(now);
    finish(&f);
}

/* Each leaves and comes back in turn, while jobs run. */
static void a_rolling_restart(void **state) {
    (void)state;
    enum { ROUNDS = 3 };
    int count = test_time_factor() > 1 ? 400 : 600;
    struct fixture f;
    prepare(&f, false);
    struct node nodes[] = {node_start(&f, NULL, 8), node_start(&f, NULL, 8)};
    for (int round = 0; round < ROUNDS; round++)
        for (int i = 0; i < 2; i++) {
            submit_many(f.url, "worker", count / ROUNDS / 2, 5, "{\"parameters\": {\"ms\": 150}}");
            submit_many(f.url, "quick", count, 5, NULL);
            assert_true(test_wait_sql(f.url, LONG_MS,
                                      "select count(*) > 4 from jobs.t_job_info "
                                      "where status = 'RUNNING'"));
            node_leave(&nodes[i]);
            nodes[i] = node_start(&f, NULL, 8);
        }
    int64_t all = count_jobs(f.url, "true");
    wait_count(&f, all, "status = 'SUCCEEDED' and crashes = 0");
    assert_int_equal(runs_recorded(&f, NULL), all);
    node_leave(&nodes[0]);
    node_leave(&nodes[1]);
    assert_int_equal(test_sql_integer(f.url, "select count(*) from jobs.t_job_instance"), 0);
    finish(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kill_with_500_jobs_in_flight),
        cmocka_unit_test(a_frozen_instance_wakes),
        cmocka_unit_test(the_server_restarts),
        cmocka_unit_test(a_job_that_kills_its_daemon),
        cmocka_unit_test(what_must_not_run_again),
        cmocka_unit_test(a_rolling_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
