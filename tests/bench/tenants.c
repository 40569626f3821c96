/* What a claim costs as tenants and backlog grow. */
#include "tests/bench/claims.h"
#include "tests/bench/report.h"

static const struct report_column columns[] = {{"tenants", "", 0},        {"queued", "", 0},
                                               {"claim", "us/job", 1},    {"look", "us/job", 1},
                                               {"end", "us/job", 1},      {"tick", "ms", 2},
                                               {"drain", "jobs/s", 0},    {"jobsd", "MiB", 1},
                                               {"claim vs first", "", 2}, {NULL, NULL, 0}};

/* first: us per claim of the first measurement, which it sets. */
static void measure(struct bench *bench, struct report *report, size_t tenants, size_t queued,
                    size_t rounds, double *first) {
    bench_begin(bench, tenants);
    struct claims c = measure_claims(bench, tenants, queued, rounds);
    bench_end(bench);
    *first = *first > 0 ? *first : c.claim;
    report_row(report, "",
               (double[]){(double)tenants, (double)queued, c.claim, c.look, c.end, c.tick, c.rate,
                          c.memory, c.claim / *first});
}

int bench_tenants(struct bench *bench, char **argv) {
    size_t most_tenants = 10000, most_queued = 1000000, rounds = 3;
    const struct bench_option options[] = {
        {"--tenants", &most_tenants, 100000, "at most so many tenants"},
        {"--queued", &most_queued, 20000000, "at most so many queued jobs"},
        {"--rounds", &rounds, 100, "times that a part of the backlog is drained"},
        {NULL, NULL, 0, NULL}};
    bench_options(bench, argv, options, 3600);
    struct report *report = report_new(bench, "tenants");
    report_table(report, "as tenants and backlog grow", columns);
    double first = 0;
    for (size_t tenants = 10; tenants <= most_tenants; tenants *= 10)
        measure(bench, report, tenants, 10000, rounds, &first);
    for (size_t queued = 100000; queued <= most_queued; queued *= 10) {
        measure(bench, report, 10, queued, rounds, &first);
        measure(bench, report, most_tenants, queued, rounds, &first);
    }
    report_note(report,
                "server time of ready_claim, ready_tenants and run_end per job (commit not "
                "in it); tick: from one to the next under full load; jobsd: at its highest");
    report_end(report);
    return 0;
}
