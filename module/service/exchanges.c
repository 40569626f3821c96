#include "module/service/exchanges.h"

#include "module/base/buf.h"

#include <stdlib.h>

char *exchange_name(const char *service, const char *what) {
    struct buf buf = {0};
    buf_format(&buf, "%s.%s", service, what);
    return buf_take(&buf);
}

int exchanges_declare(struct bus *bus, const char *service, struct jobs_error *err) {
    char *events = exchange_name(service, "events");
    char *commands = exchange_name(service, "commands");
    char *dead = exchange_name(service, "dead");
    int rc = bus_declare_exchange(bus, dead, "topic", BUS_DURABLE, NULL, err);
    if (rc == 0)
        rc = bus_declare_queue(bus, dead, BUS_DURABLE, NULL, 0, NULL, err);
    if (rc == 0)
        rc = bus_bind(bus, dead, dead, "#", err);
    if (rc == 0)
        rc = bus_declare_exchange(bus, commands, "topic", BUS_DURABLE, dead, err);
    if (rc == 0)
        rc = bus_declare_exchange(bus, events, "topic", BUS_DURABLE, NULL, err);
    free(events);
    free(commands);
    free(dead);
    return rc;
}
