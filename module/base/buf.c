#include "module/base/buf.h"

#include "module/base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void reserve(struct buf *buf, size_t more) {
    size_t need = buf->length + more + 1;
    if (need <= buf->capacity)
        return;
    size_t capacity = buf->capacity ? buf->capacity : 64;
    while (capacity < need)
        capacity *= 2;
    buf->data = mem_grow(buf->data, capacity, 1);
    buf->capacity = capacity;
}

void buf_add(struct buf *buf, const void *data, size_t length) {
    reserve(buf, length);
    if (length > 0)
        memcpy(buf->data + buf->length, data, length);
    buf->length += length;
    buf->data[buf->length] = '\0';
}

void buf_text(struct buf *buf, const char *text) { buf_add(buf, text, strlen(text)); }

void buf_char(struct buf *buf, char c) { buf_add(buf, &c, 1); }

/* Printed into the room there is; once more if that was too little. */
void buf_format(struct buf *buf, const char *format, ...) {
    va_list args;
    reserve(buf, 0);
    for (int n = 0, tries = 0; tries < 2; tries++) {
        size_t room = buf->capacity - buf->length;
        va_start(args, format);
        n = vsnprintf(buf->data + buf->length, room, format, args);
        va_end(args);
        if (n >= 0 && (size_t)n < room) {
            buf->length += (size_t)n;
            return;
        }
        buf->data[buf->length] = '\0';
        if (n > 0)
            reserve(buf, (size_t)n);
    }
}

void buf_integer(struct buf *buf, int64_t value) {
    char digits[24];
    size_t n = sizeof digits;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do
        digits[--n] = (char)('0' + rest % 10);
    while (rest /= 10);
    if (value < 0)
        digits[--n] = '-';
    buf_add(buf, digits + n, sizeof digits - n);
}

void buf_json_string(struct buf *buf, const char *text) {
    buf_char(buf, '"');
    const char *from = text;
    for (const char *p = text;; p++) {
        unsigned char c = (unsigned char)*p;
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        buf_add(buf, from, (size_t)(p - from));
        from = p + 1;
        if (c == '\0')
            break;
        if (c == '"' || c == '\\')
            buf_char(buf, '\\'), buf_char(buf, (char)c);
        else if (c == '\n')
            buf_text(buf, "\\n");
        else if (c == '\t')
            buf_text(buf, "\\t");
        else
            buf_format(buf, "\\u%04x", c);
    }
    buf_char(buf, '"');
}

const char *buf_get(const struct buf *buf) { return buf->data ? buf->data : ""; }

char *buf_take(struct buf *buf) {
    char *data = buf->data ? buf->data : mem_text("");
    *buf = (struct buf){0};
    return data;
}

void buf_clear(struct buf *buf) {
    buf->length = 0;
    if (buf->data)
        buf->data[0] = '\0';
}

void buf_done(struct buf *buf) {
    free(buf->data);
    *buf = (struct buf){0};
}
