/* Another session holds a snapshot: what was deleted stays as dead rows. Steady load without and
 * with it, then the drain of a large backlog without and with it. */
#include "module/base/clock.h"
#include "tests/bench/load.h"
#include "tests/bench/report.h"
#include "tests/bench/subscriber.h"
#include "tests/bench/system.h"

#include <math.h>
#include <poll.h>
#include <stdio.h>

#define TENANTS 100
#define PRIORITIES 5

static const struct report_column columns[] = {{"time", "s", 0},
                                               {"ended", "jobs/s", 0},
                                               {"claim", "us/job", 1},
                                               {"end", "us/job", 1},
                                               {"dead ready rows", "", 0},
                                               {"dead outbox rows", "", 0},
                                               {"outbox read", "us/call", 0},
                                               {NULL, NULL, 0}};
static const struct report_column drains[] = {{"drain", "jobs/s", 0},
                                              {"claim", "us/job", 1},
                                              {"end", "us/job", 1},
                                              {NULL, NULL, 0}};

static double dead_rows(const struct bench *bench, const char *table) {
    return bench_number(bench,
                        "select coalesce(max(n_dead_tup), 0) from pg_stat_user_tables "
                        "where schemaname = '%s' and relname = '%s'",
                        bench->schema, table);
}

struct moment {
    int64_t at;
    struct statement claim, end, read;
};

static struct moment moment_now(const struct bench *bench) {
    return (struct moment){clock_now(), statements_of(bench, "ready_claim"),
                           statements_of(bench, "run_succeed"),
                           statements_of(bench, "outbox_read")};
}

/* Rows of one phase; returns its jobs/s and us per claim. */
static void phase(const struct bench *bench, struct report *report, const char *label,
                  double seconds, double ret[2]) {
    struct moment first = moment_now(bench), before = first, now;
    int64_t step = (int64_t)(seconds * 1e6 / 10);
    for (int i = 1; i <= 10; i++) {
        poll(NULL, 0, (int)((first.at + i * step - clock_now()) / 1000));
        now = moment_now(bench);
        double took = (double)(now.at - before.at) / 1e6;
        report_row(report, label,
                   (double[]){(double)(now.at - first.at) / 1e6,
                              (now.end.rows - before.end.rows) / took,
                              statement_cost(&before.claim, &now.claim),
                              statement_cost(&before.end, &now.end),
                              dead_rows(bench, "t_job_ready"), dead_rows(bench, "t_job_outbox"),
                              (now.read.ms - before.read.ms) * 1000 /
                                  (now.read.calls - before.read.calls)});
        before = now;
    }
    ret[0] = (now.end.rows - first.end.rows) * 1e6 / (double)(now.at - first.at);
    ret[1] = statement_cost(&first.claim, &now.claim);
}

static void under_load(struct bench *bench, struct report *report, double rate, double seconds) {
    const struct load_shape shape = {.class_name = "noop",
                                     .tenants = TENANTS,
                                     .priorities = PRIORITIES};
    struct child jobsd;
    double without[2], with[2];
    bench_begin(bench, TENANTS);
    struct subscriber *subscriber = subscriber_open(bench, NULL, NULL);
    daemon_start(bench, &jobsd, true, NULL);
    bench_wait_idle(bench);
    statements_begin(bench);
    struct pacer *pacer = pacer_start(bench, &shape, rate);
    poll(NULL, 0, 2000); /* settled */
    phase(bench, report, "nobody holds", seconds, without);
    PGconn *holder = hold_begin(bench);
    phase(bench, report, "held", seconds, with);
    hold_end(holder);
    pacer_stop(pacer);
    child_stop(&jobsd);
    subscriber_close(subscriber);
    statements_end(bench);
    bench_end(bench);
    report_note(report, "held against not: jobs/s %.2f, claim %.2f times", with[0] / without[0],
                with[1] / without[1]);
}

/* The drain of `jobs`, of as many of them as end within the seconds: jobs/s. */
static double drain(struct bench *bench, struct report *report, bool held, size_t jobs,
                    double seconds) {
    struct child jobsd;
    bench_begin(bench, TENANTS);
    fill_queued(bench, jobs, TENANTS);
    statements_begin(bench);
    PGconn *holder = held ? hold_begin(bench) : NULL;
    daemon_start(bench, &jobsd, false, NULL);
    struct moment first = moment_now(bench), now = first;
    while (now.end.rows < (double)jobs && (double)(now.at - first.at) < seconds * 1e6) {
        poll(NULL, 0, 50);
        now = moment_now(bench);
        if (now.end.rows <= 0) /* still starting */
            first = now;
    }
    double rate = (now.end.rows - first.end.rows) * 1e6 / (double)(now.at - first.at);
    report_row(report, held ? "held" : "nobody holds",
               (double[]){rate, statement_cost(&first.claim, &now.claim),
                          statement_cost(&first.end, &now.end)});
    if (now.end.rows < (double)jobs)
        report_note(report, "not drained after %.0f s: %.0f of %zu jobs", seconds, now.end.rows,
                    jobs);
    child_stop(&jobsd);
    if (holder)
        hold_end(holder);
    statements_end(bench);
    bench_end(bench);
    return rate;
}

int bench_held(struct bench *bench, char **argv) {
    size_t minutes = 10, rate = 2000, jobs = 400000, drain_seconds = 300;
    const struct bench_option options[] = {
        {"--minutes", &minutes, 600, "of load without, and again with a held snapshot"},
        {"--rate", &rate, 100000, "jobs per second"},
        {"--jobs", &jobs, 10000000, "queued jobs that are drained"},
        {"--drain", &drain_seconds, 36000, "seconds that a drain may take"},
        {NULL, NULL, 0, NULL}};
    bench_options(bench, argv, options, 7200);
    struct report *report = report_new(bench, "held");
    report_table(report, "under load", columns);
    under_load(bench, report, (double)rate, (double)minutes * 60);
    report_table(report, "drain of a backlog", drains);
    double without = drain(bench, report, false, jobs, (double)drain_seconds);
    double with = drain(bench, report, true, jobs, (double)drain_seconds);
    report_note(report, "drain held against not: %.2f", with / without);
    report_end(report);
    return 0;
}
