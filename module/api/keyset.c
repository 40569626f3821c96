#include "module/api/keyset.h"

#include "module/base/mem.h"

#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b) {
    const struct keyset_row *x = a, *y = b;
    return strcmp(x->key, y->key);
}

static void row_free(struct keyset_row *row) {
    free(row->key);
    free(row->text);
}

/* In order, and no more than a page. */
static void cut(struct keyset *keyset) {
    if (keyset->count > 0)
        qsort(keyset->rows, keyset->count, sizeof *keyset->rows, compare);
    while (keyset->count > keyset->limit) {
        row_free(&keyset->rows[--keyset->count]);
        keyset->more = true;
    }
}

bool keyset_wants(struct keyset *keyset, const char *key) {
    return !keyset->after || strcmp(key, keyset->after) > 0;
}

void keyset_add(struct keyset *keyset, const char *key, struct buf *text) {
    if (!keyset->rows)
        keyset->rows = mem_zero(2 * keyset->limit, sizeof *keyset->rows);
    if (keyset->count == 2 * keyset->limit)
        cut(keyset);
    keyset->rows[keyset->count++] = (struct keyset_row){mem_text(key), buf_take(text)};
}

void keyset_write(struct keyset *keyset, struct buf *out) {
    cut(keyset);
    buf_char(out, '[');
    for (size_t i = 0; i < keyset->count; i++) {
        if (i > 0)
            buf_char(out, ',');
        buf_text(out, keyset->rows[i].text);
    }
    buf_char(out, ']');
    if (keyset->more) {
        buf_text(out, ",\"cursor\":");
        buf_json_string(out, keyset->rows[keyset->count - 1].key);
    }
}

void keyset_done(struct keyset *keyset) {
    for (size_t i = 0; i < keyset->count; i++)
        row_free(&keyset->rows[i]);
    free(keyset->rows);
    *keyset = (struct keyset){0};
}
