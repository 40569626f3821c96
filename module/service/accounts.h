/* What each tenant was given and what it was owed, over all its lanes: the virtual times by which
 * shares.h deals, and books in slot-microseconds for people to read.
 *
 * Books: whoever has a backlog is owed its part, by weight, of all slot time that is given to those
 * who have one. lag = owed - got since the backlog began; an earlier backlog's is forgotten, who has
 * nothing queued is owed nothing. One thread. */
#ifndef SERVICE_ACCOUNTS_H
#define SERVICE_ACCOUNTS_H
#include "module/base/table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct account { /* of a tenant */
    char *tenant;
    int weight;
    double time;           /* virtual time: slot-microseconds it was charged, each / its weight */
    double run_time;       /* microseconds a run of it takes, moving average */
    int64_t recent;        /* clock_now() when it last had queued jobs */
    size_t shares;         /* lanes that point here: it is not forgotten */
    size_t backlog;        /* of these, lanes with jobs that could be chosen now */
    int64_t max_running;   /* of all instances; -1: no limit */
    size_t lives, leaving; /* jobs this instance has; of these, whose end this tick writes */
    size_t room;    /* while quotas are dealt: how many more, as far as this instance knows */
    size_t running; /* its runs */
    double got;     /* slot-microseconds its runs took, those under way as of the last look */
    double lag;     /* as of `fluid` */
    double fluid;   /* accounts.fluid when `lag` was last brought up to date */
};

struct accounts {
    struct table by_tenant;
    double now; /* virtual time of the service: start tag of the last one chosen */
    double
        fluid; /* slot time given to those with a backlog, per unit of their weights, summed up */
    double weight; /* of all those with a backlog */
    bool changed;  /* since accounts_published */
};

void accounts_done(struct accounts *accounts);
/* Made if need be. Stays valid until accounts_leave by the last share or accounts_done. */
struct account *accounts_find(struct accounts *accounts, const char *tenant);
void accounts_join(struct account *account);
void accounts_leave(struct accounts *accounts, struct account *account);
void account_set_weight(struct accounts *accounts, struct account *account, int weight);
/* One of its lanes has work that could be chosen, or has none any more. */
void account_set_backlog(struct accounts *accounts, struct account *account, bool more);
/* A run of it held a slot for so many microseconds. */
void account_use(struct accounts *accounts, struct account *account, double took);
/* Slot-microseconds; 0 without a backlog. */
double account_lag(const struct accounts *accounts, const struct account *account);
#endif
