#include "tests/bench/picture_frame.h"

#include <math.h>
#include <stdio.h>

#define HEIGHT 60
#define GAP 26
#define TOP 44
#define RIGHT (PICTURE_WIDTH - 10)

static void put_edge(struct buf *out, size_t y, const char *number) {
    buf_format(out,
               "<line class=\"axis\" x1=\"%d\" y1=\"%zu\" x2=\"%d\" y2=\"%zu\"/>"
               "<text class=\"unit\" x=\"%d\" y=\"%zu\" text-anchor=\"end\">%s</text>\n",
               PICTURE_LEFT, y, RIGHT, y, PICTURE_LEFT - 6, y + 4, number);
}

static void put_points(struct buf *out, const struct picture_line *line, const double *x,
                       size_t count, size_t bottom, double most) {
    const char *separator = "";
    buf_format(out, "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"1.5\" points=\"",
               picture_colours[0]);
    for (size_t i = 0; i < count; i++) {
        if (isnan(line->values[i]))
            continue;
        buf_format(out, "%s%.1f,%.1f", separator,
                   PICTURE_LEFT + x[i] / x[count - 1] * (RIGHT - PICTURE_LEFT),
                   (double)bottom - line->values[i] / most * HEIGHT);
        separator = " ";
    }
    buf_text(out, "\"/>\n");
}

static void put_panel(struct picture_frame *frame, const struct picture_line *line, const double *x,
                      size_t count, size_t top) {
    char number[40];
    double most = 0, first = NAN, last = NAN;
    for (size_t i = 0; i < count; i++) {
        most = fmax(most, line->values[i]); /* which ignores NAN */
        first = isnan(first) ? line->values[i] : first;
        last = isnan(line->values[i]) ? last : line->values[i];
    }
    int decimals = most < 100 ? 1 : 0;
    picture_label(frame, line->title, line->unit, top);
    put_edge(&frame->body, top, picture_number(most, decimals, number));
    put_edge(&frame->body, top + HEIGHT, "0");
    put_points(&frame->body, line, x, count, top + HEIGHT, most > 0 ? most : 1);
    buf_format(&frame->description, "%s (%s): from %.*f to %.*f, at most %.*f.\n", line->title,
               line->unit, decimals, first, decimals, last, decimals, most);
}

void picture_lines(const struct picture *picture, const char *x_unit, const double *x, size_t count,
                   const struct picture_line *lines, size_t line_count) {
    size_t end = TOP + line_count * (HEIGHT + GAP);
    struct picture_frame frame = {0};
    for (size_t i = 0; i < line_count; i++)
        put_panel(&frame, &lines[i], x, count, TOP + i * (HEIGHT + GAP));
    buf_format(&frame.body, "<text class=\"unit\" x=\"%d\" y=\"%zu\">0</text>", PICTURE_LEFT,
               end - 8);
    buf_format(&frame.body,
               "<text class=\"unit\" x=\"%d\" y=\"%zu\" text-anchor=\"end\">%.3g %s</text>\n",
               RIGHT, end - 8, x[count - 1], x_unit);
    picture_write(picture, &frame, end);
}
