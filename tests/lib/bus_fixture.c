#include "tests/lib/bus_fixture.h"

#include "tests/lib/servers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct bus *fixture_open(const char *url, int heartbeat) {
    struct bus *bus = NULL;
    struct bus_options options = {.url = url,
                                  .name = "test",
                                  .confirms = true,
                                  .heartbeat = heartbeat};
    OK(bus_open(&options, &bus, &err));
    return bus;
}

int fixture_up(void **state) {
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    f->bus = fixture_open(test_amqp_url(), 0);
    f->log = bus_log_new(f->bus);
    snprintf(f->exchange, sizeof(f->exchange), "%s.events", test_service_name());
    OK(bus_declare_exchange(f->bus, f->exchange, "topic", BUS_AUTO_DELETE, NULL, &err));
    OK(bus_declare_queue(f->bus, "", BUS_EXCLUSIVE, NULL, 0, f->queue, &err));
    OK(bus_bind(f->bus, f->queue, f->exchange, "#", &err));
    *state = f;
    return 0;
}

int fixture_down(void **state) {
    struct fixture *f = *state;
    bus_close(f->bus);
    free(f->log);
    free(f);
    return 0;
}

uint64_t fixture_publish(struct fixture *f, const char *exchange, const char *key,
                         const char *body) {
    struct bus_message message = {.exchange = exchange,
                                  .routing_key = key,
                                  .body = body,
                                  .length = strlen(body),
                                  .mandatory = true};
    uint64_t tag = 0;
    OK(bus_publish(f->bus, &message, &tag, &err));
    return tag;
}
