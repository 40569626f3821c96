/* Who is lost? One observer's view of the other instances of a datasource: it judges only by what
 * it saw itself, on its own monotonic clock, in looks at most 2 s apart. No clock of the database,
 * no server start time: after a restart or a fail-over of the server all sessions are gone and all
 * looks begin anew. Control thread only; no I/O. */
#ifndef SERVICE_OBSERVE_H
#define SERVICE_OBSERVE_H
#include "module/base/table.h"

#include <stdbool.h>
#include <stdint.h>

#define OBSERVE_GAP_MOST \
    ((int64_t)2000000) /* microseconds between two looks; more and all is forgotten */
#define OBSERVE_GONE ((int64_t)5000000) /* gone in every look for so long: the process died */

struct observer {
    struct table seen;     /* instance id to what was seen */
    int64_t began, looked; /* clock_now(): of the session, of the last look */
    int64_t look;          /* number of the look */
};

/* A new session: everything seen before is forgotten. */
void observe_reset(struct observer *observer, int64_t now);
void observe_done(struct observer *observer);
/* Between begin and end every other instance is shown once. Returns true when that one is to be
 * declared lost: its control session was gone in every look for 5 s, or its heartbeat did not move for the
 * lease (microseconds), and this session is older than the lease. */
void observe_begin(struct observer *observer, int64_t now);
bool observe_instance(struct observer *observer, const char *id, int64_t heartbeat, bool gone,
                      int64_t lease);
void observe_end(struct observer *observer); /* forgets those not shown */
#endif
