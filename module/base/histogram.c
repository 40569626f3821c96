#include "module/base/histogram.h"

#include "module/base/clock.h"

#define S CLOCK_SECOND

const struct histogram_scale histogram_ticks = {15,
                                                {250, 500, 1000, 2500, 5000, 10000, 25000, 50000,
                                                 100000, 250000, 500000, S, 25 * S / 10, 5 * S,
                                                 10 * S}};

const struct histogram_scale histogram_waits = {18,
                                                {1000, 5000, 10000, 25000, 50000, 100000, 250000,
                                                 500000, S, 25 * S / 10, 5 * S, 10 * S, 30 * S,
                                                 60 * S, 300 * S, 1800 * S, 4 * 3600 * S,
                                                 24 * 3600 * S}};

const struct histogram_scale histogram_batches = {9, {1, 2, 5, 10, 20, 50, 100, 200, 500}};

void histogram_add(struct histogram *histogram, const struct histogram_scale *scale,
                   int64_t value) {
    size_t low = 0, high = scale->count; /* the first bound that is not below it */
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (scale->bounds[middle] < value)
            low = middle + 1;
        else
            high = middle;
    }
    atomic_fetch_add_explicit(&histogram->buckets[low], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&histogram->sum, value, memory_order_relaxed);
}

void histogram_read(const struct histogram *histogram, const struct histogram_scale *scale,
                    struct histogram_values *ret) {
    uint64_t below = 0;
    ret->sum = atomic_load_explicit(&histogram->sum, memory_order_relaxed);
    for (size_t i = 0; i <= scale->count; i++) {
        below += atomic_load_explicit(&histogram->buckets[i], memory_order_relaxed);
        ret->counts[i] = below;
    }
}
