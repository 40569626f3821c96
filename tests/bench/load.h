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
/* Microseconds of the real-time clock. */
int64_t load_now(void);
/* Submits `count` jobs of a class over t0 … t9 in one call. */
void load_submit(const struct job_info_service *infos, const char *class_name, size_t count);
/* Submits `rate` jobs/s on a connection of its own for `seconds`, evenly, every few ms. Returns
 * jobs submitted. */
size_t load_pace(const struct bench *bench, const char *class_name, double rate, double seconds);
/* Jobs/s that are submitted and run at the same time: what the machine can do under full load. */
double load_maximum(const struct bench *bench, double seconds);
#endif
