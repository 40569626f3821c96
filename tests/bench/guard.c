/* Has it become slower? Ratios of rates taken side by side in one run, and instruction counts of
 * the hot loops, against those recorded in tests/bench/guard.json. Absolute times say nothing on a
 * machine that others use. */
#include "tests/bench/guard.h"
#include "module/base/clock.h"
#include "tests/bench/report.h"
#include "tests/bench/system.h"

#include <json-c/json.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LOSS 0.25   /* more than this is a failure */
#define QUIET 0.7   /* of a processor for the reference: then times can be compared */
#define REFERENCE 3 /* times as many rows as jobs: it is cheap, and CPU is counted in 10 ms */
#define PAIRS_MOST 50
#define FILE_NAME "tests/bench/guard.json"

enum { SUBMIT_CPU, TICK_CPU, DRAIN_CPU, DRAIN_TIME, RATIOS };
static const char *const ratio_names[RATIOS] = {"reference / submit, CPU", "reference / tick, CPU",
                                                "tick / drain, CPU", "drain / tick, jobs/s"};
static const char *const loop_names[GUARD_LOOPS] = {"shares", "event", "books"};

static const struct report_column columns[] = {{"recorded", "", 3},
                                               {"now", "", 3},
                                               {"gain", "", 3},
                                               {NULL, NULL, 0}};

/* CPU seconds of the server: steadier than time where others use the machine too. */
static double server_cpu(const struct bench *bench) {
    return system_cpu_tree(system_postmaster(bench));
}

/* A drain: jobs/s, and CPU seconds of service and server. */
static double drain(struct bench *bench, size_t jobs, double *ret_cpu) {
    bench_begin(bench, 10);
    bench_submit(bench, "noop", jobs, 10);
    double before = server_cpu(bench) + system_cpu(getpid());
    double rate = measure_drain(bench, jobs);
    *ret_cpu = server_cpu(bench) + system_cpu(getpid()) - before;
    bench_end(bench);
    return rate;
}

/* Returns how much of a processor the reference got, in which nothing waits for anything else: far
 * below 1 others use the machine. */
static double measure_pair(struct bench *bench, size_t jobs, double *ret) {
    double drain_cpu, rate = drain(bench, jobs, &drain_cpu);
    bench_begin(bench, 10);
    double at[4] = {server_cpu(bench)};
    bench_submit(bench, "noop", jobs, 10);
    at[1] = server_cpu(bench);
    double statements = measure_ceiling(bench, jobs);
    at[2] = server_cpu(bench);
    int64_t began = clock_now();
    guard_reference(bench, REFERENCE * jobs);
    double took = (double)(clock_now() - began) / 1e6;
    at[3] = server_cpu(bench);
    bench_end(bench);
    double reference = (at[3] - at[2]) / REFERENCE;
    ret[SUBMIT_CPU] = reference / (at[1] - at[0]);
    ret[TICK_CPU] = reference / (at[2] - at[1]);
    ret[DRAIN_CPU] = (at[2] - at[1]) / drain_cpu;
    ret[DRAIN_TIME] = rate / statements;
    return (at[3] - at[2]) / took;
}

/* Returns the median share of a processor. */
static double measure_ratios(struct bench *bench, size_t jobs, size_t pairs, double *ret) {
    static double all[RATIOS][PAIRS_MOST], shares[PAIRS_MOST];
    for (size_t pair = 0; pair < pairs; pair++) {
        double ratios[RATIOS];
        shares[pair] = measure_pair(bench, jobs, ratios);
        for (size_t i = 0; i < RATIOS; i++)
            all[i][pair] = ratios[i];
    }
    for (size_t i = 0; i < RATIOS; i++)
        ret[i] = bench_median(all[i], pairs);
    return bench_median(shares, pairs);
}

static double recorded(struct json_object *file, const char *part, const char *name) {
    struct json_object *object, *value;
    if (!file || !json_object_object_get_ex(file, part, &object) ||
        !json_object_object_get_ex(object, name, &value) || !value)
        return NAN;
    return json_object_get_double(value);
}

/* gain: 1 is as recorded, below it is slower. Not recorded: passes. */
static bool judge(struct report *report, const char *name, double before, double now, double gain) {
    report_row(report, name, (double[]){before, now, gain});
    if (gain >= 1 - LOSS || isnan(gain))
        return true;
    report_note(report, "%s has lost %.0f %%", name, (1 - gain) * 100);
    return false;
}

static void put(FILE *file, const char *part, const char *const *names, const double *values,
                size_t count, int decimals) {
    fprintf(file, "  \"%s\": {\n", part);
    for (size_t i = 0; i < count; i++) {
        fprintf(file, "    \"%s\": ", names[i]);
        fprintf(file, isnan(values[i]) ? "null" : "%.*f", decimals, values[i]);
        fputs(i + 1 < count ? ",\n" : "\n", file);
    }
    fputs("  }", file);
}

static void record(const double *ratios, const double *loops) {
    FILE *file = fopen(FILE_NAME, "w");
    if (!file)
        bench_die(FILE_NAME, "cannot be written");
    fputs("{\n", file);
    put(file, "ratios", ratio_names, ratios, RATIOS, 3);
    fputs(",\n", file);
    put(file, "instructions", loop_names, loops, GUARD_LOOPS, 0);
    fputs("\n}\n", file);
    fclose(file);
}

static bool judge_all(struct report *report, const double *ratios, const double *loops) {
    bool good = true;
    struct json_object *file = json_object_from_file(FILE_NAME);
    report_table(report, "ratios", columns);
    for (size_t i = 0; i < RATIOS; i++) {
        double before = recorded(file, "ratios", ratio_names[i]);
        good &= judge(report, ratio_names[i], before, ratios[i], ratios[i] / before);
    }
    report_table(report, "instructions per item", columns);
    for (size_t i = 0; i < GUARD_LOOPS; i++) {
        double before = recorded(file, "instructions", loop_names[i]);
        good &= judge(report, loop_names[i], before, loops[i], before / loops[i]);
    }
    json_object_put(file);
    return good;
}

int bench_guard(struct bench *bench, char **argv) {
    size_t jobs = 15000, pairs = 5, writing = 0;
    const struct bench_option options[] = {{"--jobs", &jobs, 10000000, "no-op jobs of each drain"},
                                           {"--pairs", &pairs, PAIRS_MOST, "pairs, in turns"},
                                           {"--record", &writing, 1, "1: write " FILE_NAME " anew"},
                                           {NULL, NULL, 0, NULL}};
    bench_options(bench, argv, options, 300);
    struct report *report = report_new(bench, "guard");
    double ratios[RATIOS], loops[GUARD_LOOPS];
    for (size_t i = 0; i < GUARD_LOOPS; i++)
        loops[i] = guard_instructions(loop_names[i]);
    double share = measure_ratios(bench, jobs, pairs, ratios);
    if (share < QUIET)
        ratios[DRAIN_TIME] = NAN; /* others use the machine: it says nothing */
    if (writing)
        record(ratios, loops);
    bool good = judge_all(report, ratios, loops);
    report_note(report, "the reference had %.2f of a processor", share);
    report_note(report, good ? "as fast as recorded" : "slower than recorded");
    report_end(report);
    return good ? 0 : 1;
}
