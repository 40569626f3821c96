/* Tenants of one datasource: their registry. On the caller's connection and inside its transaction,
 * as JobInfoService (module/jobs.h) is; one thread at a time per connection. Errors name the
 * tenant: JOBS_EINVAL    no tenant name ([a-z0-9][a-z0-9_-]{0,62}); weight not 1 to 1000; there is
 * one already JOBS_ENOENT    no such tenant JOBS_EREFUSED  it is being moved
 * and those of every statement: JOBS_ESCHEMA, JOBS_ETIMEOUT, JOBS_EUNSURE, JOBS_EDB
 */
#ifndef TENANT_TENANT_H
#define TENANT_TENANT_H
#include "module/jobs.h"

enum tenant_state {
    TENANT_ACTIVE,
    TENANT_PAUSED,     /* takes jobs, but none is chosen; what runs goes on */
    TENANT_MAINTENANCE /* takes no jobs, and none is chosen; what runs goes on */
};

struct tenant {
    char name[64];
    enum tenant_state state;
    unsigned weight;                 /* share of the slots relative to others' */
    int64_t max_running, max_queued; /* -1: no limit */
    char role[64];                   /* of PostgreSQL; "": none */
    int64_t created_date;            /* microseconds since 1970 */
};

bool tenant_name_is_valid(const char *name);
const char *tenant_state_name(enum tenant_state state); /* "ACTIVE", … */

/* weight 0: the default. See tenant/settings.h for the other settings. */
int tenant_create(const struct job_info_service *s, const char *name, unsigned weight,
                  struct jobs_error *err);
int tenant_get(const struct job_info_service *s, const char *name, struct tenant *ret,
               struct jobs_error *err);
/* Calls `row` for each, in the order of their names; `tenant` is valid during the call. */
int tenant_list(const struct job_info_service *s,
                void (*row)(void *arg, const struct tenant *tenant), void *arg,
                struct jobs_error *err);
/* Takes effect at once; sleeping daemons are woken when a pause ends. */
int tenant_set_state(const struct job_info_service *s, const char *name, enum tenant_state state,
                     struct jobs_error *err);
int tenant_set_weight(const struct job_info_service *s, const char *name, unsigned weight,
                      struct jobs_error *err);
#endif
