#ifndef TESTS_BENCH_BROADCAST_H
#define TESTS_BENCH_BROADCAST_H
#include "tests/bench/bench.h"

/* Publishes `count` persistent messages of `size` bytes to <service>.events with nothing but
 * librabbitmq, a few thousand ahead of the broker's confirms. Returns how many microseconds it took
 * from the first one until all were confirmed. */
int64_t broadcast_bare(const struct bench *bench, size_t count, size_t size);
#endif
