#include "tests/bench/picture_frame.h"

#include <math.h>

#define BAR 16
#define STEP (BAR + 2)
#define GAP 14
#define NUMBER 80 /* room for the number at the right edge */

static void put_legend(struct buf *out, const char *const *names, size_t series) {
    for (size_t s = 0; s < series; s++)
        buf_format(out,
                   "<rect x=\"%zu\" y=\"34\" width=\"12\" height=\"12\" fill=\"%s\"/>"
                   "<text x=\"%zu\" y=\"45\">%s</text>\n",
                   PICTURE_LEFT + s * 170, picture_colours[s % PICTURE_COLOURS],
                   PICTURE_LEFT + 18 + s * 170, names[s]);
}

/* fmax ignores NAN. */
static double most_of(const struct picture_bar *bar) {
    double most = bar->value;
    for (size_t i = 0; i < bar->count; i++)
        most = fmax(most, bar->runs[i]);
    return most;
}

static void put_bar(struct buf *out, const struct picture_bar *bar, double unit, int decimals,
                    const char *colour, size_t y) {
    char number[40];
    buf_format(out, "<rect x=\"%d\" y=\"%zu\" width=\"%.1f\" height=\"%d\" rx=\"2\" fill=\"%s\"/>",
               PICTURE_LEFT, y, bar->value * unit, BAR, colour);
    for (size_t i = 0; i < bar->count; i++)
        buf_format(out, "<circle class=\"dot\" cx=\"%.1f\" cy=\"%zu\" r=\"3\" stroke=\"%s\"/>",
                   PICTURE_LEFT + bar->runs[i] * unit, y + BAR / 2, colour);
    buf_format(out, "<text x=\"%d\" y=\"%zu\" text-anchor=\"end\">%s</text>\n", PICTURE_WIDTH - 12,
               y + 13, picture_number(bar->value, decimals, number));
}

static void put_group(struct picture_frame *frame, const char *const *names, size_t series,
                      const struct picture_group *group, const struct picture_bar *bars,
                      size_t top) {
    double most = 0;
    for (size_t s = 0; s < series; s++)
        most = fmax(most, most_of(&bars[s]));
    double unit = most > 0 ? (PICTURE_WIDTH - PICTURE_LEFT - NUMBER) / most : 0;
    picture_label(frame, group->title, group->unit, top);
    buf_format(&frame->description, "%s (%s):", group->title, group->unit);
    for (size_t s = 0; s < series; s++) {
        char number[40];
        if (isnan(bars[s].value))
            continue;
        put_bar(&frame->body, &bars[s], unit, group->decimals, picture_colours[s % PICTURE_COLOURS],
                top + s * STEP);
        buf_format(&frame->description, " %s %s;", names[s],
                   picture_number(bars[s].value, group->decimals, number));
    }
    buf_text(&frame->description, "\n");
}

void picture_bars(const struct picture *picture, const char *const *names, size_t series,
                  const struct picture_group *groups, size_t count,
                  const struct picture_bar *bars) {
    const size_t step = series * STEP + GAP;
    struct picture_frame frame = {0};
    put_legend(&frame.body, names, series);
    for (size_t g = 0; g < count; g++)
        put_group(&frame, names, series, &groups[g], &bars[g * series], PICTURE_TOP + g * step);
    picture_write(picture, &frame, PICTURE_TOP + count * step - GAP);
}
