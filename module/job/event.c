#include "module/job/event.h"

#include "module/base/error.h"
#include "module/base/text.h"
#include "module/job/status.h"

#include <json-c/json.h>
#include <string.h>
#include <time.h>

enum { KEY_MAX = 255 };

/* Text that needs no escapes. */
#define ADD(buf, literal) buf_add(buf, literal, sizeof(literal) - 1)

void job_event_id(const struct job_event *event, struct buf *ret) {
    buf_clear(ret);
    buf_text(ret, event->id);
    buf_char(ret, '/');
    buf_integer(ret, event->version);
}

const char *job_event_trace(const struct job_event *event, size_t *ret_length) {
    *ret_length =
        event->extras ? strspn(event->extras, "0123456789abcdefghijklmnopqrstuvwxyz-") : 0;
    return *ret_length > 0 && event->extras[*ret_length] == '\n' ? event->extras : NULL;
}

int job_event_key(const struct job_event *event, struct buf *ret, struct jobs_error *err) {
    buf_clear(ret);
    buf_text(ret, event->tenant);
    buf_char(ret, '.');
    buf_text(ret, status_name(event->status));
    buf_char(ret, '.');
    buf_text(ret, event->class_name);
    if (ret->length > KEY_MAX)
        return error_set(err, JOBS_EINVAL, "a routing key of %zu bytes, at most %d", ret->length,
                         KEY_MAX);
    return 0;
}

static char *put_digits(char *end, int64_t value, int count) {
    while (count-- > 0) {
        *--end = (char)('0' + value % 10);
        value /= 10;
    }
    return end;
}

int job_event_add_time(struct buf *buf, int64_t date, struct jobs_error *err) {
    int64_t micro = date % 1000000, second = date / 1000000;
    if (micro < 0)
        micro += 1000000, second--;
    time_t when = (time_t)second;
    struct tm tm;
    if (!gmtime_r(&when, &tm) || tm.tm_year < -1900 || tm.tm_year > 9999 - 1900)
        return error_set(err, JOBS_EINVAL, "a date beyond the years 0 to 9999");
    char text[] = "0000-00-00T00:00:00.000000Z";
    put_digits(text + 4, tm.tm_year + 1900, 4);
    put_digits(text + 7, tm.tm_mon + 1, 2);
    put_digits(text + 10, tm.tm_mday, 2);
    put_digits(text + 13, tm.tm_hour, 2);
    put_digits(text + 16, tm.tm_min, 2);
    put_digits(text + 19, tm.tm_sec, 2);
    put_digits(text + 26, micro, 6);
    ADD(buf, text);
    return 0;
}

static void add_type(struct buf *buf, enum job_status status) {
    ADD(buf, "job.");
    for (const char *p = status_name(status); *p; p++)
        buf_char(buf, *p >= 'A' && *p <= 'Z' ? (char)(*p - 'A' + 'a') : *p);
}

/* A member whose value is text; with a comma before it. */
static void add_member(struct buf *buf, const char *name, const char *text) {
    buf_char(buf, ',');
    buf_json_string(buf, name);
    buf_char(buf, ':');
    buf_json_string(buf, text);
}

static void add_number(struct buf *buf, const char *name, int64_t number) {
    buf_char(buf, ',');
    buf_json_string(buf, name);
    buf_char(buf, ':');
    buf_integer(buf, number);
}

static int malformed(struct jobs_error *err) {
    return error_set(err, JOBS_EINVAL, "further members that are no JSON object");
}

/* The object without what belongs to the status that came after. It holds texts and booleans
 * only, so that json-c alters nothing. */
static int add_passing(struct buf *buf, const char *object, size_t length, struct jobs_error *err) {
    static const char *const later[] = {"error", "resultClassName", "resultOmitted"};
    struct json_tokener *tokener = json_tokener_new();
    struct json_object *json = json_tokener_parse_ex(tokener, object, (int)length);
    json_tokener_free(tokener);
    if (!json_object_is_type(json, json_type_object)) {
        json_object_put(json);
        return malformed(err);
    }
    for (size_t i = 0; i < sizeof later / sizeof *later; i++)
        json_object_object_del(json, later[i]);
    size_t n;
    const char *text =
        json_object_to_json_string_length(json,
                                          JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE,
                                          &n);
    if (n > 2) {
        buf_char(buf, ',');
        buf_add(buf, text + 1, n - 2);
    }
    json_object_put(json);
    return 0;
}

/* Is there something in the object that add_passing would take out? (Or text that looks like it:
 * no harm.) */
static bool has_later(const char *object, size_t length) {
    return memmem(object, length, "\"error\"", 7) || memmem(object, length, "\"result", 7);
}

static int add_extras(struct buf *buf, const struct job_event *event, struct jobs_error *err) {
    if (!event->extras)
        return 0;
    size_t trace;
    const char *object = event->extras;
    if (job_event_trace(event, &trace))
        object += trace + 1;
    const char *line_feed = strchr(object, '\n');
    size_t length = line_feed ? (size_t)(line_feed - object) : strlen(object);
    if (length < 2 || object[0] != '{' || object[length - 1] != '}')
        return malformed(err);
    if (event->passing && has_later(object, length))
        return add_passing(buf, object, length, err);
    if (length > 2) {
        buf_char(buf, ',');
        buf_add(buf, object + 1, length - 2);
    }
    if (!line_feed || event->passing)
        return 0;
    if (!line_feed[1])
        return error_set(err, JOBS_EINVAL, "a result that is empty");
    ADD(buf, ",\"result\":");
    buf_text(buf, line_feed + 1);
    return 0;
}

static void add_source(struct buf *buf, const struct job_event *event) {
    ADD(buf, "\",\"source\":\"/");
    buf_text(buf, event->service);
    buf_char(buf, '/');
    buf_text(buf, event->tenant);
}

static int add_data(struct buf *buf, const struct job_event *event, struct jobs_error *err) {
    ADD(buf, "{\"jobId\":");
    buf_json_string(buf, event->id);
    add_member(buf, "jobEventType", status_name(event->status));
    add_member(buf, "jobClassName", event->class_name);
    add_member(buf, "tenant", event->tenant);
    add_number(buf, "version", event->version);
    add_number(buf, "attempt", event->attempt);
    add_number(buf, "percentCompleted", event->percent);
    int rc = add_extras(buf, event, err);
    buf_char(buf, '}');
    return rc;
}

/* The distributed tracing extension of CloudEvents. Its alphabet needs no escapes. */
static void add_trace(struct buf *buf, const struct job_event *event) {
    size_t length;
    const char *trace = job_event_trace(event, &length);
    if (!trace)
        return;
    ADD(buf, "\",\"traceparent\":\"");
    buf_add(buf, trace, length);
}

static bool is_utf8(const char *text) { return text_is_utf8(text, strlen(text)); }

/* Service, tenant and id are of restricted alphabets, so they need no escapes. */
int job_event_body(const struct job_event *event, struct buf *ret, struct jobs_error *err) {
    buf_clear(ret);
    if (!is_utf8(event->class_name) || (event->extras && !is_utf8(event->extras)))
        return error_set(err, JOBS_EINVAL, "text that is not UTF-8");
    ADD(ret, "{\"specversion\":\"1.0\",\"id\":\"");
    buf_text(ret, event->id);
    buf_char(ret, '/');
    buf_integer(ret, event->version);
    add_source(ret, event);
    ADD(ret, "\",\"type\":\"");
    add_type(ret, event->status);
    ADD(ret, "\",\"subject\":\"");
    buf_text(ret, event->id);
    ADD(ret, "\",\"time\":\"");
    int rc = job_event_add_time(ret, event->date, err);
    if (rc < 0)
        return rc;
    add_trace(ret, event);
    ADD(ret, "\",\"datacontenttype\":\"application/json\",\"data\":");
    rc = add_data(ret, event, err);
    if (rc < 0)
        return rc;
    buf_char(ret, '}');
    return 0;
}
