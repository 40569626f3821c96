/* JobInfoService: what its files share, and what jobctl reads besides <jobs.h>.
 *
 * Like the public half all of it works on the caller's connection and inside its transaction: one
 * thread at a time per connection, nothing is set or prepared. Rows come through callbacks, one
 * call a row; what a row points at is valid during the call only. Dates: microseconds since 1970, 0
 * = none. Errors as in <jobs.h>. */
#ifndef STORE_STORE_H
#define STORE_STORE_H
#include "module/jobs.h"

/* ---- What jobctl reads ---- */

/* job_info_list, with `brief` without parameters, result and error (NULL then), which may be large.
 */
int store_list(const struct job_info_service *s, const struct job_info_filter *filter, bool brief,
               struct job_info_list **ret, struct jobs_error *err);

struct store_attempt {
    unsigned attempt;
    int64_t start_date, stop_date;
    const char *outcome; /* FAILED, SNOOZED, … or, of the last one, the job's status */
    const char *instance, *error_kind, *error; /* NULL: none */
};
/* Every attempt of a job that began, first one first. A job that is unknown has none. */
int store_attempts(const struct job_info_service *s, const char *tenant, const char *id,
                   void (*row)(void *arg, const struct store_attempt *attempt), void *arg,
                   struct jobs_error *err);

/* What is kept of what a job's attempts printed and logged: of one attempt, or (0) of all that said
 * something. */
int store_logs(const struct job_info_service *s, const char *tenant, const char *id,
               unsigned attempt, void (*row)(void *arg, unsigned attempt, const char *tail),
               void *arg, struct jobs_error *err);

/* Why a job does not run: the JSON object that the SQL function job_why makes (docs/why.md). Caller
 * frees *ret. JOBS_ENOENT: the job is unknown. */
int store_why(const struct job_info_service *s, const char *tenant, const char *id, char **ret,
              struct jobs_error *err);

struct store_count {
    const char *tenant, *class_name;
    int64_t n[7]; /* by enum job_status */
};
/* Number of jobs of a tenant (NULL: of all), a row per tenant and class in their order; nothing is
 * counted. */
int store_counts(const struct job_info_service *s, const char *tenant,
                 void (*row)(void *arg, const struct store_count *count), void *arg,
                 struct jobs_error *err);
/* `limit` of them, in order, from a tenant and class on (NULL: from the first). */
int store_counts_page(const struct job_info_service *s, const char *tenant, const char *from_tenant,
                      const char *from_class, size_t limit,
                      void (*row)(void *arg, const struct store_count *count), void *arg,
                      struct jobs_error *err);
/* Of each tenant that has jobs, in no order; class_name "". */
int store_tenant_counts(const struct job_info_service *s,
                        void (*row)(void *arg, const struct store_count *count), void *arg,
                        struct jobs_error *err);
/* The weights of all tenants that have jobs to run, together. */
int store_tenant_weights(const struct job_info_service *s, int64_t *ret, struct jobs_error *err);

struct store_share { /* of a tenant that had work in the last minute */
    const char *tenant;
    int64_t weight, owed, got, lag; /* slot-microseconds; lag: owed - got, of its present backlog */
    int64_t running, instances, updated;
    bool backlogged; /* it has queued jobs that could be chosen */
};
/* Of a tenant (NULL: of all), who is behind most first; as of a second ago. */
int store_shares(const struct job_info_service *s, const char *tenant,
                 void (*row)(void *arg, const struct store_share *share), void *arg,
                 struct jobs_error *err);

struct store_class {
    const char *class_name, *lane;
    int64_t max_running, max_running_per_tenant; /* -1: no limit */
    bool paused;                                 /* for all */
    const char *paused_for;                      /* tenants, with commas between them; "": none */
    int64_t instances;                           /* how many live instances offer it */
};
int store_classes(const struct job_info_service *s,
                  void (*row)(void *arg, const struct store_class *class), void *arg,
                  struct jobs_error *err);

/* Limits of a class, over all instances; NULL: as it is, -1: none. In effect within a second. The
 * class need not be known yet. */
int store_class_set(const struct job_info_service *s, const char *class_name,
                    const int64_t *max_running, const int64_t *max_running_per_tenant,
                    struct jobs_error *err);
/* None of its jobs is chosen any more, of this tenant or (NULL) of all; they stay QUEUED in order. */
int store_class_pause(const struct job_info_service *s, const char *class_name, const char *tenant,
                      struct jobs_error *err);
/* JOBS_ENOENT: there is no such pause. */
int store_class_resume(const struct job_info_service *s, const char *class_name, const char *tenant,
                       struct jobs_error *err);

struct store_instance {
    const char *id, *name, *host, *version;
    int64_t pid, pool_size, classes, started_date, heartbeat,
        running;          /* running: jobs on its receipts */
    bool lost, connected; /* connected: its control session is there now */
};
int store_instances(const struct job_info_service *s,
                    void (*row)(void *arg, const struct store_instance *instance), void *arg,
                    struct jobs_error *err);

struct store_finding {
    const char *check;       /* name of the check that found it */
    const char *tenant, *id; /* NULL: not about one job */
    const char *text;
};
/* Holds the datasource to its invariants, in one snapshot. At most 1000 findings per check. Opens
 * and ends a transaction of its own: JOBS_EINVAL inside one. */
int store_fsck(const struct job_info_service *s,
               void (*row)(void *arg, const struct store_finding *finding), void *arg,
               struct jobs_error *err);

/* Brings the schema up to date on a connection of its own (no transaction pooler). */
int store_migrate(const char *url, const char *schema, int *ret_from, int *ret_to,
                  struct jobs_error *err);

/* Makes the roles of the schema (docs/isolation.md) and gives them their rights, on a connection of
 * its own; may be done again. JOBS_EDB (42501): the login may not. */
int store_roles(const char *url, const char *schema, struct jobs_error *err);
/* The SQL that does so; no connection is needed. */
struct buf;
int store_roles_print(const char *schema, struct buf *out, struct jobs_error *err);

/* What retention keeps: ms since their end, negative = for ever. `tenant` NULL: of all. */
#define STORE_KEEP_MOST (INT64_C(1000) * 365 * 24 * 3600 * 1000)
struct store_keep {
    int64_t succeeded, failed, aborted;
    const char *tenant;
};
/* Removes jobs that ended longer ago, with all that belongs to them; locked ones stay. Walks all
 * jobs, 500 in a transaction; JOBS_EINVAL inside one. *ret_removed counts on failure too. */
int store_purge(const struct job_info_service *s, const struct store_keep *keep,
                int64_t *ret_removed, struct jobs_error *err);

struct store_quarantine {
    const char *tenant, *class_name, *reason;
    int64_t until, crashes;
};
/* Classes that are parked for a tenant (NULL: for any) because their runs crashed. */
int store_quarantines(const struct job_info_service *s, const char *tenant,
                      void (*row)(void *arg, const struct store_quarantine *quarantine), void *arg,
                      struct jobs_error *err);
/* Ends one; jobs that were parked are queued again within a minute. JOBS_ENOENT: there is none. */
int store_quarantine_release(const struct job_info_service *s, const char *tenant,
                             const char *class_name, struct jobs_error *err);

/* A date as PostgreSQL reads it ("2030-01-01 12:00", "tomorrow") in the session's time zone.
 * JOBS_EINVAL: it cannot. */
int store_date(const struct job_info_service *s, const char *text, int64_t *ret,
               struct jobs_error *err);

/* ---- Inside ---- */
struct sql;
struct sql_parameters;
struct sql_result;

/* Checks the service and borrows its connection; sql_close ends it. JOBS_EINVAL: no connection, or
 * one that is busy with an asynchronous command or a pipeline; JOBS_ECONFIG: its client_encoding is
 * not UTF8; JOBS_EDB: it is gone. */
int store_begin(const struct job_info_service *s, struct sql **ret, struct jobs_error *err);
/* Checks the tenant and job that a call is about: not NULL, a uuid. */
int store_check_one(const char *tenant, const char *id, struct jobs_error *err);
/* Puts tenant and job (NULL: none) into an error that does not name them (those of our functions,
 * SQLSTATE JB…, do). Returns `code`. */
int store_blame(int code, const char *tenant, const char *id, struct jobs_error *err);
/* One batch of store_purge, for sessions of one's own. Begin with a walk of zeros; it has come to
 * the end when `after` is "" again. */
struct store_purge {
    char after[37];
    int64_t removed; /* so far */
};
int store_purge_batch(struct sql *sql, const struct store_keep *keep, int64_t batch,
                      struct store_purge *walk, struct jobs_error *err);
/* The rows of job_list.sql as one block; free with job_info_free. */
struct job_info_list *store_read(const struct sql_result *rows);
#endif
