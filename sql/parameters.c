#include "sql/sql.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void sql_add_text(struct sql_parameters *p, const char *text) {
    assert(p->count < SQL_PARAMETERS_MAX);
    p->values[p->count++] = text;
}

void sql_add_integer(struct sql_parameters *p, int64_t value) {
    char *room = p->numbers[p->count];
    snprintf(room, sizeof p->numbers[0], "%" PRId64, value);
    sql_add_text(p, room);
}

void sql_add_boolean(struct sql_parameters *p, bool value) { sql_add_text(p, value ? "t" : "f"); }

void sql_array_begin(struct buf *buf) {
    buf_clear(buf);
    buf_char(buf, '{');
}

static void separate(struct buf *buf) {
    if (buf->data[buf->length - 1] != '{')
        buf_char(buf, ',');
}

void sql_array_text(struct buf *buf, const char *text) {
    if (!text) {
        sql_array_null(buf);
        return;
    }
    separate(buf);
    buf_char(buf, '"');
    for (;;) {
        size_t n = strcspn(text, "\"\\");
        buf_add(buf, text, n);
        text += n;
        if (!*text)
            break;
        buf_char(buf, '\\');
        buf_char(buf, *text++);
    }
    buf_char(buf, '"');
}

void sql_array_plain(struct buf *buf, const char *text) {
    separate(buf);
    buf_text(buf, text);
}

void sql_array_integer(struct buf *buf, int64_t value) {
    separate(buf);
    buf_integer(buf, value);
}

void sql_array_null(struct buf *buf) { sql_array_plain(buf, "NULL"); }

void sql_array_boolean(struct buf *buf, bool value) { sql_array_plain(buf, value ? "t" : "f"); }

void sql_array_end(struct buf *buf) { buf_char(buf, '}'); }
