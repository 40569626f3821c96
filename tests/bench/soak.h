#ifndef TESTS_BENCH_SOAK_H
#define TESTS_BENCH_SOAK_H
#include "tests/bench/bench.h"

/* Retention with an age in seconds instead of days, from a thread of its own: what it removes is
 * removed as jobsd does it. */
struct purger;
struct purger *purger_start(const struct bench *bench, double seconds);
/* How many jobs it has removed so far. */
size_t purger_removed(const struct purger *purger);
void purger_stop(struct purger *purger);
#endif
