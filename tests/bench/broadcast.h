#ifndef TESTS_BENCH_BROADCAST_H
#define TESTS_BENCH_BROADCAST_H
#include "tests/bench/bench.h"

/* The class of the first and of the last event of a run: a subscriber of these two alone tells how
 * long the run took where no queue is bound for the others. */
#define BROADCAST_MARK "mark"

/* Publishes `count` persistent messages of `size` bytes to <service>.events with nothing but
 * librabbitmq, a few thousand ahead of the broker's confirms; returns when all are confirmed. */
void broadcast_bare(const struct bench *bench, size_t count, size_t size);
#endif
