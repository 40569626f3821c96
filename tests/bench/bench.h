/* What the measurements share: one schema per measurement, the service on it, plain SQL. A
 * measurement that cannot be made ends the program with status 1. */
#ifndef TESTS_BENCH_H
#define TESTS_BENCH_H
#include "module/jobs.h"

#include <libpq-fe.h>

struct bench {
    const char *url, *amqp_url; /* from the environment */
    const char *out;            /* directory of JSON, CSV and pictures */
    const char *picture;        /* where the picture goes instead, or NULL */
    char command[300];          /* by which this measurement can be repeated */
    bool json;                  /* on standard output too, instead of text */
    char schema[40];            /* of this measurement: made by bench_begin, dropped by bench_end */
    char service[40];           /* jobs.service */
    PGconn *db;
    struct job_info_service infos;
};

void bench_die(const char *what, const char *why) __attribute__((noreturn));

/* ---- Options ---- */
struct bench_option {
    const char *name; /* "--jobs" */
    size_t *value;    /* holds the default */
    size_t most;
    const char *help;
};
/* Reads the verb's options (last: name NULL) and those all verbs have. `seconds`: the program ends
 * with an error after so long, unless --limit says otherwise. */
void bench_options(struct bench *bench, char **argv, const struct bench_option *options,
                   size_t seconds);

/* ---- A schema ---- */
/* A fresh schema with tenants t0 … t<tenants - 1>. */
void bench_begin(struct bench *bench, size_t tenants);
void bench_end(struct bench *bench);
/* Statements without an answer; the first column of the first row as a number. */
void bench_sql(const struct bench *bench, const char *format, ...) JOBS_PRINTF(2, 3);
double bench_number(const struct bench *bench, const char *format, ...) JOBS_PRINTF(2, 3);
/* All rows; PQclear them. */
PGresult *bench_rows(const struct bench *bench, const char *format, ...) JOBS_PRINTF(2, 3);
/* A second connection like bench->db; PQfinish it. */
PGconn *bench_connect(const struct bench *bench);

/* ---- The service ---- */
/* Starts JobService on the schema; with_broker: broadcasts. classes: besides the built-in ones,
 * last NULL, or NULL. settings: more of them, last NULL, or NULL. */
struct job_service *bench_service(const struct bench *bench, bool with_broker,
                                  const struct job_class *const *classes,
                                  const char *const *settings);
void bench_stop(struct job_service *service);
/* Until so many jobs have SUCCEEDED. */
void bench_wait_succeeded(const struct bench *bench, size_t jobs);
/* Until an instance sleeps: it has started, and there is nothing to do. */
void bench_wait_idle(const struct bench *bench);
/* Submits n jobs of a class in batches, over tenants t0 … t<tenants - 1>. Returns jobs per
 * second. */
double bench_submit(const struct bench *bench, const char *class_name, size_t n, size_t tenants);

/* The p-th percentile (0..100) of values, which it sorts. */
double bench_percentile(double *values, size_t n, double p);
#define bench_median(values, n) bench_percentile(values, n, 50)

/* ---- Rows by SQL, for what takes too long through the front door ---- */
/* Queued no-op jobs, spread over t0 … t<tenants - 1>; vacuumed and analyzed. */
void fill_queued(const struct bench *bench, size_t jobs, size_t tenants);
/* Jobs that have SUCCEEDED, likewise. */
void fill_finished(const struct bench *bench, size_t jobs, size_t tenants);

/* ---- A snapshot that is held ---- */
/* A session in a transaction that keeps dead rows from being cleaned away; hold_end ends it. */
PGconn *hold_begin(const struct bench *bench);
void hold_end(PGconn *holder);

/* ---- What statements cost the server (pg_stat_statements) ---- */
struct statement {
    double calls, rows, ms; /* all calls together */
};
/* Counts from zero from here on. */
void statements_begin(const struct bench *bench);
void statements_end(const struct bench *bench);
/* Of the file sql/query/<name>.sql. */
struct statement statements_of(const struct bench *bench, const char *name);
/* What came since `before`, and us of server time per row of it. */
double statement_cost(const struct statement *before, const struct statement *now);

/* ---- Verbs: argv[0] is the verb ---- */
int bench_basic(struct bench *bench, char **argv);
int bench_held(struct bench *bench, char **argv);
int bench_broadcast(struct bench *bench, char **argv);
int bench_submits(struct bench *bench, char **argv);
int bench_api(struct bench *bench, char **argv);
int bench_scale(struct bench *bench, char **argv);
int bench_soak(struct bench *bench, char **argv);
int bench_tick(struct bench *bench, char **argv);
int bench_tenants(struct bench *bench, char **argv);
int bench_guard(struct bench *bench, char **argv);
int bench_latency(struct bench *bench, char **argv);
int bench_peers(struct bench *bench, char **argv);

/* ---- Measurements that several verbs use ---- */
/* Jobs per second of a service without a broker. The schema has `jobs` queued jobs and no others,
 * here and below; they have ended when it returns. */
double measure_drain(const struct bench *bench, size_t jobs);
double measure_events(struct bench *bench, size_t jobs); /* events/s at a subscriber */
/* Jobs per second of the tick's statements over one connection, and nothing else, with ten
 * tenants. */
double measure_ceiling(const struct bench *bench, size_t jobs);
struct bench_latency {
    double p50, p99, max; /* ms */
};
/* Sorts the values. */
struct bench_latency bench_latency_of(double *values, size_t n);
/* From the call of submit to the first line of the run, idle, one job at a time. */
struct bench_latency measure_latency(struct bench *bench, size_t samples);
#endif
