/* What a claim costs: part of a backlog is drained by a jobsd, the server's own time is counted. */
#ifndef TESTS_BENCH_CLAIMS_H
#define TESTS_BENCH_CLAIMS_H
#include "tests/bench/bench.h"

struct claims {
    double claim, look, end; /* us of server time per job, without the commit */
    double tick;             /* ms from one tick to the next under full load */
    double rate;             /* jobs/s */
    double memory;           /* MiB of jobsd at its highest */
};
/* On the current schema; `queued` no-op jobs of t0 … t<tenants - 1> are kept, of which a part is
 * drained, `rounds` times. */
struct claims measure_claims(struct bench *bench, size_t tenants, size_t queued, size_t rounds);
#endif
