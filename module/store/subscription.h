/* Queues that subscribers have on the broker, as the datasource knows them. As in store.h, on the
 * caller's connection; the queue itself is for the caller to make. */
#ifndef STORE_SUBSCRIPTION_H
#define STORE_SUBSCRIPTION_H
#include "module/store/store.h"

struct store_subscription {
    const char *name; /* of the queue: "<tenant>.…" */
    const char *tenant;
    const char *const *keys; /* patterns of routing keys, each "<tenant>.…" */
    size_t key_count;
    const char *kind;     /* quorum, classic or stream */
    int64_t ttl;          /* ms; 0: none */
    int64_t most;         /* events kept; 0: no bound */
    int64_t created_date; /* when read */
};

/* Records it. *ret_before: the keys it had before, one block to free(); NULL: it is new.
 * JOBS_EINVAL: a name or key that is not the tenant's; JOBS_EREFUSED: it is there with another kind
 * or bounds. */
int store_subscribe(const struct job_info_service *s, const struct store_subscription *what,
                    char ***ret_before, size_t *ret_count, struct jobs_error *err);
/* Forgets it. JOBS_ENOENT: there is none of that name. */
int store_unsubscribe(const struct job_info_service *s, const char *tenant, const char *name,
                      struct jobs_error *err);
/* Those of a tenant (NULL: all). */
int store_subscriptions(const struct job_info_service *s, const char *tenant,
                        void (*row)(void *arg, const struct store_subscription *what), void *arg,
                        struct jobs_error *err);
#endif
