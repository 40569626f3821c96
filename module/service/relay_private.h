/* Inside of a relay, for the relay_*.c files. */
#ifndef SERVICE_RELAY_PRIVATE_H
#define SERVICE_RELAY_PRIVATE_H
#include "amqp/bus.h"
#include "module/base/clock.h"
#include "module/service/opening.h"
#include "module/service/relay.h"
#include "module/service/relay_floor.h"
#include "module/service/relay_hand.h"
#include "module/service/relay_sweep.h"

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
    /* A relay has one connection; or, with a virtual host per tenant, each tenant has a *line*: a
     * relay without thread, notes and session of its own, which uses those of `top`. */
    struct relay *top;         /* itself, when it is no line */
    char *tenant;              /* NULL: no line, all tenants */
    char *vhost;               /* of a line; NULL: the URL's */
    size_t slot_count, window; /* as RELAY_SLOTS, RELAY_WINDOW; less for lines */
    size_t wanted, most_bytes; /* as RELAY_WANTED, RELAY_BYTES */

    /* Never change after start. */
    bool vhosts; /* one per tenant */
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
    struct buf key, id, body, list, lasts, trace; /* scratch */

    /* Broker. */
    struct bus *bus;
    struct opening opening;     /* of a line: its connection is being made */
    size_t openings;            /* of lines, under way */
    struct relay_chain **slots; /* by tag modulo RELAY_SLOTS: whose first event is under way */
    uint64_t oldest, newest;    /* tags: the oldest that may be open, the last one given out */
    size_t under_way;
    bool proven;                      /* the present connection has confirmed something */
    bool stalled;                     /* it has not confirmed for too long */
    bool log_refused;                 /* logged: there is no stream queue as configured */
    int64_t log_awaited_since;        /* its process does not run; 0: it does */
    bool no_streams;                  /* the broker cannot have one: it is not asked again */
    bool bus_down, refusal, blocking; /* logged: it cannot be reached, refuses, blocks */
    int64_t stall_wait;               /* how long is too long; grows while nothing is confirmed */
    int64_t next_connect, connect_wait, connected_at, progress_at;

    /* Database. */
    struct sql *sql;
    bool sql_down; /* logged */
    int64_t next_open, next_read, read_wait, next_delete;
    struct table lines;            /* tenant to its struct relay */
    bool draining;                 /* lines of another mode have events left */
    int64_t next_split, next_look; /* at the outbox; at what is parked */
    int64_t busy_at, listened_at;  /* of a line: when it had something, looked at its connection */
    size_t row_size;               /* events per row, as lately read */
    size_t found;                  /* rows of the last read */
    bool more;                     /* it came back full */
    struct relay_floor floor;      /* what of the outbox, or of its parked rows, is known */
    int64_t next_sweep;            /* when the next piece of all is looked at again */
    struct relay_sweep sweep;
    int64_t lines_high; /* the highest id that a line has read */
};

/* relay_bus.c */
/* Connects if it is time to; declares the exchanges. A line's connection is made by a thread of its
 * own, and is there at a later turn. */
void relay_connect(struct relay *relay, int64_t now);
/* Sends what can be sent, RELAY_TURN messages at most. */
void relay_publish(struct relay *relay);
/* Handles what has come in; waits for it up to timeout_ms. */
void relay_listen(struct relay *relay, int64_t timeout_ms);
void relay_disconnect(struct relay *relay);
bool relay_can_publish(const struct relay *relay);

/* relay.c */
int relay_wait_ms(const struct relay *relay, int64_t now, int64_t next_due);
bool relay_is_stalled(struct relay *relay, int64_t now);
/* What both kinds begin with and end with. */
void relay_init(struct relay *relay, const struct relay *top);
void relay_done(struct relay *relay);

/* relay_lines.c */
/* One turn of all lines, with waiting. */
void relay_turn_lines(struct relay *top);
/* Sends no more; what is on its way gets until `until` (clock_now()). The lines stay, with what they
 * have complained of, until the relay stops. */
void relay_end_lines(struct relay *top, int64_t until);
/* Something may have been left for lines. */
bool relay_has_lines(const struct relay *top);

/* relay_read.c */
/* Reads if it is time to and there is room. */
void relay_read(struct relay *relay, int64_t now);
bool relay_has_room(const struct relay *relay);
/* Only what is in hand is known. */
void relay_know_nothing(struct relay *relay);
/* Forgets the rows in hand but for those to be deleted; they are read again. */
void relay_forget(struct relay *relay);
/* Ranges of ids to ask for, as array literals in `list` (their first ids) and `lasts`; sweep: with all
 * that is not in hand of a piece of the ids, which it begins. */
void relay_put_ranges(struct relay *relay, bool sweep);
/* What is unknown was looked at up to an id, with this result; as floor_looked, for `relay`. */
void relay_looked(struct relay *relay, const struct sql_result *result, int64_t up_to,
                  void (*closed)(void *arg, int64_t first, int64_t last));
/* A piece that was begun then was looked at up to an id, with so many rows: when is the next one, and
 * which? */
void relay_plan_sweep(struct relay *relay, int64_t began, int64_t up_to, size_t found);

/* relay_store.c */
/* Opens the session; a new one looks for what lines of before have left. */
void relay_open(struct relay *relay, int64_t now);
/* A call failed: logs the first failure in a row and waits; a broken session is closed. What is in
 * hand stays good. */
void relay_sql_failed(struct relay *relay, const struct jobs_error *why);
void relay_sql_succeeded(struct relay *relay);
/* Deletes rows that are done with if it is time to, or `now` is INT64_MAX. */
void relay_delete(struct relay *relay, int64_t now);
/* Moves a batch of the outbox to where lines read; `has` is called for each tenant that has events
 * now. Returns whether there may be more. */
bool relay_split(struct relay *top, void (*has)(struct relay *top, const char *tenant));
/* Calls `has` for each tenant that has parked events; false when the database failed. */
bool relay_look(struct relay *top, void (*has)(struct relay *top, const char *tenant));
#endif
