#include "amqp/stream.h"

#include "amqp/connection.h"
#include "module/base/error.h"
#include "module/base/mem.h"

#include <stdlib.h>

enum { PREFETCH = 500 };

struct bus_stream {
    struct bus *bus;
    int64_t next;             /* offset after the last one handed over; -1: none yet */
    int64_t from;             /* messages before it are not wanted */
    uint64_t unanswered;      /* tag of the last delivery; 0: all are acknowledged */
    unsigned since;           /* deliveries since the last acknowledgement */
    unsigned batch;           /* so many deliveries are acknowledged at once */
    bool cancelled;           /* the queue was deleted */
    int taken;                /* in this bus_stream_poll */
    struct jobs_error broken; /* an acknowledgement failed in a callback */

    /* During bus_stream_poll. */
    void (*take)(void *arg, const struct bus_delivery *message);
    void *arg;
};

static amqp_field_value_t place(const struct bus_stream_options *options) {
    static const char *const words[] = {
        [BUS_STREAM_FIRST] = "first", [BUS_STREAM_LAST] = "last", [BUS_STREAM_NEXT] = "next"};
    switch (options->start) {
    case BUS_STREAM_OFFSET:
        return (amqp_field_value_t){.kind = AMQP_FIELD_KIND_I64, .value.i64 = options->value};
    case BUS_STREAM_TIME:
        return (amqp_field_value_t){.kind = AMQP_FIELD_KIND_TIMESTAMP,
                                    .value.u64 = (uint64_t)options->value};
    default:
        return (amqp_field_value_t){.kind = AMQP_FIELD_KIND_UTF8,
                                    .value.bytes = rabbitmq_bytes(words[options->start])};
    }
}

static int begin(struct bus_stream *stream, const struct bus_stream_options *options,
                 struct jobs_error *err) {
    struct bus_options connection = {.url = options->url,
                                     .vhost = options->vhost,
                                     .name = options->name,
                                     .timeout = options->timeout,
                                     .max_length = options->max_length};
    int rc = bus_open(&connection, &stream->bus, err);
    if (rc < 0)
        return rc;
    uint16_t prefetch = options->prefetch ? options->prefetch : PREFETCH;
    stream->batch = prefetch / 4 ? prefetch / 4 : 1;
    amqp_table_entry_t entry = {.key = rabbitmq_bytes("x-stream-offset"), .value = place(options)};
    return consume_with(stream->bus, options->queue, prefetch, 0,
                        (amqp_table_t){.num_entries = 1, .entries = &entry}, NULL, NULL, err);
}

int bus_stream_open(const struct bus_stream_options *options, struct bus_stream **ret,
                    int *ret_reply_code, struct jobs_error *err) {
    if ((options->start == BUS_STREAM_OFFSET || options->start == BUS_STREAM_TIME) &&
        options->value < 0)
        return error_set(err, JOBS_EINVAL, "stream %s: a start before 0", options->queue);
    struct bus_stream *stream = MEM_NEW(struct bus_stream);
    stream->next = -1;
    stream->from = options->start == BUS_STREAM_OFFSET ? options->value : 0;
    int rc = begin(stream, options, err);
    if (ret_reply_code)
        *ret_reply_code = stream->bus ? bus_reply_code(stream->bus) : 0;
    if (rc < 0) {
        bus_stream_close(stream);
        return rc;
    }
    *ret = stream;
    return 0;
}

void bus_stream_close(struct bus_stream *stream) {
    if (!stream)
        return;
    bus_close(stream->bus);
    free(stream);
}

static int acknowledge(struct bus_stream *stream, struct jobs_error *err) {
    if (stream->unanswered == 0)
        return 0;
    uint64_t tag = stream->unanswered;
    stream->unanswered = 0;
    stream->since = 0;
    return bus_ack_up_to(stream->bus, tag, err);
}

/* A stream hands out whole blocks; what lies before the place asked for is passed over by the
 * broker, and by us should one not. */
static void delivered(void *arg, const struct bus_delivery *delivery) {
    struct bus_stream *stream = arg;
    stream->unanswered = delivery->tag;
    stream->since++;
    if (delivery->stream_offset >= stream->from) {
        stream->next = delivery->stream_offset + 1;
        stream->taken++;
        stream->take(stream->arg, delivery);
    }
    if (stream->since >= stream->batch && stream->broken.code == 0)
        acknowledge(stream, &stream->broken);
}

static void cancelled(void *arg, const char *consumer_tag) {
    (void)consumer_tag;
    ((struct bus_stream *)arg)->cancelled = true;
}

/* What is left of a batch is acknowledged when nothing more is there: a credit kept back would stop
 * nobody, but the broker shows it as messages not answered. */
static int settle(struct bus_stream *stream, struct jobs_error *err) {
    if (stream->broken.code < 0) {
        if (err)
            *err = stream->broken;
        return stream->broken.code;
    }
    if (stream->cancelled)
        return error_set(err, BUS_ECHANNEL, "the stream queue was deleted");
    return acknowledge(stream, err);
}

int bus_stream_poll(struct bus_stream *stream, int64_t timeout_ms,
                    void (*take)(void *arg, const struct bus_delivery *message), void *arg,
                    struct jobs_error *err) {
    struct bus_handlers handlers = {.arg = stream, .delivered = delivered, .cancelled = cancelled};
    stream->take = take;
    stream->arg = arg;
    stream->taken = 0;
    int rc = bus_poll(stream->bus, timeout_ms, &handlers, err);
    if (rc == 0)
        rc = settle(stream, err);
    return rc < 0 ? rc : stream->taken;
}

int64_t bus_stream_next(const struct bus_stream *stream) { return stream->next; }
int bus_stream_fd(const struct bus_stream *stream) { return bus_fd(stream->bus); }
bool bus_stream_wants_read(const struct bus_stream *stream) { return bus_wants_read(stream->bus); }
