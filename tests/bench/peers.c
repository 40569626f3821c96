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

enum { DRAIN, SUBMIT, CLIENT_CPU, SERVER_CPU, WAL, MEMORY, P50, P99, MAX, COLUMNS };
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
static const struct report_column ratios[] = {{"Jobs / peer", "", 2},
                                              {"Jobs / bare statements", "", 2},
                                              {NULL, NULL, 0}};

static void values_of(const struct figures *f, double *ret) {
    ret[DRAIN] = f->rate, ret[SUBMIT] = f->submit;
    ret[CLIENT_CPU] = f->client_cpu, ret[SERVER_CPU] = f->server_cpu;
    ret[WAL] = f->wal, ret[MEMORY] = f->memory;
    ret[P50] = f->p50, ret[P99] = f->p99, ret[MAX] = f->max;
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
    static const struct picture_group groups[] = {
        {"Drain", "jobs/s, more is better", 0},
        {"CPU of the client", "us/job, less is better", 1},
        {"CPU of the server", "us/job, less is better", 1},
        {"WAL", "bytes/job, less is better", 0},
        {"Memory of the client", "MiB, less is better", 0},
        {"Submit to start, p50", "ms, less is better", 1},
        {"Submit to start, p99", "ms, less is better", 1}};
    static const size_t of[] = {DRAIN, CLIENT_CPU, SERVER_CPU, WAL, MEMORY, P50, P99};
    enum { GROUPS = sizeof of / sizeof *of };
    struct picture_bar bars[GROUPS][SIDES];
    for (size_t g = 0; g < GROUPS; g++)
        for (size_t side = 0; side < SIDES; side++)
            bars[g][side] = (struct picture_bar){medians[side][of[g]], values[side][of[g]], pairs};
    char title[200], number[40];
    snprintf(title, sizeof title,
             "%s no-op jobs on one PostgreSQL: medians of %zu runs (dots), in turns",
             picture_number((double)jobs, 0, number), pairs);
    picture_bars(&(struct picture){bench, "peers", title}, names, SIDES, groups, GROUPS,
                 &bars[0][0]);
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
