/* Holds a datasource to the invariants. Without a broker nothing deletes from the outbox, which so
 * is a complete record of all events: the auditor reads it. */
#ifndef TESTS_LIB_AUDIT_H
#define TESTS_LIB_AUDIT_H

/* At any instant: the checks of fsck; every job's events are versions 1, 2, 3 … in the order of the
 * outbox, each an allowed move from the one before, the last one the job's own. Fails the test
 * with the first findings. */
void audit(const char *url);
/* The same, and nothing is left under way: all jobs final, no receipt, ready row or timer. */
void audit_finished(const char *url);
#endif
