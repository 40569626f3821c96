#include "module/service/exchanges.h"

#include "module/base/buf.h"

#include <stdio.h>
#include <stdlib.h>

char *exchange_name(const char *service, const char *what) {
    struct buf buf = {0};
    buf_format(&buf, "%s.%s", service, what);
    return buf_take(&buf);
}

/* A stream forgets whole segments: small ones, so that age and size are kept to within some per
 * cent. */
static int64_t segment_size(int64_t size) {
    enum { LEAST = 1 << 20, MOST = 64 << 20 };
    int64_t part = size / 16;
    return part < LEAST ? LEAST : part > MOST ? MOST : part;
}

int exchanges_declare_log(struct bus *bus, const char *service, const struct events_log *log,
                          struct jobs_error *err) {
    if (log->age <= 0)
        return 0;
    char *events = exchange_name(service, "events"), *name = exchange_name(service, "events.log");
    char age[32];
    snprintf(age, sizeof age, "%llds", (long long)((log->age + 999) / 1000));
    const struct bus_argument arguments[] = {{"x-queue-type", "stream", 0},
                                             {"x-max-age", age, 0},
                                             {"x-max-length-bytes", NULL, log->size},
                                             {"x-stream-max-segment-size-bytes", NULL,
                                              segment_size(log->size)}};
    int rc = bus_declare_queue(bus, name, BUS_DURABLE, arguments, 4, NULL, err);
    if (rc == 0)
        rc = bus_bind(bus, name, events, "#", err);
    free(events);
    free(name);
    return rc;
}

int exchanges_declare_progress(struct bus *bus, const char *service, struct jobs_error *err) {
    char *progress = exchange_name(service, "progress");
    int rc = bus_declare_exchange(bus, progress, "topic", 0, NULL, err);
    free(progress);
    return rc;
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
    if (rc == 0)
        rc = exchanges_declare_progress(bus, service, err);
    free(events);
    free(commands);
    free(dead);
    return rc;
}
