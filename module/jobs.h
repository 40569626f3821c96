/* Sketch of <jobs.h>: the shape the public header should have. It compiles (gcc, clang -std=c17 -Wall -Wextra -Wpedantic
 * -Wshadow -Wconversion; g++). Docstrings are still to be written; improve on it where the code teaches better. */
/* Text: UTF-8, copied by the call. Dates: microseconds since 1970 UTC, 0 = none. Durations: milliseconds.
 * Functions return 0 or a negative JOBS_E...; outputs (ret_) are written on 0 only; err may be NULL. */
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
enum { JOBS_EINVAL = -1, JOBS_ENOENT = -2 /* tenant, job */, JOBS_EREFUSED = -3 /* maintenance, max_queued */,
       JOBS_ESTATUS = -4 /* not from this status */, JOBS_EDB = -5, JOBS_EUNSURE = -6 /* commit unknown: read back */,
       JOBS_ETIMEOUT = -7, JOBS_ESCHEMA = -8 /* missing, older, newer */, JOBS_ECONFIG = -9, JOBS_ENOMEM = -10 };
struct jobs_error { int code; char sqlstate[6]; char text[1000]; };
enum job_status { JOB_PENDING, JOB_QUEUED, JOB_TO_BE_RUN, JOB_RUNNING, JOB_SUCCEEDED, JOB_FAILED, JOB_ABORTED };

/* ---- Job class: the IJob of this system ---- */
struct job; /* one run: valid until run() returns, safe from every thread of that run */
enum job_kind { JOB_THREAD, JOB_PROCESS };
enum job_type { JOB_STRING, JOB_INTEGER, JOB_NUMBER, JOB_BOOLEAN, JOB_JSON };
struct job_parameter { const char *name; enum job_type type; bool optional; const char *help; };
struct job_class {
    size_t size;                            /* by JOB_CLASS; the struct may grow at its end */
    const char *name;
    int (*run)(struct job *job);            /* the only call a class needs */
    const struct job_parameter *parameters; /* last: name NULL; checked before run, else FAILED/PARAMETER */
    int (*open)(void **ret_shared, struct jobs_error *err); /* once per process that runs the class */
    void (*close)(void *shared);
    bool need_workspace, at_most_once;
    enum job_kind kind;
    unsigned attempts;                      /* 0 = 1 */
    int64_t timeout, backoff, backoff_max;  /* 0 = none; doubles from backoff to backoff_max, with jitter */
};
#define JOB_CLASS(...) { .size = sizeof(struct job_class), __VA_ARGS__ }
#define JOB_CLASSES(...) /* a shared object exports its classes: JOB_CLASSES(&a, &b); */ \
    __attribute__((visibility("default"))) const struct job_class *const job_classes[] = { __VA_ARGS__, NULL }

const char *job_id(const struct job *job), *job_tenant(const struct job *job), *job_class_name(const struct job *job);
const char *job_traceparent(const struct job *job), *job_workspace(const struct job *job); /* "" when none */
unsigned job_attempt(const struct job *job);
void *job_shared(const struct job *job);    /* what open() made */
const char *job_string(struct job *job, const char *name, const char *otherwise); /* getValue, getOptionalValue */
int64_t job_integer(struct job *job, const char *name, int64_t otherwise);
double job_number(struct job *job, const char *name, double otherwise);
bool job_boolean(struct job *job, const char *name, bool otherwise);
const char *job_json(struct job *job, const char *name);             /* as text; name NULL: all of them */
void job_set_completion_count(struct job *job, int64_t count);       /* ticks that make 100 %; default 100 */
void job_advance_completion(struct job *job, int64_t ticks);         /* one atomic add; stored once a second */
bool job_is_stopped(const struct job *job);                          /* stop, timeout, lost lease, shutdown */
int job_stop_fd(const struct job *job);                              /* readable from then on */
bool job_sleep(struct job *job, int64_t duration);                   /* false: stopped meanwhile */
void job_log(struct job *job, int level, const char *format, ...) JOBS_PRINTF(3, 4);
/* run() ends with `return 0` (SUCCEEDED) or `return` one of these: */
int job_succeed(struct job *job, const char *json);                  /* with a result; no JSON: FAILED/RESULT */
int job_succeed_as(struct job *job, const char *result_class_name, const char *json);
int job_fail(struct job *job, const char *format, ...) JOBS_PRINTF(2, 3);          /* again while attempts last */
int job_fail_for_good(struct job *job, const char *format, ...) JOBS_PRINTF(2, 3);
int job_retry_in(struct job *job, int64_t delay, const char *format, ...) JOBS_PRINTF(3, 4);
int job_snooze(struct job *job, int64_t delay);                      /* PENDING until then, no attempt used */
int job_aborted(struct job *job);                                    /* "I saw the stop" */

/* ---- JobInfoService: on the caller's connection, inside the caller's transaction if one is open ---- */
struct job_info_service { struct pg_conn *db; const char *schema; /* NULL: jobs */ };
struct job_info { /* zeroed and filled by you to create (first block), by the library on reading (both) */
    size_t size;
    const char *id /* NULL: made */, *tenant, *class_name, *parameters /* JSON object */, *description, *owner;
    const char *related_type, *related_id, *traceparent;
    int32_t priority;                       /* higher first */
    unsigned attempts; int64_t timeout, backoff;                     /* 0 = the class's own */
    int64_t trigger_after_date, expiration_date;
    bool locked;
    enum job_status status;
    unsigned attempt, version, percent_completed;
    int64_t created_date, queued_date, start_date, stop_date, status_date, estimated_completion;
    const char *result, *result_class_name, *error_kind, *error, *instance;
};
struct job_info_filter { size_t size; const char *tenant, *class_name, *owner, *related_type, *related_id;
    unsigned statuses /* 1u << JOB_..., 0 = all */, limit; const char *after_id; };
struct job_info_list { size_t count; struct job_info *infos; };
struct job_uuid { char text[37]; };
#define JOBS_ONE const struct job_info_service *s, const char *tenant, const char *id
int job_info_create_as_queued(const struct job_info_service *s, const struct job_info *infos, size_t count,
                              struct job_uuid *ret_ids, struct jobs_error *err); /* all or none, one round trip */
int job_info_create_as_pending(const struct job_info_service *s, const struct job_info *infos, size_t count,
                               struct job_uuid *ret_ids, struct jobs_error *err);
int job_info_list(const struct job_info_service *s, const struct job_info_filter *filter, struct job_info_list **ret,
                  struct jobs_error *err);
int job_info_get(JOBS_ONE, struct job_info_list **ret, struct jobs_error *err);
void job_info_free(struct job_info_list *list);
int job_info_release(JOBS_ONE, struct jobs_error *err);
int job_info_stop(JOBS_ONE, enum job_status *ret_now, struct jobs_error *err); /* ABORTED, asked, or final already */
int job_info_retry(JOBS_ONE, struct jobs_error *err);
int job_info_lock(JOBS_ONE, bool lock, struct jobs_error *err);      /* keeps it from retention */
int job_info_wait(JOBS_ONE, int64_t timeout, enum job_status *ret_now, struct jobs_error *err);

/* ---- JobService ---- */
struct job_service;
struct job_service_options { size_t size;
    const char *file;                       /* jobsd.properties or NULL */
    const char *const *settings;            /* "key=value", last NULL; win over environment and file */
    const struct job_class *const *classes; /* last NULL; besides those of jobs.classes.dir */
    void (*log)(void *arg, int level, const char *tenant, const char *id, const char *text); void *arg; };
int job_service_start(const struct job_service_options *options, struct job_service **ret, struct jobs_error *err);
int job_service_reload(struct job_service *service, struct jobs_error *err); /* as SIGHUP; bad file: nothing changes */
int job_service_stop(struct job_service *service, int64_t grace, struct jobs_error *err); /* drains, then frees */
#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
