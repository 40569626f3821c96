/* The bus: one connection to a RabbitMQ broker, for publishing with confirms, consuming and
 * topology.
 *
 * Threads: a bus belongs to one thread at a time. A small watchdog thread of its own ends calls
 * that hang.
 *
 * Deadlines: no call takes longer than options.timeout (bus_poll: plus its own timeout_ms). Name
 * resolution is the exception: it follows the resolver's own limits.
 *
 * Errors: 0, or one of these, with a text that names host, port, virtual host, never the password.
 *   JOBS_EINVAL   an argument or URL is wrong; nothing was sent
 *   BUS_EREFUSED  the broker refused this call (bus_reply_code: 403, 404, 406 …); the bus goes on
 *   BUS_ECHANNEL  the broker closed the channel that publishes and consumes; bus_poll opens another
 *   JOBS_ETIMEOUT the deadline passed: the connection is lost, close the bus
 *   BUS_ELOST     the connection is lost, was closed (bus_reply_code: 320 …) or could not be made
 *
 * Inside: topology calls have a channel of their own, so that a declaration that fails touches
 * neither the tags in flight nor the consumers. */
#ifndef AMQP_BUS_H
#define AMQP_BUS_H
#include "module/jobs.h"

enum { BUS_ELOST = -101, BUS_ECHANNEL = -102, BUS_EREFUSED = -103 };

struct bus;

struct bus_options {
    /* amqp://user:password@host:port/vhost, percent-encoded. amqps: TLS, peer and host name are
     * verified by the system's authorities or ?cacertfile=/path.pem. */
    const char *url;
    const char *vhost; /* instead of the URL's; NULL: that */
    const char *name;  /* shown by the broker's tools as the connection's name; NULL: none */
    int64_t timeout;   /* of every call, ms; 0 = 10,000 */
    int heartbeat;     /* seconds; 0 = 10 */
    bool confirms;     /* bus_publish gives tags, the broker confirms each */
    size_t max_length; /* a longer body that comes in is not kept; 0 = no limit */
};

/* Connects, logs in and opens the channel. Keeps nothing of `options`. BUS_EREFUSED: wrong user,
 * password or virtual host, so trying again soon is of no use; BUS_ELOST: nobody answers there. */
int bus_open(const struct bus_options *options, struct bus **ret, struct jobs_error *err);
/* Says goodbye (at most 1 s, nothing on a lost connection) and frees. Tags not yet reported never
 * will be. NULL is fine. */
void bus_close(struct bus *bus);

/* Who and where a URL is. JOBS_EINVAL: it is none, or a part is longer than 255 bytes. */
int bus_url_parts(const char *text, char ret_user[256], char ret_vhost[256],
                  struct jobs_error *err);

bool bus_is_lost(const struct bus *bus);
/* Who it logged in as. */
const char *bus_user(const struct bus *bus);
/* The AMQP reply code of the latest refusal or close (404, 406, …), 0 if there was none. */
int bus_reply_code(const struct bus *bus);
/* The broker said connection.blocked (alarm) and not yet unblocked: it does not read what is
 * published on. A connection that has published is not read at all then, acks of its consumers
 * neither: consume on another one. */
bool bus_is_blocked(const struct bus *bus);

/* ---- Topology ---- */
enum { BUS_DURABLE = 1, BUS_EXCLUSIVE = 2, BUS_AUTO_DELETE = 4, BUS_PASSIVE = 8 };

struct bus_argument { /* of a declaration */
    const char *name;
    const char *text; /* NULL: `number` counts */
    int64_t number;
};

/* Repeating a declaration is fine; one that differs from what is there is BUS_EREFUSED with reply
 * code 406. BUS_PASSIVE only looks: 404 when it is not there. */
int bus_declare_exchange(struct bus *bus, const char *name, const char *type, unsigned flags,
                         const char *alternate /* exchange or NULL */, struct jobs_error *err);
/* name "": the broker makes one (use with BUS_EXCLUSIVE). The name is copied to ret_name (may be
 * NULL). */
int bus_declare_queue(struct bus *bus, const char *name, unsigned flags,
                      const struct bus_argument *arguments, size_t count, char ret_name[256],
                      struct jobs_error *err);
int bus_bind(struct bus *bus, const char *queue, const char *exchange, const char *routing_key,
             struct jobs_error *err);
int bus_unbind(struct bus *bus, const char *queue, const char *exchange, const char *routing_key,
               struct jobs_error *err);
/* What is not there needs no deletion: 0. */
int bus_delete_queue(struct bus *bus, const char *name, struct jobs_error *err);
int bus_delete_exchange(struct bus *bus, const char *name, struct jobs_error *err);

/* ---- Publishing ---- */
struct bus_header {
    const char *name, *value;
};

/* Texts may be NULL where the property is to be left out (exchange, routing_key: NULL = ""). The
 * short ones (exchange, routing_key, content_type, message_id, correlation_id, reply_to, type,
 * user_id) end at 255 bytes: JOBS_EINVAL beyond. */
struct bus_message {
    const char *exchange, *routing_key;
    const void *body;
    size_t length;
    const char *content_type, *message_id, *correlation_id, *reply_to, *type;
    const char *user_id; /* the broker refuses another than the connection's */
    int64_t timestamp;   /* seconds since 1970; 0 = none */
    bool persistent;
    bool mandatory; /* no queue takes it: given back through `returned`, before its confirm */
    const struct bus_header *headers;
    size_t header_count;
};

/* Sends; does not wait for the confirm. *ret_tag (may be NULL) is the message's number, 1, 2, 3, …
 * over the whole life of the bus, also beyond a channel that was closed and opened again; 0 without
 * confirms. Only bus_poll reports what becomes of it. On error no tag was used, except that on
 * BUS_ELOST and JOBS_ETIMEOUT the message may or may not have arrived. */
int bus_publish(struct bus *bus, const struct bus_message *message, uint64_t *ret_tag,
                struct jobs_error *err);
/* Between these two, what is published is held back and written in large pieces instead of three
 * for each message. End before bus_poll. Where writing fails, bus_poll tells. They do not nest. */
void bus_batch_begin(struct bus *bus);
void bus_batch_end(struct bus *bus);
/* Messages published that bus_poll has not yet reported. */
size_t bus_unconfirmed(const struct bus *bus);

/* ---- Consuming ---- */
enum { BUS_NO_ACK = 16 }; /* with BUS_EXCLUSIVE: flags of bus_consume */

/* consumer_tag NULL or "": the broker makes one, copied to ret_consumer_tag (may be NULL). prefetch
 * 0 = unlimited; it holds for consumers begun by this call. Refusals (404, 403, 405 in exclusive
 * use) close the channel: BUS_ECHANNEL. */
int bus_consume(struct bus *bus, const char *queue, uint16_t prefetch, unsigned flags,
                const char *consumer_tag, char ret_consumer_tag[256], struct jobs_error *err);
int bus_cancel(struct bus *bus, const char *consumer_tag, struct jobs_error *err);

/* One message that came in; everything is valid during the callback only. Absent texts are NULL; a
 * NUL byte inside one is shown as '?'. What others wrote: not necessarily UTF-8. `body` is followed
 * by a NUL. */
struct bus_delivery {
    const char *consumer_tag; /* NULL in `returned` */
    uint64_t tag;             /* for bus_ack and bus_reject; 0 in `returned` */
    bool redelivered;
    const char *exchange, *routing_key;
    const char *body; /* NULL when longer than options.max_length */
    size_t length;
    const char *content_type, *message_id, *correlation_id, *reply_to, *type;
    const char *user_id; /* the broker has checked that the publisher logged in as this user */
    int64_t timestamp;   /* seconds since 1970; 0 = none */
    bool persistent;
    bool has_x_death;      /* dead-lettered on its way: the key need not be the publisher's */
    int64_t stream_offset; /* place in the stream that it was read from (stream.h); -1: none */
    const struct bus_header *headers; /* those whose value is text, in their order */
    size_t header_count;
};
/* The value of a text header or NULL. */
const char *bus_delivery_header(const struct bus_delivery *delivery, const char *name);

/* Tags of a channel that was closed in between are ignored (the broker delivers those messages
 * again). */
int bus_ack(struct bus *bus, uint64_t tag, struct jobs_error *err);
/* This one and all that came before it and were not yet answered. */
int bus_ack_up_to(struct bus *bus, uint64_t tag, struct jobs_error *err);
int bus_reject(struct bus *bus, uint64_t tag, bool requeue, struct jobs_error *err);

/* ---- What comes in ---- */
enum bus_outcome {
    BUS_ACK,    /* the broker has it: on disk where persistent and durable, or no queue wants it */
    BUS_NACK,   /* refused, e.g. by a queue with x-overflow=reject-publish; others may have it */
    BUS_UNKNOWN /* channel or connection went before the answer: it may or may not have arrived */
};

/* Any may be NULL. They may call everything on this bus but bus_poll and bus_close. */
struct bus_handlers {
    void *arg;
    /* Exactly once for each tag. */
    void (*confirmed)(void *arg, uint64_t tag, enum bus_outcome outcome);
    void (*returned)(void *arg, const struct bus_delivery *message, int code, const char *text);
    void (*delivered)(void *arg, const struct bus_delivery *delivery);
    void (*cancelled)(void *arg, const char *consumer_tag); /* by the broker: its queue is gone */
    void (*blocked)(void *arg, bool blocked, const char *reason);
};

/* Handles all that has come in; if there is nothing, waits for up to timeout_ms (0: only looks) and
 * returns after the first. Sends and checks heartbeats: call it at least every heartbeat / 2
 * seconds, also when idle.
 *   BUS_ECHANNEL: the channel was closed. Everything unconfirmed has been reported BUS_UNKNOWN,
 *   consumers are gone, the channel is open again: publish and consume again at will. The error is
 *   the broker's reason (bus_reply_code 404: the exchange or queue is missing).
 *   BUS_ELOST, JOBS_ETIMEOUT: everything unconfirmed has been reported so, too; close the bus. */
int bus_poll(struct bus *bus, int64_t timeout_ms, const struct bus_handlers *handlers,
             struct jobs_error *err);
/* For poll(2) together with other descriptors, POLLIN; -1 when lost. Look at bus_wants_read first:
 * with it true, data is buffered already and the descriptor may stay silent. */
int bus_fd(const struct bus *bus);
bool bus_wants_read(const struct bus *bus);
#endif
