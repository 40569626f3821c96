/* What a service has on its broker, whichever instance comes first:
 *   <service>.events    topic: what the relay publishes
 *   <service>.commands  topic: what others publish for us; what no queue takes goes on to
 *   <service>.dead      topic, with a queue of the same name that takes everything
 * All durable. */
#ifndef SERVICE_EXCHANGES_H
#define SERVICE_EXCHANGES_H
#include "amqp/bus.h"

/* BUS_EREFUSED: they exist and are of another kind (406), or may not be made (403). */
int exchanges_declare(struct bus *bus, const char *service, struct jobs_error *err);
/* "<service>.<what>"; caller frees. */
char *exchange_name(const char *service, const char *what);
#endif
