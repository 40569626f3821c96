#include "amqp/connection.h"
#include "amqp/failure.h"

#include <stdio.h>

int bus_consume(struct bus *bus, const char *queue, uint16_t prefetch, unsigned flags,
                const char *consumer_tag, char ret_consumer_tag[256], struct jobs_error *err) {
    return consume_with(bus, queue, prefetch, flags, amqp_empty_table, consumer_tag,
                        ret_consumer_tag, err);
}

int consume_with(struct bus *bus, const char *queue, uint16_t prefetch, unsigned flags,
                 amqp_table_t arguments, const char *consumer_tag, char ret_consumer_tag[256],
                 struct jobs_error *err) {
    int result = connection_check_short("queue name", queue, err);
    if (result == 0)
        result = connection_check_short("consumer tag", consumer_tag, err);
    if (result == 0)
        result = connection_begin_channel(bus, err);
    if (result < 0)
        return result;
    char doing[320];
    snprintf(doing, sizeof(doing), "consume queue %s", queue);
    amqp_basic_qos(bus->amqp, BUS_CHANNEL, 0, prefetch, 0);
    result = failure_of_latest(bus, BUS_CHANNEL, doing, err);
    if (result == 0) {
        const amqp_basic_consume_ok_t *ok =
            amqp_basic_consume(bus->amqp, BUS_CHANNEL, rabbitmq_bytes(queue),
                               rabbitmq_bytes(consumer_tag), 0, (flags & BUS_NO_ACK) != 0,
                               (flags & BUS_EXCLUSIVE) != 0, arguments);
        if (ok && ret_consumer_tag)
            snprintf(ret_consumer_tag, BUS_SHORT + 1, "%.*s", (int)ok->consumer_tag.len,
                     (const char *)ok->consumer_tag.bytes);
        result = failure_of_latest(bus, BUS_CHANNEL, doing, err);
    }
    connection_end(bus);
    return result;
}

int bus_cancel(struct bus *bus, const char *consumer_tag, struct jobs_error *err) {
    int result = connection_check_short("consumer tag", consumer_tag, err);
    if (result == 0)
        result = connection_begin_channel(bus, err);
    if (result < 0)
        return result;
    amqp_basic_cancel(bus->amqp, BUS_CHANNEL, rabbitmq_bytes(consumer_tag));
    result = failure_of_latest(bus, BUS_CHANNEL, "cancel a consumer", err);
    connection_end(bus);
    return result;
}

static int acknowledge(struct bus *bus, uint64_t tag, bool multiple, struct jobs_error *err) {
    if (tag <= bus->delivery_base)
        return 0;
    int result = connection_begin_channel(bus, err);
    if (result < 0)
        return result;
    int status = amqp_basic_ack(bus->amqp, BUS_CHANNEL, tag - bus->delivery_base, multiple);
    connection_end(bus);
    return failure_of_status(bus, status, "acknowledge", err);
}

int bus_ack(struct bus *bus, uint64_t tag, struct jobs_error *err) {
    return acknowledge(bus, tag, false, err);
}

int bus_ack_up_to(struct bus *bus, uint64_t tag, struct jobs_error *err) {
    return acknowledge(bus, tag, true, err);
}

int bus_reject(struct bus *bus, uint64_t tag, bool requeue, struct jobs_error *err) {
    if (tag <= bus->delivery_base)
        return 0;
    int result = connection_begin_channel(bus, err);
    if (result < 0)
        return result;
    int status = amqp_basic_reject(bus->amqp, BUS_CHANNEL, tag - bus->delivery_base, requeue);
    connection_end(bus);
    return failure_of_status(bus, status, "reject", err);
}
