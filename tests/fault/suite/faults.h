/* What goes wrong, drawn by the seed: the same seed gives the same kinds, targets, durations and
 * pauses. What one draw wants may be impossible just then (the target is down already): it is
 * skipped. Main thread only. */
#ifndef SUITE_FAULTS_H
#define SUITE_FAULTS_H
#include "tests/fault/suite/instances.h"
#include "tests/fault/suite/recovery.h"
#include "tests/lib/servers.h"

struct faults_options {
    uint64_t seed;
    struct fleet *fleet;
    struct test_pg *pg;
    const char *pg_url;
    struct test_broker *broker;
    struct proxy *lossy; /* the clients' way to PostgreSQL */
    struct recovery *recovery;
    const char *disk; /* folder of a small file system of its own, or NULL */
    bool kills_only;  /* one at a time, each recovered from before the next */
    bool verbose;
};

struct faults;
struct faults *faults_new(const struct faults_options *options);
/* Does what is due; returns ms until something is again. */
int64_t faults_step(struct faults *faults);
/* Ends all that lasts; every instance is up again when it returns. */
void faults_heal(struct faults *faults);
size_t faults_count(const struct faults *faults);
void faults_print(const struct faults *faults);
void faults_free(struct faults *faults);
#endif
