/* Two systems, measured the same way. */
#ifndef TESTS_BENCH_PEERS_H
#define TESTS_BENCH_PEERS_H
#include "tests/bench/system.h"

struct figures {
    double submit;                 /* jobs/s, in batches of 1,000 in one transaction */
    double rate;                   /* jobs/s, from the first start to the last recorded end */
    double client_cpu, server_cpu; /* us per job: as many ms per 1,000 */
    double wal;                    /* bytes per job */
    double memory;                 /* MiB at its highest */
    double p50, p99, max;          /* ms from the call of submit to the first line of the run */
};

/* The program waits, idle; the jobs come into sight all at once, by one COMMIT; what is spent from
 * there until the last job has ended for good is counted. */
void peers_drain_jobs(struct bench *bench, size_t jobs, struct figures *ret);
void peers_drain_peer(struct bench *bench, size_t jobs, struct figures *ret);
/* One job at a time, submitted by the process that runs it, on an idle system. */
void peers_latency_jobs(struct bench *bench, size_t samples, struct figures *ret);
void peers_latency_peer(struct bench *bench, size_t samples, struct figures *ret);
/* The bare statements: rate, server_cpu and wal. */
void peers_ceiling(struct bench *bench, size_t jobs, struct figures *ret);
#endif
