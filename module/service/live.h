/* A live job: one that this instance has claimed and not yet seen to its end in the database. */
#ifndef SERVICE_LIVE_H
#define SERVICE_LIVE_H
#include "module/base/config.h"
#include "module/job/classes.h"
#include "module/service/receipts.h"
#include "module/service/shares.h"
#include "module/worker/pool.h"
#include "module/worker/run.h"

struct datasource;

/* Where a live job is. A move between them is live_move, which leaves the old list and joins the
 * new one.
 *
 *   claim ──► CLASSLESS (nobody here has the class) ──────────────────────────────► ENDING
 *     ├─────► FETCHING (parameters too large for the claim) ──┐
 *     ├─────► CAREFUL (RUNNING is committed before it starts) ┤
 *     └───────────────────────────────────────────────────────┴─► POOLED ─► STARTED ─► RUNNING
 *
 * From everywhere to ENDING: withdrawn before it began, or its run ended.
 * STARTED: it runs, RUNNING is not committed yet. ENDING: its end waits to be committed. */
enum live_state {
    LIVE_CLASSLESS,
    LIVE_FETCHING,
    LIVE_CAREFUL,
    LIVE_POOLED,
    LIVE_STARTED,
    LIVE_RUNNING,
    LIVE_ENDING,
    LIVE_STATES
};

/* What the database is to be told about its end. */
struct live_end {
    enum job_status target;
    bool spare;                             /* the attempt does not count */
    const char *outcome;                    /* word for t_job_attempt */
    int64_t delay;                          /* ms until due, of PENDING */
    const char *error_kind;                 /* static, or NULL */
    const char *error;                      /* belongs to the run or to `own_error` */
    const char *result, *result_class_name; /* belong to the run */
    const char *log;                        /* likewise; NULL: it said nothing */
};

struct live {
    struct pool_task task; /* first: the pool's while POOLED, STARTED and RUNNING */
    struct datasource *ds;

    /* Dispatcher thread. */
    struct list link; /* in datasource.lives[state] */
    enum live_state state;
    char id[37];
    char *class_name, *tenant;
    const struct class_entry *entry; /* NULL: no such class here */
    struct receipt *receipt;
    struct share *share;
    double estimate; /* slot-microseconds charged when chosen */
    int64_t used_at; /* its slot time is in the books as of then; 0: it does not run */
    int priority;    /* its place in the queue, */
    int64_t seq;     /* also after it was handed back */
    int version;     /* as known to be committed */
    bool recorded;   /* RUNNING is in the row */
    bool starting;   /* its RUNNING is under way to the database */
    bool careful;    /* RUNNING is committed before it starts */
    bool reserved;   /* of a CAREFUL one: a slot is reserved for it */
    bool fenced;     /* not ours any more: whatever it returns is dropped */
    int attempt, attempt_base, max_attempts;
    int64_t backoff, timeout; /* ms, of the job; 0 = the class's own */
    int64_t claimed_at;
    int64_t retry_at; /* somebody holds its row: not asked for all the time */
    char *traceparent;
    unsigned percent_written;
    int64_t percent_at; /* when it was last written */
    struct live_end end;
    char *own_error;
    int64_t aside; /* microseconds it was last set aside for: the database does not take its end */
    bool refused;  /* the database refused its data: the end goes without */

    /* Guarded by datasource.inbox_lock. */
    struct list inbox; /* in datasource.started or .ended */
    bool began, ended;
    int64_t began_at, ended_at; /* clock_now() */
};

/* Frees the run and everything of its own. Not while the pool has it. */
void live_free(struct live *live);
/* Decides from the run's outcome what the database is told. */
void live_decide(struct live *live, const struct config *config);
/* Sets an end without a run's outcome: handed back, class missing. error is copied (may be NULL).
 */
void live_set_end(struct live *live, enum job_status target, bool spare, const char *outcome,
                  int64_t delay, const char *error_kind, const char *error);
/* Sets the end of one that must wait though it was chosen: PENDING for `delay` ms, without using an
 * attempt; the reason stays visible until it runs. Its tenant's share is charged all the same: who
 * has a thousand such jobs does not keep the others waiting. */
void live_park(struct live *live, int64_t delay, const char *error_kind, const char *error);
/* Milliseconds before attempt number `used` + 1 (`used` >= 1): doubles from `from` to `most`, +-20
 * % jitter. `random` in [0, 1). */
int64_t live_backoff(int64_t from, int64_t most, int used, double random);
#endif
