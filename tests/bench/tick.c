/* What the statements of the tick cost, driven by nothing else: for those who tune them. */
#include "tests/bench/peers.h"
#include "tests/bench/report.h"

#include <stdio.h>

#define RUNS_MOST 100

static const struct report_column columns[] = {{"rate", "jobs/s", 0},
                                               {"server CPU", "us/job", 2},
                                               {"WAL", "bytes/job", 0},
                                               {NULL, NULL, 0}};

int bench_tick(struct bench *bench, char **argv) {
    size_t jobs = 30000, runs = 5;
    const struct bench_option options[] = {{"--jobs", &jobs, 10000000, "no-op jobs of each run"},
                                           {"--runs", &runs, RUNS_MOST, "runs"},
                                           {NULL, NULL, 0, NULL}};
    bench_options(bench, argv, options, 1800);
    static double all[3][RUNS_MOST];
    struct report *report = report_new(bench, "tick");
    report_table(report, "claim and end in batches of 500", columns);
    for (size_t run = 0; run < runs; run++) {
        struct figures figures;
        char label[20];
        peers_ceiling(bench, jobs, &figures);
        const double row[] = {figures.rate, figures.server_cpu, figures.wal};
        for (size_t i = 0; i < 3; i++)
            all[i][run] = row[i];
        snprintf(label, sizeof label, "%zu", run + 1);
        report_row(report, label, row);
    }
    report_row(report, "median",
               (double[]){bench_median(all[0], runs), bench_median(all[1], runs),
                          bench_median(all[2], runs)});
    report_end(report);
    return 0;
}
