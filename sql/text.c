#include "sql/text.h"

#include "module/base/buf.h"

#include <ctype.h>
#include <string.h>

const struct sql_text *sql_text_find(const char *name) {
    for (const struct sql_text *text = sql_texts; text->name; text++)
        if (strcmp(text->name, name) == 0)
            return text;
    return NULL;
}

char *sql_text_for_schema(const struct sql_text *text, const char *schema) {
    static const char mark[] = "@schema@";
    struct buf out = {0};
    const char *from = text->text;
    for (const char *at; (at = strstr(from, mark)); from = at + sizeof mark - 1) {
        buf_add(&out, from, (size_t)(at - from));
        buf_format(&out, "\"%s\"", schema); /* a valid name holds no quote */
    }
    buf_text(&out, from);
    return buf_take(&out);
}

int sql_schema_is_valid(const char *schema) {
    if (!schema || !(isalpha((unsigned char)schema[0]) || schema[0] == '_'))
        return 0;
    size_t n = strspn(schema, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
    return schema[n] == '\0' && n <= 57;
}
