/* Objects with known members, into structs. */
#include "module/api/json_read.h"
#include "module/api/query.h"
#include "module/base/config_key.h"
#include "module/base/error.h"
#include "module/base/text.h"
#include "module/job/status.h"

#include <stdlib.h>
#include <string.h>

static void *at(const struct json_field *field, void *to) { return (char *)to + field->offset; }

static int wrong_kind(const struct json_field *field, const struct json_value *value,
                      const char *wanted, struct jobs_error *err) {
    return error_set(err, JOBS_EINVAL, "%s must be %s, not %s", field->name, wanted,
                     json_kind_name(value->kind));
}

static int read_text(const struct json_field *field, const struct json_value *value, char **ret,
                     struct jobs_error *err) {
    if (value->kind != JSON_STRING)
        return wrong_kind(field, value, "a text", err);
    char *text = json_decode(value);
    if (!text)
        return error_set(err, JOBS_EINVAL, "%s holds \\u0000 or half a surrogate pair",
                         field->name);
    if (field->high && strlen(text) > (size_t)field->high) {
        free(text);
        return error_set(err, JOBS_EINVAL, "%s is over the limit of %d bytes", field->name,
                         (int)field->high);
    }
    *ret = text;
    return 0;
}

static int read_integer(const struct json_field *field, const struct json_value *value,
                        int64_t *ret, struct jobs_error *err) {
    if (!json_integer_of(value, ret) || *ret < field->low || *ret > field->high)
        return error_set(err, JOBS_EINVAL, "%s must be a whole number from %lld to %lld",
                         field->name, (long long)field->low, (long long)field->high);
    return 0;
}

static int read_date(const struct json_field *field, const struct json_value *value, int64_t *ret,
                     struct jobs_error *err) {
    char *text;
    int rc = read_text(field, value, &text, err);
    if (rc < 0)
        return rc;
    if (!query_read_date(text, ret))
        rc = error_set(err, JOBS_EINVAL, "%s must be a date as in 2030-01-31T12:00:00Z",
                       field->name);
    free(text);
    return rc;
}

static int read_duration(const struct json_field *field, const struct json_value *value,
                         int64_t *ret, struct jobs_error *err) {
    static const struct config_key duration = {.name = "duration",
                                               .type = CONFIG_DURATION,
                                               .high = INT64_C(365) * 24 * 3600 * 1000};
    char *text = NULL;
    int64_t numbers[2] = {0, 0};
    bool good;
    if (value->kind == JSON_STRING) {
        int rc = read_text(field, value, &text, err);
        if (rc < 0)
            return rc;
        good = config_value_read(&duration, text, numbers);
    } else {
        good = json_integer_of(value, &numbers[0]) && numbers[0] <= duration.high;
    }
    free(text);
    *ret = numbers[0];
    return good && *ret >= field->low
               ? 0
               : error_set(err, JOBS_EINVAL,
                           "%s must be a number of milliseconds or a text such as 500ms, 10s, 5m, "
                           "2h, 1d",
                           field->name);
}

static int read_uuid(const struct json_field *field, const struct json_value *value, char **ret,
                     struct jobs_error *err) {
    int rc = read_text(field, value, ret, err);
    if (rc < 0 || text_is_uuid(*ret))
        return rc;
    free(*ret);
    *ret = NULL;
    return error_set(err, JOBS_EINVAL, "%s must be a uuid", field->name);
}

static int read_status(const struct json_field *field, const struct json_value *value,
                       unsigned *ret, struct jobs_error *err) {
    char *text;
    int rc = read_text(field, value, &text, err);
    if (rc < 0)
        return rc;
    int status = status_of_name(text);
    free(text);
    if (status < 0)
        return error_set(err, JOBS_EINVAL, "%s: no such status", field->name);
    *ret |= 1u << status;
    return 0;
}

static int read_statuses(const struct json_field *field, const struct json_value *value,
                         unsigned *ret, struct jobs_error *err) {
    struct json_value one;
    int rc = 0;
    if (value->kind != JSON_ARRAY)
        return read_status(field, value, ret, err);
    for (const char *p = NULL; rc == 0 && json_next(value, &p, NULL, &one);)
        rc = read_status(field, &one, ret, err);
    return rc;
}

static int read_field(const struct json_field *field, const struct json_value *value, void *to,
                      struct jobs_error *err) {
    if (value->kind == JSON_NULL && field->nullable)
        return 0;
    switch (field->type) {
    case JSON_AS_TEXT: return read_text(field, value, at(field, to), err);
    case JSON_AS_INTEGER: return read_integer(field, value, at(field, to), err);
    case JSON_AS_DATE: return read_date(field, value, at(field, to), err);
    case JSON_AS_DURATION: return read_duration(field, value, at(field, to), err);
    case JSON_AS_UUID: return read_uuid(field, value, at(field, to), err);
    case JSON_AS_STATUSES: return read_statuses(field, value, at(field, to), err);
    case JSON_AS_RAW:
        if (value->kind != JSON_OBJECT)
            return wrong_kind(field, value, "an object", err);
        *(char **)at(field, to) = json_copy(value);
        return 0;
    case JSON_AS_BOOLEAN:
        if (value->kind != JSON_BOOLEAN)
            return wrong_kind(field, value, "true or false", err);
        *(bool *)at(field, to) = value->text[0] == 't';
        return 0;
    }
    return 0;
}

static const struct json_field *find(const struct json_field *fields,
                                     const struct json_value *name) {
    char *text = json_decode(name);
    const struct json_field *found = NULL;
    for (; text && fields->name && !found; fields++)
        if (strcmp(fields->name, text) == 0)
            found = fields;
    free(text);
    return found;
}

int json_fields_read(const struct json_value *object, const struct json_field *fields, void *to,
                     unsigned *ret_given, const char **ret_field, struct jobs_error *err) {
    struct json_value name, value;
    unsigned given = 0;
    *ret_field = NULL;
    if (object->kind != JSON_OBJECT)
        return error_set(err, JOBS_EINVAL, "an object is wanted, not %s",
                         json_kind_name(object->kind));
    for (const char *p = NULL; json_next(object, &p, &name, &value);) {
        const struct json_field *field = find(fields, &name);
        *ret_field = field ? field->name : NULL;
        if (!field)
            return error_set(err, JOBS_EINVAL, "unknown member %.*s",
                             (int)(name.length < 80 ? name.length : 80), name.text);
        int rc = read_field(field, &value, to, err);
        if (rc < 0)
            return rc;
        given |= 1u << (field - fields);
    }
    for (size_t i = 0; fields[i].name; i++)
        if (fields[i].required && !(given & 1u << i)) {
            *ret_field = fields[i].name;
            return error_set(err, JOBS_EINVAL, "%s is missing", fields[i].name);
        }
    *ret_field = NULL;
    *ret_given = given;
    return 0;
}

void json_fields_done(const struct json_field *fields, void *of) {
    for (; fields->name; fields++)
        if (fields->type == JSON_AS_TEXT || fields->type == JSON_AS_RAW ||
            fields->type == JSON_AS_UUID) {
            char **text = at(fields, of);
            free(*text);
            *text = NULL;
        }
}
