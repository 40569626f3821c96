/* How long jobs waited, asked for second by second: one question about a whole minute would take a second itself, and be in
 * the way of those that it asks about. */
#include "module/base/clock.h"
#include "module/base/mem.h"
#include "tests/bench/soak.h"

#include <stdlib.h>

#define LATER 2000 /* ms after they were submitted: all have begun, or are late indeed */

struct delays {
    const struct bench *bench;
    double until; /* ms since 1970: those submitted before are known */
    double *values;
    size_t count, capacity;
};

static double server_now(const struct bench *bench) {
    return bench_number(bench, "select floor(extract(epoch from clock_timestamp()) * 1000)");
}

struct delays *delays_start(const struct bench *bench) {
    struct delays *delays = MEM_NEW(struct delays);
    delays->bench = bench;
    delays->until = server_now(bench);
    return delays;
}

/* Ids begin with the time when they were made. */
void delays_collect(struct delays *delays) {
    double until = server_now(delays->bench) - LATER;
    if (until <= delays->until)
        return;
    PGresult *rows =
        bench_rows(delays->bench,
                   "select extract(epoch from coalesce(start_date, clock_timestamp()) - "
                   "queued_date) * 1000 from t_job_info "
                   "where id >= rpad(lpad(to_hex(%.0f::bigint), 12, '0'), 32, '0')::uuid "
                   "and id < rpad(lpad(to_hex(%.0f::bigint), 12, '0'), 32, '0')::uuid",
                   delays->until, until);
    size_t more = (size_t)PQntuples(rows);
    if (delays->count + more > delays->capacity) {
        delays->capacity = (delays->count + more) * 2;
        delays->values = mem_grow(delays->values, delays->capacity, sizeof *delays->values);
    }
    for (size_t i = 0; i < more; i++)
        delays->values[delays->count++] = strtod(PQgetvalue(rows, (int)i, 0), NULL);
    PQclear(rows);
    delays->until = until;
}

struct bench_latency delays_take(struct delays *delays) {
    struct bench_latency latency = {0};
    if (delays->count > 0)
        latency = bench_latency_of(delays->values, delays->count);
    delays->count = 0;
    return latency;
}

void delays_stop(struct delays *delays) {
    free(delays->values);
    free(delays);
}
