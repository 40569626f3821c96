/* Pictures of measurements as SVG: readable on light and dark pages, with a title and a description
 * for those who hear them. Nothing in them is run or fetched. */
#ifndef TESTS_BENCH_PICTURE_H
#define TESTS_BENCH_PICTURE_H
#include "tests/bench/bench.h"

/* What stands around it. The file is that of --picture, or <out>/<verb>.svg. */
struct picture {
    const struct bench *bench;
    const char *verb, *title;
};

/* A number with a comma between its thousands. */
const char *picture_number(double value, int decimals, char ret[40]);

struct picture_bar {
    double value;       /* NAN: no bar */
    const double *runs; /* the measurements that it is the median of, shown as dots */
    size_t count;
};
struct picture_group {
    const char *title, *unit;
    int decimals;
};
/* Groups of horizontal bars, each group on a scale of its own. bars: a row of `series` for each
 * group. */
void picture_bars(const struct picture *picture, const char *const *names, size_t series,
                  const struct picture_group *groups, size_t count, const struct picture_bar *bars);

struct picture_line {
    const char *title, *unit;
    const double *values; /* `count` of them, at the x given; NAN: not measured */
};
/* Panels one below the other, a line in each on a scale from 0, over a common x axis. */
void picture_lines(const struct picture *picture, const char *x_unit, const double *x, size_t count,
                   const struct picture_line *lines, size_t line_count);
#endif
