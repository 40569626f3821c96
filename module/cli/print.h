/* How things look: dates, durations, tables, bars. All add to a buf, which
 * print_flush writes to stdout. */
#ifndef CLI_PRINT_H
#define CLI_PRINT_H
#include "module/base/buf.h"
#include "module/cli/cli.h"
#include "module/job/json.h"

/* Writes and empties the buf. A reader that is gone ends the program quietly (SIGPIPE).
 * EXIT_FAILED: disk full … */
int print_flush(struct buf *out);

/* Local time, "2030-01-31 12:00:00"; "" for 0. */
void print_date(struct buf *out, int64_t date);
/* "350 ms", "12.3 s", "4 min 5 s", "2 h 3 min", "5 d 1 h" of microseconds. */
void print_duration(struct buf *out, int64_t microseconds);
/* Text of others without what steers a terminal; `lines`: line feeds stay. */
void print_clean(struct buf *out, const char *text, bool lines);
/* `width` cells, "████▌░░░" or, without UTF-8, "####----". */
void print_bar(struct buf *out, unsigned percent, unsigned width);
/* The status in its colour. */
void print_status(struct buf *out, const struct cli *cli, enum job_status status);
enum print_colour {
    PRINT_BOLD = 1,
    PRINT_DIM = 2,
    PRINT_RED = 31,
    PRINT_GREEN = 32,
    PRINT_YELLOW = 33,
    PRINT_MAGENTA = 35,
    PRINT_CYAN = 36
};
void print_coloured(struct buf *out, const struct cli *cli, enum print_colour colour,
                    const char *text);

/* A table: cells row by row, then table_print. Columns are as wide as their widest cell. */
struct print_table {
    size_t columns, cells, capacity;
    char **texts;
};
/* `headings`: separated by |; one that begins with > stands to the right. */
struct print_table *table_new(const char *headings);
void table_add(struct print_table *table,
               const char *text); /* cleaned of control characters; NULL: "" */
void table_add_integer(struct print_table *table, int64_t value);
void table_add_date(struct print_table *table, int64_t date);
void table_add_raw(struct print_table *table, const struct buf *text); /* as it is, colours too */
/* Adds it to `out` and frees it. */
void table_print(struct print_table *table, const struct cli *cli, struct buf *out);
#endif
