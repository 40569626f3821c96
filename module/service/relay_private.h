/* Inside of a relay, for the relay_*.c files. */
#ifndef SERVICE_RELAY_PRIVATE_H
#define SERVICE_RELAY_PRIVATE_H
#include "amqp/bus.h"
#include "module/base/clock.h"
#include "module/service/relay.h"
#include "module/service/relay_hand.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
    RELAY_WINDOW = 4000, /* messages under way; the broker confirms late when it writes to disk */
    RELAY_SLOTS =
        16384,        /* power of two: how far the newest tag may be ahead of the oldest open one */
    RELAY_TURN = 512, /* messages sent between two looks at what comes in */
    RELAY_WANTED =
        8000, /* events to have in hand, but for the stuck ones: at half of it more are read */
    RELAY_MOST = 50000, /* events in hand, stuck ones too, that forbid it */
    RELAY_ROWS = 500    /* rows read at most in one go, and deleted */
};
#define RELAY_STALL (10 * CLOCK_SECOND)
#define RELAY_BYTES ((size_t)64 << 20) /* of rows in hand that forbid further reading */

struct relay {
    /* Never change after start. */
    const struct log *log;
    char *datasource, *service, *amqp_url, *url, *schema, *application_name, *exchange;
    struct sql_options sql_options;
    struct events_log log_queue;
    int64_t refused_ms;
    pthread_t thread;
    int wake_fd; /* eventfd: a note was left */

    /* Any thread: notes to the relay's, and what it tells. */
    atomic_bool stopping, held, woken, connected;
    atomic_llong unwilling_until; /* clock_now() */
    atomic_ullong published, confirmed, refused, resent, dropped, unreadable, in_hand;

    /* The relay's thread only. */
    struct relay_hand hand;
    struct buf key, id, body, list, trace; /* scratch */

    /* Broker. */
    struct bus *bus;
    struct relay_chain **slots; /* by tag modulo RELAY_SLOTS: whose first event is under way */
    uint64_t oldest, newest;    /* tags: the oldest that may be open, the last one given out */
    size_t under_way;
    bool proven;                      /* the present connection has confirmed something */
    bool stalled;                     /* it has not confirmed for too long */
    bool log_refused;                 /* logged: there is no stream queue as configured */
    bool no_streams;                  /* the broker cannot have one: it is not asked again */
    bool bus_down, refusal, blocking; /* logged: it cannot be reached, refuses, blocks */
    int64_t stall_wait;               /* how long is too long; grows while nothing is confirmed */
    int64_t next_connect, connect_wait, connected_at, progress_at;

    /* Database. */
    struct sql *sql;
    bool sql_down; /* logged */
    int64_t next_open, next_read, read_wait, next_delete;
    size_t row_size; /* events per row, as lately read */
    bool more;       /* the last read came back full */
};

/* relay_bus.c */
/* Connects if it is time to; declares the exchanges. */
void relay_connect(struct relay *relay, int64_t now);
/* Sends what can be sent, RELAY_TURN messages at most. */
void relay_publish(struct relay *relay);
/* Handles what has come in; waits for it up to timeout_ms. */
void relay_listen(struct relay *relay, int64_t timeout_ms);
void relay_disconnect(struct relay *relay);
bool relay_can_publish(const struct relay *relay);

/* relay_store.c */
void relay_open(struct relay *relay, int64_t now);
/* Reads if it is time to and there is room. */
void relay_read(struct relay *relay, int64_t now);
/* Deletes rows that are done with if it is time to, or `now` is INT64_MAX. */
void relay_delete(struct relay *relay, int64_t now);
bool relay_has_room(const struct relay *relay);
#endif
