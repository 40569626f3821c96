/* Jobs' side: jobsd as anybody runs it, ten tenants, outbox written, no broker. */
#include "module/base/clock.h"
#include "tests/bench/peers.h"

#include <math.h>
#include <stdio.h>

/* A fresh schema; `jobs` jobs that nobody else sees yet, with statistics. */
static void fill(struct bench *bench, size_t jobs, struct figures *ret) {
    bench_sql(bench, "checkpoint; begin");
    ret->submit = bench_submit(bench, "noop", jobs, 10);
    bench_sql(bench, "analyze t_job_info, t_job_ready");
}

static void close_window(struct window *window, const struct bench *bench, size_t jobs,
                         struct figures *ret) {
    window_close(window, bench);
    ret->client_cpu = window->client_cpu * 1e6 / (double)jobs;
    ret->server_cpu = window->server_cpu * 1e6 / (double)jobs;
    ret->wal = window->wal / (double)jobs;
}

void peers_drain_jobs(struct bench *bench, size_t jobs, struct figures *ret) {
    struct child jobsd;
    struct window window;
    bench_begin(bench, 10);
    daemon_start(bench, &jobsd, false, NULL);
    bench_wait_idle(bench);
    fill(bench, jobs, ret);
    window_open(&window, bench, jobsd.pid);
    bench_sql(bench, "commit");
    bench_wait_succeeded(bench, jobs);
    int64_t ended = clock_now();
    close_window(&window, bench, jobs, ret);
    ret->memory = system_memory_peak(jobsd.pid);
    double age = bench_number(
        bench, "select extract(epoch from clock_timestamp() - min(start_date)) from t_job_info");
    ret->rate = (double)jobs / (age - (double)(clock_now() - ended) / 1e6);
    child_stop(&jobsd);
    bench_end(bench);
}

void peers_latency_jobs(struct bench *bench, size_t samples, struct figures *ret) {
    struct bench_latency latency = measure_latency(bench, samples);
    ret->p50 = latency.p50, ret->p99 = latency.p99, ret->max = latency.max;
}

void peers_ceiling(struct bench *bench, size_t jobs, struct figures *ret) {
    struct window window;
    *ret = (struct figures){.p50 = NAN, .p99 = NAN, .max = NAN, .memory = NAN};
    bench_begin(bench, 10);
    fill(bench, jobs, ret);
    bench_sql(bench, "commit");
    window_open(&window, bench, 0);
    ret->rate = measure_ceiling(bench, jobs);
    close_window(&window, bench, jobs, ret);
    bench_end(bench);
}
