/* After the faults: are all promises kept? Holds the tables, the subscriber's record of the events
 * and the classes' record of the runs against each other. Everything must be up. */
#ifndef SUITE_AUDIT_H
#define SUITE_AUDIT_H
#include "tests/fault/suite/instances.h"
#include "tests/fault/suite/ledger.h"
#include "tests/fault/suite/subscriber.h"

struct audit_options {
    const char *pg_url;
    const char *record; /* file */
    struct ledger *ledger;
    struct subscriber *subscriber;
    const struct fleet *fleet;
};

/* Waits until all jobs have ended and all events have come; false after `timeout` ms (times
 * test_time_factor()), saying what is still there. */
bool audit_wait(const struct audit_options *options, int64_t timeout);
/* Prints counts, and each violation, with the job's history. Returns the number of violations. */
size_t audit_run(const struct audit_options *options);
#endif
