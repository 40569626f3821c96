#include "tests/bench/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUNS_MOST 20

struct options {
    size_t jobs, runs;
    bool json;
};

static void usage(FILE *out) {
    fputs("bench [--jobs N] [--runs N] [--json]\n"
          "  --jobs   no-op jobs a run drains (50000)\n"
          "  --runs   runs of each kind, medians are printed (5)\n"
          "  --json   one JSON object instead of text\n"
          "PostgreSQL from JOBS_DATASOURCE_MAIN_URL, RabbitMQ from JOBS_AMQP_URL.\n",
          out);
}

static size_t number_of(const char *text, size_t most) {
    char *end;
    unsigned long n = text ? strtoul(text, &end, 10) : 0;
    if (!text || *end || n < 1 || n > most) {
        usage(stderr);
        exit(2);
    }
    return n;
}

static struct options read_options(char **argv) {
    struct options o = {.jobs = 50000, .runs = 5};
    for (argv++; *argv; argv++) {
        if (strcmp(*argv, "--json") == 0)
            o.json = true;
        else if (strcmp(*argv, "--jobs") == 0)
            o.jobs = number_of(*++argv, 10000000);
        else if (strcmp(*argv, "--runs") == 0)
            o.runs = number_of(*++argv, RUNS_MOST);
        else {
            bool help = strcmp(*argv, "--help") == 0;
            usage(help ? stdout : stderr);
            exit(help ? 0 : 2);
        }
    }
    return o;
}

int main(int argc, char **argv) {
    (void)argc;
    struct options o = read_options(argv);
    struct bench bench = {.url = getenv("JOBS_DATASOURCE_MAIN_URL"),
                          .amqp_url = getenv("JOBS_AMQP_URL")};
    if (!bench.url || !bench.amqp_url)
        bench_die("environment", "JOBS_DATASOURCE_MAIN_URL and JOBS_AMQP_URL are needed");
    double drain[RUNS_MOST], submit[RUNS_MOST], events[RUNS_MOST];
    for (size_t i = 0; i < o.runs; i++) { /* in turns: the machine's moods hit both */
        drain[i] = bench_drain(&bench, o.jobs, &submit[i]);
        events[i] = bench_events(&bench, o.jobs / 2);
        if (!o.json)
            printf("run %zu: drain %.0f jobs/s, submit %.0f jobs/s, events %.0f/s\n", i + 1,
                   drain[i], submit[i], events[i]);
        fflush(stdout);
    }
    struct bench_latency latency = bench_latency(&bench, 500);
    double jobs = bench_percentile(drain, o.runs, 50),
           submits = bench_percentile(submit, o.runs, 50),
           broadcast = bench_percentile(events, o.runs, 50);
    if (o.json)
        printf("{\"drain_jobs_per_s\":%.0f,\"submit_jobs_per_s\":%.0f,\"events_per_s\":%.0f,"
               "\"latency_ms\":{\"p50\":%.3f,"
               "\"p99\":%.3f,\"max\":%.3f},\"jobs\":%zu,\"runs\":%zu}\n",
               jobs, submits, broadcast, latency.p50, latency.p99, latency.max, o.jobs, o.runs);
    else
        printf("medians of %zu runs, %zu no-op jobs of 10 tenants:\n"
               "  drain without a broker  %8.0f jobs/s\n"
               "  submit in batches       %8.0f jobs/s\n"
               "  broadcast               %8.0f events/s to one subscriber\n"
               "  submit to start, idle   p50 %.2f ms, p99 %.2f ms, max %.2f ms (500 jobs one at a "
               "time)\n",
               o.runs, o.jobs, jobs, submits, broadcast, latency.p50, latency.p99, latency.max);
    return 0;
}
