#include "tests/bench/picture_frame.h"
#include "tests/bench/report.h"

#include <stdio.h>
#include <string.h>

#define FOOT 48 /* below the body: the machine, the command */

const char *const picture_colours[PICTURE_COLOURS] = {"#2f7ed8", "#e08a1e", "#8a8f98"};

/* A page of its own behind it: where the reader's page is dark but the browser does not say so, text
 * on the page itself could not be read. */
static const char style[] =
    "<style>svg{color:#1f2328;--page:#ffffff;--faint:#59636e}"
    "@media(prefers-color-scheme:dark){svg{color:#e6edf3;--page:#0d1117;--faint:#9198a1}}"
    "text{font:13px system-ui,sans-serif;fill:currentColor}.unit{fill:var(--faint)}"
    ".foot{font-size:11px;fill:var(--faint)}.title{font-weight:600}.page{fill:var(--page)}"
    ".axis{stroke:var(--faint);stroke-width:.5}.dot{fill:var(--page);stroke-width:1.5}</style>\n";

const char *picture_number(double value, int decimals, char ret[40]) {
    char plain[40];
    snprintf(plain, sizeof plain, "%.*f", decimals, value);
    size_t whole = strcspn(plain, "."), length = 0;
    for (size_t i = 0; plain[i] && length < 38; i++) {
        if (i > 0 && i < whole && (whole - i) % 3 == 0)
            ret[length++] = ',';
        ret[length++] = plain[i];
    }
    ret[length] = '\0';
    return ret;
}

static void put_text(struct buf *out, const char *text) {
    for (; *text; text++) {
        const char *escaped = *text == '&' ? "&amp;" : *text == '<' ? "&lt;" : NULL;
        if (escaped)
            buf_text(out, escaped);
        else
            buf_char(out, *text);
    }
}

static void put_element(struct buf *out, const char *head, const char *text, const char *tail) {
    buf_text(out, head);
    put_text(out, text);
    buf_text(out, tail);
}

void picture_label(struct picture_frame *frame, const char *title, const char *unit, size_t top) {
    buf_format(&frame->body, "<text x=\"10\" y=\"%zu\">", top + 13);
    put_element(&frame->body, "", title, "</text>");
    buf_format(&frame->body, "<text class=\"unit\" x=\"10\" y=\"%zu\">", top + 30);
    put_element(&frame->body, "", unit, "</text>\n");
}

static void put_foot(struct buf *out, size_t top, const char *text) {
    buf_format(out, "<text class=\"foot\" x=\"10\" y=\"%zu\">", top);
    put_element(out, "", text, "</text>\n");
}

static void put_all(struct buf *out, const struct picture *picture, struct picture_frame *frame,
                    size_t height) {
    char machine[300];
    report_machine(machine, sizeof machine);
    buf_format(out,
               "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %zu\" width=\"%d\" "
               "height=\"%zu\" role=\"img\" aria-labelledby=\"title description\">\n",
               PICTURE_WIDTH, height + FOOT, PICTURE_WIDTH, height + FOOT);
    put_element(out, "<title id=\"title\">", picture->title, "</title>\n");
    put_element(out, "<desc id=\"description\">", buf_get(&frame->description), "</desc>\n");
    buf_text(out, style);
    buf_text(out, "<rect class=\"page\" width=\"100%\" height=\"100%\" rx=\"6\"/>\n");
    put_element(out, "<text class=\"title\" x=\"10\" y=\"22\">", picture->title, "</text>\n");
    buf_text(out, buf_get(&frame->body));
    put_foot(out, height + 20, machine);
    put_foot(out, height + 36, picture->bench->command);
    buf_text(out, "</svg>\n");
}

void picture_write(const struct picture *picture, struct picture_frame *frame, size_t height) {
    char path[1000];
    snprintf(path, sizeof path, "%s/%s.svg", picture->bench->out, picture->verb);
    if (picture->bench->picture)
        snprintf(path, sizeof path, "%s", picture->bench->picture);
    struct buf out = {0};
    put_all(&out, picture, frame, height);
    FILE *file = fopen(path, "w");
    if (!file || fputs(buf_get(&out), file) < 0 || fclose(file) < 0)
        bench_die(path, "cannot be written");
    buf_done(&out);
    buf_done(&frame->body);
    buf_done(&frame->description);
}
