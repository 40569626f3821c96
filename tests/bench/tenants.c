/* What a claim costs as tenants and backlog grow: part of the backlog is drained by a jobsd, the
 * server's own time is counted. */
#include "module/base/clock.h"
#include "tests/bench/report.h"
#include "tests/bench/system.h"

#include <poll.h>

static const struct report_column columns[] = {{"tenants", "", 0},        {"queued", "", 0},
                                               {"claim", "us/job", 1},    {"look", "us/job", 1},
                                               {"end", "us/job", 1},      {"tick", "ms", 2},
                                               {"drain", "jobs/s", 0},    {"jobsd", "MiB", 1},
                                               {"claim vs first", "", 2}, {NULL, NULL, 0}};

/* Starts a jobsd and lets it claim so many jobs; seconds from the first tick on. */
static double drain(const struct bench *bench, double claims, double *ret_memory) {
    struct child jobsd;
    double wanted = statements_of(bench, "ready_claim").rows + claims;
    daemon_start(bench, &jobsd, false, NULL);
    double before = statements_of(bench, "ready_claim").rows;
    while (statements_of(bench, "ready_claim").rows <= before)
        poll(NULL, 0, 5);
    int64_t began = clock_now();
    while (statements_of(bench, "ready_claim").rows < wanted)
        poll(NULL, 0, 20);
    double seconds = (double)(clock_now() - began) / 1e6, memory = system_memory_peak(jobsd.pid);
    *ret_memory = memory > *ret_memory ? memory : *ret_memory;
    child_stop(&jobsd);
    return seconds;
}

/* Returns the claim's us per job. first: that of the first measurement, 0: this is it. */
static double measure(struct bench *bench, struct report *report, size_t tenants, size_t queued,
                      size_t rounds, double first) {
    bench_begin(bench, tenants);
    fill_queued(bench, queued, tenants);
    statements_begin(bench);
    double claims = queued / 2 < 10000 ? (double)queued / 2 : 10000, seconds = 0, memory = 0;
    for (size_t round = 0; round < rounds; round++) {
        double left = bench_number(bench, "select count(*) from t_job_ready");
        if (left < (double)queued)
            fill_queued(bench, queued - (size_t)left, tenants);
        seconds += drain(bench, claims, &memory);
    }
    struct statement claim = statements_of(bench, "ready_claim"),
                     look = statements_of(bench, "ready_tenants"),
                     end = statements_of(bench, "run_end"),
                     begin = statements_of(bench, "tick_begin");
    double of_claim = claim.ms * 1000 / claim.rows;
    report_row(report, "",
               (double[]){(double)tenants, (double)queued, of_claim, look.ms * 1000 / claim.rows,
                          end.ms * 1000 / end.rows, seconds * 1000 / begin.calls,
                          claim.rows / seconds, memory, first > 0 ? of_claim / first : 1});
    statements_end(bench);
    bench_end(bench);
    return of_claim;
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
    for (size_t tenants = 10; tenants <= most_tenants; tenants *= 10) {
        double cost = measure(bench, report, tenants, 10000, rounds, first);
        first = first > 0 ? first : cost;
    }
    for (size_t queued = 100000; queued <= most_queued; queued *= 10) {
        measure(bench, report, 10, queued, rounds, first);
        measure(bench, report, most_tenants, queued, rounds, first);
    }
    report_note(report,
                "server time of ready_claim, ready_tenants and run_end per job (commit not "
                "in it); tick: from one to the next under full load; jobsd: at its highest");
    report_end(report);
    return 0;
}
