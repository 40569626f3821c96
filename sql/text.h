/* The .sql files of this folder, embedded at build time as "folder/name" (query/…, function/…,
 * migration/…), sorted by name. */
#ifndef SQL_TEXT_H
#define SQL_TEXT_H
#include <stddef.h>

struct sql_text {
    const char *name;
    const char *text;
    size_t length;
};
extern const struct sql_text sql_texts[]; /* last: name NULL */

/* The file of that name, or NULL. */
const struct sql_text *sql_text_find(const char *name);
/* Its text with @schema@ replaced by the quoted schema name; the only substitution there is. Caller
 * frees. */
char *sql_text_for_schema(const struct sql_text *text, const char *schema);
/* Is it a name for a schema: 1 to 57 bytes, [A-Za-z_][A-Za-z0-9_]* (it is also the name of a
 * notification channel). */
int sql_schema_is_valid(const char *schema);
#endif
