/* Rows into job_info structs: one block holds the list, its structs and all texts. */
#include "module/base/mem.h"
#include "module/job/status.h"
#include "module/store/store.h"
#include "sql/sql.h"

#include <stdlib.h>
#include <string.h>

enum kind { TEXT, INT32, UNSIGNED, INT64, BOOLEAN, STATUS };

#define FIELD(kind, field) \
    { #field, kind, offsetof(struct job_info, field) }

/* Columns of job_list.sql are named after the fields. */
static const struct field {
    const char *name;
    enum kind kind;
    size_t offset;
} fields[] = {
    FIELD(TEXT, id),
    FIELD(TEXT, tenant),
    FIELD(TEXT, class_name),
    FIELD(TEXT, parameters),
    FIELD(TEXT, description),
    FIELD(TEXT, owner),
    FIELD(TEXT, related_type),
    FIELD(TEXT, related_id),
    FIELD(TEXT, traceparent),
    FIELD(INT32, priority),
    FIELD(UNSIGNED, attempts),
    FIELD(INT64, timeout),
    FIELD(INT64, backoff),
    FIELD(INT64, trigger_after_date),
    FIELD(INT64, expiration_date),
    FIELD(BOOLEAN, locked),
    FIELD(STATUS, status),
    FIELD(UNSIGNED, attempt),
    FIELD(UNSIGNED, version),
    FIELD(UNSIGNED, percent_completed),
    FIELD(INT64, created_date),
    FIELD(INT64, queued_date),
    FIELD(INT64, start_date),
    FIELD(INT64, stop_date),
    FIELD(INT64, status_date),
    FIELD(INT64, estimated_completion),
    FIELD(TEXT, result),
    FIELD(TEXT, result_class_name),
    FIELD(TEXT, error_kind),
    FIELD(TEXT, error),
    FIELD(TEXT, instance),
};
enum { FIELDS = sizeof fields / sizeof *fields };

static void find_columns(const struct sql_result *rows, int columns[FIELDS]) {
    for (int f = 0; f < FIELDS; f++)
        columns[f] = sql_column(rows, fields[f].name);
}

static size_t count_texts(const struct sql_result *rows, const int columns[FIELDS]) {
    size_t bytes = 0;
    for (size_t row = 0; row < sql_count(rows); row++)
        for (int f = 0; f < FIELDS; f++) {
            const char *text = fields[f].kind == TEXT ? sql_get(rows, row, columns[f]) : NULL;
            bytes += text ? strlen(text) + 1 : 0;
        }
    return bytes;
}

/* Copies a text to *room and moves *room behind it; NULL stays NULL. */
static const char *keep(const char *text, char **room) {
    if (!text)
        return NULL;
    size_t size = strlen(text) + 1;
    char *copy = memcpy(*room, text, size);
    *room += size;
    return copy;
}

static void read_field(struct job_info *info, const struct field *field,
                       const struct sql_result *rows, size_t row, int column, char **room) {
    void *at = (char *)info + field->offset;
    int64_t number =
        field->kind == TEXT || field->kind == STATUS ? 0 : sql_get_integer(rows, row, column, 0);
    switch (field->kind) {
    case TEXT: *(const char **)at = keep(sql_get(rows, row, column), room); break;
    case INT32: *(int32_t *)at = (int32_t)number; break;
    case UNSIGNED: *(unsigned *)at = (unsigned)number; break;
    case INT64: *(int64_t *)at = number; break;
    case BOOLEAN: *(bool *)at = sql_get_boolean(rows, row, column); break;
    case STATUS:
        *(enum job_status *)at = (enum job_status)status_of_name(sql_get(rows, row, column));
        break;
    }
}

struct job_info_list *store_read(const struct sql_result *rows) {
    int columns[FIELDS];
    find_columns(rows, columns);
    size_t count = sql_count(rows);
    struct job_info_list *list =
        mem_zero(1, sizeof *list + count * sizeof *list->infos + count_texts(rows, columns));
    list->count = count;
    list->infos = (struct job_info *)(void *)(list + 1);
    char *room = (char *)(list->infos + count);
    for (size_t row = 0; row < count; row++) {
        list->infos[row].size = sizeof *list->infos;
        for (int f = 0; f < FIELDS; f++)
            read_field(&list->infos[row], &fields[f], rows, row, columns[f], &room);
    }
    return list;
}

void job_info_free(struct job_info_list *list) { free(list); }
