#include "module/feed/event.h"

#include "module/base/mem.h"
#include "module/base/text.h"
#include "module/job/status.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- reading what a relay wrote, without parsing what users wrote ---- */

/* Splits "<tenant>.<STATUS>.<class name>", or "<tenant>.<class name>". */
static bool read_key(const char *key, bool with_status, struct feed_event *event) {
    const char *dot = key ? strchr(key, '.') : NULL;
    if (!dot || dot == key || (size_t)(dot - key) >= sizeof event->tenant)
        return false;
    memcpy(event->tenant, key, (size_t)(dot - key));
    key = dot + 1;
    if (with_status) {
        char word[16] = "";
        dot = strchr(key, '.');
        if (dot && (size_t)(dot - key) < sizeof word)
            memcpy(word, key, (size_t)(dot - key));
        int status = status_of_name(word);
        if (status < 0)
            return false;
        event->status = (enum job_status)status;
        key = dot + 1;
    }
    return *key && snprintf(event->class_name, FEED_NAME_MAX, "%s", key) < FEED_NAME_MAX;
}

struct cursor {
    const char *at, *end;
};

static void skip_space(struct cursor *c) {
    while (c->at < c->end && *c->at == ' ')
        c->at++;
}

static void skip_text(struct cursor *c) { /* at its first quote; to after the last one */
    for (c->at++; c->at < c->end && *c->at != '"'; c->at++)
        c->at += *c->at == '\\';
    c->at += c->at < c->end;
    if (c->at > c->end)
        c->at = c->end;
}

/* To after the value: the comma or bracket that follows it at its own depth. */
static void skip_value(struct cursor *c) {
    for (int depth = 0; c->at < c->end;) {
        char ch = *c->at;
        if (depth == 0 && (ch == ',' || ch == '}' || ch == ']'))
            return;
        if (ch == '"') {
            skip_text(c);
            continue;
        }
        depth += ch == '{' || ch == '[';
        depth -= ch == '}' || ch == ']';
        c->at++;
    }
}

/* A text, unescaped; "" for other values and for those that are too long. */
static void read_text(const char *json, size_t length, char *ret, size_t size) {
    struct json_tokener *tokener = length > 1 && *json == '"' ? json_tokener_new() : NULL;
    struct json_object *text = tokener ? json_tokener_parse_ex(tokener, json, (int)length) : NULL;
    const char *value =
        json_object_is_type(text, json_type_string) ? json_object_get_string(text) : "";
    snprintf(ret, size, "%s", strlen(value) < size ? value : "");
    json_object_put(text);
    if (tokener)
        json_tokener_free(tokener);
}

static void read_member(struct feed_event *event, const struct cursor *name,
                        const struct cursor *value) {
    size_t length = (size_t)(name->end - name->at);
    char *to = length == 13 && strncmp(name->at, "\"relatedType\"", 13) == 0 ? event->related_type
               : length == 11 && strncmp(name->at, "\"relatedId\"", 11) == 0 ? event->related_id
                                                                             : NULL;
    if (to)
        read_text(value->at, (size_t)(value->end - value->at), to, FEED_NAME_MAX);
}

/* The members at the top of an object whose outer form the relay made. */
static void read_members(struct feed_event *event, const char *object, size_t length) {
    struct cursor c = {object + 1, object + length};
    while (c.at < c.end && *c.at == '"') {
        struct cursor name = {c.at, NULL}, value;
        skip_text(&c);
        name.end = c.at;
        if (c.at == c.end || *c.at != ':')
            return;
        c.at++;
        skip_space(&c);
        value.at = c.at;
        skip_value(&c);
        value.end = c.at;
        read_member(event, &name, &value);
        if (c.at == c.end || *c.at != ',')
            return;
        c.at++;
        skip_space(&c);
    }
}

/* "2024-02-29T01:02:03.000004Z" */
static int64_t read_date(const char *text) {
    struct tm tm = {0};
    int micro = 0;
    if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d.%6d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
               &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &micro) != 7)
        return 0;
    tm.tm_year -= 1900;
    tm.tm_mon--;
    return (int64_t)timegm(&tm) * 1000000 + micro;
}

/* ---- making the server-sent event ---- */

/* Line feeds are white space in JSON, and the end of a line here. */
static void add_line(struct buf *out, const char *text, size_t length) {
    size_t from = out->length;
    buf_add(out, text, length);
    for (size_t i = from; i < out->length; i++)
        if (out->data[i] == '\n' || out->data[i] == '\r')
            out->data[i] = ' ';
}

/* Takes the text over from `text`, which is empty afterwards. */
static struct feed_event *finish(const struct feed_event *head, struct buf *text) {
    struct feed_event *event = mem_alloc(sizeof *event + text->length + 1);
    *event = *head;
    event->length = text->length;
    memcpy(event->text, buf_get(text), text->length + 1);
    buf_done(text);
    return event;
}

struct feed_event *feed_event_read(const struct bus_delivery *message, int64_t offset) {
    static const char before[] = ",\"datacontenttype\":\"application/json\",\"data\":{";
    struct feed_event head = {.offset = offset};
    const char *body = message->body;
    size_t length = message->length;
    if (!body || !text_is_utf8(body, length) || !read_key(message->routing_key, true, &head) ||
        !message->message_id || strlen(message->message_id) < 38)
        return NULL;
    memcpy(head.id, message->message_id, 36);
    const char *data = memmem(body, length, before, sizeof before - 1),
               *time = memmem(body, length, "\"time\":\"", 8);
    if (!text_is_uuid(head.id) || !data || !time || time > data || body[length - 1] != '}')
        return NULL;
    data += sizeof before - 2;
    size_t data_length = (size_t)(body + length - 1 - data);
    const char *time_end = memchr(time + 8, '"', (size_t)(data - time - 8));
    if (data_length < 2 || data[data_length - 1] != '}' || !time_end)
        return NULL;
    head.date = read_date(time + 8);
    read_members(&head, data, data_length);
    struct buf text = {0};
    buf_format(&text, "id: %lld\nevent: status\ndata: ", (long long)offset);
    add_line(&text, data, data_length - 1);
    buf_text(&text, data_length > 2 ? "," : "");
    add_line(&text, time, (size_t)(time_end - time) + 1);
    buf_text(&text, "}\n\n");
    return finish(&head, &text);
}

struct feed_event *feed_progress_read(const struct bus_delivery *message) {
    static const char begin[] = "{\"jobId\":\"";
    struct feed_event head = {.offset = -1, .status = JOB_RUNNING};
    const char *body = message->body;
    if (!body || message->length < 48 || strncmp(body, begin, sizeof begin - 1) != 0 ||
        !text_is_utf8(body, message->length) || !read_key(message->routing_key, false, &head))
        return NULL;
    memcpy(head.id, body + sizeof begin - 1, 36);
    if (!text_is_uuid(head.id))
        return NULL;
    struct buf text = {0};
    buf_text(&text, "event: progress\ndata: ");
    add_line(&text, body, message->length);
    buf_text(&text, "\n\n");
    return finish(&head, &text);
}

/* ---- whom it is for ---- */

static bool is_or_any(const char *wanted, const char *value) {
    return !wanted[0] || strcmp(wanted, value) == 0;
}

bool feed_filter_takes(const struct feed_filter *filter, const struct feed_event *event) {
    if (event->offset < 0 && !filter->progress)
        return false;
    return is_or_any(filter->tenant, event->tenant) &&
           (filter->statuses == 0 || filter->statuses & 1u << event->status) &&
           is_or_any(filter->class_name, event->class_name) && is_or_any(filter->id, event->id) &&
           is_or_any(filter->related_type, event->related_type) &&
           is_or_any(filter->related_id, event->related_id);
}
