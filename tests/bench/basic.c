/* The first figures: what a machine does in a minute or two. */
#include "tests/bench/report.h"

#include <math.h>
#include <stdio.h>

#define RUNS_MOST 20

static const struct report_column columns[] = {{"drain", "jobs/s", 0},
                                               {"bare statements", "jobs/s", 0},
                                               {"submit", "jobs/s", 0},
                                               {"broadcast", "events/s", 0},
                                               {NULL, NULL, 0}};
static const struct report_column latencies[] = {{"p50", "ms", 2},
                                                 {"p99", "ms", 2},
                                                 {"max", "ms", 2},
                                                 {NULL, NULL, 0}};

int bench_basic(struct bench *bench, char **argv) {
    size_t jobs = 50000, runs = 5, samples = 500;
    const struct bench_option options[] = {
        {"--jobs", &jobs, 10000000, "no-op jobs that a run drains"},
        {"--runs", &runs, RUNS_MOST, "runs of each kind, in turns"},
        {"--samples", &samples, 100000, "jobs one at a time for the latency"},
        {NULL, NULL, 0, NULL}};
    bench_options(bench, argv, options, 3600);
    struct report *report = report_new(bench, "basic");
    double values[4][RUNS_MOST];
    report_table(report, "runs", columns);
    for (size_t i = 0; i < runs; i++) { /* in turns: the machine's moods hit all */
        char label[20];
        bench_begin(bench, 10);
        values[1][i] = bench_submit(bench, "noop", jobs, 10);
        values[0][i] = measure_drain(bench, jobs);
        bench_end(bench);
        bench_begin(bench, 10);
        bench_submit(bench, "noop", jobs, 10);
        values[3][i] = measure_ceiling(bench, jobs);
        bench_end(bench);
        values[2][i] = measure_events(bench, jobs / 2);
        snprintf(label, sizeof label, "run %zu", i + 1);
        report_row(report, label,
                   (double[]){values[0][i], values[3][i], values[1][i], values[2][i]});
    }
    report_row(report, "median",
               (double[]){bench_median(values[0], runs), bench_median(values[3], runs),
                          bench_median(values[1], runs), bench_median(values[2], runs)});
    struct bench_latency latency = measure_latency(bench, samples);
    report_table(report, "submit to start, idle", latencies);
    report_row(report, "one job at a time", (double[]){latency.p50, latency.p99, latency.max});
    report_end(report);
    return 0;
}
