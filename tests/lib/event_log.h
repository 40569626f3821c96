/* A subscriber to "<service>.events" on a thread of its own, which keeps the subscriber's rule:
 * an event counts when its version is the job's last one + 1. For tests; what goes wrong on the
 * way ends the test program. */
#ifndef TESTS_LIB_EVENT_LOG_H
#define TESTS_LIB_EVENT_LOG_H
#include <stddef.h>
#include <stdint.h>

struct event_log;

struct event_log_counts {
    size_t applied;     /* version = last + 1 */
    size_t repeated;    /* not newer than the last */
    size_t ahead;       /* a version was left out: the order is broken */
    size_t malformed;   /* routing key, message-id, header and body do not agree */
    size_t jobs, final; /* jobs seen; jobs whose last event is SUCCEEDED, FAILED or ABORTED */
};

/* Declares the exchange and a queue of its own, bound with `key`, before it returns. */
struct event_log *event_log_start(const char *amqp_url, const char *service, const char *key);
struct event_log_counts event_log_get(struct event_log *log);
/* Until `applied` events counted; false after `timeout` ms (times test_time_factor()) or when
 * one came ahead. */
int event_log_wait(struct event_log *log, size_t applied, int64_t timeout);
/* A copy of the body of a job's event, or NULL; the first 8 versions of a job are kept. Caller
 * frees. */
char *event_log_body(struct event_log *log, const char *id, int version);
/* The job's last version, 0: none seen. */
int event_log_version(struct event_log *log, const char *id);
void event_log_stop(struct event_log *log);
#endif
