#include "tests/bench/report.h"
#include "module/base/buf.h"
#include "module/base/mem.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TABLES_MAX 12

struct row {
    char *label;
    double values[REPORT_COLUMNS];
};

struct table {
    const char *name;
    const struct report_column *columns;
    struct row *rows;
    size_t count;
};

struct report {
    const struct bench *bench;
    const char *verb;
    struct table tables[TABLES_MAX];
    size_t count;
    struct buf notes; /* one per line */
};

void report_machine(char *ret, size_t size) {
    char line[300], model[200] = "unknown processor";
    FILE *file = fopen("/proc/cpuinfo", "r");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "model name : %199[^\n]", model) == 1)
            break;
    if (file)
        fclose(file);
    snprintf(ret, size, "%s, %ld cores; servers on the same host, durable commits", model,
             sysconf(_SC_NPROCESSORS_ONLN));
}

struct report *report_new(const struct bench *bench, const char *verb) {
    struct report *report = MEM_NEW(struct report);
    report->bench = bench;
    report->verb = verb;
    mkdir(bench->out, 0777); /* its parent is there: build */
    char text[300];
    report_machine(text, sizeof text);
    if (!bench->json)
        printf("%s: %s\n", verb, text);
    return report;
}

static size_t width_of(const struct report_column *column) {
    size_t width = strlen(column->name) + (*column->unit ? strlen(column->unit) + 1 : 0);
    return width > 9 ? width : 9;
}

static void print_head(const struct table *table) {
    printf("\n%s\n%-26s", table->name, "");
    for (const struct report_column *c = table->columns; c->name; c++)
        printf("  %*s%s%s", (int)(width_of(c) - strlen(c->unit) - (*c->unit ? 1 : 0)), c->name,
               *c->unit ? " " : "", c->unit);
    printf("\n");
}

static void print_row(const struct table *table, const struct row *row) {
    printf("%-26s", row->label);
    for (size_t i = 0; table->columns[i].name; i++) {
        int width = (int)width_of(&table->columns[i]);
        if (isnan(row->values[i]))
            printf("  %*s", width, "-");
        else
            printf("  %*.*f", width, table->columns[i].decimals, row->values[i]);
    }
    printf("\n");
    fflush(stdout);
}

void report_table(struct report *report, const char *name, const struct report_column *columns) {
    if (report->count == TABLES_MAX)
        bench_die("report", "too many tables");
    struct table *table = &report->tables[report->count++];
    *table = (struct table){.name = name, .columns = columns};
    if (!report->bench->json)
        print_head(table);
}

static void put_number(struct buf *out, double value, int decimals) {
    if (isnan(value))
        buf_text(out, "null");
    else
        buf_format(out, "%.*f", decimals, value);
}

static void put_key(struct buf *out, const struct report_column *column) {
    size_t from = out->length;
    buf_format(out, "\"%s%s%s\":", column->name, *column->unit ? "_" : "", column->unit);
    for (size_t i = from; i < out->length; i++)
        if (strchr(" /%", out->data[i]))
            out->data[i] = '_';
}

static void put_table(struct buf *out, const struct table *table) {
    buf_json_string(out, table->name);
    buf_text(out, ":[");
    for (size_t r = 0; r < table->count; r++) {
        buf_text(out, r > 0 ? ",\n  {\"row\":" : "\n  {\"row\":");
        buf_json_string(out, table->rows[r].label);
        for (size_t i = 0; table->columns[i].name; i++) {
            buf_char(out, ',');
            put_key(out, &table->columns[i]);
            put_number(out, table->rows[r].values[i], table->columns[i].decimals);
        }
        buf_char(out, '}');
    }
    buf_char(out, ']');
}

static void put_report(struct buf *out, const struct report *report) {
    char text[300];
    report_machine(text, sizeof text);
    buf_text(out, "{\"bench\":");
    buf_json_string(out, report->verb);
    buf_text(out, ",\"machine\":");
    buf_json_string(out, text);
    buf_text(out, ",\"command\":");
    buf_json_string(out, report->bench->command);
    for (size_t i = 0; i < report->count; i++) {
        buf_text(out, ",\n ");
        put_table(out, &report->tables[i]);
    }
    buf_text(out, ",\n \"notes\":");
    buf_json_string(out, buf_get(&report->notes));
    buf_text(out, "}\n");
}

static FILE *file_of(const struct report *report, const char *ending) {
    char path[1000];
    snprintf(path, sizeof path, "%s/%s.%s", report->bench->out, report->verb, ending);
    FILE *file = fopen(path, "w");
    if (!file)
        bench_die(path, "cannot be written");
    return file;
}

static void save(const struct report *report) {
    struct buf out = {0};
    put_report(&out, report);
    FILE *file = file_of(report, "json");
    fputs(buf_get(&out), file);
    fclose(file);
    buf_done(&out);
}

void report_row(struct report *report, const char *label, const double *values) {
    struct table *table = &report->tables[report->count - 1];
    table->rows = mem_grow(table->rows, table->count + 1, sizeof *table->rows);
    struct row *row = &table->rows[table->count++];
    *row = (struct row){.label = mem_text(label)};
    for (size_t i = 0; table->columns[i].name; i++)
        row->values[i] = values[i];
    if (!report->bench->json)
        print_row(table, row);
    save(report);
}

void report_note(struct report *report, const char *format, ...) {
    char text[500];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    buf_format(&report->notes, "%s\n", text);
    if (!report->bench->json)
        printf("%s\n", text);
}

void report_csv(const struct report *report) {
    const struct table *table = &report->tables[report->count - 1];
    FILE *file = file_of(report, "csv");
    fputs("row", file);
    for (const struct report_column *c = table->columns; c->name; c++)
        fprintf(file, ",%s%s%s", c->name, *c->unit ? " " : "", c->unit);
    for (size_t r = 0; r < table->count; r++) {
        fprintf(file, "\n%s", table->rows[r].label);
        for (size_t i = 0; table->columns[i].name; i++)
            fprintf(file, ",%.*f", table->columns[i].decimals, table->rows[r].values[i]);
    }
    fputc('\n', file);
    fclose(file);
}

void report_end(struct report *report) {
    save(report);
    if (report->bench->json) {
        struct buf out = {0};
        put_report(&out, report);
        fputs(buf_get(&out), stdout);
        buf_done(&out);
    }
    for (size_t i = 0; i < report->count; i++) {
        for (size_t r = 0; r < report->tables[i].count; r++)
            free(report->tables[i].rows[r].label);
        free(report->tables[i].rows);
    }
    buf_done(&report->notes);
    free(report);
}
