#include "module/api/submit_read.h"

#include "module/api/json_read.h"
#include "module/base/buf.h"
#include "module/base/error.h"
#include "module/base/mem.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIELD(member, how, ...) \
    { .name = #member, .type = how, .offset = offsetof(struct submit_item, member), __VA_ARGS__ }

/* One word per option: the names are those of the SQL function job_submit. */
static const struct json_field fields[] = {
    FIELD(class_name, JSON_AS_TEXT, .required = true, .high = 128),
    FIELD(parameters, JSON_AS_RAW, .high = 0),
    FIELD(priority, JSON_AS_INTEGER, .low = INT32_MIN, .high = INT32_MAX),
    FIELD(at, JSON_AS_DATE, .high = 0),
    FIELD(pending, JSON_AS_BOOLEAN, .high = 0),
    FIELD(expires, JSON_AS_DATE, .high = 0),
    FIELD(description, JSON_AS_TEXT, .high = 4096),
    FIELD(owner, JSON_AS_TEXT, .high = 255),
    FIELD(attempts, JSON_AS_INTEGER, .low = 1, .high = 1000),
    FIELD(backoff, JSON_AS_DURATION, .low = 1),
    FIELD(timeout, JSON_AS_DURATION, .low = 1),
    FIELD(related_type, JSON_AS_TEXT, .high = 255),
    FIELD(related_id, JSON_AS_TEXT, .high = 255),
    FIELD(locked, JSON_AS_BOOLEAN, .high = 0),
    FIELD(traceparent, JSON_AS_TEXT, .high = 255),
    FIELD(id, JSON_AS_UUID, .high = 0),
    {.name = NULL},
};

static void read_item(const struct json_value *value, struct submit_item *item) {
    unsigned given;
    json_fields_read(value, fields, item, &given, &item->field, &item->err);
}

int submit_read(const char *text, size_t length, struct submit *ret, struct jobs_error *err) {
    struct json_value all, one;
    *ret = (struct submit){0};
    int rc = json_read(text, length, &all, err);
    if (rc < 0)
        return rc;
    bool array = all.kind == JSON_ARRAY;
    size_t count = array ? json_count(&all) : 1;
    if (count < 1 || count > SUBMIT_MOST || (!array && all.kind != JSON_OBJECT))
        return error_set(err, JOBS_EINVAL, "a job or an array of 1 to %d jobs is wanted",
                         SUBMIT_MOST);
    *ret = (struct submit){array, count, mem_zero(count, sizeof *ret->items)};
    if (!array)
        read_item(&all, &ret->items[0]);
    size_t i = 0;
    for (const char *at = NULL; array && json_next(&all, &at, NULL, &one);)
        read_item(&one, &ret->items[i++]);
    return 0;
}

void submit_done(struct submit *submit) {
    for (size_t i = 0; i < submit->count; i++)
        json_fields_done(fields, &submit->items[i]);
    free(submit->items);
    *submit = (struct submit){0};
}

struct job_info submit_info(const struct submit_item *item, const char *tenant) {
    return (struct job_info)JOB_INFO(.tenant = tenant, .class_name = item->class_name,
                                     .parameters = item->parameters,
                                     .priority = (int32_t)item->priority,
                                     .trigger_after_date = item->at,
                                     .expiration_date = item->expires,
                                     .description = item->description, .owner = item->owner,
                                     .attempts = (unsigned)item->attempts, .backoff = item->backoff,
                                     .timeout = item->timeout, .related_type = item->related_type,
                                     .related_id = item->related_id, .locked = item->locked,
                                     .traceparent = item->traceparent, .id = item->id);
}

void submit_key_id(const char *tenant, const char *key, size_t place, char ret[37]) {
    unsigned char d[SHA256_DIGEST_LENGTH];
    struct buf text = {0};
    buf_format(&text, "Idempotency-Key\n%s\n%zu\n%s", tenant, place, key);
    SHA256((const unsigned char *)buf_get(&text), text.length, d);
    buf_done(&text);
    d[6] = (unsigned char)(0x80 | (d[6] & 0x0f));
    d[8] = (unsigned char)(0x80 | (d[8] & 0x3f));
    snprintf(ret, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", d[0],
             d[1], d[2], d[3], d[4], d[5], d[6], d[7], d[8], d[9], d[10], d[11], d[12], d[13],
             d[14], d[15]);
}
