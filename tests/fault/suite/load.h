/* The clients: threads that submit jobs of several tenants through SQL and through the C API, and
 * one that stops, retries and locks. A job counts once its commit was heard; a submit whose answer
 * was lost is repeated under the same ids until it is. */
#ifndef SUITE_LOAD_H
#define SUITE_LOAD_H
#include "tests/fault/suite/ledger.h"
#include "tests/fault/suite/subscriber.h"

#include <stdint.h>

#define LOAD_TENANTS 4 /* t0 … */

struct load_options {
    uint64_t seed;
    const char *pg_url;
    const char *lossy_url; /* the same through a proxy that loses answers */
    int rate;              /* jobs a second, all threads together */
    struct ledger *ledger;
    struct subscriber *subscriber; /* tells how many have ended: the backlog is bounded */
};

struct load;
struct load *load_start(const struct load_options *options);
/* Returns when everything that was begun is acknowledged: the servers must be up. */
void load_stop(struct load *load);

struct load_counts {
    size_t submits, repeated; /* calls; those that had to be made again */
    size_t stops, retries, locks;
};
struct load_counts load_get(struct load *load);
void load_free(struct load *load); /* after load_stop */
#endif
