/* Jobs of an answer as job_info structs: one block, as the library makes them. */
#include "module/api/query.h"
#include "module/base/error.h"
#include "module/base/mem.h"
#include "module/cli/remote.h"
#include "module/job/status.h"

#include <stdlib.h>
#include <string.h>

struct json_value remote_member(const struct json_value *object, const char *name) {
    struct json_value key, value;
    size_t length = strlen(name);
    for (const char *at = NULL; json_next(object, &at, &key, &value);)
        if (key.length == length + 2 && memcmp(key.text + 1, name, length) == 0)
            return value;
    return (struct json_value){.kind = JSON_NULL, .text = "null", .length = 4};
}

char *remote_text(const struct json_value *object, const char *name) {
    struct json_value value = remote_member(object, name);
    return value.kind == JSON_STRING ? json_decode(&value) : NULL;
}

enum kind { TEXT, RAW, NUMBER32, UNSIGNED, NUMBER64, BOOLEAN, DATE, STATUS };
#define FIELD(kind, member, field) \
    { member, kind, offsetof(struct job_info, field) }
#define SAME(kind, field) FIELD(kind, #field, field)
static const struct field {
    const char *member;
    enum kind kind;
    size_t offset;
} fields[] = {
    SAME(TEXT, id),
    SAME(TEXT, tenant),
    SAME(TEXT, class_name),
    SAME(RAW, parameters),
    SAME(TEXT, description),
    SAME(TEXT, owner),
    SAME(TEXT, related_type),
    SAME(TEXT, related_id),
    SAME(TEXT, traceparent),
    SAME(NUMBER32, priority),
    FIELD(UNSIGNED, "max_attempts", attempts),
    FIELD(NUMBER64, "timeout_ms", timeout),
    FIELD(NUMBER64, "backoff_ms", backoff),
    SAME(DATE, trigger_after_date),
    SAME(DATE, expiration_date),
    SAME(BOOLEAN, locked),
    SAME(STATUS, status),
    SAME(UNSIGNED, attempt),
    SAME(UNSIGNED, version),
    SAME(UNSIGNED, percent_completed),
    SAME(DATE, created_date),
    SAME(DATE, queued_date),
    SAME(DATE, start_date),
    SAME(DATE, stop_date),
    SAME(DATE, status_date),
    SAME(DATE, estimated_completion),
    SAME(RAW, result),
    SAME(TEXT, result_class_name),
    SAME(TEXT, error_kind),
    SAME(TEXT, error),
    SAME(TEXT, instance),
};
enum { FIELDS = sizeof fields / sizeof *fields };

/* Puts a text into the room, which is as large as the answer: no text is longer than it is
 * written. */
static const char *keep(char *text, char **room) {
    if (!text)
        return NULL;
    size_t size = strlen(text) + 1;
    char *copy = memcpy(*room, text, size);
    *room += size;
    free(text);
    return copy;
}

static void read_field(struct job_info *info, const struct field *field,
                       const struct json_value *value, char **room) {
    void *at = (char *)info + field->offset;
    int64_t number = 0;
    char *text = value->kind == JSON_STRING ? json_decode(value) : NULL;
    json_integer_of(value, &number);
    switch (field->kind) {
    case RAW: *(const char **)at = keep(json_copy(value), room); break;
    case NUMBER32: *(int32_t *)at = (int32_t)number; break;
    case UNSIGNED: *(unsigned *)at = (unsigned)number; break;
    case NUMBER64: *(int64_t *)at = number; break;
    case BOOLEAN: *(bool *)at = value->text[0] == 't'; break;
    case DATE:
        if (text)
            query_read_date(text, at);
        break;
    case STATUS: {
        int status = text ? status_of_name(text) : -1;
        *(enum job_status *)at = status < 0 ? JOB_PENDING : (enum job_status)status;
        break;
    }
    case TEXT: *(const char **)at = keep(text, room); return;
    }
    free(text);
}

static void read_job(struct job_info *info, const struct json_value *object, char **room) {
    info->size = sizeof *info;
    for (size_t i = 0; i < FIELDS; i++) {
        struct json_value value = remote_member(object, fields[i].member);
        if (value.kind != JSON_NULL)
            read_field(info, &fields[i], &value, room);
    }
}

int remote_read_jobs(const struct buf *answer, struct job_info_list **ret, struct jobs_error *err) {
    struct json_value all, jobs, one, name;
    int rc = json_read(buf_get(answer), answer->length, &all, err);
    if (rc < 0)
        return rc;
    if (all.kind != JSON_OBJECT)
        return error_set(err, JOBS_EDB, "an answer that was not expected");
    jobs = remote_member(&all, "jobs");
    size_t count = jobs.kind == JSON_ARRAY ? json_count(&jobs) : 1;
    struct job_info_list *list =
        mem_zero(1, sizeof *list + count * sizeof *list->infos + answer->length + 1);
    list->count = count;
    list->infos = (struct job_info *)(void *)(list + 1);
    char *room = (char *)(list->infos + count);
    size_t i = 0;
    if (jobs.kind != JSON_ARRAY)
        read_job(&list->infos[0], &all, &room);
    for (const char *at = NULL; jobs.kind == JSON_ARRAY && json_next(&jobs, &at, &name, &one);)
        if (one.kind == JSON_OBJECT)
            read_job(&list->infos[i++], &one, &room);
    *ret = list;
    return 0;
}
