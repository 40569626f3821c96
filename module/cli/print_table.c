/* Tables for people. */
#include "module/base/mem.h"
#include "module/cli/print.h"

#include <stdlib.h>
#include <string.h>

static void add(struct print_table *table, char *text) {
    if (table->cells == table->capacity) {
        table->capacity = table->capacity ? table->capacity * 2 : 64;
        table->texts = mem_grow(table->texts, table->capacity, sizeof *table->texts);
    }
    table->texts[table->cells++] = text;
}

struct print_table *table_new(const char *headings) {
    struct print_table *table = MEM_NEW(struct print_table);
    for (const char *p = headings;; p++) {
        size_t length = strcspn(p, "|");
        add(table, mem_text_n(p, length));
        table->columns++;
        p += length;
        if (!*p)
            return table;
    }
}

void table_add(struct print_table *table, const char *text) {
    struct buf clean = {0};
    print_clean(&clean, text ? text : "", false);
    add(table, buf_take(&clean));
}

void table_add_integer(struct print_table *table, int64_t value) {
    struct buf text = {0};
    buf_integer(&text, value);
    add(table, buf_take(&text));
}

void table_add_date(struct print_table *table, int64_t date) {
    struct buf text = {0};
    print_date(&text, date);
    add(table, buf_take(&text));
}

void table_add_raw(struct print_table *table, const struct buf *text) {
    add(table, mem_text(buf_get(text)));
}

/* Characters that are seen: no colours, no UTF-8 continuation bytes. */
static size_t width_of(const char *text) {
    size_t width = 0;
    for (const char *p = text; *p; p++) {
        if (*p == '\x1b') {
            p += strcspn(p, "m");
            if (!*p)
                break;
        } else if (((unsigned char)*p & 0xc0) != 0x80)
            width++;
    }
    return width;
}

static bool is_right(const struct print_table *table, size_t column) {
    return table->texts[column][0] == '>';
}

static const char *cell(const struct print_table *table, size_t row, size_t column) {
    const char *text = table->texts[row * table->columns + column];
    return row == 0 && is_right(table, column) ? text + 1 : text;
}

static void print_row(const struct print_table *table, const struct cli *cli, size_t row,
                      const size_t *widths, struct buf *out) {
    for (size_t c = 0; c < table->columns; c++) {
        const char *text = cell(table, row, c);
        size_t blanks = widths[c] - width_of(text);
        bool last = c + 1 == table->columns, right = is_right(table, c);
        for (size_t i = 0; right && i < blanks; i++)
            buf_char(out, ' ');
        if (row == 0)
            print_coloured(out, cli, PRINT_BOLD, text);
        else
            buf_text(out, text);
        for (size_t i = 0; !right && !last && i < blanks; i++)
            buf_char(out, ' ');
        buf_text(out, last ? "\n" : "  ");
    }
}

void table_print(struct print_table *table, const struct cli *cli, struct buf *out) {
    size_t rows = table->cells / table->columns;
    size_t *widths = mem_zero(table->columns, sizeof *widths);
    for (size_t row = 0; row < rows; row++)
        for (size_t c = 0; c < table->columns; c++)
            if (width_of(cell(table, row, c)) > widths[c])
                widths[c] = width_of(cell(table, row, c));
    for (size_t row = 0; row < rows; row++)
        print_row(table, cli, row, widths, out);
    free(widths);
    for (size_t i = 0; i < table->cells; i++)
        free(table->texts[i]);
    free(table->texts);
    free(table);
}
