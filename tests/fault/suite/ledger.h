/* What was promised: the jobs whose submit was acknowledged, and what else clients asked of them.
 * Any thread. */
#ifndef SUITE_LEDGER_H
#define SUITE_LEDGER_H
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

enum job_sort {
    SORT_QUICK,
    SORT_WORKER,
    SORT_FLAKY,
    SORT_SNOOZER,
    SORT_DOOMED,
    SORT_ONCE,
    SORT_CHILD,
    SORT_SCRIBE,
    SORT_COUNT
};
/* Name of the class. */
const char *job_sort_name(enum job_sort sort);

struct promise {
    char id[37], tenant[8];
    enum job_sort sort;
    unsigned retries; /* asked for, whether heard or not */
    bool stopped;     /* likewise */
};

struct ledger {
    pthread_mutex_t lock; /* guards what follows */
    struct promise *promises;
    size_t count, capacity;
};

void ledger_init(struct ledger *ledger);
void ledger_done(struct ledger *ledger);
void ledger_add(struct ledger *ledger, const struct promise *promises, size_t count);
size_t ledger_count(struct ledger *ledger);
/* A copy of one; false when there are not so many. */
bool ledger_get(struct ledger *ledger, size_t index, struct promise *ret);
void ledger_note_retry(struct ledger *ledger, size_t index);
void ledger_note_stop(struct ledger *ledger, size_t index);
#endif
