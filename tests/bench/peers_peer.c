/* Graphile Worker's side: peers/peer.js in Node.js, in the fastest mode that it documents. */
#include "module/base/clock.h"
#include "tests/bench/peers.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* argv: what peer.js is to do. */
static void start(const struct bench *bench, struct child *child, const char *what, size_t count) {
    const char *folder = getenv("BENCH_PEERS");
    char program[600], number[24], verb[16], node[] = "node";
    if (!folder)
        bench_die("BENCH_PEERS", "must name the folder of peer.js with its packages installed");
    snprintf(program, sizeof program, "%s/peer.js", folder);
    snprintf(verb, sizeof verb, "%s", what);
    snprintf(number, sizeof number, "%zu", count);
    char *argv[] = {node, program, verb, number, NULL};
    bench_sql(bench, "drop schema if exists graphile_worker cascade");
    child_start(child, argv);
}

static double line_with(struct child *child, const char *word) {
    char line[300];
    size_t length = strlen(word);
    child_line(child, line, sizeof line);
    if (strncmp(line, word, length) != 0 || line[length] != ' ')
        bench_die("peer.js said", line);
    return strtod(line + length, NULL);
}

/* As many jobs as `jobs` that nobody else sees yet, with statistics. */
static double fill(const struct bench *bench, size_t jobs) {
    bench_sql(bench, "checkpoint; begin");
    int64_t before = clock_now();
    for (size_t done = 0; done < jobs;) {
        size_t batch = jobs - done < 1000 ? jobs - done : 1000;
        bench_sql(bench,
                  "select count(*) from graphile_worker.add_jobs(array(select ('noop', '{}', null, "
                  "null, null, null, null, null)::graphile_worker.job_spec "
                  "from generate_series(1, %zu)))",
                  batch);
        done += batch;
    }
    double rate = (double)jobs * 1e6 / (double)(clock_now() - before);
    bench_sql(bench, "analyze graphile_worker._private_jobs");
    return rate;
}

void peers_drain_peer(struct bench *bench, size_t jobs, struct figures *ret) {
    struct child peer;
    struct window window;
    bench_begin(bench, 1);
    start(bench, &peer, "drain", jobs);
    line_with(&peer, "ready");
    ret->submit = fill(bench, jobs);
    window_open(&window, bench, peer.pid);
    bench_sql(bench, "commit");
    double first = line_with(&peer, "first"); /* us of the monotonic clock, as clock_now */
    line_with(&peer, "ran");
    while (bench_number(bench, "select exists(select from graphile_worker._private_jobs)::int") > 0)
        poll(NULL, 0, 5);
    ret->rate = (double)jobs * 1e6 / ((double)clock_now() - first);
    window_close(&window, bench);
    ret->client_cpu = window.client_cpu * 1e6 / (double)jobs;
    ret->server_cpu = window.server_cpu * 1e6 / (double)jobs;
    ret->wal = window.wal / (double)jobs;
    ret->memory = system_memory_peak(peer.pid);
    child_stop(&peer);
    bench_end(bench);
}

void peers_latency_peer(struct bench *bench, size_t samples, struct figures *ret) {
    struct child peer;
    bench_begin(bench, 1);
    start(bench, &peer, "latency", samples);
    line_with(&peer, "ready");
    ret->p50 = line_with(&peer, "p50");
    ret->p99 = line_with(&peer, "p99");
    ret->max = line_with(&peer, "max");
    child_stop(&peer);
    bench_end(bench);
}
