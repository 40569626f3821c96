/* Settings of tenants: made, changed, applied from a file, and what new ones get. Takes effect at
 * once in daemons that run. Connection, threads and errors as in tenant/tenant.h. */
#ifndef TENANT_SETTINGS_H
#define TENANT_SETTINGS_H
#include "tenant/tenant.h"

enum {
    TENANT_HAS_WEIGHT = 1,
    TENANT_HAS_MAX_RUNNING = 2,
    TENANT_HAS_MAX_QUEUED = 4,
    TENANT_HAS_STATE = 8
};
struct tenant_settings {
    unsigned given;                  /* TENANT_HAS_…; the others stay, or are the defaults */
    unsigned weight;                 /* 1 to 1000 */
    int64_t max_running, max_queued; /* -1: no limit */
    enum tenant_state state;
};

struct tenant_entry {
    const char *name;
    struct tenant_settings settings;
};
enum tenant_mode { TENANT_CREATE, TENANT_CHANGE, TENANT_BOTH };
enum tenant_outcome { TENANT_CREATED, TENANT_CHANGED, TENANT_LEFT };

/* Makes and changes tenants, all or none, in one statement; calls `row` (may be NULL) for each in
 * order. TENANT_CREATE: JOBS_EINVAL when one is there; TENANT_CHANGE: JOBS_ENOENT when one is not.
 * JOBS_EREFUSED: one is being moved. `dry`: nothing stays done. */
int tenant_apply(const struct job_info_service *s, const struct tenant_entry *entries, size_t count,
                 enum tenant_mode mode, bool dry,
                 void (*row)(void *arg, const char *name, enum tenant_outcome outcome), void *arg,
                 struct jobs_error *err);

/* What tenants get that are made from now on, by jobctl or by SQL: changes what is given (not the
 * state), then tells all. */
int tenant_defaults(const struct job_info_service *s, const struct tenant_settings *change,
                    struct tenant_settings *ret_now, struct jobs_error *err);

/* ---- Files for `jobctl tenant apply` ---- */
struct tenant_file_entry {
    char name[64], datasource[64]; /* datasource "": the usual one */
    size_t line;                   /* where it begins, from 1 */
    struct tenant_settings settings;
};
struct tenant_file {
    size_t count;
    struct tenant_file_entry *entries;
};
/* Reads a JSON array of objects with tenant, and if wanted weight, max_running, max_queued, state,
 * datasource. Calls `bad` for every entry that is wrong (tenant "": it has no name) and then returns
 * JOBS_EINVAL, with *ret empty. Free with tenant_file_done. */
int tenant_file_read(const char *text,
                     void (*bad)(void *arg, size_t line, const char *tenant, const char *why),
                     void *arg, struct tenant_file *ret, struct jobs_error *err);
void tenant_file_done(struct tenant_file *file);
#endif
