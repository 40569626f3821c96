#include "amqp/failure.h"

#include "module/base/error.h"

#include <string.h>

static int copy_error(const struct jobs_error *from, struct jobs_error *err) {
    if (err)
        *err = *from;
    return from->code;
}

int failure_of_status(struct bus *bus, int status, const char *doing, struct jobs_error *err) {
    if (status >= 0)
        return 0;
    if (bus->lost.code)
        return copy_error(&bus->lost, err);
    bool late =
        status == AMQP_STATUS_TIMEOUT || (bus->watchdog && watchdog_has_fired(bus->watchdog));
    if (late)
        error_set(&bus->lost, JOBS_ETIMEOUT, "%s: %s: no answer within %lld ms", bus->where, doing,
                  (long long)bus->timeout / 1000);
    else
        error_set(&bus->lost, BUS_ELOST, "%s: %s: %s", bus->where, doing,
                  amqp_error_string2(status));
    return copy_error(&bus->lost, err);
}

static int text_length(amqp_bytes_t text) { return text.len > 500 ? 500 : (int)text.len; }

int failure_connection_closed(struct bus *bus, const amqp_connection_close_t *close,
                              const char *doing, struct jobs_error *err) {
    bus->reply_code = close->reply_code;
    error_set(&bus->lost, BUS_ELOST, "%s: %s: closed by the broker: %d %.*s", bus->where, doing,
              close->reply_code, text_length(close->reply_text),
              (const char *)close->reply_text.bytes);
    amqp_connection_close_ok_t ok = {0};
    amqp_send_method(bus->amqp, 0, AMQP_CONNECTION_CLOSE_OK_METHOD, &ok);
    return copy_error(&bus->lost, err);
}

int failure_channel_closed(struct bus *bus, amqp_channel_t channel,
                           const amqp_channel_close_t *close, const char *doing,
                           struct jobs_error *err) {
    bool topology = channel == BUS_TOPOLOGY;
    struct jobs_error why;
    bus->reply_code = close->reply_code;
    error_set(&why, topology ? BUS_EREFUSED : BUS_ECHANNEL,
              "%s: %s: refused by the broker: %d %.*s", bus->where, doing, close->reply_code,
              text_length(close->reply_text), (const char *)close->reply_text.bytes);
    amqp_channel_close_ok_t ok = {0};
    int status = amqp_send_method(bus->amqp, channel, AMQP_CHANNEL_CLOSE_OK_METHOD, &ok);
    if (status < 0)
        return failure_of_status(bus, status, doing, err);
    if (topology) {
        bus->topology_open = false;
    } else {
        bus->channel_closed = true;
        bus->close = why;
    }
    return copy_error(&why, err);
}

int failure_of_reply(struct bus *bus, amqp_rpc_reply_t reply, amqp_channel_t channel,
                     const char *doing, struct jobs_error *err) {
    switch (reply.reply_type) {
    case AMQP_RESPONSE_NORMAL: return 0;
    case AMQP_RESPONSE_SERVER_EXCEPTION:
        if (reply.reply.id == AMQP_CHANNEL_CLOSE_METHOD)
            return failure_channel_closed(bus, channel, reply.reply.decoded, doing, err);
        if (reply.reply.id == AMQP_CONNECTION_CLOSE_METHOD)
            return failure_connection_closed(bus, reply.reply.decoded, doing, err);
        return failure_of_status(bus, AMQP_STATUS_WRONG_METHOD, doing, err);
    case AMQP_RESPONSE_LIBRARY_EXCEPTION:
        return failure_of_status(bus, reply.library_error, doing, err);
    case AMQP_RESPONSE_NONE: break;
    }
    return failure_of_status(bus, AMQP_STATUS_CONNECTION_CLOSED, doing, err);
}

int failure_of_latest(struct bus *bus, amqp_channel_t channel, const char *doing,
                      struct jobs_error *err) {
    return failure_of_reply(bus, amqp_get_rpc_reply(bus->amqp), channel, doing, err);
}
