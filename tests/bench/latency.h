#ifndef TESTS_BENCH_LATENCY_H
#define TESTS_BENCH_LATENCY_H
#include "tests/bench/report.h"

/* From the return of the submit to its QUEUED event at a subscriber, idle. */
struct bench_latency measure_to_subscriber(struct bench *bench, size_t samples);
/* Jobs of high priority before a full backlog of one tenant whose jobs take `run` ms: how long they
 * wait beside how long a slot took to come free. A table of its own. */
void measure_urgent(struct bench *bench, struct report *report, size_t samples, size_t run);
#endif
