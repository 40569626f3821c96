/* The inside of a bus, shared by the files of this folder. */
#ifndef AMQP_CONNECTION_H
#define AMQP_CONNECTION_H
#include "amqp/bus.h"
#include "amqp/content.h"
#include "amqp/rabbitmq.h"
#include "amqp/watchdog.h"
#include "amqp/window.h"
#include "module/base/buf.h"

enum {
    BUS_CHANNEL = 1,
    BUS_TOPOLOGY = 2
};                        /* the second is opened on first use, and after a refusal */
enum { BUS_SHORT = 255 }; /* bytes of a name, routing key and most properties */

struct bus {
    amqp_connection_state_t amqp;
    struct watchdog *watchdog; /* NULL until the socket is connected */
    char *where; /* "AMQP broker host:port, virtual host x": begins every error text */
    char *user;
    int64_t timeout; /* us */
    bool confirms;
    bool blocked;
    bool topology_open;
    bool channel_closed;     /* by the broker; bus_poll opens it again */
    bool polling;            /* inside bus_poll */
    int reply_code;          /* of the latest refusal or close */
    struct jobs_error lost;  /* why; code 0 = connected */
    struct jobs_error close; /* why the channel was closed */

    struct window window;   /* tags over the life of the bus */
    uint64_t channel_base;  /* tag before the first of the present channel */
    uint64_t delivery_base; /* likewise for deliveries */
    uint64_t delivery_last;
    struct content content; /* the message that is coming in */
    bool tls;
    bool batching;    /* between bus_batch_begin and bus_batch_end */
    struct buf batch; /* frames that are not written yet */
};

/* Around everything that may touch the socket: refuses when lost, then lets the watchdog watch. */
int connection_begin(struct bus *bus, struct jobs_error *err);
void connection_end(struct bus *bus);
/* As connection_begin, for calls on BUS_CHANNEL: BUS_ECHANNEL while it is closed. */
int connection_begin_channel(struct bus *bus, struct jobs_error *err);
/* Opens BUS_CHANNEL, with confirms if asked for. Between begin and end. */
int connection_open_channel(struct bus *bus, struct jobs_error *err);
/* bus_consume with arguments (consume.c). */
int consume_with(struct bus *bus, const char *queue, uint16_t prefetch, unsigned flags,
                 amqp_table_t arguments, const char *consumer_tag, char ret_consumer_tag[256],
                 struct jobs_error *err);
/* JOBS_EINVAL when `text` (NULL is fine) is too long for an AMQP short string. */
int connection_check_short(const char *what, const char *text, struct jobs_error *err);
#endif
