#include "tests/fault/suite/ledger.h"

#include "module/base/mem.h"

#include <stdlib.h>
#include <string.h>

const char *job_sort_name(enum job_sort sort) {
    static const char *const names[SORT_COUNT] = {"quick",  "worker", "flaky", "snoozer",
                                                  "doomed", "once",   "child", "scribe"};
    return names[sort];
}

void ledger_init(struct ledger *ledger) {
    *ledger = (struct ledger){.count = 0};
    pthread_mutex_init(&ledger->lock, NULL);
}

void ledger_done(struct ledger *ledger) {
    pthread_mutex_destroy(&ledger->lock);
    free(ledger->promises);
}

void ledger_add(struct ledger *ledger, const struct promise *promises, size_t count) {
    pthread_mutex_lock(&ledger->lock);
    while (ledger->count + count > ledger->capacity) {
        ledger->capacity = ledger->capacity ? 2 * ledger->capacity : 1024;
        ledger->promises = mem_grow(ledger->promises, ledger->capacity, sizeof *ledger->promises);
    }
    memcpy(ledger->promises + ledger->count, promises, count * sizeof *promises);
    ledger->count += count;
    pthread_mutex_unlock(&ledger->lock);
}

size_t ledger_count(struct ledger *ledger) {
    pthread_mutex_lock(&ledger->lock);
    size_t count = ledger->count;
    pthread_mutex_unlock(&ledger->lock);
    return count;
}

bool ledger_get(struct ledger *ledger, size_t index, struct promise *ret) {
    pthread_mutex_lock(&ledger->lock);
    bool there = index < ledger->count;
    if (there)
        *ret = ledger->promises[index];
    pthread_mutex_unlock(&ledger->lock);
    return there;
}

void ledger_note_retry(struct ledger *ledger, size_t index) {
    pthread_mutex_lock(&ledger->lock);
    ledger->promises[index].retries++;
    pthread_mutex_unlock(&ledger->lock);
}

void ledger_note_stop(struct ledger *ledger, size_t index) {
    pthread_mutex_lock(&ledger->lock);
    ledger->promises[index].stopped = true;
    pthread_mutex_unlock(&ledger->lock);
}
