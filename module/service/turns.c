#include "module/service/turns.h"

#include "module/base/clock.h"

/* Of those that wait, but for `ds`, the one whose last turn is longest ago and before `than`. */
static struct datasource *first_before(const struct datasource *ds, int64_t than) {
    const struct job_service *service = ds->service;
    struct datasource *first = NULL;
    for (size_t i = 0; i < service->datasource_count; i++) {
        struct datasource *other = service->datasources[i];
        int64_t turn = atomic_load(&other->turn_at);
        if (other == ds || !atomic_load(&other->waits) || atomic_load(&other->stalled) ||
            turn >= than)
            continue;
        first = other;
        than = turn;
    }
    return first;
}

size_t turns_take(struct datasource *ds, size_t want, bool *ret_first) {
    struct pool *pool = ds->service->pool;
    size_t got = pool_reserve(pool, want);
    struct datasource *other = first_before(ds, atomic_load(&ds->turn_at));
    *ret_first = !other;
    if (other && got > 0) {
        pool_release(pool, got);
        got = 0;
        atomic_store(&other->waits, false); /* left one: if it does not take it now, others may */
        datasource_nudge(other);
    }
    if (got > 0)
        atomic_store(&ds->turn_at, clock_now());
    atomic_store(&ds->waits, got == 0);
    return got;
}

void turns_wake(struct datasource *ds) {
    struct datasource *first = first_before(ds, INT64_MAX);
    if (first) /* it waits on until it has one: whoever is quicker is to let it go first */
        datasource_nudge(first);
}
