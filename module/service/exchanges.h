/* What a service has on its broker, whichever instance comes first:
 *   <service>.events    topic: what the relay publishes
 *   <service>.commands  topic: what others publish for us; what no queue takes goes on to
 *   <service>.dead      topic, with a queue of the same name that takes everything
 * All durable. Not durable, and of nothing that must arrive:
 *   <service>.progress  topic: how far running jobs are
 * And, as far as the broker knows stream queues,
 *   <service>.events.log  a stream of all that goes through <service>.events, kept for some days, so
 *                         that subscribers can read it again */
#ifndef SERVICE_EXCHANGES_H
#define SERVICE_EXCHANGES_H
#include "amqp/bus.h"

/* BUS_EREFUSED: they exist and are of another kind (406), or may not be made (403). */
int exchanges_declare(struct bus *bus, const char *service, struct jobs_error *err);
/* Part of exchanges_declare, for those who need only this one. */
int exchanges_declare_progress(struct bus *bus, const char *service, struct jobs_error *err);

/* How much of the past <service>.events.log keeps. */
struct events_log {
    int64_t age;  /* ms; 0: there is no such queue, or it is left as it is */
    int64_t size; /* bytes on each broker node that has it */
};
/* After exchanges_declare. BUS_EREFUSED: the broker does not know stream queues, or the queue is
 * there with another age or size (406): everything else works without it. */
int exchanges_declare_log(struct bus *bus, const char *service, const struct events_log *log,
                          struct jobs_error *err);
/* "<service>.<what>"; caller frees. */
char *exchange_name(const char *service, const char *what);
#endif
