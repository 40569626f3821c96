/* Reading a stream queue (x-queue-type=stream) from a place of one's choice. Reading takes nothing
 * away: any number of readers go over the same messages, each at its own offset, which is the
 * message's number in the stream.
 *
 * A reader has a connection of its own and belongs to one thread. It does not reconnect: on an
 * error its owner closes it and opens another at bus_stream_next, which loses and repeats nothing.
 *
 * Errors and deadlines as in bus.h. BUS_ECHANNEL from bus_stream_open: there is no such queue
 * (ret_reply_code 404) or this user may not read it (403). */
#ifndef AMQP_STREAM_H
#define AMQP_STREAM_H
#include "amqp/bus.h"

struct bus_stream;

enum bus_stream_start {
    BUS_STREAM_FIRST,  /* the oldest message that the broker still has */
    BUS_STREAM_LAST,   /* the last block that was written: one message or some hundreds */
    BUS_STREAM_NEXT,   /* what is published from now on */
    BUS_STREAM_OFFSET, /* the message of number `value`; the oldest there is when that one is gone,
                        * BUS_STREAM_NEXT when it is beyond the end */
    BUS_STREAM_TIME    /* the block that was being written at `value`, seconds since 1970: begins
                        * with some older messages */
};

struct bus_stream_options {
    const char *url; /* as in struct bus_options, also the next four */
    const char *vhost;
    const char *name;
    int64_t timeout;
    size_t max_length;
    const char *queue;
    enum bus_stream_start start;
    int64_t value;
    uint16_t prefetch; /* messages on their way to us at most; 0 = 500 */
};

/* Connects and begins to read. Keeps nothing of `options`. ret_reply_code (may be NULL) is written
 * on errors, too: the broker's reply code, 0 if it gave none. */
int bus_stream_open(const struct bus_stream_options *options, struct bus_stream **ret,
                    int *ret_reply_code, struct jobs_error *err);
/* NULL is fine. */
void bus_stream_close(struct bus_stream *stream);

/* Hands every message that has come in to `take`, in the order of the stream; if there is none,
 * waits for up to timeout_ms and returns after the first. The delivery's stream_offset is set,
 * its body is NULL when longer than max_length; it needs no answer (acknowledgements, which only
 * make the broker send more, are sent here in batches). `take` may not call this stream's functions
 * but bus_stream_next. Call it at least every 5 s, also when nothing is expected. A reader that
 * wants a pause just does not call it for so long: the broker sends no more than the prefetch.
 * Returns the number of messages or an error, BUS_ECHANNEL also when the queue was deleted: close
 * it then. */
int bus_stream_poll(struct bus_stream *stream, int64_t timeout_ms,
                    void (*take)(void *arg, const struct bus_delivery *message), void *arg,
                    struct jobs_error *err);
/* The offset after that of the last message handed over: where another reader goes on. -1: none
 * was handed over yet, start as before. */
int64_t bus_stream_next(const struct bus_stream *stream);
/* As bus_fd and bus_wants_read. */
int bus_stream_fd(const struct bus_stream *stream);
bool bus_stream_wants_read(const struct bus_stream *stream);
#endif
