/* Does it stay as it is? As finished jobs pile up, as the backlog grows, with more instances; and
 * what an idle daemon costs. */
#include "module/base/clock.h"
#include "tests/bench/claims.h"
#include "tests/bench/report.h"
#include "tests/bench/system.h"

#include <poll.h>
#include <stdio.h>

#define INSTANCES_MOST 16

static const struct report_column growth[] = {{"finished", "", 0},    {"queued", "", 0},
                                              {"claim", "us/job", 1}, {"end", "us/job", 1},
                                              {"tick", "ms", 2},      {"drain", "jobs/s", 0},
                                              {NULL, NULL, 0}};
static const struct report_column fleet[] = {{"drain", "jobs/s", 0},
                                             {"client CPU", "us/job", 1},
                                             {"server CPU", "us/job", 1},
                                             {NULL, NULL, 0}};
static const struct report_column bytes[] = {{"row", "bytes/job", 0},
                                             {"indexes", "bytes/job", 0},
                                             {"outbox", "bytes/job", 0},
                                             {"WAL of a life", "bytes/job", 0},
                                             {NULL, NULL, 0}};
static const struct report_column idle[] = {{"jobsd", "% of a CPU", 2},
                                            {"server", "% of a CPU", 2},
                                            {"jobsd memory", "MiB", 1},
                                            {NULL, NULL, 0}};

static void row(struct bench *bench, struct report *report, size_t finished, size_t queued,
                size_t rounds) {
    struct claims c = measure_claims(bench, 10, queued, rounds);
    report_row(report, "",
               (double[]){(double)finished, (double)queued, c.claim, c.end, c.tick, c.rate});
}

static void as_jobs_finish(struct bench *bench, struct report *report, size_t most, size_t rounds) {
    size_t there = 0;
    bench_begin(bench, 10);
    for (size_t finished = 10000; finished <= most; finished *= 10) {
        fill_finished(bench, finished - there, 10);
        there = finished;
        row(bench, report, finished, 20000, rounds);
    }
    bench_end(bench);
}

static void as_backlog_grows(struct bench *bench, struct report *report, size_t most,
                             size_t rounds) {
    for (size_t queued = 1000; queued <= most; queued *= 10) {
        bench_begin(bench, 10);
        row(bench, report, 0, queued, rounds);
        bench_end(bench);
    }
}

static void with_instances(struct bench *bench, struct report *report, size_t count, size_t jobs) {
    struct child jobsd[INSTANCES_MOST];
    struct window window;
    char label[40];
    bench_begin(bench, 10);
    for (size_t i = 0; i < count; i++)
        daemon_start(bench, &jobsd[i], false, NULL);
    while (bench_number(bench, "select coalesce(max(cardinality(sleepers)), 0) from t_job_wake") <
           (double)count)
        poll(NULL, 0, 20);
    bench_sql(bench, "begin"); /* the jobs come into sight all at once */
    bench_submit(bench, "noop", jobs, 10);
    window_open(&window, bench, 0);
    bench_sql(bench, "commit");
    int64_t began = clock_now();
    bench_wait_succeeded(bench, jobs);
    double seconds = (double)(clock_now() - began) / 1e6;
    window_close(&window, bench);
    snprintf(label, sizeof label, "%zu instance%s", count, count > 1 ? "s" : "");
    report_row(report, label,
               (double[]){(double)jobs / seconds, window.client_cpu * 1e6 / (double)jobs,
                          window.server_cpu * 1e6 / (double)jobs});
    for (size_t i = 0; i < count; i++)
        child_stop(&jobsd[i]);
    bench_end(bench);
}

static double bytes_of(const struct bench *bench, const char *what, const char *table,
                       size_t jobs) {
    return bench_number(bench, "select %s('%s')", what, table) / (double)jobs;
}

/* What a job without parameters and result leaves behind, and what waits for a broker. */
static void sizes(struct bench *bench, struct report *report, size_t jobs) {
    bench_begin(bench, 10);
    double wal = system_wal(bench);
    bench_submit(bench, "noop", jobs, 10);
    measure_drain(bench, jobs);
    wal = system_wal(bench) - wal;
    bench_sql(bench, "vacuum t_job_info");
    report_row(report, "no parameters, no result",
               (double[]){bytes_of(bench, "pg_table_size", "t_job_info", jobs),
                          bytes_of(bench, "pg_indexes_size", "t_job_info", jobs),
                          bytes_of(bench, "pg_total_relation_size", "t_job_outbox", jobs),
                          wal / (double)jobs});
    bench_end(bench);
}

static void while_idle(struct bench *bench, struct report *report, double seconds) {
    struct child jobsd;
    struct window window;
    bench_begin(bench, 100);
    bench_submit(bench, "noop", 1000, 100); /* every tenant is known to it */
    daemon_start(bench, &jobsd, false, NULL);
    bench_wait_succeeded(bench, 1000);
    poll(NULL, 0, 3000);
    window_open(&window, bench, jobsd.pid);
    int64_t began = clock_now();
    poll(NULL, 0, (int)(seconds * 1000));
    double took = (double)(clock_now() - began) / 1e6;
    window_close(&window, bench);
    report_row(report, "idle, 100 tenants",
               (double[]){window.client_cpu * 100 / took, window.server_cpu * 100 / took,
                          system_memory(jobsd.pid)});
    child_stop(&jobsd);
    bench_end(bench);
}

int bench_scale(struct bench *bench, char **argv) {
    size_t rows = 1000000, queued = 1000000, rounds = 3, instances = 4, jobs = 50000, seconds = 30;
    const struct bench_option options[] = {
        {"--rows", &rows, 100000000, "at most so many finished jobs"},
        {"--queued", &queued, 20000000, "at most so many queued jobs"},
        {"--rounds", &rounds, 100, "times that a part of the backlog is drained"},
        {"--instances", &instances, INSTANCES_MOST, "at most so many on one database"},
        {"--jobs", &jobs, 10000000, "that they drain"},
        {"--idle", &seconds, 3600, "seconds of watching an idle daemon"},
        {NULL, NULL, 0, NULL}};
    bench_options(bench, argv, options, 7200);
    struct report *report = report_new(bench, "scale");
    report_table(report, "what a finished job leaves, and its events while no broker is there",
                 bytes);
    sizes(bench, report, jobs);
    report_table(report, "an idle daemon", idle);
    while_idle(bench, report, (double)seconds);
    report_table(report, "instances on one database", fleet);
    for (size_t i = 1; i <= instances; i++)
        with_instances(bench, report, i, jobs);
    report_table(report, "as finished jobs pile up and as the backlog grows", growth);
    as_jobs_finish(bench, report, rows, rounds);
    as_backlog_grows(bench, report, queued, rounds);
    report_end(report);
    return 0;
}
