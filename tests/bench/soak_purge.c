#include "module/base/mem.h"
#include "module/store/store.h"
#include "sql/sql.h"
#include "tests/bench/soak.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define BATCH 500

struct purger {
    struct sql *sql;
    int64_t keep;
    pthread_t thread;
    atomic_bool ending;
    atomic_size_t removed;
};

/* Ids are in order of time: where nothing was old enough the walk begins anew, a little later. */
static void *purge(void *arg) {
    struct purger *purger = arg;
    const struct store_keep keep = {.succeeded = purger->keep, .failed = -1, .aborted = -1};
    struct store_purge walk = {0};
    struct jobs_error err;
    while (!atomic_load(&purger->ending)) {
        int64_t before = walk.removed;
        if (store_purge_batch(purger->sql, &keep, BATCH, &walk, &err) < 0)
            bench_die("purge", err.text);
        bool removed = walk.removed > before;
        atomic_store(&purger->removed, (size_t)walk.removed);
        if (!removed)
            walk.after[0] = '\0';
        poll(NULL, 0, removed ? 5 : 500);
    }
    return NULL;
}

struct purger *purger_start(const struct bench *bench, double seconds) {
    struct purger *purger = MEM_NEW(struct purger);
    struct sql_options options = {.url = bench->url, .schema = bench->schema, .fenced_plans = true};
    struct jobs_error err;
    if (sql_open(&options, &purger->sql, &err) < 0)
        bench_die("purge", err.text);
    purger->keep = (int64_t)(seconds * 1000);
    pthread_create(&purger->thread, NULL, purge, purger);
    return purger;
}

size_t purger_removed(const struct purger *purger) { return atomic_load(&purger->removed); }

void purger_stop(struct purger *purger) {
    atomic_store(&purger->ending, true);
    pthread_join(purger->thread, NULL);
    sql_close(purger->sql);
    free(purger);
}
