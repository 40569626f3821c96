/* The event that tells of one status change, as subscribers get it: a CloudEvents 1.0 document
 * in JSON (application/cloudevents+json; docs/events.md describes it,
 * docs/schema/job-event.schema.json is its schema). No I/O. */
#ifndef JOB_EVENT_H
#define JOB_EVENT_H
#include "module/base/buf.h"
#include "module/jobs.h"

#define JOB_EVENT_CONTENT_TYPE "application/cloudevents+json"

struct job_event {
    const char *service; /* jobs.service: begins the source */
    const char *tenant, *id, *class_name;
    enum job_status status;
    int64_t version, attempt, percent;
    int64_t date; /* of the change, microseconds since 1970 */
    /* As job_extras() in SQL makes it: optionally a W3C trace context and a line feed; the text of a
     * JSON object of further members of data; optionally a line feed and the JSON text of the
     * result. NULL: none of them. */
    const char *extras;
    /* The job passed through this status on its way to the one that `extras` is about: error and
     * result are the latter's, and are left out. */
    bool passing;
};

/* The trace context, *ret_length bytes without a NUL; NULL: none. */
const char *job_event_trace(const struct job_event *event, size_t *ret_length);
/* "<job id>/<version>": the event's id and the AMQP message-id. */
void job_event_id(const struct job_event *event, struct buf *ret);
/* "<tenant>.<STATUS>.<class name>". JOBS_EINVAL: over 255 bytes, AMQP's limit. */
int job_event_key(const struct job_event *event, struct buf *ret, struct jobs_error *err);
/* The body. JOBS_EINVAL: extras that are no JSON object, or text that is not UTF-8. Each of
 * these three clears `ret` first; on error its content is of no use. */
int job_event_body(const struct job_event *event, struct buf *ret, struct jobs_error *err);
/* Adds a date as RFC 3339 with microseconds, UTC, without quotes. JOBS_EINVAL: beyond the years 0 to
 * 9999. */
int job_event_add_time(struct buf *buf, int64_t date, struct jobs_error *err);
#endif
