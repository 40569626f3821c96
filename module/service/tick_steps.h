/* Inside of a tick: its steps, one file per kind. Each step is a statement with parameters and what
 * is done with its answer once the whole tick is committed. */
#ifndef SERVICE_TICK_STEPS_H
#define SERVICE_TICK_STEPS_H
#include "module/base/clock.h"
#include "module/service/claim_order.h"
#include "module/service/tick.h"

#define STEPS_MAX 32
#define BUFS_MAX 96
#define BUSY_PAUSE (20 * CLOCK_MS) /* before a row that somebody holds is asked for again */
#define LOOK_BATCH 200             /* capped shares asked for in one tick */
#define TICK_RECENT \
    (60 * CLOCK_SECOND)      /* who had work within that time may well have some again: */
#define TICK_RECENT_MOST 200 /* so many are asked without a sighting, the next ones the next time */
#define FETCH_BATCH 4        /* large parameters in one tick: up to 1 MiB each */

struct tick_step {
    void (*apply)(struct tick *tick, const struct sql_result *result); /* NULL: nothing to do */
    int64_t number; /* of the step, for its apply */
    bool keeps;     /* its apply frees the answer */
    struct sql_parameters parameters;
};

/* Where the rows of ready_claim and receipt_own have what a live job is made from. */
struct live_columns {
    int id, lane, tenant, class_name, status, traceparent, priority, seq, version, attempt,
        attempt_base, max_attempts, timeout, backoff, suspect;
};

/* A claim that was answered, and whose jobs are not taken in yet. */
struct claim {
    struct sql_result *rows; /* NULL: none */
    struct live_columns of;
    int waited, parameters; /* columns too */
    int64_t number;         /* names its receipts */
    int64_t claimed_at;     /* clock_now() */
    size_t count;           /* of rows */
    size_t reserved;        /* slots of the pool that are kept for it */
};

struct tick {
    struct datasource *ds;
    unsigned parts;
    int64_t now; /* clock_now() when it was put together */
    char instance[37];

    struct sql_step sql[STEPS_MAX]; /* parallel to steps; [0] is tick_begin */
    struct tick_step steps[STEPS_MAX];
    size_t count;
    bool writes; /* a tick that only looks needs no fence */
    bool looks_at_stops;
    bool heard; /* a wake-up is answered by it */

    /* Of one that was sent. */
    struct sql *session;
    size_t first; /* step: tick_begin is left out of one that only looks */
    int64_t sent_at;
    bool let_go;
    size_t failed;

    struct buf bufs[BUFS_MAX]; /* array literals; memory is kept from tick to tick */
    size_t buf_count;

    /* What was sent, for apply. */
    struct live *ends[TICK_BATCH], *starts[TICK_BATCH], *progress[TICK_BATCH];
    unsigned progress_percent[TICK_BATCH];
    size_t end_count, start_count, progress_count;
    struct receipt *receipts[TICK_BATCH];
    size_t receipt_count;
    struct share *shares[TICK_BATCH];
    size_t share_count, reserved;    /* slots of the pool */
    size_t limited_count;            /* of shares: the first ones */
    struct share *looks[LOOK_BATCH]; /* capped ones that are asked for */
    size_t look_count;
    size_t claimed;                /* jobs that the claim brought */
    char fetches[FETCH_BATCH][37]; /* ids */
    size_t fetch_count;

    /* Of the tick before, until tick_take. */
    struct claim held;
    struct claim_entry held_entries[TICK_BATCH];
};

/* Adds a step; its parameters begin with the instance when `with_instance`. */
struct tick_step *tick_add(struct tick *tick, const char *name, bool writes, bool with_instance,
                           void (*apply)(struct tick *tick, const struct sql_result *result));
/* An array literal to fill, begun. */
struct buf *tick_array(struct tick *tick);
/* Ends the array and makes it the next parameter. */
void tick_add_array(struct tick_step *step, struct buf *array);
/* The live job of a row's column `id`, if it is among those sent (by_id). */
struct live *tick_live(struct tick *tick, const struct sql_result *result, size_t row,
                       int id_column);

void tick_hear(struct tick *tick); /* first: a wake-up may make tenants hungry */
/* It claims what somebody has just submitted: what can wait comes with the next, at once. */
bool tick_is_urgent(const struct tick *tick);
void tick_add_ends(struct tick *tick);
void tick_add_starts(struct tick *tick);
void tick_forget_starts(struct tick *tick);  /* they are no longer under way */
void tick_release_starts(struct tick *tick); /* the slots that are kept for careful ones */
void tick_add_progress(struct tick *tick);
void tick_add_receipts(struct tick *tick);
void tick_add_timers(struct tick *tick);
void tick_add_claim(struct tick *tick);
void tick_add_move(struct tick *tick);  /* beside a claim: before it */
void tick_add_rooms(struct tick *tick); /* likewise, for its limited ones */
void tick_add_lanes(struct tick *tick);
void tick_add_limit_look(struct tick *tick);
void tick_undo_claim(struct tick *tick); /* the tick failed */
void tick_guess(struct tick *tick);
void tick_add_scan(struct tick *tick);
void tick_add_others(struct tick *tick); /* instead of the scan */
void tick_add_timer_next(struct tick *tick);
void tick_add_classes(struct tick *tick);
void tick_add_parameters(struct tick *tick);
void tick_add_stops(struct tick *tick);
void tick_add_wake(struct tick *tick);
void tick_add_shares(struct tick *tick);

/* Keeps the answer to a claim for tick_take, which frees it. */
void tick_hold(struct tick *tick, const struct sql_result *rows);
struct live_columns live_columns(const struct sql_result *rows);
/* Makes a live job from such a row; estimate: not charged yet. `share`: that of its lane and tenant. */
struct live *live_from_row(struct datasource *ds, const struct sql_result *rows, size_t row,
                           const struct live_columns *of, struct share *share);
#endif
