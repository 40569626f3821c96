/* What submits cost: one at a time from many connections, with and without notifications; batches. */
#ifndef TESTS_BENCH_SUBMITS_H
#define TESTS_BENCH_SUBMITS_H
#include "tests/bench/report.h"

#define TURNS_CONNECTIONS 100
#define TURNS_ROUNDS 200
#define BATCH_CONNECTIONS 4

struct turns {
    size_t connections, rounds, ms; /* ms: of one turn */
};
/* Short turns of each side, again and again: a machine that others use is the same for neighbours,
 * so the ratios of a round are compared, and their medians kept. */
void submit_turns(const struct bench *bench, struct report *report, const struct turns *turns);
/* Of `jobs` jobs: by size of the batch, by number of connections. */
void submit_batches(struct bench *bench, struct report *report, size_t jobs);
#endif
