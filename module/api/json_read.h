/* Reading JSON of clients, strictly as RFC 8259 has it. Values that are passed on stay the text they
 * are: numbers keep their digits, PostgreSQL is the judge of the rest. No I/O; fuzzed. */
#ifndef API_JSON_READ_H
#define API_JSON_READ_H
#include "module/jobs.h"

enum { JSON_DEPTH = 64 };
enum json_kind { JSON_OBJECT, JSON_ARRAY, JSON_STRING, JSON_NUMBER, JSON_BOOLEAN, JSON_NULL };

/* Part of the text that was given. */
struct json_value {
    enum json_kind kind;
    const char *text;
    size_t length;
};

/* Checks all of text[0..length), which must be UTF-8 and end with a NUL: one value, nothing after it,
 * at most JSON_DEPTH levels, no member twice in an object at any level. JOBS_EINVAL says where. */
int json_read(const char *text, size_t length, struct json_value *ret, struct jobs_error *err);

/* Walks the members of an object or the elements of an array that json_read has checked. Start with
 * *at = NULL; false at the end. ret_name (may be NULL for arrays): its JSON string. */
bool json_next(const struct json_value *of, const char **at, struct json_value *ret_name,
               struct json_value *ret);
size_t json_count(const struct json_value *of); /* members or elements */

/* A string's text, decoded; NULL for one with a NUL or half a surrogate pair. Caller frees. */
char *json_decode(const struct json_value *string);
/* A copy of the value as it is written. Caller frees. */
char *json_copy(const struct json_value *value);
/* An integer without fraction and exponent that fits. */
bool json_integer_of(const struct json_value *value, int64_t *ret);
const char *json_kind_name(enum json_kind kind); /* "an object", … */

/* ---- Objects with known members ---- */
enum json_as {
    JSON_AS_TEXT,     /* char *: decoded, at most `high` bytes */
    JSON_AS_RAW,      /* char *: an object as it is written */
    JSON_AS_INTEGER,  /* int64_t, low to high */
    JSON_AS_BOOLEAN,  /* bool */
    JSON_AS_DATE,     /* int64_t: RFC 3339 to microseconds since 1970 */
    JSON_AS_DURATION, /* int64_t: ms as a number, or text such as "30s" */
    JSON_AS_UUID,     /* char * */
    JSON_AS_STATUSES  /* unsigned: array of names, or one, as 1u << JOB_… */
};
struct json_field {
    const char *name; /* NULL ends a table */
    enum json_as type;
    size_t offset; /* in the struct that is filled */
    bool required;
    bool nullable; /* null counts as "given", value 0 or NULL; otherwise null is wrong */
    int64_t low, high;
};
/* Fills `to` (zeroed by the caller; texts are to be freed with json_fields_done) from an object.
 * *ret_given: bit i for fields[i]. *ret_field: the member that is wrong, static text or NULL. */
int json_fields_read(const struct json_value *object, const struct json_field *fields, void *to,
                     unsigned *ret_given, const char **ret_field, struct jobs_error *err);
void json_fields_done(const struct json_field *fields, void *of);
#endif
