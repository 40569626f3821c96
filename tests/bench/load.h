/* Jobs that tell how long they waited: their id carries the time of their submit. */
#ifndef TESTS_BENCH_LOAD_H
#define TESTS_BENCH_LOAD_H
#include "tests/bench/bench.h"

#include <stdatomic.h>

/* Delays of the runs of class "bench-stamp" of this process, from submit to first line, in ms. */
struct load_delays {
    double *values;
    size_t most;
    atomic_size_t count; /* also those beyond `most`, which are not kept */
};
/* The class records into what load_record_into names (NULL: nowhere). */
extern const struct job_class load_class;
void load_record_into(struct load_delays *delays);
struct load_delays *load_delays_new(size_t most);
void load_delays_free(struct load_delays *delays);
/* How many there are to read. */
size_t load_delays_count(struct load_delays *delays);

/* An id whose first 60 bits are the microseconds of now, as ids of version 7 do with the
 * milliseconds. */
void load_id(char ret[37]);
/* The microseconds of such an id; 0: it is none. */
int64_t load_submitted_at(const char *id);
/* Microseconds of the real-time clock. */
int64_t load_now(void);
struct load_shape {
    const char *class_name;
    size_t tenants; /* t0 … t<tenants - 1>, in turns */
    int priorities; /* 0 … priorities - 1, in turns; 0 is 1 */
};
/* Submits `count` jobs in one call. */
void load_submit(const struct job_info_service *infos, const struct load_shape *shape,
                 size_t count);
/* Submits `rate` jobs/s on a connection of its own, evenly, every few ms, from a thread of its own.
 * Falls behind rather than catching up in leaps over 1,000 jobs. */
struct pacer;
struct pacer *pacer_start(const struct bench *bench, const struct load_shape *shape, double rate);
size_t pacer_stop(struct pacer *pacer); /* returns how many it submitted, and frees */
/* Jobs/s that are submitted and run at the same time: what the machine can do under full load. */
double load_maximum(const struct bench *bench, double seconds);
#endif
