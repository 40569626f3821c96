/* Pictures of measurements as SVG, readable on light and dark pages. */
#ifndef TESTS_BENCH_PICTURE_H
#define TESTS_BENCH_PICTURE_H
#include <stddef.h>

struct picture_bars {
    const char *title, *unit;
    int decimals;
};
/* Groups of horizontal bars, each group on a scale of its own. values: a row of `series` values per
 * group; NAN: no bar. */
void picture_bars(const char *path, const char *title, const char *const *names, size_t series,
                  const struct picture_bars *groups, size_t count, const double *values);

struct picture_line {
    const char *title, *unit;
    const double *values; /* `count` of them, at the x given */
};
/* Panels one below the other, a line in each, over a common x axis. */
void picture_lines(const char *path, const char *title, const char *x_unit, const double *x,
                   size_t count, const struct picture_line *lines, size_t line_count);
#endif
