#include "tests/bench/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct verb {
    const char *name, *help;
    int (*run)(struct bench *bench, char **argv);
} verbs[] = {
    {"basic", "drain, submit, broadcast and idle latency: the first figures", bench_basic},
    {"peers", "beside Graphile Worker in one run, and beside the bare statements", bench_peers},
    {"latency", "idle, at half load, and for a high priority before a full backlog", bench_latency},
    {"tenants", "10 to 10,000 tenants, 10,000 to 1,000,000 queued jobs", bench_tenants},
    {"broadcast", "events beside a bare publisher, with and without a subscriber", bench_broadcast},
    {"submit", "one at a time from many connections, and in batches", bench_submits},
    {"api", "over HTTP: submits of 64 connections, events to 1,000 streams", bench_api},
    {"scale", "10,000 to 10,000,000 finished jobs, 1 to 4 instances, an idle daemon", bench_scale},
    {"held", "under a snapshot that another session holds", bench_held},
    {"soak", "half load for long: memory, table sizes, latency", bench_soak},
    {"tick", "the bare statements of the tick: rate, CPU, WAL", bench_tick},
    {"guard", "has it become slower? ratios and instruction counts, as CI does", bench_guard},
    {NULL, NULL, NULL},
};

static int usage(FILE *out, int status) {
    fputs("bench [VERB] [OPTION…]; options of a verb: bench VERB --help\n", out);
    for (const struct verb *verb = verbs; verb->name; verb++)
        fprintf(out, "  %-10s %s\n", verb->name, verb->help);
    return status;
}

int main(int argc, char **argv) {
    struct bench bench = {.url = getenv("JOBS_DATASOURCE_MAIN_URL"),
                          .amqp_url = getenv("JOBS_AMQP_URL"),
                          .out = "build/bench"};
    static char basic[] = "basic";
    char **rest = argv; /* options alone are those of basic */
    if (argc > 1 && argv[1][0] != '-')
        rest++;
    else
        argv[0] = basic;
    if (argc > 1 && strcmp(argv[1], "--help") == 0)
        return usage(stdout, 0);
    const struct verb *verb = verbs;
    while (verb->name && strcmp(verb->name, rest[0]) != 0)
        verb++;
    if (!verb->name)
        return usage(stderr, 2);
    return verb->run(&bench, rest);
}
