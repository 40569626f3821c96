/* Exchanges, queues and bindings, on a channel of their own: the broker closes the channel of a
 * refused declaration, and the next call opens another. */
#include "amqp/connection.h"
#include "amqp/failure.h"
#include "module/base/error.h"
#include "module/base/mem.h"

#include <stdio.h>
#include <stdlib.h>

/* connection_begin with the channel open. */
static int begin(struct bus *bus, struct jobs_error *err) {
    int result = connection_begin(bus, err);
    if (result < 0 || bus->topology_open)
        return result;
    amqp_channel_open(bus->amqp, BUS_TOPOLOGY);
    result = failure_of_latest(bus, BUS_TOPOLOGY, "open a channel", err);
    bus->topology_open = result == 0;
    if (result < 0)
        connection_end(bus);
    return result;
}

static int end(struct bus *bus, const char *verb, const char *name, struct jobs_error *err) {
    char doing[320];
    snprintf(doing, sizeof(doing), "%s %s", verb, name);
    int result = failure_of_latest(bus, BUS_TOPOLOGY, doing, err);
    connection_end(bus);
    return result;
}

static amqp_table_entry_t text_entry(const char *name, const char *text) {
    return (amqp_table_entry_t){.key = rabbitmq_bytes(name),
                                .value = {.kind = AMQP_FIELD_KIND_UTF8,
                                          .value.bytes = rabbitmq_bytes(text)}};
}

static amqp_table_entry_t number_entry(const char *name, int64_t number) {
    return (amqp_table_entry_t){.key = rabbitmq_bytes(name),
                                .value = {.kind = AMQP_FIELD_KIND_I64, .value.i64 = number}};
}

int bus_declare_exchange(struct bus *bus, const char *name, const char *type, unsigned flags,
                         const char *alternate, struct jobs_error *err) {
    int result = connection_check_short("exchange name", name, err);
    if (result == 0)
        result = begin(bus, err);
    if (result < 0)
        return result;
    amqp_table_entry_t entry = text_entry("alternate-exchange", alternate);
    amqp_table_t arguments = {.num_entries = alternate ? 1 : 0, .entries = &entry};
    amqp_exchange_declare(bus->amqp, BUS_TOPOLOGY, rabbitmq_bytes(name), rabbitmq_bytes(type),
                          (flags & BUS_PASSIVE) != 0, (flags & BUS_DURABLE) != 0,
                          (flags & BUS_AUTO_DELETE) != 0, 0, arguments);
    return end(bus, "declare exchange", name, err);
}

static amqp_table_t make_table(const struct bus_argument *arguments, size_t count) {
    amqp_table_t table = {.entries = mem_zero(count + 1, sizeof(amqp_table_entry_t))};
    for (size_t i = 0; i < count; i++)
        table.entries[table.num_entries++] =
            arguments[i].text ? text_entry(arguments[i].name, arguments[i].text)
                              : number_entry(arguments[i].name, arguments[i].number);
    return table;
}

int bus_declare_queue(struct bus *bus, const char *name, unsigned flags,
                      const struct bus_argument *arguments, size_t count, char ret_name[256],
                      struct jobs_error *err) {
    int result = connection_check_short("queue name", name, err);
    if (result == 0)
        result = begin(bus, err);
    if (result < 0)
        return result;
    amqp_table_t table = make_table(arguments, count);
    const amqp_queue_declare_ok_t *ok =
        amqp_queue_declare(bus->amqp, BUS_TOPOLOGY, rabbitmq_bytes(name),
                           (flags & BUS_PASSIVE) != 0, (flags & BUS_DURABLE) != 0,
                           (flags & BUS_EXCLUSIVE) != 0, (flags & BUS_AUTO_DELETE) != 0, table);
    free(table.entries);
    if (ok && ret_name)
        snprintf(ret_name, BUS_SHORT + 1, "%.*s", (int)ok->queue.len,
                 (const char *)ok->queue.bytes);
    return end(bus, "declare queue", name, err);
}

static int check_binding(const char *queue, const char *exchange, const char *routing_key,
                         struct jobs_error *err) {
    int result = connection_check_short("queue name", queue, err);
    if (result == 0)
        result = connection_check_short("exchange name", exchange, err);
    if (result == 0)
        result = connection_check_short("routing key", routing_key, err);
    return result;
}

int bus_bind(struct bus *bus, const char *queue, const char *exchange, const char *routing_key,
             struct jobs_error *err) {
    int result = check_binding(queue, exchange, routing_key, err);
    if (result == 0)
        result = begin(bus, err);
    if (result < 0)
        return result;
    amqp_queue_bind(bus->amqp, BUS_TOPOLOGY, rabbitmq_bytes(queue), rabbitmq_bytes(exchange),
                    rabbitmq_bytes(routing_key), amqp_empty_table);
    return end(bus, "bind queue", queue, err);
}

int bus_unbind(struct bus *bus, const char *queue, const char *exchange, const char *routing_key,
               struct jobs_error *err) {
    int result = check_binding(queue, exchange, routing_key, err);
    if (result == 0)
        result = begin(bus, err);
    if (result < 0)
        return result;
    amqp_queue_unbind(bus->amqp, BUS_TOPOLOGY, rabbitmq_bytes(queue), rabbitmq_bytes(exchange),
                      rabbitmq_bytes(routing_key), amqp_empty_table);
    return end(bus, "unbind queue", queue, err);
}

int bus_delete_queue(struct bus *bus, const char *name, struct jobs_error *err) {
    int result = connection_check_short("queue name", name, err);
    if (result == 0)
        result = begin(bus, err);
    if (result < 0)
        return result;
    amqp_queue_delete(bus->amqp, BUS_TOPOLOGY, rabbitmq_bytes(name), 0, 0);
    return end(bus, "delete queue", name, err);
}

int bus_delete_exchange(struct bus *bus, const char *name, struct jobs_error *err) {
    int result = connection_check_short("exchange name", name, err);
    if (result == 0)
        result = begin(bus, err);
    if (result < 0)
        return result;
    amqp_exchange_delete(bus->amqp, BUS_TOPOLOGY, rabbitmq_bytes(name), 0);
    return end(bus, "delete exchange", name, err);
}
