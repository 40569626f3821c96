/* All metrics of a service in Prometheus' text format; docs/monitoring.md describes each.
 *
 * Figures of one instance come from its counters. Those of a whole datasource (jobs by tenant, class
 * and status, the age of the oldest, the outbox) come from the keeper of whoever holds the relay's
 * lease: the others do not have these lines. */
#ifndef SERVICE_METRICS_H
#define SERVICE_METRICS_H
#include "module/base/buf.h"

struct job_service;

/* Any thread, while the service runs. Asks no server. */
void metrics_write(struct job_service *service, struct buf *out);
#endif
