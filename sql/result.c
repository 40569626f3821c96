#include "module/base/mem.h"
#include "sql/session.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct sql_result *session_result(PGresult *rows) {
    struct sql_result *result = mem_alloc(sizeof *result);
    result->rows = rows;
    return result;
}

void sql_result_free(struct sql_result *r) {
    if (!r)
        return;
    PQclear(r->rows);
    free(r);
}

size_t sql_count(const struct sql_result *r) { return (size_t)PQntuples(r->rows); }

size_t sql_affected(const struct sql_result *r) { return strtoul(PQcmdTuples(r->rows), NULL, 10); }

int sql_column(const struct sql_result *r, const char *name) {
    int column = PQfnumber(r->rows, name);
    assert(column >= 0);
    return column;
}

const char *sql_get(const struct sql_result *r, size_t row, int column) {
    return PQgetisnull(r->rows, (int)row, column) ? NULL : PQgetvalue(r->rows, (int)row, column);
}

int64_t sql_get_integer(const struct sql_result *r, size_t row, int column, int64_t otherwise) {
    const char *text = sql_get(r, row, column);
    return text ? strtoll(text, NULL, 10) : otherwise;
}

bool sql_get_boolean(const struct sql_result *r, size_t row, int column) {
    const char *text = sql_get(r, row, column);
    return text && text[0] == 't';
}

/* Copies one element from `p` (behind '{' or ',') to `out`; returns where it ended. */
static const char *read_element(const char *p, char *out, bool *ret_null) {
    bool quoted = *p == '"';
    const char *start = out;
    if (quoted)
        p++;
    while (*p && (quoted ? *p != '"' : *p != ',' && *p != '}')) {
        if (*p == '\\' && p[1])
            p++;
        *out++ = *p++;
    }
    *out = '\0';
    *ret_null = !quoted && strcmp(start, "NULL") == 0;
    return quoted && *p ? p + 1 : p;
}

char **sql_array_read(const char *literal, size_t *ret_count) {
    size_t length = strlen(literal), most = 1;
    for (const char *p = literal; *p; p++) /* an upper bound: commas inside quotes count too */
        most += *p == ',';
    char **elements = mem_alloc(most * sizeof *elements + length + most + 1);
    char *room = (char *)(elements + most);
    size_t n = 0;
    const char *p = literal[0] == '{' ? literal + 1 : literal;
    while (*p && *p != '}') {
        bool null;
        p = read_element(p, room, &null);
        elements[n++] = null ? NULL : room;
        room += strlen(room) + 1;
        if (*p == ',')
            p++;
    }
    *ret_count = n;
    return elements;
}
