/* An independent record of the events: a subscriber of its own connection and durable queue, which
 * reconnects for ever and keeps the rule "an event counts when its version is the last one + 1". */
#ifndef SUITE_SUBSCRIBER_H
#define SUITE_SUBSCRIBER_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct subscriber;

struct subscriber_counts {
    size_t applied, repeated, ahead, malformed, connections;
    size_t final; /* jobs whose last event says so */
};

/* Declares the exchange and the queue before it returns; the broker must be up. */
struct subscriber *subscriber_start(const char *amqp_url, const char *service);
struct subscriber_counts subscriber_get(struct subscriber *subscriber);
/* The jobs whose events were out of order, one a line; caller frees. */
char *subscriber_faults(struct subscriber *subscriber);
/* The statuses of a job's events in order, one letter each (enum job_status); "" when there are
 * none. Valid until it is stopped; only once no more events come. */
const char *subscriber_path(struct subscriber *subscriber, const char *id);
char subscriber_letter(int status);
void subscriber_stop(struct subscriber *subscriber);
#endif
