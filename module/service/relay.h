/* The relay: broadcasts the status changes of one datasource, from its outbox to the exchange
 * "<service>.events".
 *
 * It keeps no cursor: every read takes the oldest rows of those that it does not know, since rows
 * become visible late with lower ids (relay_floor.h); once in a while it looks at all. At most one unconfirmed event per job is under way, so
 * that a refused one cannot be overtaken. A row is deleted once all its events are confirmed;
 * what is forgotten in between (connections, crashes) is sent again. Two relays at once do no
 * harm: every subscriber still sees the first occurrences of a job's events in order.
 *
 * One thread of its own, all signals blocked; every call here but start and stop only leaves it
 * a note. */
#ifndef SERVICE_RELAY_H
#define SERVICE_RELAY_H
#include "module/base/log.h"
#include "module/service/exchanges.h"
#include "sql/sql.h"

struct relay;

struct relay_options {           /* texts are copied */
    const struct log *log;       /* outlives the relay */
    const char *datasource;      /* its name, for the log */
    const char *service;         /* jobs.service: prefix of exchanges and queues */
    const char *amqp_url;        /* NULL or "": there is no broker, events stay in the outbox */
    bool vhosts;                 /* each tenant's events go to its own virtual host */
    struct sql_options sql;      /* of the relay's own session */
    struct events_log log_queue; /* <service>.events.log */
    int64_t refused_ms;          /* an event that is refused for so long is dropped; 0: 60,000 */
};

struct relay_stats {    /* since relay_start */
    uint64_t published; /* messages sent, repetitions counted */
    uint64_t confirmed; /* events that the broker has */
    uint64_t refused;   /* refusals, each followed by a back-off */
    uint64_t
        resent; /* messages sent again: refused before, or unconfirmed when the connection went */
    uint64_t dropped;    /* events refused for refused_ms */
    uint64_t unreadable; /* events that could not be encoded: skipped */
    uint64_t in_hand;    /* events read and not yet done with */
    bool connected;      /* to the broker */
    bool held;           /* the relay's lease is this instance's */
};

/* Needs neither server to be up. The relay is idle until relay_hold. */
int relay_start(const struct relay_options *options, struct relay **ret, struct jobs_error *err);
/* Told by the control connection every second: does this instance hold the relay's lease?
 * Without it the relay closes its sessions. */
void relay_hold(struct relay *relay, bool held);
/* False while the broker cannot be reached, blocks, or does not confirm what is due, and for a
 * few seconds after: leave the lease to another instance. */
bool relay_wants_lease(const struct relay *relay);
/* There may be something in the outbox. Cheap: call it after every commit with changes. */
void relay_wake(struct relay *relay);
void relay_get_stats(const struct relay *relay, struct relay_stats *ret);
/* Ends the thread and frees the relay; waits for confirms that are on their way, 1 s at most. A
 * server that hangs at that moment may hold it for 5 s more. NULL is fine. */
void relay_stop(struct relay *relay);
#endif
