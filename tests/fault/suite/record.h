/* What the classes wrote down about their runs (classes.c): who ran which attempt from when to
 * when. */
#ifndef SUITE_RECORD_H
#define SUITE_RECORD_H
#include "module/base/table.h"

#include <stddef.h>
#include <stdint.h>

struct run_note {
    unsigned attempt;
    int incarnation;
    int64_t begin, end; /* ms; end INT64_MAX: it never ended */
    struct run_note *next;
};

struct record {
    struct table runs; /* id to its first struct run_note, in order of beginning */
    size_t count;
};

void record_read(struct record *record, const char *file);
void record_done(struct record *record);
#endif
