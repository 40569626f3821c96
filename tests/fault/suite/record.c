#include "tests/fault/suite/record.h"

#include "module/base/mem.h"
#include "tests/lib/program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct line {
    char id[37], what[8];
    unsigned attempt;
    int incarnation;
    long long at;
};

static void begin_run(struct record *record, const struct line *line) {
    struct run_note *run = MEM_NEW(struct run_note), *last = table_get(&record->runs, line->id);
    *run = (struct run_note){line->attempt, line->incarnation, line->at, INT64_MAX, NULL};
    record->count++;
    while (last && last->next)
        last = last->next;
    if (last)
        last->next = run;
    else
        table_put(&record->runs, line->id, run);
}

/* Of the oldest run of that attempt and incarnation which has not ended. */
static void end_run(struct record *record, const struct line *line) {
    struct run_note *run = table_get(&record->runs, line->id);
    while (run && (run->attempt != line->attempt || run->incarnation != line->incarnation ||
                   run->end != INT64_MAX))
        run = run->next;
    if (!run)
        program_give_up("record: %s attempt %u ended, but never began", line->id, line->attempt);
    run->end = line->at;
}

void record_read(struct record *record, const char *file) {
    *record = (struct record){.count = 0};
    FILE *lines = fopen(file, "re");
    if (!lines)
        program_give_up("%s: no record of runs", file);
    char text[256];
    while (fgets(text, sizeof text, lines)) {
        struct line line;
        if (sscanf(text, "%36s %u %7s %d %lld", line.id, &line.attempt, line.what,
                   &line.incarnation, &line.at) != 5)
            program_give_up("record: %s", text);
        if (strcmp(line.what, "begin") == 0)
            begin_run(record, &line);
        else
            end_run(record, &line);
    }
    fclose(lines);
}

static void free_runs(void *value) {
    for (struct run_note *run = value, *next; run; run = next) {
        next = run->next;
        free(run);
    }
}

void record_done(struct record *record) { table_done(&record->runs, free_runs); }
