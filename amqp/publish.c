#include "amqp/batch.h"
#include "amqp/failure.h"
#include "module/base/error.h"
#include "module/base/mem.h"

#include <stdlib.h>

enum { HEADERS_ON_STACK = 16, HEADER_OVERHEAD = 6, FRAME_OVERHEAD = 64 };

/* Sets the property when there is a text; returns the bytes it needs on the wire, -1 when it is too
 * long. */
static ssize_t set_short(amqp_basic_properties_t *properties, amqp_bytes_t *property,
                         amqp_flags_t flag, const char *text) {
    if (!text)
        return 0;
    *property = rabbitmq_bytes(text);
    properties->_flags |= flag;
    return property->len > BUS_SHORT ? -1 : (ssize_t)property->len + 1;
}

static int set_properties(amqp_basic_properties_t *properties, const struct bus_message *message,
                          size_t *ret_size, struct jobs_error *err) {
    const struct {
        const char *name, *text;
        amqp_bytes_t *property;
        amqp_flags_t flag;
    } shorts[] = {
        {"content_type", message->content_type, &properties->content_type,
         AMQP_BASIC_CONTENT_TYPE_FLAG},
        {"message_id", message->message_id, &properties->message_id, AMQP_BASIC_MESSAGE_ID_FLAG},
        {"correlation_id", message->correlation_id, &properties->correlation_id,
         AMQP_BASIC_CORRELATION_ID_FLAG},
        {"reply_to", message->reply_to, &properties->reply_to, AMQP_BASIC_REPLY_TO_FLAG},
        {"type", message->type, &properties->type, AMQP_BASIC_TYPE_FLAG},
        {"user_id", message->user_id, &properties->user_id, AMQP_BASIC_USER_ID_FLAG},
    };
    *ret_size = FRAME_OVERHEAD;
    for (size_t i = 0; i < sizeof(shorts) / sizeof(shorts[0]); i++) {
        ssize_t size = set_short(properties, shorts[i].property, shorts[i].flag, shorts[i].text);
        if (size < 0)
            return error_set(err, JOBS_EINVAL, "AMQP: %s over %d bytes", shorts[i].name, BUS_SHORT);
        *ret_size += (size_t)size;
    }
    properties->_flags |= AMQP_BASIC_DELIVERY_MODE_FLAG;
    properties->delivery_mode =
        message->persistent ? AMQP_DELIVERY_PERSISTENT : AMQP_DELIVERY_NONPERSISTENT;
    if (message->timestamp > 0) {
        properties->_flags |= AMQP_BASIC_TIMESTAMP_FLAG;
        properties->timestamp = (uint64_t)message->timestamp;
    }
    return 0;
}

static int set_headers(amqp_basic_properties_t *properties, amqp_table_entry_t *entries,
                       const struct bus_message *message, size_t *size, struct jobs_error *err) {
    for (size_t i = 0; i < message->header_count; i++) {
        const struct bus_header *header = &message->headers[i];
        int result = connection_check_short("header name", header->name, err);
        if (result < 0)
            return result;
        entries[i].key = rabbitmq_bytes(header->name);
        entries[i].value.kind = AMQP_FIELD_KIND_UTF8;
        entries[i].value.value.bytes = rabbitmq_bytes(header->value);
        *size += entries[i].key.len + entries[i].value.value.bytes.len + HEADER_OVERHEAD;
    }
    properties->headers =
        (amqp_table_t){.num_entries = (int)message->header_count, .entries = entries};
    properties->_flags |= AMQP_BASIC_HEADERS_FLAG;
    return 0;
}

/* Everything is checked before the first frame goes out: one that cannot be encoded after that
 * would leave half a message on the wire. */
static int check(const struct bus *bus, const struct bus_message *message, size_t size,
                 struct jobs_error *err) {
    if (size > (size_t)amqp_get_frame_max(bus->amqp))
        return error_set(err, JOBS_EINVAL, "AMQP: properties and headers of %zu bytes, at most %d",
                         size, amqp_get_frame_max(bus->amqp));
    int result = connection_check_short("exchange name", message->exchange, err);
    return result < 0 ? result : connection_check_short("routing key", message->routing_key, err);
}

/* One that does not wait for others. */
static int send_alone(struct bus *bus, const amqp_basic_publish_t *method,
                      const amqp_basic_properties_t *properties, amqp_bytes_t body,
                      struct jobs_error *err) {
    int result = connection_begin_channel(bus, err);
    if (result < 0)
        return result;
    int status = amqp_basic_publish(bus->amqp, BUS_CHANNEL, method->exchange, method->routing_key,
                                    method->mandatory, 0, properties, body);
    connection_end(bus);
    return failure_of_status(bus, status, "publish", err);
}

static int send_message(struct bus *bus, const struct bus_message *message,
                        const amqp_basic_properties_t *properties, size_t size, uint64_t *ret_tag,
                        struct jobs_error *err) {
    union {
        const void *in;
        void *out;
    } cast = {message->body};
    const amqp_bytes_t body = {.len = message->length, .bytes = cast.out};
    const amqp_basic_publish_t method = {.exchange = rabbitmq_bytes(message->exchange),
                                         .routing_key = rabbitmq_bytes(message->routing_key),
                                         .mandatory = message->mandatory};
    int result = batch_is_open(bus) ? batch_add(bus, &method, properties, size, body, err)
                                    : send_alone(bus, &method, properties, body, err);
    if (result < 0)
        return result;
    uint64_t tag = bus->confirms ? window_add(&bus->window) : 0;
    if (ret_tag)
        *ret_tag = tag;
    return 0;
}

int bus_publish(struct bus *bus, const struct bus_message *message, uint64_t *ret_tag,
                struct jobs_error *err) {
    amqp_basic_properties_t properties;
    memset(&properties, 0, sizeof(properties));
    size_t size;
    int result = set_properties(&properties, message, &size, err);
    if (result < 0)
        return result;
    amqp_table_entry_t few[HEADERS_ON_STACK], *entries = few;
    if (message->header_count > HEADERS_ON_STACK)
        entries = mem_zero(message->header_count, sizeof(*entries));
    if (message->header_count > 0)
        result = set_headers(&properties, entries, message, &size, err);
    if (result == 0)
        result = check(bus, message, size, err);
    if (result == 0)
        result = send_message(bus, message, &properties, size, ret_tag, err);
    if (entries != few)
        free(entries);
    return result;
}
