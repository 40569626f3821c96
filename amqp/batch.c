#include "amqp/batch.h"

#include "amqp/failure.h"
#include "module/base/mem.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

enum {
    PIECE = 65536,     /* written at once */
    METHOD_SIZE = 600, /* basic.publish: two short texts and some bytes */
    FRAME_EXTRA = 8,   /* type, channel, length, end */
    BODY_HEADER = 12   /* class, weight, length of the body */
};

static unsigned char *put(unsigned char *at, uint64_t value, int bytes) {
    for (int i = bytes - 1; i >= 0; i--, value >>= 8)
        at[i] = (unsigned char)value;
    return at + bytes;
}

static char *room(struct buf *buf, size_t size) {
    if (buf->capacity - buf->length <= size) {
        buf->capacity = 2 * (buf->capacity + size + 1);
        buf->data = mem_grow(buf->data, buf->capacity, 1);
    }
    return buf->data + buf->length;
}

/* Begins a frame, of which the caller adds `head` bytes itself, in front of what librabbitmq
 * encodes. */
static unsigned char *frame_payload(struct buf *buf, size_t size) {
    return (unsigned char *)room(buf, size + FRAME_EXTRA) + FRAME_EXTRA - 1;
}

static void frame_end(struct buf *buf, int type, size_t length) {
    unsigned char *at = (unsigned char *)buf->data + buf->length;
    at = put(at, (uint64_t)type, 1);
    at = put(at, BUS_CHANNEL, 2);
    at = put(at, length, 4);
    at[length] = AMQP_FRAME_END;
    buf->length += length + FRAME_EXTRA;
}

static int add_method(struct buf *buf, const amqp_basic_publish_t *method) {
    amqp_basic_publish_t copy = *method;
    unsigned char *at = put(frame_payload(buf, METHOD_SIZE), AMQP_BASIC_PUBLISH_METHOD, 4);
    int length = amqp_encode_method(AMQP_BASIC_PUBLISH_METHOD, &copy,
                                    (amqp_bytes_t){.len = METHOD_SIZE - 4, .bytes = at});
    if (length >= 0)
        frame_end(buf, AMQP_FRAME_METHOD, (size_t)length + 4);
    return length;
}

static int add_header(struct buf *buf, const amqp_basic_properties_t *properties, size_t size,
                      size_t body) {
    amqp_basic_properties_t copy = *properties;
    unsigned char *at = frame_payload(buf, size + BODY_HEADER);
    at = put(put(put(at, AMQP_BASIC_CLASS, 2), 0, 2), body, 8);
    int length =
        amqp_encode_properties(AMQP_BASIC_CLASS, &copy, (amqp_bytes_t){.len = size, .bytes = at});
    if (length >= 0)
        frame_end(buf, AMQP_FRAME_HEADER, (size_t)length + BODY_HEADER);
    return length;
}

static void add_body(struct buf *buf, amqp_bytes_t body, size_t frame_max) {
    const char *at = body.bytes;
    for (size_t left = body.len; left > 0;) {
        size_t part = left < frame_max - FRAME_EXTRA ? left : frame_max - FRAME_EXTRA;
        memcpy(frame_payload(buf, part), at, part);
        frame_end(buf, AMQP_FRAME_BODY, part);
        at += part, left -= part;
    }
}

/* However long the broker takes to read: the watchdog ends the connection. */
static bool write_all(int fd, const char *at, size_t left) {
    while (left > 0) {
        ssize_t sent = send(fd, at, left, MSG_NOSIGNAL);
        if (sent >= 0) {
            at += sent, left -= (size_t)sent;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            struct pollfd ready = {.fd = fd, .events = POLLOUT};
            poll(&ready, 1, -1);
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

static int flush(struct bus *bus, struct jobs_error *err) {
    int result = connection_begin(bus, err);
    if (result < 0)
        return result;
    bool written = write_all(amqp_get_sockfd(bus->amqp), buf_get(&bus->batch), bus->batch.length);
    buf_clear(&bus->batch);
    connection_end(bus);
    return written ? 0 : failure_of_status(bus, AMQP_STATUS_SOCKET_ERROR, "publish", err);
}

bool batch_is_open(const struct bus *bus) { return bus->batching && !bus->tls; }

int batch_add(struct bus *bus, const amqp_basic_publish_t *method,
              const amqp_basic_properties_t *properties, size_t size, amqp_bytes_t body,
              struct jobs_error *err) {
    if (bus->lost.code || bus->channel_closed)
        return connection_begin_channel(bus, err);
    size_t before = bus->batch.length;
    int status = add_method(&bus->batch, method);
    if (status >= 0)
        status = add_header(&bus->batch, properties, size, body.len);
    if (status < 0) {
        bus->batch.length = before;
        return failure_of_status(bus, status, "publish", err);
    }
    add_body(&bus->batch, body, (size_t)amqp_get_frame_max(bus->amqp));
    return bus->batch.length < PIECE ? 0 : flush(bus, err);
}

/* Of a TLS connection only the packets get larger: the kernel then sends full segments only, for at
 * most 200 ms. */
static void cork(struct bus *bus, int on) {
    if (bus->tls && bus->lost.code == 0)
        setsockopt(amqp_get_sockfd(bus->amqp), IPPROTO_TCP, TCP_CORK, &on, sizeof(on));
}

void bus_batch_begin(struct bus *bus) {
    bus->batching = true;
    cork(bus, 1);
}

void bus_batch_end(struct bus *bus) {
    cork(bus, 0);
    if (bus->batch.length > 0)
        flush(bus, NULL);
    bus->batching = false;
}

void batch_done(struct bus *bus) { buf_done(&bus->batch); }
