#include "tests/bench/claims.h"
#include "module/base/clock.h"
#include "tests/bench/system.h"

#include <poll.h>

/* Starts a jobsd and lets it claim so many jobs; seconds from the first claim on. */
static double drain(const struct bench *bench, double claims, double *ret_memory) {
    struct child jobsd;
    double before = statements_of(bench, "ready_claim").rows;
    daemon_start(bench, &jobsd, false, NULL);
    while (statements_of(bench, "ready_claim").rows <= before)
        poll(NULL, 0, 5);
    int64_t began = clock_now();
    while (statements_of(bench, "ready_claim").rows < before + claims)
        poll(NULL, 0, 20);
    double seconds = (double)(clock_now() - began) / 1e6, memory = system_memory_peak(jobsd.pid);
    *ret_memory = memory > *ret_memory ? memory : *ret_memory;
    child_stop(&jobsd);
    return seconds;
}

struct claims measure_claims(struct bench *bench, size_t tenants, size_t queued, size_t rounds) {
    double claims = queued < 20000 ? (double)queued / 2 : 10000, seconds = 0;
    struct claims ret = {0};
    statements_begin(bench);
    for (size_t round = 0; round < rounds; round++) {
        double left = bench_number(bench, "select count(*) from t_job_ready");
        if (left < (double)queued)
            fill_queued(bench, queued - (size_t)left, tenants);
        seconds += drain(bench, claims, &ret.memory);
    }
    struct statement claim = statements_of(bench, "ready_claim"),
                     look = statements_of(bench, "ready_tenants"),
                     end = statements_of(bench, "run_succeed"),
                     begin = statements_of(bench, "tick_begin");
    ret.claim = claim.ms * 1000 / claim.rows;
    ret.look = look.ms * 1000 / claim.rows;
    ret.end = end.ms * 1000 / end.rows;
    ret.tick = seconds * 1000 / begin.calls;
    ret.rate = claims * (double)rounds / seconds;
    statements_end(bench);
    return ret;
}
