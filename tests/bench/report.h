/* What a measurement found: tables that are printed row by row as they come, and kept as JSON in
 * <out>/<verb>.json, written anew with each row, so that a run which is cut short leaves what it
 * had. */
#ifndef TESTS_BENCH_REPORT_H
#define TESTS_BENCH_REPORT_H
#include "tests/bench/bench.h"

#define REPORT_COLUMNS 16

struct report_column {
    const char *name, *unit; /* JSON key (with _ for spaces); unit "" for none */
    int decimals;
};

/* "AMD EPYC, 2 cores; …": where these figures come from. */
void report_machine(char *ret, size_t size);

struct report;
struct report *report_new(const struct bench *bench, const char *verb);
/* A new table; rows go to the last one. columns: last name NULL; kept by reference. */
void report_table(struct report *report, const char *name, const struct report_column *columns);
/* One value per column; NAN: not measured. label: what the row is about. */
void report_row(struct report *report, const char *label, const double *values);
/* A line of text below the tables. */
void report_note(struct report *report, const char *format, ...) JOBS_PRINTF(2, 3);
/* The last table as <out>/<verb>.csv. */
void report_csv(const struct report *report);
/* Writes, prints the JSON if that was asked for, and frees. */
void report_end(struct report *report);
#endif
