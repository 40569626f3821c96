#include "amqp/content.h"

#include "module/base/mem.h"

#include <stdlib.h>

/* A NUL byte inside becomes '?': what follows it must not be lost to whoever compares names. */
static void copy_bytes(char *to, amqp_bytes_t from) {
    const char *text = from.bytes;
    for (size_t i = 0; i < from.len; i++)
        to[i] = text[i] ? text[i] : '?';
    to[from.len] = 0;
}

static const char *keep(struct content_text *to, amqp_bytes_t from) {
    if (from.len >= sizeof(to->data))
        from.len = sizeof(to->data) - 1;
    copy_bytes(to->data, from);
    return to->data;
}

static void begin(struct content *content, enum content_kind kind) {
    content_reset(content);
    content->kind = kind;
    content->delivery.stream_offset = -1;
}

void content_begin_delivery(struct content *content, const amqp_basic_deliver_t *method) {
    begin(content, CONTENT_DELIVERY);
    struct bus_delivery *delivery = &content->delivery;
    delivery->consumer_tag = keep(&content->consumer_tag, method->consumer_tag);
    delivery->tag = method->delivery_tag;
    delivery->redelivered = method->redelivered;
    delivery->exchange = keep(&content->exchange, method->exchange);
    delivery->routing_key = keep(&content->routing_key, method->routing_key);
}

void content_begin_return(struct content *content, const amqp_basic_return_t *method) {
    begin(content, CONTENT_RETURN);
    content->return_code = method->reply_code;
    keep(&content->return_text, method->reply_text);
    content->delivery.exchange = keep(&content->exchange, method->exchange);
    content->delivery.routing_key = keep(&content->routing_key, method->routing_key);
}

static bool is_named(const amqp_table_entry_t *entry, const char *name) {
    size_t length = strlen(name);
    return entry->key.len == length && memcmp(entry->key.bytes, name, length) == 0;
}

/* What says something about the way of the message, not about its content. */
static void take_header(struct bus_delivery *delivery, const amqp_table_entry_t *entry) {
    if (is_named(entry, "x-death"))
        delivery->has_x_death = true;
    if (is_named(entry, "x-stream-offset") && entry->value.kind == AMQP_FIELD_KIND_I64)
        delivery->stream_offset = entry->value.value.i64;
}

static bool is_text(const amqp_table_entry_t *entry) {
    return entry->value.kind == AMQP_FIELD_KIND_UTF8;
}

static char *put(char **at, amqp_bytes_t text) {
    char *start = *at;
    copy_bytes(start, text);
    *at += text.len + 1;
    return start;
}

static void keep_headers(struct content *content, const amqp_table_t *table) {
    struct bus_delivery *delivery = &content->delivery;
    size_t count = 0, length = 0;
    for (int i = 0; i < table->num_entries; i++) {
        const amqp_table_entry_t *entry = &table->entries[i];
        take_header(delivery, entry);
        if (is_text(entry))
            count++, length += entry->key.len + entry->value.value.bytes.len + 2;
    }
    if (count == 0)
        return;
    content->headers = mem_alloc(count * sizeof(struct bus_header) + length);
    char *at = (char *)(content->headers + count);
    struct bus_header *header = content->headers;
    for (int i = 0; i < table->num_entries; i++)
        if (is_text(&table->entries[i])) {
            header->name = put(&at, table->entries[i].key);
            header++->value = put(&at, table->entries[i].value.value.bytes);
        }
    delivery->headers = content->headers;
    delivery->header_count = count;
}

static void keep_properties(struct content *content, const amqp_basic_properties_t *properties) {
    struct bus_delivery *delivery = &content->delivery;
    amqp_flags_t has = properties->_flags;
    if (has & AMQP_BASIC_CONTENT_TYPE_FLAG)
        delivery->content_type = keep(&content->content_type, properties->content_type);
    if (has & AMQP_BASIC_MESSAGE_ID_FLAG)
        delivery->message_id = keep(&content->message_id, properties->message_id);
    if (has & AMQP_BASIC_CORRELATION_ID_FLAG)
        delivery->correlation_id = keep(&content->correlation_id, properties->correlation_id);
    if (has & AMQP_BASIC_REPLY_TO_FLAG)
        delivery->reply_to = keep(&content->reply_to, properties->reply_to);
    if (has & AMQP_BASIC_TYPE_FLAG)
        delivery->type = keep(&content->type, properties->type);
    if (has & AMQP_BASIC_USER_ID_FLAG)
        delivery->user_id = keep(&content->user_id, properties->user_id);
    if (has & AMQP_BASIC_TIMESTAMP_FLAG && properties->timestamp <= INT64_MAX)
        delivery->timestamp = (int64_t)properties->timestamp;
    if (has & AMQP_BASIC_DELIVERY_MODE_FLAG)
        delivery->persistent = properties->delivery_mode == AMQP_DELIVERY_PERSISTENT;
    if (has & AMQP_BASIC_HEADERS_FLAG)
        keep_headers(content, &properties->headers);
}

static bool add_header(struct content *content, const amqp_frame_t *frame) {
    if (content->has_header || frame->payload.properties.class_id != AMQP_BASIC_CLASS)
        return false;
    content->has_header = true;
    content->body_size = frame->payload.properties.body_size;
    keep_properties(content, frame->payload.properties.decoded);
    return true;
}

/* The announced size is not trusted with an allocation: memory grows with what really comes. */
static bool add_body(struct content *content, amqp_bytes_t part) {
    if (!content->has_header || part.len > content->body_size - content->received)
        return false;
    content->received += part.len;
    if (content->max_length == 0 || content->body_size <= content->max_length)
        buf_add(&content->body, part.bytes, part.len);
    return true;
}

bool content_add(struct content *content, const amqp_frame_t *frame) {
    if (content->kind == CONTENT_NONE)
        return false;
    if (frame->frame_type == AMQP_FRAME_HEADER ? !add_header(content, frame)
                                               : !add_body(content, frame->payload.body_fragment))
        return false;
    if (content_is_complete(content)) {
        content->delivery.length = (size_t)content->body_size;
        content->delivery.body =
            content->body.length == content->body_size ? buf_get(&content->body) : NULL;
    }
    return true;
}

bool content_is_complete(const struct content *content) {
    return content->kind != CONTENT_NONE && content->has_header &&
           content->received == content->body_size;
}

/* A large body's memory is not kept for small ones. */
void content_reset(struct content *content) {
    if (content->body.capacity > 65536)
        buf_done(&content->body);
    buf_clear(&content->body);
    free(content->headers);
    content->headers = NULL;
    content->kind = CONTENT_NONE;
    content->has_header = false;
    content->body_size = content->received = 0;
    content->delivery = (struct bus_delivery){0};
}

void content_done(struct content *content) {
    content_reset(content);
    buf_done(&content->body);
}

const char *bus_delivery_header(const struct bus_delivery *delivery, const char *name) {
    for (size_t i = 0; i < delivery->header_count; i++)
        if (strcmp(delivery->headers[i].name, name) == 0)
            return delivery->headers[i].value;
    return NULL;
}
