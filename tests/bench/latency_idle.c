/* From the call of submit to the first line of the run, one job at a time, on an idle system. */
#include "module/base/clock.h"
#include "module/base/mem.h"
#include "tests/bench/bench.h"

#include <poll.h>
#include <semaphore.h>
#include <stdlib.h>

static sem_t has_begun;
static int64_t began; /* passed on by has_begun */

static int run_stamp(struct job *job) {
    (void)job;
    began = clock_now();
    sem_post(&has_begun);
    return 0;
}

static const struct job_class class_stamp = JOB_CLASS(.name = "bench-stamp", .run = run_stamp);

static double one(const struct bench *bench) {
    const struct job_info info = {.size = sizeof info, .tenant = "t0", .class_name = "bench-stamp"};
    struct job_uuid id;
    struct jobs_error err;
    int64_t before = clock_now();
    if (job_info_create_as_queued(&bench->infos, &info, 1, &id, &err) < 0)
        bench_die("submit", err.text);
    while (sem_wait(&has_begun) < 0)
        ;
    return (double)(began - before) / 1000;
}

struct bench_latency measure_latency(struct bench *bench, size_t samples) {
    const struct job_class *const classes[] = {&class_stamp, NULL};
    double *values = mem_zero(samples, sizeof *values);
    sem_init(&has_begun, 0, 0);
    bench_begin(bench, 10);
    struct job_service *service = bench_service(bench, false, classes, NULL);
    for (int i = 0; i < 20; i++) /* warm */
        one(bench);
    for (size_t i = 0; i < samples; i++) {
        poll(NULL, 0, 5 + rand() % 10); /* idle again, at no fixed beat */
        values[i] = one(bench);
    }
    bench_stop(service);
    bench_end(bench);
    struct bench_latency ret = bench_latency_of(values, samples);
    free(values);
    return ret;
}
