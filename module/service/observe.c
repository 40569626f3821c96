#include "module/service/observe.h"

#include "module/base/mem.h"

#include <stdlib.h>

struct seen {
    int64_t heartbeat;
    int64_t moved;      /* when it was first seen with this heartbeat */
    int64_t gone_since; /* first of the looks in a row that found no session; 0: it was there */
    int64_t look;
};

void observe_reset(struct observer *observer, int64_t now) {
    table_done(&observer->seen, free);
    observer->began = observer->looked = now;
}

void observe_done(struct observer *observer) { table_done(&observer->seen, free); }

void observe_begin(struct observer *observer, int64_t now) {
    if (now - observer->looked > OBSERVE_GAP_MOST)
        table_done(&observer->seen, free); /* who stood still may not judge who did */
    observer->looked = now;
    observer->look++;
}

bool observe_instance(struct observer *observer, const char *id, int64_t heartbeat, bool gone,
                      int64_t lease) {
    int64_t now = observer->looked;
    struct seen *seen = table_get(&observer->seen, id);
    if (!seen) {
        seen = MEM_NEW(struct seen);
        *seen = (struct seen){.heartbeat = heartbeat, .moved = now};
        table_put(&observer->seen, id, seen);
    }
    seen->look = observer->look;
    if (seen->heartbeat != heartbeat)
        seen->heartbeat = heartbeat, seen->moved = now;
    if (!gone)
        seen->gone_since = 0;
    else if (seen->gone_since == 0)
        seen->gone_since = now;
    if (now - observer->began < lease)
        return false;
    return (seen->gone_since && now - seen->gone_since >= OBSERVE_GONE) ||
           now - seen->moved >= lease;
}

void observe_end(struct observer *observer) {
    size_t at = 0;
    const char *id;
    void *value;
    while (table_next(&observer->seen, &at, &id, &value))
        if (((struct seen *)value)->look != observer->look)
            free(table_take(&observer->seen, id));
}
