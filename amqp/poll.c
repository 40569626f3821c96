/* What comes in: each frame is taken from librabbitmq, and what it says goes to the caller's
 * handlers. */
#include "amqp/connection.h"
#include "amqp/failure.h"
#include "module/base/clock.h"

#include <assert.h>
#include <stdio.h>
#include <sys/time.h>

static const struct bus_handlers nobody = {0};

struct settling {
    const struct bus_handlers *to;
    enum bus_outcome outcome;
};

static void tell_confirmed(void *arg, uint64_t tag) {
    const struct settling *settling = arg;
    settling->to->confirmed(settling->to->arg, tag, settling->outcome);
}

static void settle(struct bus *bus, uint64_t tag, bool multiple, enum bus_outcome outcome,
                   const struct bus_handlers *to) {
    struct settling settling = {to, outcome};
    window_settle(&bus->window, tag, multiple, to->confirmed ? tell_confirmed : NULL, &settling);
}

/* The broker counts from 1 on each channel; 0 with multiple means all. */
static void take_confirm(struct bus *bus, uint64_t tag, bool multiple, enum bus_outcome outcome,
                         const struct bus_handlers *to) {
    if (tag == 0)
        settle(bus, bus->window.last, true, outcome, to);
    else
        settle(bus, bus->channel_base + tag, multiple, outcome, to);
}

static void take_blocked(struct bus *bus, bool blocked, amqp_bytes_t reason,
                         const struct bus_handlers *to) {
    char text[256];
    snprintf(text, sizeof(text), "%.*s", (int)reason.len, (const char *)reason.bytes);
    bus->blocked = blocked;
    if (to->blocked)
        to->blocked(to->arg, blocked, text);
}

static void take_cancel(amqp_bytes_t tag, const struct bus_handlers *to) {
    char text[256];
    snprintf(text, sizeof(text), "%.*s", (int)tag.len, (const char *)tag.bytes);
    if (to->cancelled)
        to->cancelled(to->arg, text);
}

static int take_method(struct bus *bus, const amqp_frame_t *frame, const struct bus_handlers *to,
                       struct jobs_error *err) {
    void *method = frame->payload.method.decoded;
    switch (frame->payload.method.id) {
    case AMQP_BASIC_ACK_METHOD: {
        const amqp_basic_ack_t *ack = method;
        take_confirm(bus, ack->delivery_tag, ack->multiple, BUS_ACK, to);
        return 0;
    }
    case AMQP_BASIC_NACK_METHOD: {
        const amqp_basic_nack_t *nack = method;
        take_confirm(bus, nack->delivery_tag, nack->multiple, BUS_NACK, to);
        return 0;
    }
    case AMQP_BASIC_DELIVER_METHOD: content_begin_delivery(&bus->content, method); return 0;
    case AMQP_BASIC_RETURN_METHOD: content_begin_return(&bus->content, method); return 0;
    case AMQP_BASIC_CANCEL_METHOD:
        take_cancel(((const amqp_basic_cancel_t *)method)->consumer_tag, to);
        return 0;
    case AMQP_CONNECTION_BLOCKED_METHOD:
        take_blocked(bus, true, ((const amqp_connection_blocked_t *)method)->reason, to);
        return 0;
    case AMQP_CONNECTION_UNBLOCKED_METHOD: take_blocked(bus, false, amqp_empty_bytes, to); return 0;
    case AMQP_CHANNEL_CLOSE_METHOD: /* of BUS_CHANNEL: reopen() tells the caller */
        failure_channel_closed(bus, frame->channel, method, "publish or consume", NULL);
        return 0;
    case AMQP_CONNECTION_CLOSE_METHOD: return failure_connection_closed(bus, method, "wait", err);
    default: /* such as the answer to something that was given up */ return 0;
    }
}

/* Handlers may call bus_consume and the like; what they bring in is queued, this message is a copy.
 */
static void hand_over(struct bus *bus, const struct bus_handlers *to) {
    struct content *content = &bus->content;
    if (content->kind == CONTENT_RETURN) {
        if (to->returned)
            to->returned(to->arg, &content->delivery, content->return_code,
                         content->return_text.data);
    } else {
        bus->delivery_last = content->delivery.tag += bus->delivery_base;
        if (to->delivered)
            to->delivered(to->arg, &content->delivery);
    }
    content_reset(content);
}

static int take_frame(struct bus *bus, const amqp_frame_t *frame, const struct bus_handlers *to,
                      struct jobs_error *err) {
    switch (frame->frame_type) {
    case AMQP_FRAME_METHOD: return take_method(bus, frame, to, err);
    case AMQP_FRAME_HEADER:
    case AMQP_FRAME_BODY:
        if (!content_add(&bus->content, frame))
            return failure_of_status(bus, AMQP_STATUS_BAD_AMQP_DATA, "read", err);
        if (content_is_complete(&bus->content))
            hand_over(bus, to);
        return 0;
    default: return 0;
    }
}

/* One frame at most. 1: there was one; 0: none within `timeout` microseconds. */
static int wait_frame(struct bus *bus, int64_t timeout, amqp_frame_t *frame,
                      struct jobs_error *err) {
    struct timeval time = {.tv_sec = timeout / CLOCK_SECOND, .tv_usec = timeout % CLOCK_SECOND};
    watchdog_arm(bus->watchdog, bus->timeout + timeout);
    int status = amqp_simple_wait_frame_noblock(bus->amqp, frame, &time);
    watchdog_disarm(bus->watchdog);
    if (status == AMQP_STATUS_OK)
        return 1;
    return status == AMQP_STATUS_TIMEOUT ? 0 : failure_of_status(bus, status, "wait", err);
}

static bool is_buffered(const struct bus *bus) {
    return amqp_frames_enqueued(bus->amqp) || amqp_data_in_buffer(bus->amqp);
}

/* Stops at a closed channel: nothing more comes on it. When it was closed in another call, what
 * came before is still queued. */
static int take_frames(struct bus *bus, int64_t timeout, const struct bus_handlers *to,
                       struct jobs_error *err) {
    int result = 0;
    do {
        if (bus->channel_closed && !amqp_frames_enqueued(bus->amqp))
            break;
        amqp_frame_t frame;
        result = wait_frame(bus, timeout, &frame, err);
        if (result <= 0)
            break;
        result = take_frame(bus, &frame, to, err);
        amqp_maybe_release_buffers(bus->amqp);
        timeout = 0;
    } while (result == 0 && bus->lost.code == 0 && is_buffered(bus));
    return result;
}

/* First the new channel, then the reports: handlers can publish again at once. */
static int reopen(struct bus *bus, const struct bus_handlers *to, struct jobs_error *err) {
    int result = connection_begin(bus, err);
    if (result < 0)
        return result;
    uint64_t last = bus->window.last;
    bus->channel_closed = false;
    bus->channel_base = last;
    bus->delivery_base = bus->delivery_last;
    content_reset(&bus->content);
    result = connection_open_channel(bus, err);
    connection_end(bus);
    if (result == BUS_ECHANNEL) /* a broker that refuses even this */
        result = failure_of_status(bus, AMQP_STATUS_UNEXPECTED_STATE, "open a channel", err);
    if (result < 0)
        return result;
    struct jobs_error why = bus->close;
    settle(bus, last, true, BUS_UNKNOWN, to);
    if (err)
        *err = why;
    return BUS_ECHANNEL;
}

int bus_poll(struct bus *bus, int64_t timeout_ms, const struct bus_handlers *handlers,
             struct jobs_error *err) {
    const struct bus_handlers *to = handlers ? handlers : &nobody;
    assert(!bus->polling);
    bus->polling = true;
    int result = bus->lost.code ? bus->lost.code : take_frames(bus, timeout_ms * CLOCK_MS, to, err);
    if (result == 0 && bus->channel_closed)
        result = reopen(bus, to, err);
    if (bus->lost.code) {
        settle(bus, bus->window.last, true, BUS_UNKNOWN, to);
        result = failure_of_status(bus, AMQP_STATUS_CONNECTION_CLOSED, "wait", err);
    }
    bus->polling = false;
    return result;
}
