/* All that is known of one job, for whoever has to find out what happened. */
#ifndef SUITE_HISTORY_H
#define SUITE_HISTORY_H
#include "tests/fault/suite/record.h"

/* Prints its row, its attempts, the statuses of its events and its runs (may be NULL). */
void history_print(const char *pg_url, const char *id, const char *path,
                   const struct run_note *runs);
#endif
