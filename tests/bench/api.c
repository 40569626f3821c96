/* The HTTP interface: submits of one job each over connections that are kept, with nothing else to
 * do and beside the runs of these jobs; many streams of events, idle and busy. */
#include "tests/bench/api.h"
#include "module/base/clock.h"
#include "tests/bench/load.h"
#include "tests/bench/report.h"

#include <math.h>
#include <poll.h>
#include <stdio.h>

#define WARM 1.0         /* seconds */
#define ARRIVE_MOST 30.0 /* seconds until the last event has come to all */
enum { EVENTS_OF_A_JOB = 4 };

struct shape {
    size_t connections, streams, rate, seconds, sessions;
};

static const struct report_column submit_columns[] = {
    {"submits", "/s", 0}, {"p50", "ms", 1},        {"p99", "ms", 1},
    {"max", "ms", 1},     {"acknowledged", "", 0}, {"in the database", "", 0},
    {"jobsd", "us", 0},   {"server", "us", 0},     {"WAL", "bytes", 0},
    {"load", "", 1},      {NULL, NULL, 0}};
static const struct report_column idle_columns[] = {{"memory", "MiB", 1},
                                                    {"CPU", "%", 2},
                                                    {"per stream", "KiB", 1},
                                                    {NULL, NULL, 0}};
static const struct report_column event_columns[] = {
    {"events", "/s", 0}, {"sent", "", 0},      {"least", "", 0},
    {"most", "", 0},     {"gaps", "", 0},      {"closed", "", 0},
    {"p50", "ms", 0},    {"p99", "ms", 0},     {"all streams", "MB/s", 1},
    {"CPU", "%", 0},     {"memory", "MiB", 1}, {"load", "", 1},
    {NULL, NULL, 0}};

/* ---- submits ---- */

static void check(const struct bench *bench, const struct api_submits *got, size_t before,
                  double *ret_stored) {
    *ret_stored = bench_number(bench, "select count(*) from t_job_info") - (double)before;
    if (*ret_stored < (double)got->acknowledged)
        bench_die("submits", "jobs that were acknowledged are not in the database");
}

static void submits(struct bench *bench, struct report *report, const struct shape *shape,
                    bool runs) {
    struct api_server server;
    struct api_submits got;
    struct window window;
    double stored;
    bench_begin(bench, 1);
    if (!runs)
        bench_sql(bench, "update t_tenant set state = 'PAUSED'");
    api_server_start(&server, bench, false, shape->sessions);
    api_submit(&server, shape->connections, WARM, &got);
    size_t before = got.acknowledged;
    window_open(&window, bench, server.jobsd.pid);
    api_submit(&server, shape->connections, (double)shape->seconds, &got);
    window_close(&window, bench);
    double load = api_load(), n = (double)got.acknowledged;
    check(bench, &got, before, &stored);
    report_row(report, runs ? "while the jobs run" : "nothing runs",
               (double[]){n / got.seconds, got.latency.p50, got.latency.p99, got.latency.max, n,
                          stored, window.client_cpu * 1e6 / n, window.server_cpu * 1e6 / n,
                          window.wal / n, load});
    if (got.refused > 0)
        report_note(report, "%zu were refused", got.refused);
    api_server_stop(&server);
    bench_end(bench);
}

/* ---- streams ---- */

static double idle_row(struct report *report, const struct api_server *server,
                       struct api_streams *streams, const char *label, double seconds,
                       double before, size_t count) {
    double cpu = system_cpu(server->jobsd.pid);
    int64_t began = clock_now();
    if (streams)
        api_streams_read(streams, seconds, 0);
    else
        poll(NULL, 0, (int)(seconds * 1000));
    cpu = (system_cpu(server->jobsd.pid) - cpu) * 1e8 / (double)(clock_now() - began);
    double memory = system_memory(server->jobsd.pid);
    double each = count > 0 ? (memory - before) * 1024 / (double)count : NAN;
    report_row(report, label, (double[]){memory, cpu, each});
    return memory;
}

/* 1: a stream has not had all. */
static int busy(struct bench *bench, struct report *report, const struct shape *shape,
                const struct api_server *server, struct api_streams *streams) {
    const struct load_shape jobs = {.class_name = "noop", .tenants = 1};
    struct api_streams_counts got;
    char label[60];
    double cpu = system_cpu(server->jobsd.pid);
    int64_t began = clock_now();
    struct pacer *pacer = pacer_start(bench, &jobs, (double)shape->rate / EVENTS_OF_A_JOB);
    api_streams_read(streams, (double)shape->seconds, 0);
    double took = (double)(clock_now() - began) / 1e6;
    size_t events = pacer_stop(pacer) * EVENTS_OF_A_JOB;
    api_streams_read(streams, ARRIVE_MOST, events);
    double all = (double)(clock_now() - began) / 1e6;
    cpu = (system_cpu(server->jobsd.pid) - cpu) * 100 / all;
    api_streams_get(streams, &got);
    snprintf(label, sizeof label, "%zu streams", shape->streams);
    report_row(report, label,
               (double[]){(double)events / took, (double)events, (double)got.least,
                          (double)got.most, (double)got.gaps, (double)got.closed, got.latency.p50,
                          got.latency.p99, got.bytes / 1e6 / all, cpu,
                          system_memory_peak(server->jobsd.pid), api_load()});
    if (got.least < events)
        report_note(report, "LOST: a stream has %zu events too few", events - got.least);
    return got.least < events ? 1 : 0;
}

static int streams(struct bench *bench, struct report *report, const struct shape *shape) {
    struct api_server server;
    double seconds = (double)shape->seconds / 3;
    bench_begin(bench, 1);
    api_server_start(&server, bench, true, shape->sessions);
    report_table(report, "streams that hear nothing", idle_columns);
    double before = idle_row(report, &server, NULL, "no stream", seconds, 0, 0);
    struct api_streams *streams = api_streams_open(&server, shape->streams);
    idle_row(report, &server, streams, "idle streams", seconds, before, shape->streams);
    report_table(report, "events of one tenant, all of them to every stream", event_columns);
    int rc = busy(bench, report, shape, &server, streams);
    report_table(report, "afterwards", idle_columns);
    idle_row(report, &server, streams, "idle again", seconds, before, shape->streams);
    api_streams_close(streams);
    idle_row(report, &server, NULL, "streams closed", seconds, before, 0);
    api_server_stop(&server);
    bench_end(bench);
    return rc;
}

int bench_api(struct bench *bench, char **argv) {
    struct shape shape = {64, 1000, 500, 30, 2};
    const struct bench_option options[] = {
        {"--connections", &shape.connections, 10000, "that submit, one request at a time each"},
        {"--streams", &shape.streams, 15000, "that hear all events of one tenant"},
        {"--rate", &shape.rate, 100000, "events per second of that tenant"},
        {"--seconds", &shape.seconds, 3600, "of each measurement"},
        {"--sessions", &shape.sessions, 50, "jobs.api.sessions"},
        {NULL, NULL, 0, NULL}};
    bench_options(bench, argv, options, 1200);
    api_allow_files(shape.connections > shape.streams ? shape.connections : shape.streams);
    struct report *report = report_new(bench, "api");
    report_table(report, "submits of one job each, kept connections, durable", submit_columns);
    submits(bench, report, &shape, false);
    submits(bench, report, &shape, true);
    int rc = streams(bench, report, &shape);
    report_end(report);
    return rc;
}
