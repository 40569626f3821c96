/* Jobs and Graphile Worker in turns on the same server, the same number of no-op jobs, durable
 * commits; and the bare statements of Jobs' tick. */
#include "tests/bench/peers.h"
#include "tests/bench/picture.h"
#include "tests/bench/report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define PAIRS_MOST 50

enum { JOBS, PEER, CEILING, SIDES };
static const char *const names[SIDES] = {"Jobs", "Graphile Worker", "bare statements"};

static const struct report_column columns[] = {{"drain", "jobs/s", 0},
                                               {"add in batches", "jobs/s", 0},
                                               {"client CPU", "us/job", 1},
                                               {"server CPU", "us/job", 1},
                                               {"WAL", "bytes/job", 0},
                                               {"memory", "MiB", 1},
                                               {"p50", "ms", 2},
                                               {"p99", "ms", 2},
                                               {"max", "ms", 2},
                                               {NULL, NULL, 0}};
#define COLUMNS 9
static const struct report_column ratios[] = {{"Jobs / peer", "", 2},
                                              {"Jobs / bare statements", "", 2},
                                              {NULL, NULL, 0}};

static void values_of(const struct figures *f, double *ret) {
    const double values[COLUMNS] = {f->rate,   f->submit, f->client_cpu, f->server_cpu, f->wal,
                                    f->memory, f->p50,    f->p99,        f->max};
    for (size_t i = 0; i < COLUMNS; i++)
        ret[i] = values[i];
}

static double values[SIDES][COLUMNS][PAIRS_MOST];

static void measure_pair(struct bench *bench, size_t jobs, size_t samples, struct figures *all) {
    peers_drain_jobs(bench, jobs, &all[JOBS]);
    peers_drain_peer(bench, jobs, &all[PEER]);
    peers_ceiling(bench, jobs, &all[CEILING]);
    peers_latency_jobs(bench, samples, &all[JOBS]);
    peers_latency_peer(bench, samples, &all[PEER]);
}

static void report_pair(struct report *report, size_t pair, const struct figures *all) {
    for (size_t side = 0; side < SIDES; side++) {
        char label[60];
        double row[COLUMNS];
        values_of(&all[side], row);
        for (size_t i = 0; i < COLUMNS; i++)
            values[side][i][pair] = row[i];
        snprintf(label, sizeof label, "%zu %s", pair + 1, names[side]);
        report_row(report, label, row);
    }
}

static double median(const double *of, size_t n) {
    double sorted[PAIRS_MOST];
    for (size_t i = 0; i < n; i++)
        sorted[i] = of[i];
    return isnan(of[0]) ? NAN : bench_median(sorted, n);
}

/* The median of the pairs' own ratios: what both had to suffer falls out. */
static double median_ratio(const double *of, const double *to, size_t n) {
    double ratio[PAIRS_MOST] = {NAN};
    for (size_t i = 0; i < n; i++)
        ratio[i] = of[i] / to[i];
    return median(ratio, n);
}

static void draw(const struct bench *bench, size_t jobs, size_t pairs,
                 double medians[SIDES][COLUMNS]) {
    static const struct picture_bars all[] = {{"Jobs per second", "", 0},
                                              {"Client CPU", "us per job", 1},
                                              {"Server CPU", "us per job", 1},
                                              {"WAL", "bytes per job", 0},
                                              {"Memory", "MiB", 0},
                                              {"Add to start, p50", "ms", 1},
                                              {"Add to start, p99", "ms", 1}};
    static const size_t of[] = {0, 2, 3, 4, 5, 6, 7};
    double bars[sizeof of / sizeof *of][SIDES];
    for (size_t i = 0; i < sizeof of / sizeof *of; i++)
        for (size_t side = 0; side < SIDES; side++)
            bars[i][side] = medians[side][of[i]];
    char path[1000], title[200];
    snprintf(path, sizeof path, "%s/peers.svg", bench->out);
    snprintf(title, sizeof title, "%zu no-op jobs on one PostgreSQL, medians of %zu pairs in turns",
             jobs, pairs);
    picture_bars(path, title, names, SIDES, all, sizeof of / sizeof *of, &bars[0][0]);
}

static void conclude(const struct bench *bench, struct report *report, size_t jobs, size_t pairs) {
    double medians[SIDES][COLUMNS];
    report_table(report, "medians", columns);
    for (size_t side = 0; side < SIDES; side++) {
        for (size_t i = 0; i < COLUMNS; i++)
            medians[side][i] = median(values[side][i], pairs);
        report_row(report, names[side], medians[side]);
    }
    report_table(report, "medians of the pairs' ratios", ratios);
    for (size_t i = 0; i < COLUMNS; i++) {
        double ratio[] = {median_ratio(values[JOBS][i], values[PEER][i], pairs),
                          median_ratio(values[JOBS][i], values[CEILING][i], pairs)};
        report_row(report, columns[i].name, ratio);
    }
    draw(bench, jobs, pairs, medians);
}

int bench_peers(struct bench *bench, char **argv) {
    size_t jobs = 50000, pairs = 5, samples = 300;
    const struct bench_option options[] = {{"--jobs", &jobs, 10000000,
                                            "no-op jobs that each side drains"},
                                           {"--pairs", &pairs, PAIRS_MOST, "pairs, in turns"},
                                           {"--samples", &samples, 100000,
                                            "jobs one at a time for the latency"},
                                           {NULL, NULL, 0, NULL}};
    bench_options(bench, argv, options, 3600);
    struct report *report = report_new(bench, "peers");
    report_table(report, "pairs", columns);
    for (size_t pair = 0; pair < pairs; pair++) {
        struct figures all[SIDES];
        measure_pair(bench, jobs, samples, all);
        report_pair(report, pair, all);
    }
    conclude(bench, report, jobs, pairs);
    report_end(report);
    return 0;
}
