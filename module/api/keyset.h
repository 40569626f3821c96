/* A page of rows that come in any order, also from several datasources: those with the smallest keys
 * above the cursor. Holds about two pages at most. Keys are plain texts of their own, compared byte
 * by byte; the last one of a page is the cursor of the next. */
#ifndef API_KEYSET_H
#define API_KEYSET_H
#include "module/base/buf.h"

struct keyset_row {
    char *key, *text;
};
struct keyset {
    const char *after; /* the cursor; NULL: from the first one */
    size_t limit;      /* rows of a page, at least 1 */
    struct keyset_row *rows;
    size_t count;
    bool more; /* there are rows that are not kept */
};

/* Is a row of this key worth adding? */
bool keyset_wants(struct keyset *keyset, const char *key);
/* `key` is copied; takes what is in `text` (JSON) and leaves it empty. */
void keyset_add(struct keyset *keyset, const char *key, struct buf *text);
/* "[…]", and ,"cursor":"…" when there is another page. */
void keyset_write(struct keyset *keyset, struct buf *out);
void keyset_done(struct keyset *keyset);
#endif
