/* A histogram with fixed buckets that any thread may add to and read, without locks. */
#ifndef BASE_HISTOGRAM_H
#define BASE_HISTOGRAM_H
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define HISTOGRAM_MOST 20 /* bounds of a scale */

/* Upper bounds of the buckets, ascending; what is above the last one has a bucket of its own. */
struct histogram_scale {
    size_t count;
    int64_t bounds[HISTOGRAM_MOST];
};
extern const struct histogram_scale histogram_ticks;   /* microseconds: 250 us to 10 s */
extern const struct histogram_scale histogram_waits;   /* microseconds: 1 ms to a day */
extern const struct histogram_scale histogram_batches; /* numbers: 1 to 500 */

/* Zeroed storage is an empty one. */
struct histogram {
    atomic_ullong buckets[HISTOGRAM_MOST + 1]; /* not cumulative */
    atomic_llong sum;
};

/* Costs two relaxed additions. Always with the same scale. */
void histogram_add(struct histogram *histogram, const struct histogram_scale *scale, int64_t value);

/* What it held at some moment: cumulative counts, the last one is that of all values. */
struct histogram_values {
    uint64_t counts[HISTOGRAM_MOST + 1];
    int64_t sum;
};
void histogram_read(const struct histogram *histogram, const struct histogram_scale *scale,
                    struct histogram_values *ret);
#endif
