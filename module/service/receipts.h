/* The receipts of an instance in one datasource, as known to be in the database. Dispatcher thread
 * only. */
#ifndef SERVICE_RECEIPTS_H
#define SERVICE_RECEIPTS_H
#include "module/base/list.h"
#include "module/base/table.h"

#include <stdint.h>

struct receipt {
    struct list link; /* in receipts.open or receipts.closable */
    int64_t tick;
    char *tenant, *lane;
    size_t jobs; /* not known to have ended */
};

struct receipts {
    struct table by_key; /* "tick/tenant/lane" */
    struct list open, closable;
};

void receipts_init(struct receipts *receipts);
void receipts_done(struct receipts *receipts);
/* The receipt of that tick, tenant and lane, made if need be (open, no jobs). */
struct receipt *receipts_find(struct receipts *receipts, int64_t tick, const char *tenant,
                              const char *lane);
void receipt_join(struct receipt *receipt);
/* One job less; a receipt without jobs becomes closable. */
void receipt_leave(struct receipts *receipts, struct receipt *receipt);
/* It is gone from the database. */
void receipt_closed(struct receipts *receipts, struct receipt *receipt);
/* Forgets all (the jobs' pointers too must be dropped): before they are read anew. */
void receipts_clear(struct receipts *receipts);
/* Receipts without jobs after reading anew become closable. */
void receipts_sort(struct receipts *receipts);
#endif
