/* From the call of submit to the first line of the run, one job at a time, on an idle system. */
#include "module/base/clock.h"
#include "tests/bench/bench.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

static atomic_llong began;

static int run_stamp(struct job *job) {
    (void)job;
    atomic_store(&began, clock_now());
    return 0;
}

static const struct job_class class_stamp = JOB_CLASS(.name = "bench-stamp", .run = run_stamp);

static double one(const struct bench *bench) {
    const struct job_info info = {.size = sizeof info, .tenant = "t0", .class_name = "bench-stamp"};
    struct job_uuid id;
    struct jobs_error err;
    atomic_store(&began, 0);
    int64_t before = clock_now();
    if (job_info_create_as_queued(&bench->infos, &info, 1, &id, &err) < 0)
        bench_die("submit", err.text);
    const struct timespec pause = {.tv_nsec = 50000};
    while (!atomic_load(&began))
        nanosleep(&pause, NULL);
    return (double)(atomic_load(&began) - before) / 1000;
}

struct bench_latency bench_latency(struct bench *bench, size_t samples) {
    const struct job_class *const classes[] = {&class_stamp, NULL};
    double *values = calloc(samples, sizeof *values);
    bench_begin(bench);
    struct job_service *service = bench_service(bench, false, classes);
    for (int i = 0; i < 20; i++) /* warm */
        one(bench);
    for (size_t i = 0; values && i < samples; i++) {
        poll(NULL, 0, 5 + rand() % 10); /* idle again, at no fixed beat */
        values[i] = one(bench);
    }
    bench_stop(service);
    bench_end(bench);
    struct bench_latency ret = {bench_percentile(values, samples, 50),
                                bench_percentile(values, samples, 99),
                                bench_percentile(values, samples, 100)};
    free(values);
    return ret;
}
