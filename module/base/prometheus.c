#include "module/base/prometheus.h"

#include <string.h>

#define MILLION INT64_C(1000000)

/* Backslash and line feed, and in a label's value the quote, are escaped; all else goes as it is. */
static void add_escaped(struct buf *out, const char *text, bool quoted) {
    for (; *text; text++) {
        if (*text == '\\')
            buf_text(out, "\\\\");
        else if (*text == '\n')
            buf_text(out, "\\n");
        else if (*text == '"' && quoted)
            buf_text(out, "\\\"");
        else
            buf_char(out, *text);
    }
}

static void add_value(struct buf *out, enum prometheus_unit unit, int64_t value) {
    if (unit == PROMETHEUS_PLAIN) {
        buf_integer(out, value);
        return;
    }
    uint64_t whole = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    char digits[8] = {0};
    size_t length = 6;
    for (uint64_t i = 6, rest = whole % MILLION; i-- > 0; rest /= 10)
        digits[i] = (char)('0' + rest % 10);
    while (length > 0 && digits[length - 1] == '0')
        length--;
    if (value < 0)
        buf_char(out, '-');
    buf_integer(out, (int64_t)(whole / MILLION));
    if (length > 0)
        buf_char(out, '.');
    buf_add(out, digits, length);
}

static void add_label(struct buf *out, size_t *number, const char *name) {
    buf_char(out, (*number)++ == 0 ? '{' : ',');
    buf_text(out, name);
    buf_text(out, "=\"");
}

static size_t add_series(struct buf *out, const struct prometheus_series *series,
                         const char *suffix) {
    size_t number = 0;
    buf_text(out, series->name);
    buf_text(out, suffix);
    for (size_t i = 0; i < series->label_count; i++) {
        add_label(out, &number, series->labels[i].name);
        add_escaped(out, series->labels[i].value, true);
        buf_char(out, '"');
    }
    return number;
}

static void end_sample(struct buf *out, size_t labels, enum prometheus_unit unit, int64_t value) {
    buf_text(out, labels > 0 ? "} " : " ");
    add_value(out, unit, value);
    buf_char(out, '\n');
}

void prometheus_family(struct buf *out, const char *name, const char *type, const char *help) {
    buf_format(out, "# HELP %s ", name);
    add_escaped(out, help, false);
    buf_format(out, "\n# TYPE %s %s\n", name, type);
}

void prometheus_sample(struct buf *out, const struct prometheus_series *series,
                       enum prometheus_unit unit, int64_t value) {
    end_sample(out, add_series(out, series, ""), unit, value);
}

void prometheus_histogram(struct buf *out, const struct prometheus_series *series,
                          enum prometheus_unit unit, const struct histogram_scale *scale,
                          const struct histogram *histogram) {
    struct histogram_values values;
    histogram_read(histogram, scale, &values);
    for (size_t i = 0; i <= scale->count; i++) {
        size_t number = add_series(out, series, "_bucket");
        add_label(out, &number, "le");
        if (i == scale->count)
            buf_text(out, "+Inf");
        else
            add_value(out, unit, scale->bounds[i]);
        buf_char(out, '"');
        end_sample(out, number, PROMETHEUS_PLAIN, (int64_t)values.counts[i]);
    }
    size_t labels = add_series(out, series, "_sum");
    end_sample(out, labels, unit, values.sum);
    labels = add_series(out, series, "_count");
    end_sample(out, labels, PROMETHEUS_PLAIN, (int64_t)values.counts[scale->count]);
}
