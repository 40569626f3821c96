/* What the relay has in hand: rows of the outbox, and their events as one chain per job. Only
 * the first event of a chain may be under way, so that a job's events arrive in order whatever
 * is refused or lost. No I/O. */
#ifndef SERVICE_RELAY_HAND_H
#define SERVICE_RELAY_HAND_H
#include "module/base/table.h"
#include "module/service/relay_row.h"

/* Back-off of refused events: 100 ms, doubling to 5 s. Waiting chains of one length of wait are
 * in order of time. */
enum { HAND_LEVELS = 7 };

struct relay_chain {    /* the events of one job, oldest first; never empty */
    struct list link;   /* in `ready` or `waiting`, or in none while the first event is under way */
    struct list events; /* relay_event.link */
    size_t count;
    char id[64];
    int64_t refused_since; /* of the first event; 0: not refused so far */
    int64_t due;           /* in `waiting`: when to try again */
    int level;             /* of the next wait */
};

struct relay_hand {
    struct list rows; /* with events that are open, in order of id */
    struct list done; /* to be deleted */
    size_t row_count, done_count;
    struct table chains; /* job id to struct relay_chain */
    struct list ready;   /* chains whose first event can be sent */
    struct list waiting[HAND_LEVELS];
    size_t events; /* open */
    size_t stuck;  /* of these, in chains whose first event was refused */
    size_t bytes;
};

void hand_init(struct relay_hand *hand);
void hand_clear(struct relay_hand *hand); /* everything, rows that are to be deleted too */
/* Takes a row over. */
void hand_add(struct relay_hand *hand, struct relay_row *row);
/* The next chain to send the first event of, or NULL; it is under way from now on. */
struct relay_chain *hand_next(struct relay_hand *hand);
struct relay_event *hand_first(const struct relay_chain *chain);
/* The first event of a chain that is under way is done with: confirmed, dropped or unreadable. */
void hand_settle(struct relay_hand *hand, struct relay_chain *chain);
/* It was refused: wait. `now` in microseconds. */
void hand_refuse(struct relay_hand *hand, struct relay_chain *chain, int64_t now);
/* Nothing is under way any more, and what was read may be stale: forgets all rows but those to
 * be deleted. */
void hand_forget(struct relay_hand *hand);
/* Makes chains ready whose wait is over. Returns when the next one is due, INT64_MAX if none
 * waits. */
int64_t hand_wake(struct relay_hand *hand, int64_t now);
#endif
