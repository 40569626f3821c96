/* How long things wait: idle, under half of the most that is possible, and a job of high priority
 * that comes before a full backlog. */
#include "tests/bench/latency.h"
#include "tests/bench/load.h"
#include "tests/bench/report.h"

#include <math.h>
#include <poll.h>

static const struct report_column columns[] = {
    {"p50", "ms", 2}, {"p99", "ms", 2}, {"max", "ms", 2}, {"load", "jobs/s", 0}, {NULL, NULL, 0}};

static void put(struct report *report, const char *label, struct bench_latency l, double load) {
    report_row(report, label, (double[]){l.p50, l.p99, l.max, load});
}

static void at_half_load(struct bench *bench, struct report *report, double seconds) {
    const struct job_class *const classes[] = {&load_class, NULL};
    bench_begin(bench, 10);
    struct job_service *service = bench_service(bench, false, classes, NULL);
    double most = load_maximum(bench, seconds / 2);
    struct load_delays *delays = load_delays_new((size_t)(most * seconds) + 1000);
    struct pacer *pacer =
        pacer_start(bench, &(struct load_shape){.class_name = load_class.name, .tenants = 10},
                    most / 2);
    poll(NULL, 0, 2000); /* settled */
    load_record_into(delays);
    poll(NULL, 0, (int)(seconds * 1000));
    load_record_into(NULL);
    pacer_stop(pacer);
    size_t count = load_delays_count(delays);
    put(report, "submit to start, half load", bench_latency_of(delays->values, count),
        (double)count / seconds);
    bench_stop(service);
    load_delays_free(delays);
    bench_end(bench);
    report_note(report, "the most that can be submitted and run at the same time: %.0f jobs/s",
                most);
}

int bench_latency(struct bench *bench, char **argv) {
    size_t samples = 500, seconds = 20, run = 500, urgent = 40;
    const struct bench_option options[] = {{"--samples", &samples, 100000,
                                            "jobs one at a time, idle"},
                                           {"--seconds", &seconds, 3600, "of half load"},
                                           {"--urgent", &urgent, 10000, "jobs of high priority"},
                                           {"--run", &run, 60000,
                                            "ms that a job of the full backlog takes"},
                                           {NULL, NULL, 0, NULL}};
    bench_options(bench, argv, options, 3600);
    struct report *report = report_new(bench, "latency");
    report_table(report, "latency", columns);
    put(report, "submit to start, idle", measure_latency(bench, samples), NAN);
    put(report, "commit to subscriber, idle", measure_to_subscriber(bench, samples), NAN);
    at_half_load(bench, report, (double)seconds);
    measure_urgent(bench, report, urgent, run);
    report_end(report);
    return 0;
}
