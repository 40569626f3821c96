/* Writes metrics in Prometheus' text format, version 0.0.4. No floating point: values are whole
 * numbers, or millionths (times are kept in microseconds and told in seconds), so that nothing is
 * rounded and no locale matters. */
#ifndef BASE_PROMETHEUS_H
#define BASE_PROMETHEUS_H
#include "module/base/buf.h"
#include "module/base/histogram.h"

#define PROMETHEUS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct prometheus_label {
    const char *name, *value; /* the value is any UTF-8 text: escaped here */
};

/* Where a sample belongs: the name of its family and its labels. */
struct prometheus_series {
    const char *name;
    const struct prometheus_label *labels;
    size_t label_count;
};

enum prometheus_unit {
    PROMETHEUS_PLAIN, /* as it is */
    PROMETHEUS_MICRO  /* millionths: 1500000 is written as 1.5 */
};

/* Begins a family: all its samples follow, before the next one begins. type: "counter" (the name
 * ends in _total), "gauge" or "histogram". */
void prometheus_family(struct buf *out, const char *name, const char *type, const char *help);
void prometheus_sample(struct buf *out, const struct prometheus_series *series,
                       enum prometheus_unit unit, int64_t value);
/* All lines of one histogram: buckets, sum and count. */
void prometheus_histogram(struct buf *out, const struct prometheus_series *series,
                          enum prometheus_unit unit, const struct histogram_scale *scale,
                          const struct histogram *histogram);
#endif
