/* <jobs.h>: background jobs for many tenants on PostgreSQL and RabbitMQ.
 *
 * Three parts: a *job class* is code that runs a job; JobInfoService creates, reads and stops jobs
 * on your own database connection; JobService runs them inside your program (or let jobsd do that).
 *
 * Everywhere: text is UTF-8 and copied by the call. Dates are microseconds since 1970 UTC, 0 for
 * none. Durations are milliseconds. Functions return 0 or a negative JOBS_E…; outputs (ret_) are
 * written on 0 only; the last parameter `err` may be NULL. */
#ifndef JOBS_H
#define JOBS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)
#define JOBS_PRINTF(f, a) __attribute__((format(printf, f, a)))
struct pg_conn; /* libpq's PGconn */

enum {
    JOBS_EINVAL = -1,   /* an argument is wrong; nothing was done */
    JOBS_ENOENT = -2,   /* no such tenant or job */
    JOBS_EREFUSED = -3, /* the tenant is in maintenance or has max_queued jobs waiting */
    JOBS_ESTATUS = -4,  /* not from the status that the job has */
    JOBS_EDB = -5,      /* the database refused or is away; sqlstate says more */
    JOBS_EUNSURE = -6,  /* the connection went during the commit: read back whether it happened */
    JOBS_ETIMEOUT = -7,
    JOBS_ESCHEMA = -8, /* the database's schema is missing, older or newer than this library */
    JOBS_ECONFIG = -9, /* a setting is wrong */
    JOBS_ENOMEM = -10
};

struct jobs_error {
    int code;         /* as returned */
    char sqlstate[6]; /* five characters where PostgreSQL gave them, else "" */
    char text[1000];  /* one sentence, UTF-8, without a newline at the end */
};

/* The life of a job; the last three are final. */
enum job_status {
    JOB_PENDING,   /* stored; waits for a release or for its trigger date */
    JOB_QUEUED,    /* chosen as soon as there is room: highest priority first, then the oldest */
    JOB_TO_BE_RUN, /* chosen by a service */
    JOB_RUNNING,
    JOB_SUCCEEDED,
    JOB_FAILED,
    JOB_ABORTED /* stopped */
};

/* ---- Job class: the IJob of this system ----
 *
 *     static int run(struct job *job) {
 *         int64_t pages = job_integer(job, "pages", 1);
 *         job_set_completion_count(job, pages);
 *         for (int64_t i = 0; i < pages; i++) {
 *             if (job_is_stopped(job))
 *                 return job_aborted(job);
 *             if (!print_page(i))
 *                 return job_fail(job, "page %lld cannot be printed", (long long)i);
 *             job_advance_completion(job, 1);
 *         }
 *         return job_succeed(job, "{\"printed\": true}");
 *     }
 *     static const struct job_class print = JOB_CLASS(.name = "print", .run = run);
 *     JOB_CLASSES(&print);   // in a shared object; or give &print to job_service_start
 *
 * Everything a job class points to is static: it is read until the JobService has stopped. */

/* One run of a job. Valid until run() returns; every thread of that run may use it. */
struct job;

enum job_kind {
    JOB_THREAD, /* trusted and quick code: on a thread of the pool, in this process */
    /* In a child process, which takes one job after another and is replaced when it ends (the job is
     * then FAILED, kind CRASH): for code that may crash, leak or hang. Only classes of a shared
     * object; the child loads it again, so open() is called there, once per child. */
    JOB_PROCESS
};

enum job_type {
    JOB_STRING,
    JOB_INTEGER, /* a JSON number without fraction that fits 64 bits */
    JOB_NUMBER,
    JOB_BOOLEAN,
    JOB_JSON /* any value */
};

/* A declared parameter. */
struct job_parameter {
    const char *name;
    enum job_type type;
    bool optional;    /* may be absent or JSON null */
    const char *help; /* one line for those who submit; NULL: none */
};

/* Zero is a good value for every field but the first three. */
struct job_class {
    size_t size;      /* set by JOB_CLASS; the struct may grow at its end */
    const char *name; /* [A-Za-z0-9][A-Za-z0-9_.-]{0,127} */
    /* The work. Called once per attempt, for several jobs at once on several threads, all signals
     * blocked. It ends with `return 0` (SUCCEEDED) or `return` of a function below, job_succeed to
     * job_aborted: the value returned decides. A class must not call exit(), install signal
     * handlers or fork. */
    int (*run)(struct job *job);
    /* Last: name NULL. Checked before run: a parameter that is missing, of another type or not in
     * this list makes the job FAILED, kind PARAMETER. NULL: nothing is checked. */
    const struct job_parameter *parameters;
    /* For what is needed once and not per job (a connection pool, a model). Called once per process
     * before the first run; job_shared() gives what it made. On failure (negative, err filled) the
     * class is not offered. close is called after the last run, if open succeeded. Both may be
     * NULL. */
    int (*open)(void **ret_shared, struct jobs_error *err);
    void (*close)(void *shared);
    bool need_workspace; /* make a private directory for each run: job_workspace() */
    bool at_most_once;   /* one attempt, never begun a second time: better not run than run twice */
    enum job_kind kind;
    unsigned attempts; /* runs before a failure is final; 0 = 1 */
    int64_t timeout;   /* ms a run may take, then it is stopped: FAILED, kind TIMEOUT; 0 = none */
    /* ms before the next attempt: doubles from backoff to backoff_max, with jitter; 0 = the
     * service's own */
    int64_t backoff, backoff_max;
};
/* clang-format off */
#define JOB_CLASS(...) { .size = sizeof(struct job_class), __VA_ARGS__ }
/* clang-format on */
/* A shared object exports its classes by one line at file scope: JOB_CLASSES(&a, &b); */
#ifdef __cplusplus
#define JOBS_EXPORT extern "C" __attribute__((visibility("default")))
#else
#define JOBS_EXPORT __attribute__((visibility("default")))
#endif
#define JOB_CLASSES(...) \
    JOBS_EXPORT const struct job_class *const job_classes[] = {__VA_ARGS__, NULL}

/* What is being run. Texts are valid until run() returns, never NULL, "" when there is none. */
const char *job_id(const struct job *job); /* uuid */
const char *job_tenant(const struct job *job);
const char *job_class_name(const struct job *job);
/* W3C trace context of who submitted it. */
const char *job_traceparent(const struct job *job);
/* Absolute path of the private directory, removed after the run; "" unless need_workspace. */
const char *job_workspace(const struct job *job);
/* From 1; only grows, also over retries. */
unsigned job_attempt(const struct job *job);
/* What open() made; NULL without. */
void *job_shared(const struct job *job);

/* Parameters. `otherwise` when absent, null or of another type. Texts are valid until run()
 * returns. */
const char *job_string(struct job *job, const char *name, const char *otherwise);
int64_t job_integer(struct job *job, const char *name, int64_t otherwise);
double job_number(struct job *job, const char *name, double otherwise);
bool job_boolean(struct job *job, const char *name, bool otherwise);
/* The value as JSON text, digits and all as it was given; NULL when absent. name NULL: the whole
 * object. */
const char *job_json(struct job *job, const char *name);

/* Progress, in ticks of your own. It is stored and broadcast once a second at most, never goes
 * back, and costs one atomic operation: call it as often as you like. Values below 1 are
 * ignored. */
void job_set_completion_count(struct job *job, int64_t count); /* 100 %; 100 unless set */
void job_advance_completion(struct job *job, int64_t ticks);   /* over the count: 100 % */

/* Stop: somebody called job_info_stop, the timeout has come, the service shuts down or has lost the
 * job. Look at it between steps and return job_aborted(job) soon; what a run returns later still
 * counts only if the job is still ours. */
bool job_is_stopped(const struct job *job);
/* A descriptor that becomes readable at the stop and stays so: for poll(2) together with your own.
 * Made on first use, close-on-exec, the library's: neither read nor close it. -1 with errno when
 * the process has no descriptor left. */
int job_stop_fd(const struct job *job);
/* Sleeps for `duration` ms (0 or less: not at all). false: stopped, before or meanwhile, and then
 * at once. */
bool job_sleep(struct job *job, int64_t duration);

/* One line in the service's log, with tenant and job id before it. level: 0 error, 1 warning, 2
 * info, 3 debug. Longer than 2 KiB is cut. */
void job_log(struct job *job, int level, const char *format, ...) JOBS_PRINTF(3, 4);

/* How run() ends: `return` the value of one of these; that value decides, not the call. Called more
 * than once, the last texts count. A number of your own is FAILED with an error that says so. Error
 * texts: bytes that are not UTF-8 are replaced, more than 64 KiB is cut and marked. */

/* SUCCEEDED with a result: JSON text of at most 1 MiB (NULL: none). What is no JSON for PostgreSQL
 * (bad syntax, invalid UTF-8, \u0000) or longer makes the job FAILED, kind RESULT. */
int job_succeed(struct job *job, const char *json);
/* The same, and says what the result is: a name of your own for those who read it, at most 255
 * bytes. */
int job_succeed_as(struct job *job, const char *result_class_name, const char *json);
/* Failed; tried again after the back-off while attempts last, then FAILED, kind ERROR. */
int job_fail(struct job *job, const char *format, ...) JOBS_PRINTF(2, 3);
/* FAILED at once: another attempt would not help. */
int job_fail_for_good(struct job *job, const char *format, ...) JOBS_PRINTF(2, 3);
/* As job_fail, but tried again after `delay` ms instead of the back-off. */
int job_retry_in(struct job *job, int64_t delay, const char *format, ...) JOBS_PRINTF(3, 4);
/* Not yet: PENDING for `delay` ms. Uses no attempt. */
int job_snooze(struct job *job, int64_t delay);
/* "I saw the stop": ABORTED when somebody asked for it; after a timeout or shutdown what these
 * demand. */
int job_aborted(struct job *job);

/* ---- JobInfoService: on the caller's connection and in its transaction, if one is open ----
 *
 * Create, read and change jobs with libpq alone; no daemon needs to run. A function sends its
 * statements with PQexecParams on `db` and leaves the session as it was: nothing is set, prepared,
 * listened to or begun, so a connection through a transaction pooler will do. Outside a transaction
 * each change is one of its own, durable when the call returns. Inside one it counts with the
 * caller's COMMIT (no job, no event without it), and after an error PostgreSQL wants a ROLLBACK (to
 * a savepoint), as after any failed statement.
 *
 * Threads: as for the PGconn, one at a time. Calls block, for as long as the connection's own
 * settings let them.
 * Errors: the text names tenant and job; err->sqlstate is the server's, "" when it was not asked.
 *   JOBS_EINVAL    an argument, also one the server refused: malformed JSON, a value over its
 *                  limit, no UTF-8; the connection is busy or in pipeline mode
 *   JOBS_ENOENT    no such tenant; the tenant has no such job (another tenant's job is no such job)
 *   JOBS_EREFUSED  the tenant is in maintenance, or at its max_queued
 *   JOBS_ESTATUS   not from this status
 *   JOBS_ESCHEMA   no tables of jobs in this schema
 *   JOBS_ETIMEOUT  of job_info_wait, or by the connection's own statement_timeout or lock_timeout
 *   JOBS_ECONFIG   client_encoding is not UTF8
 *   JOBS_EUNSURE   the connection was lost under way: it may have been done; read back on a new one
 *   JOBS_EDB       everything else the server says (serialization failure 40001, deadlock 40P01:
 *                  try again) */
struct job_info_service {
    struct pg_conn *db; /* stays the caller's */
    const char *schema; /* NULL: jobs */
};

/* One job. To create one, fill what you need of the first block; the rest is ignored. On reading
 * the library fills both; texts that are not there are NULL. Limits in bytes: class_name 128 of
 * [A-Za-z0-9_.-], letter or digit first; parameters 1 MiB; description 4,096; owner, related_type,
 * related_id 255 without control characters. A traceparent that is not a valid one is ignored. */
struct job_info {
    size_t size;    /* by JOB_INFO */
    const char *id; /* NULL: made, a uuid of version 7. The same twice: the first job counts */
    const char *tenant, *class_name;
    const char *parameters; /* a JSON object, judged by PostgreSQL; NULL: {} */
    const char *description, *owner;
    const char *related_type, *related_id; /* what it is about: list by it */
    const char *traceparent;               /* W3C trace context, for its run and its events */
    int32_t priority;                      /* higher first; equal ones first in, first out */
    unsigned attempts;          /* 1 to 1000 runs until it counts as FAILED; 0 = the class's own */
    int64_t timeout, backoff;   /* of one run; before the next; ms, 0 = the class's own */
    int64_t trigger_after_date; /* PENDING until then; in the past: queued at once */
    int64_t expiration_date;    /* FAILED, kind EXPIRED, when not chosen by then; may be past */
    bool locked;                /* kept for ever */

    enum job_status status;
    unsigned attempt;           /* number of the last run, 0 = none yet; only grows */
    unsigned version;           /* number of its last event */
    unsigned percent_completed; /* 0 to 100 */
    int64_t created_date, queued_date, start_date, stop_date, status_date, estimated_completion;
    const char *result; /* JSON */
    const char *result_class_name;
    /* ERROR, TIMEOUT, CRASH, EXPIRED, CLASS, PARAMETER, WORKSPACE, RESULT; then its text. */
    const char *error_kind, *error;
    const char *instance; /* uuid of the jobsd that has it or had it last */
};
#define JOB_INFO(...) \
    { .size = sizeof(struct job_info), __VA_ARGS__ }

/* Which jobs to list: one tenant's; every other field narrows further, 0 or NULL = any. */
struct job_info_filter {
    size_t size; /* by JOB_INFO_FILTER */
    const char *tenant, *class_name, *owner, *related_type, *related_id;
    unsigned statuses;    /* 1u << JOB_QUEUED | …; 0 = all */
    unsigned limit;       /* of a page: at most 1000; 0 = 100 */
    const char *after_id; /* the last id of the page before; NULL: the first page */
};
#define JOB_INFO_FILTER(...) \
    { .size = sizeof(struct job_info_filter), __VA_ARGS__ }

/* One block of memory with all its texts; free with job_info_free, from any thread. */
struct job_info_list {
    size_t count;
    struct job_info *infos;
};

struct job_uuid {
    char text[37];
};

/* Creates `count` jobs, of one or several tenants: all or none, one round trip. As queued: QUEUED,
 * or PENDING while its trigger_after_date is to come. As pending: stored, nobody acts on them
 * before job_info_release. ret_ids (may be NULL) has room for `count` ids, in the order of `infos`.
 * The first fault found is told with its place in `infos`. An id that is another tenant's:
 * JOBS_ENOENT. */
int job_info_create_as_queued(const struct job_info_service *s, const struct job_info *infos,
                              size_t count, struct job_uuid *ret_ids, struct jobs_error *err);
int job_info_create_as_pending(const struct job_info_service *s, const struct job_info *infos,
                               size_t count, struct job_uuid *ret_ids, struct jobs_error *err);

/* A page of jobs, newest first: by id, descending. Ids made by Jobs are in order of creation to the
 * millisecond. A page with fewer than `limit` jobs is the last one. Jobs that arrive while you page
 * are not seen; none comes twice. */
int job_info_list(const struct job_info_service *s, const struct job_info_filter *filter,
                  struct job_info_list **ret, struct jobs_error *err);
/* A list of exactly this job. */
#define JOBS_ONE const struct job_info_service *s, const char *tenant, const char *id
int job_info_get(JOBS_ONE, struct job_info_list **ret, struct jobs_error *err);
void job_info_free(struct job_info_list *list); /* NULL is fine */

/* Lets a PENDING job go: QUEUED, or PENDING until its trigger_after_date if it was created as
 * pending with one that is to come. One that waits for its date already is queued at once.
 * JOBS_ESTATUS: not PENDING. */
int job_info_release(JOBS_ONE, struct jobs_error *err);
/* Asks a job to stop. *ret_now (may be NULL) is the status after the call: ABORTED (it was PENDING
 * or QUEUED, or had been aborted before); TO_BE_RUN or RUNNING: its run has been asked and will end
 * ABORTED, unless it succeeds first; SUCCEEDED or FAILED: it had ended already. To ask twice does
 * no harm. */
int job_info_stop(JOBS_ONE, enum job_status *ret_now, struct jobs_error *err);
/* Queues a FAILED or ABORTED job again with all its attempts; attempt and version go on, an
 * expiration_date that has passed is dropped. JOBS_ESTATUS: any other status. */
int job_info_retry(JOBS_ONE, struct jobs_error *err);
/* Keeps a job from retention, or lets it go again. Any status. */
int job_info_lock(JOBS_ONE, bool lock, struct jobs_error *err);
/* Waits until the job is SUCCEEDED, FAILED or ABORTED: *ret_now (may be NULL). `timeout`: ms, 0 =
 * look once, negative = without limit; JOBS_ETIMEOUT when it had not ended by then. Looks every 5
 * ms at first, every 250 ms later. In a transaction of isolation REPEATABLE READ it would never see
 * the end, nor that of a job created in the same one. */
int job_info_wait(JOBS_ONE, int64_t timeout, enum job_status *ret_now, struct jobs_error *err);

/* ---- JobService ----
 * Chooses jobs and runs them, in threads of its own that block all signals. Installs no signal
 * handler, keeps no global state: several services may live in one process. Each function may be
 * called from any thread, but for one service one at a time. */
struct job_service;

struct job_service_options {
    size_t size;                            /* sizeof(struct job_service_options) */
    const char *file;                       /* jobsd.properties, or NULL */
    const char *const *settings;            /* "key=value", last NULL; win over environment and
                                               file. NULL: none */
    const struct job_class *const *classes; /* last NULL; besides the built-in ones and those of
                                               jobs.classes.dir. NULL: none. They must outlive the
                                               service */
    /* Where log lines go; NULL: stderr. Called from every thread of the service, also at once.
     * level: 0 error, 1 warning, 2 info, 3 debug; tenant and id are NULL when it is about none. */
    void (*log)(void *arg, int level, const char *tenant, const char *id, const char *text);
    void *arg; /* for log */
};

/* Reads the configuration (docs/configuration.md), loads the classes, brings the schema up to date
 * unless jobs.migrate=never, and starts. A database or broker that does not answer is no error: it
 * is tried until it does. The options are copied (not what `classes` points at).
 * JOBS_ECONFIG: a key, a value, a class, or a transaction pooler before the database; JOBS_ESCHEMA:
 * the schema is missing, older or newer than this release can use; JOBS_EINVAL: options. */
int job_service_start(const struct job_service_options *options, struct job_service **ret,
                      struct jobs_error *err);

/* Reads the configuration again, as SIGHUP does in jobsd: pool size, completion rate, log level,
 * and of classes attempts, back-off, timeout and workspace change at once, other keys at the next
 * start. Datasources that are new are served, those that are gone are drained as by
 * job_service_stop. JOBS_ECONFIG: something is wrong with it, nothing changes. */
int job_service_reload(struct job_service *service, struct jobs_error *err);

/* Where its HTTP interface listens: "http://127.0.0.1:8080"; "" when it does not. */
int job_service_url(struct job_service *service, char *ret_url, size_t size,
                    struct jobs_error *err);

/* Drains: claims no more, hands back what has not begun to its old place in the queue, lets runs go
 * on for `grace` ms (negative: jobs.shutdown.grace.ms), then stops them and queues them again
 * (at_most_once classes: FAILED, kind CRASH), and frees the service. NULL is fine.
 * JOBS_ETIMEOUT: a run does not obey its stop flag, and the service is not freed: end the process;
 * or, freed, the database was away, so that ends of runs could not be written. */
int job_service_stop(struct job_service *service, int64_t grace, struct jobs_error *err);
#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
