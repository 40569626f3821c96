#include "tests/bench/picture.h"
#include "tests/bench/bench.h"

#include <math.h>
#include <stdio.h>

#define WIDTH 760
#define LEFT 220 /* where bars and lines begin */
#define BAR 16

static const char *const colours[] = {"#2f7ed8", "#e08a1e", "#8a8f98"};

static FILE *begin(const char *path, const char *title, size_t height) {
    FILE *out = fopen(path, "w");
    if (!out)
        bench_die(path, "cannot be written");
    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %zu\" width=\"%d\" "
            "height=\"%zu\" role=\"img\" aria-label=\"%s\">\n"
            "<style>text{font:13px system-ui,sans-serif;fill:#1f2328}.unit{fill:#656d76}"
            ".axis{stroke:#8c959f;stroke-width:.5}.title{font-weight:600}"
            "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.unit{fill:#9198a1}}</style>\n"
            "<text class=\"title\" x=\"10\" y=\"22\">%s</text>\n",
            WIDTH, height, WIDTH, height, title, title);
    return out;
}

static void end(FILE *out) {
    fputs("</svg>\n", out);
    fclose(out);
}

static void put_legend(FILE *out, const char *const *names, size_t series) {
    for (size_t s = 0; s < series; s++)
        fprintf(out,
                "<rect x=\"%zu\" y=\"34\" width=\"12\" height=\"12\" fill=\"%s\"/>"
                "<text x=\"%zu\" y=\"45\">%s</text>\n",
                LEFT + s * 170, colours[s % 3], LEFT + 18 + s * 170, names[s]);
}

void picture_bars(const char *path, const char *title, const char *const *names, size_t series,
                  const struct picture_bars *groups, size_t count, const double *values) {
    const size_t step = series * (BAR + 2) + 14;
    FILE *out = begin(path, title, 64 + count * step);
    put_legend(out, names, series);
    for (size_t g = 0; g < count; g++) {
        size_t top = 62 + g * step;
        double most = 0;
        for (size_t s = 0; s < series; s++)
            most = fmax(most, values[g * series + s]); /* fmax ignores NAN */
        fprintf(out,
                "<text x=\"10\" y=\"%zu\">%s</text><text class=\"unit\" x=\"10\" y=\"%zu\">%s"
                "</text>\n",
                top + 13, groups[g].title, top + 30, groups[g].unit);
        for (size_t s = 0, y = top; s < series; s++, y += BAR + 2) {
            double value = values[g * series + s];
            if (isnan(value))
                continue;
            double length = most > 0 ? value / most * (WIDTH - LEFT - 90) : 0;
            fprintf(out,
                    "<rect x=\"%d\" y=\"%zu\" width=\"%.1f\" height=\"%d\" rx=\"2\" fill=\"%s\"/>"
                    "<text x=\"%.1f\" y=\"%zu\">%.*f</text>\n",
                    LEFT, y, length, BAR, colours[s % 3], LEFT + length + 6, y + 13,
                    groups[g].decimals, value);
        }
    }
    end(out);
}

static void put_line(FILE *out, const struct picture_line *line, const double *x, size_t count,
                     size_t top, size_t height) {
    double most = 0, span = count > 1 ? x[count - 1] - x[0] : 1;
    for (size_t i = 0; i < count; i++)
        most = fmax(most, line->values[i]);
    fprintf(out,
            "<text x=\"10\" y=\"%zu\">%s</text><text class=\"unit\" x=\"10\" y=\"%zu\">%s</text>"
            "<text class=\"unit\" x=\"%d\" y=\"%zu\" text-anchor=\"end\">%.*f</text>"
            "<line class=\"axis\" x1=\"%d\" y1=\"%zu\" x2=\"%d\" y2=\"%zu\"/>\n"
            "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"1.5\" points=\"",
            top + 13, line->title, top + 30, line->unit, LEFT - 6, top + 10, most < 100 ? 1 : 0,
            most, LEFT, top + height, WIDTH - 10, top + height, colours[0]);
    for (size_t i = 0; i < count; i++)
        if (!isnan(line->values[i]))
            fprintf(out, "%.1f,%.1f ", LEFT + (x[i] - x[0]) / span * (WIDTH - LEFT - 10),
                    (double)(top + height) -
                        (most > 0 ? line->values[i] / most : 0) * (double)height);
    fputs("\"/>\n", out);
}

void picture_lines(const char *path, const char *title, const char *x_unit, const double *x,
                   size_t count, const struct picture_line *lines, size_t line_count) {
    const size_t height = 60, step = height + 22;
    FILE *out = begin(path, title, 64 + line_count * step);
    for (size_t i = 0; i < line_count; i++)
        put_line(out, &lines[i], x, count, 40 + i * step, height);
    fprintf(out, "<text class=\"unit\" x=\"%d\" y=\"%zu\">%.3g</text>", LEFT,
            50 + line_count * step, count > 0 ? x[0] : 0);
    fprintf(out, "<text class=\"unit\" x=\"%d\" y=\"%zu\" text-anchor=\"end\">%.3g %s</text>\n",
            WIDTH - 10, 50 + line_count * step, count > 0 ? x[count - 1] : 0, x_unit);
    end(out);
}
