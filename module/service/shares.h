/* Who may run next: start-time fair queueing over slot-seconds (Goyal, Vin, Cheng 1996), decided in
 * memory. Each tenant has a virtual time: the slot-microseconds it was given, divided by its weight;
 * its lanes share it, taking turns. The one with the smallest comes first; who was idle starts at
 * the virtual time of now, so absence earns no credit and a newcomer does not wait for the flood.
 * Charged with an estimate when chosen, corrected when the run has ended. One thread. */
#ifndef SERVICE_SHARES_H
#define SERVICE_SHARES_H
#include "module/base/table.h"
#include "module/service/accounts.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct share { /* of a tenant in one lane */
    char *lane;
    struct account *account; /* the tenant's: weight and virtual time */
    bool hungry;             /* may have queued jobs */
    int64_t recent;          /* clock_now() when it last had any */
    double key;              /* in the heap: the account's time when it was put there */
    size_t quota, got;       /* of the claim being made */
    double estimate;         /* slot-microseconds each of its quota was charged with */
    size_t lives;            /* jobs that point here: it is not forgotten */
};

struct shares {
    struct accounts accounts;
    struct table by_key; /* "lane|tenant" */
    struct share **heap; /* of the hungry ones while quotas are dealt */
    size_t heap_count, heap_capacity;
    size_t hungry_count;
};

void shares_done(struct shares *shares);
/* The share of that lane and tenant, made if need be. Stays valid until shares_forget or
 * shares_done. */
struct share *shares_find(struct shares *shares, const char *lane, const char *tenant);
void shares_set_weight(struct shares *shares, struct share *share, int weight);
void shares_set_hungry(struct shares *shares, struct share *share, bool hungry);
/* Everyone who had work since `since` may have some again: a wake-up does not say whose. At most
 * `most`. */
void shares_wake_recent(struct shares *shares, int64_t since, size_t most);
/* Forgets idle tenants that had nothing since `before`; their virtual time is behind by then or of
 * no matter. */
void shares_forget(struct shares *shares, int64_t before);

/* Deals `room` places among the hungry: sets quota of those in ret_shares[0..n) and charges them.
 * Returns n <= most. */
size_t shares_deal(struct shares *shares, size_t room, struct share **ret_shares, size_t most);
/* After the claim: share->got of the quota was there. Gives back the rest of the charge; fewer than
 * the quota = not hungry. */
void shares_settle(struct shares *shares, struct share *share);
/* The claim was not made: the whole charge goes back. */
void shares_undo(struct share *share);
/* A run has ended after `took` microseconds, charged with `estimate` when chosen. */
void shares_ended(struct share *share, double estimate, double took);
/* A job that was chosen did not run. */
void shares_refund(struct share *share, double estimate);
#endif
