#ifndef TESTS_BENCH_GUARD_H
#define TESTS_BENCH_GUARD_H
#include "tests/bench/bench.h"

#define GUARD_LOOPS 3

/* What this server does in plain SQL that never changes with us: rows inserted, updated and deleted
 * in durable batches over one connection. */
void guard_reference(const struct bench *bench, size_t rows);
/* Instructions per item of that loop of bench_loops, under callgrind. */
double guard_instructions(const char *loop);
#endif
