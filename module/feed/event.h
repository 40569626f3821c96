/* A message of <service>.events.log or <service>.progress as a server-sent event, and whom it is
 * for. No I/O. */
#ifndef FEED_EVENT_H
#define FEED_EVENT_H
#include "amqp/bus.h"
#include "module/base/buf.h"
#include "module/jobs.h"

#define FEED_NAME_MAX 256 /* of a class or a related object, with its NUL */

struct feed_event {
    int64_t offset; /* in the log; -1: progress, which has none */
    int64_t date;   /* microseconds since 1970; 0: progress */
    enum job_status status;
    char tenant[64], id[37], class_name[FEED_NAME_MAX];
    char related_type[FEED_NAME_MAX], related_id[FEED_NAME_MAX]; /* "" when there is none */
    size_t length;
    char text[]; /* of the server-sent event, to its empty line */
};

/* Which events somebody wants; "" and 0 narrow nothing. */
struct feed_filter {
    char tenant[64];   /* "": all tenants */
    unsigned statuses; /* 1u << JOB_QUEUED | … */
    char class_name[FEED_NAME_MAX];
    char id[37];
    char related_type[FEED_NAME_MAX], related_id[FEED_NAME_MAX];
    bool progress; /* progress too; it knows nothing of related objects */
};

/* The event of a status change, or NULL: the message is not one of ours. Caller frees. */
struct feed_event *feed_event_read(const struct bus_delivery *message, int64_t offset);
struct feed_event *feed_progress_read(const struct bus_delivery *message);
bool feed_filter_takes(const struct feed_filter *filter, const struct feed_event *event);
#endif
