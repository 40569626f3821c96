/* What the measurements share. A measurement that cannot be made ends the program with status 1. */
#ifndef TESTS_BENCH_H
#define TESTS_BENCH_H
#include "module/jobs.h"

#include <libpq-fe.h>

struct bench {
    const char *url, *amqp_url; /* from the environment */
    char schema[40];            /* of this measurement: made by bench_begin, dropped by bench_end */
    char service[40];           /* jobs.service */
    PGconn *db;
    struct job_info_service infos;
};

void bench_die(const char *what, const char *why) __attribute__((noreturn));
/* A fresh schema with ten tenants t0 … t9. */
void bench_begin(struct bench *bench);
void bench_end(struct bench *bench);
/* Starts JobService on the schema; with_broker: broadcasts. classes: besides the built-in ones,
 * last NULL, or NULL. */
struct job_service *bench_service(const struct bench *bench, bool with_broker,
                                  const struct job_class *const *classes);
void bench_stop(struct job_service *service);
/* First column of the first row. */
double bench_number(const struct bench *bench, const char *query);
/* Submits n jobs of a class in batches, over all tenants. Returns jobs per second. */
double bench_submit(const struct bench *bench, const char *class_name, size_t n);

/* The p-th percentile (0..100) of values, which it sorts. */
double bench_percentile(double *values, size_t n, double p);

/* The measurements. */
double bench_drain(struct bench *bench, size_t jobs,
                   double *ret_submitted);             /* jobs/s without a broker */
double bench_events(struct bench *bench, size_t jobs); /* events/s at a subscriber */
struct bench_latency {
    double p50, p99, max; /* ms from the call of submit to the first line of the run */
};
struct bench_latency bench_latency(struct bench *bench, size_t samples);
#endif
