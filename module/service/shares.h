/* Who may run next: start-time fair queueing over slot-seconds (Goyal, Vin, Cheng 1996), decided in
 * memory. Each tenant has a virtual time: the slot-microseconds it was given, divided by its weight;
 * its lanes share it, taking turns. The one with the smallest comes first; who was idle starts at
 * the virtual time of now, so absence earns no credit and a newcomer does not wait for the flood.
 * Charged with an estimate when chosen, corrected when the run has ended. One thread. */
#ifndef SERVICE_SHARES_H
#define SERVICE_SHARES_H
#include "module/base/buf.h"
#include "module/base/list.h"
#include "module/base/table.h"
#include "module/service/accounts.h"
#include "module/service/floors.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct receipt;

struct lane { /* '' or of a class */
    char *name;
    int64_t max_running, max_per_tenant; /* of all instances; -1: no limit */
    bool closed;                 /* its class is another instance's: nothing is dealt to it */
    size_t lives, leaving, room; /* as of an account */
};

struct share { /* of a tenant in one lane */
    struct lane *lane;
    struct account *account; /* the tenant's: weight, virtual time, limit */
    bool hungry;             /* may have queued jobs */
    bool capped;             /* as many of its jobs run as may, here or elsewhere */
    bool active;             /* hungry and not capped */
    struct list capped_link; /* in shares.capped */
    int64_t recent;          /* clock_now() when it last had any */
    struct floors floors;
    int64_t head;                /* the place of its first queued job, as far as is known */
    double key;                  /* in the heap: the account's time when it was put there */
    size_t quota, got;           /* of the claim being made */
    double estimate;             /* slot-microseconds each of its quota was charged with */
    size_t allowed;              /* of its quota, by the limits of all instances */
    struct receipt *receipt;     /* of the claim whose rows are being taken in; NULL: none yet */
    size_t moved;                /* jobs that turned out to belong into another lane */
    size_t lives, leaving, room; /* as of an account; `lives` point here: it is not forgotten */
};

struct shares {
    struct accounts accounts;
    struct table by_key;    /* "lane|tenant" */
    struct buf key;         /* the one being looked for; memory is kept */
    struct table lanes;     /* by name */
    struct table run_times; /* class name to double *: microseconds its runs take, moving average */
    struct list capped;     /* in order of when they were last looked at */
    size_t capped_count;
    struct share **heap; /* of the active ones while quotas are dealt */
    size_t heap_count, heap_capacity;
    size_t active_count;
    size_t wake_at; /* place in by_key where shares_wake_recent goes on */
};

void shares_init(struct shares *shares);
void shares_done(struct shares *shares);
/* The share of that lane and tenant, made if need be. Stays valid until shares_forget or
 * shares_done. */
struct share *shares_find(struct shares *shares, const char *lane, const char *tenant);
/* Sets the limits of a lane (-1: none), made if need be, and opens it. */
void shares_set_lane(struct shares *shares, const char *name, int64_t max_running,
                     int64_t max_per_tenant);
/* Nobody in that lane is hungry, until it is opened. */
void shares_close_lane(struct shares *shares, const char *name);
/* Sets the limit of the tenant, over all lanes. */
void shares_set_limit(struct shares *shares, struct share *share, int64_t max_running);
bool share_is_limited(const struct share *share);
void shares_set_weight(struct shares *shares, struct share *share, int weight);
void shares_set_hungry(struct shares *shares, struct share *share, bool hungry);
/* Everyone who had work since `since` may have some again: a wake-up does not say whose. So many as there are
 * `most` places to look at, one of each or, above floors, one more than it has; the next time it goes on with the
 * others. */
void shares_wake_recent(struct shares *shares, int64_t since, size_t most, bool above_floors);
/* All that are hungry or had work since `since`; the first `most` are put into ret. Returns how many. */
size_t shares_recent(const struct shares *shares, int64_t since, struct share **ret, size_t most);
/* A sweep sets out. */
void shares_sweep_begins(struct shares *shares);
/* Jobs may have gone back to their old places. */
void shares_clear_floors(struct shares *shares);
/* Forgets idle tenants that had nothing since `before`; their virtual time is behind by then or of
 * no matter. */
void shares_forget(struct shares *shares, int64_t before);

/* Deals `room` places among the active: sets quota of those in ret_shares[0..n) and charges them.
 * Limited ones only while there are `firm` places, and no more than the limits leave as far as this
 * instance's own jobs tell. Returns n <= most. */
size_t shares_deal(struct shares *shares, size_t room, size_t firm, struct share **ret_shares,
                   size_t most);
/* After the claim: share->got of the quota was there. Gives back the rest of the charge; fewer than
 * were allowed = not hungry; fewer allowed than the quota = capped. */
void shares_settle(struct shares *shares, struct share *share);
/* A limit is reached: not asked for before shares_uncap, or a job of this instance under the same
 * limit leaves. */
void shares_cap(struct shares *shares, struct share *share);
void shares_uncap(struct shares *shares, struct share *share);
/* A live job joins, and is gone. */
void shares_join(struct share *share);
void shares_leave(struct shares *shares, struct share *share);
/* Its end is written by the tick that is being put together: the claim beside it may have its place.
 * Until shares_stay for all of them. */
void shares_leaving(struct shares *shares, struct share *share);
void shares_stay(struct share *share);
/* The claim was not made: the whole charge goes back. */
void shares_undo(struct share *share);
/* A place that was dealt, and charged with so much, turns out to be for a job of this class: charges it with
 * what runs of the class took lately, if that is known. Returns what it is charged with. */
double shares_estimate(const struct shares *shares, struct share *share, double charged,
                       const char *class_name);
/* A run of the class took so many microseconds. */
void shares_learn(struct shares *shares, const char *class_name, double took);
/* A run has ended after `took` microseconds, charged with `estimate` when chosen. */
void shares_ended(struct share *share, double estimate, double took);
/* A job that was chosen did not run. */
void shares_refund(struct share *share, double estimate);
#endif
