/* Submits: one at a time by job_submit from many connections (submits_turns.c), and batches through
 * the C API (submits_batches.c). */
#include "tests/bench/submits.h"

int bench_submits(struct bench *bench, char **argv) {
    struct turns turns = {.connections = 16, .rounds = 15, .ms = 1000};
    size_t jobs = 50000;
    const struct bench_option options[] = {
        {"--connections", &turns.connections, TURNS_CONNECTIONS, "that submit one at a time"},
        {"--rounds", &turns.rounds, TURNS_ROUNDS, "of turns of these"},
        {"--ms", &turns.ms, 60000, "of each turn"},
        {"--jobs", &jobs, 10000000, "that are submitted in batches"},
        {NULL, NULL, 0, NULL}};
    bench_options(bench, argv, options, 3600);
    struct report *report = report_new(bench, "submit");
    submit_turns(bench, report, &turns);
    submit_batches(bench, report, jobs);
    report_end(report);
    return 0;
}
