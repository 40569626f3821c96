/* What the pictures have in common; for picture*.c alone. */
#ifndef TESTS_BENCH_PICTURE_FRAME_H
#define TESTS_BENCH_PICTURE_FRAME_H
#include "module/base/buf.h"
#include "tests/bench/picture.h"

#define PICTURE_WIDTH 760
#define PICTURE_LEFT 220 /* where bars and lines begin; left of it stands what they are */
#define PICTURE_TOP 62
#define PICTURE_COLOURS 3
extern const char *const picture_colours[PICTURE_COLOURS];

struct picture_frame {
    struct buf body, description; /* SVG; plain text */
};
/* Title and unit of a group or panel whose upper edge is at `top`. */
void picture_label(struct picture_frame *frame, const char *title, const char *unit, size_t top);
/* Writes the file and frees what is in the frame. height: of the body, from the top of the picture. */
void picture_write(const struct picture *picture, struct picture_frame *frame, size_t height);
#endif
