#include "module/base/clock.h"
#include "module/base/mem.h"
#include "tests/bench/latency.h"
#include "tests/bench/load.h"

#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

/* When runs ended, in order; shared with the pool's threads. */
static struct {
    pthread_mutex_t lock;
    int64_t *at;
    size_t count, most;
} ends = {.lock = PTHREAD_MUTEX_INITIALIZER};
static int64_t run_time; /* ms; set before the service starts */

/* Shorter and longer by a half, so that the slots do not come free all at once. */
static int hold(struct job *job) {
    job_sleep(job, run_time / 2 + rand() % run_time);
    pthread_mutex_lock(&ends.lock);
    if (ends.count < ends.most)
        ends.at[ends.count++] = load_now();
    pthread_mutex_unlock(&ends.lock);
    return 0;
}

static const struct job_class class_hold = JOB_CLASS(.name = "bench-hold", .run = hold);

/* ms from `since` to the next end of a run. */
static double next_end(int64_t since) {
    double ret = NAN;
    pthread_mutex_lock(&ends.lock);
    for (size_t i = 0; i < ends.count && isnan(ret); i++)
        if (ends.at[i] > since)
            ret = (double)(ends.at[i] - since) / 1000;
    pthread_mutex_unlock(&ends.lock);
    return ret;
}

static int64_t submit_urgent(const struct bench *bench) {
    char id[37];
    load_id(id);
    const struct job_info info = {.size = sizeof info,
                                  .id = id,
                                  .tenant = "t0",
                                  .class_name = load_class.name,
                                  .priority = 100};
    struct jobs_error err;
    if (job_info_create_as_queued(&bench->infos, &info, 1, NULL, &err) < 0)
        bench_die("submit", err.text);
    return load_now();
}

/* One at a time: what it waited, and how long a slot took to come free, in ms. */
static void measure(const struct bench *bench, size_t samples, struct load_delays *waited,
                    double *freed) {
    for (size_t i = 0; i < samples; i++) {
        poll(NULL, 0, (int)(run_time / 4) + rand() % (int)(run_time / 2));
        int64_t committed = submit_urgent(bench);
        while (atomic_load(&waited->count) <= i)
            poll(NULL, 0, 1);
        freed[i] = next_end(committed);
    }
}

static double mean(const double *values, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += values[i];
    return sum / (double)n;
}

void measure_urgent(struct bench *bench, struct report *report, size_t samples, size_t run) {
    static const struct report_column columns[] = {{"mean", "ms", 2},
                                                   {"p50", "ms", 2},
                                                   {"p99", "ms", 2},
                                                   {"against a free slot", "", 2},
                                                   {NULL, NULL, 0}};
    const struct job_class *const classes[] = {&load_class, &class_hold, NULL};
    struct load_delays *waited = load_delays_new(samples);
    double *freed = mem_zero(samples, sizeof *freed);
    run_time = (int64_t)run;
    ends.most = 1000000;
    ends.at = mem_zero(ends.most, sizeof *ends.at);
    bench_begin(bench, 10);
    bench_submit(bench, class_hold.name, 50 * samples + 1000, 1);
    load_record_into(waited);
    struct job_service *service = bench_service(bench, false, classes, NULL);
    poll(NULL, 0, (int)run_time * 2);
    measure(bench, samples, waited, freed);
    bench_sql(bench, "truncate t_job_ready"); /* the rest of the backlog: nobody wants it run */
    bench_stop(service);
    load_record_into(NULL);
    double of_slot = mean(freed, samples), of_job = mean(waited->values, samples);
    report_table(report, "high priority before a full backlog", columns);
    report_row(report, "a slot comes free",
               (double[]){of_slot, bench_percentile(freed, samples, 50),
                          bench_percentile(freed, samples, 99), 1});
    report_row(report, "submit to start",
               (double[]){of_job, bench_percentile(waited->values, samples, 50),
                          bench_percentile(waited->values, samples, 99), of_job / of_slot});
    load_delays_free(waited);
    free(freed);
    free(ends.at);
    bench_end(bench);
}
