/* The file of `jobctl tenant apply`: read entry by entry, so that each one knows its line. */
#include "module/base/error.h"
#include "module/base/mem.h"
#include "tenant/settings.h"

#include <json-c/json.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    const char *at;
    size_t line, wrong;
    void (*bad)(void *arg, size_t line, const char *tenant, const char *why);
    void *arg;
    struct tenant_file *file;
};

static void complain(struct reader *r, const struct tenant_file_entry *entry, const char *format,
                     ...) JOBS_PRINTF(3, 4);
static void complain(struct reader *r, const struct tenant_file_entry *entry, const char *format,
                     ...) {
    char why[300];
    va_list args;
    va_start(args, format);
    vsnprintf(why, sizeof why, format, args);
    va_end(args);
    r->wrong++;
    r->bad(r->arg, entry->line, entry->name, why);
}

/* ---- members ---- */

static bool read_number(const json_object *value, int64_t low, int64_t high, int64_t *ret) {
    if (!json_object_is_type(value, json_type_int))
        return false;
    *ret = json_object_get_int64(value);
    return *ret >= low && *ret <= high;
}

static void read_limit(struct reader *r, const struct tenant_file_entry *entry, const char *name,
                       const json_object *value, int64_t *ret) {
    *ret = -1;
    if (value && !read_number(value, 0, INT_MAX, ret))
        complain(r, entry, "%s must be a whole number from 0 on, or null for no limit", name);
}

static void read_state(struct reader *r, struct tenant_file_entry *entry, json_object *value) {
    for (int i = TENANT_ACTIVE; i <= TENANT_MAINTENANCE; i++)
        if (json_object_is_type(value, json_type_string) &&
            strcmp(json_object_get_string(value), tenant_state_name((enum tenant_state)i)) == 0) {
            entry->settings.state = (enum tenant_state)i;
            return;
        }
    complain(r, entry, "state must be ACTIVE, PAUSED or MAINTENANCE");
}

static void read_member(struct reader *r, struct tenant_file_entry *entry, const char *name,
                        json_object *value) {
    struct tenant_settings *want = &entry->settings;
    int64_t number = 0;
    if (strcmp(name, "weight") == 0) {
        want->given |= TENANT_HAS_WEIGHT;
        if (!read_number(value, 1, 1000, &number))
            complain(r, entry, "weight must be a whole number from 1 to 1000");
        want->weight = (unsigned)number;
    } else if (strcmp(name, "max_running") == 0) {
        want->given |= TENANT_HAS_MAX_RUNNING;
        read_limit(r, entry, name, value, &want->max_running);
    } else if (strcmp(name, "max_queued") == 0) {
        want->given |= TENANT_HAS_MAX_QUEUED;
        read_limit(r, entry, name, value, &want->max_queued);
    } else if (strcmp(name, "state") == 0) {
        want->given |= TENANT_HAS_STATE;
        read_state(r, entry, value);
    } else if (strcmp(name, "datasource") == 0) {
        if (!json_object_is_type(value, json_type_string) ||
            json_object_get_string_len(value) >= (int)sizeof entry->datasource)
            complain(r, entry, "datasource must be the name of one");
        else
            snprintf(entry->datasource, sizeof entry->datasource, "%s",
                     json_object_get_string(value));
    } else if (strcmp(name, "tenant") != 0) {
        complain(r, entry, "unknown member \"%.80s\"", name);
    }
}

static void check_twice(struct reader *r, const struct tenant_file_entry *entry) {
    for (size_t i = 0; i < r->file->count; i++)
        if (strcmp(r->file->entries[i].name, entry->name) == 0) {
            complain(r, entry, "it stands on line %zu already", r->file->entries[i].line);
            return;
        }
}

static void read_entry(struct reader *r, json_object *object) {
    struct tenant_file_entry entry = {.line = r->line};
    json_object *name;
    if (!json_object_is_type(object, json_type_object)) {
        complain(r, &entry, "an entry must be a JSON object");
        return;
    }
    if (!json_object_object_get_ex(object, "tenant", &name) ||
        !json_object_is_type(name, json_type_string) ||
        json_object_get_string_len(name) != (int)strlen(json_object_get_string(name)) ||
        !tenant_name_is_valid(json_object_get_string(name))) {
        complain(r, &entry, "\"tenant\" must be a name of the form [a-z0-9][a-z0-9_-]{0,62}");
        return;
    }
    snprintf(entry.name, sizeof entry.name, "%s", json_object_get_string(name));
    check_twice(r, &entry);
    json_object_object_foreach(object, key, value) read_member(r, &entry, key, value);
    size_t n = r->file->count + 1;
    r->file->entries = mem_grow(r->file->entries, n, sizeof entry);
    r->file->entries[n - 1] = entry;
    r->file->count = n;
}

/* ---- the array ---- */

static void step(struct reader *r, size_t length) {
    for (; length > 0; length--)
        r->line += *r->at++ == '\n';
}

static char next_sign(struct reader *r) {
    step(r, strspn(r->at, " \t\r\n"));
    return *r->at;
}

static int broken(const struct reader *r, const char *why, struct jobs_error *err) {
    return error_set(err, JOBS_EINVAL, "line %zu: %s", r->line, why);
}

static int read_value(struct reader *r, struct jobs_error *err) {
    struct json_tokener *tokener = json_tokener_new();
    if (!tokener)
        return error_set(err, JOBS_ENOMEM, "out of memory");
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_ALLOW_TRAILING_CHARS);
    size_t left = strlen(r->at);
    json_object *object =
        json_tokener_parse_ex(tokener, r->at, left < INT_MAX ? (int)left : INT_MAX);
    enum json_tokener_error error = json_tokener_get_error(tokener);
    size_t length = json_tokener_get_parse_end(tokener);
    json_tokener_free(tokener);
    if (error != json_tokener_success) {
        step(r, length);
        return broken(r,
                      error == json_tokener_continue ? "it ends too early"
                                                     : json_tokener_error_desc(error),
                      err);
    }
    read_entry(r, object);
    json_object_put(object);
    step(r, length);
    return 0;
}

static int read_array(struct reader *r, struct jobs_error *err) {
    if (next_sign(r) != '[')
        return broken(r, "it must be a JSON array of objects", err);
    step(r, 1);
    for (bool first = true; next_sign(r) != ']'; first = false) {
        if (!first && *r->at != ',')
            return broken(r, "a comma or the end of the array was expected", err);
        step(r, first ? 0 : 1);
        next_sign(r);
        int rc = read_value(r, err);
        if (rc < 0)
            return rc;
    }
    step(r, 1);
    return next_sign(r) ? broken(r, "there is more behind the end of the array", err) : 0;
}

int tenant_file_read(const char *text,
                     void (*bad)(void *arg, size_t line, const char *tenant, const char *why),
                     void *arg, struct tenant_file *ret, struct jobs_error *err) {
    *ret = (struct tenant_file){0};
    struct reader r = {.at = text, .line = 1, .bad = bad, .arg = arg, .file = ret};
    int rc = read_array(&r, err);
    if (rc == 0 && r.wrong > 0)
        rc = error_set(err, JOBS_EINVAL, "%zu mistakes: nothing is applied", r.wrong);
    if (rc < 0)
        tenant_file_done(ret);
    return rc;
}

void tenant_file_done(struct tenant_file *file) {
    free(file->entries);
    *file = (struct tenant_file){0};
}
