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

/* From queued to started, in ms, of all jobs submitted since the start. To be collected once a second. */
struct delays;
struct delays *delays_start(const struct bench *bench);
void delays_collect(struct delays *delays);
/* Of those collected since the last call. */
struct bench_latency delays_take(struct delays *delays);
void delays_stop(struct delays *delays);
#endif
