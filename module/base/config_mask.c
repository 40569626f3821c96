/* Passwords out of connection strings. When in doubt too much is masked, never too little. */
#include "module/base/config.h"
#include "module/base/mem.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char stars[] = "***";

static bool is_secret(const char *key, size_t length) {
    static const char *const names[] = {"password", "sslpassword"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (length == strlen(names[i]) && strncasecmp(key, names[i], length) == 0)
            return true;
    return false;
}

/* Past the value at p, which is quoted, or goes on to white space. An open quote reaches the end.
 */
static const char *value_end(const char *p) {
    bool quoted = *p == '\'';
    if (quoted)
        p++;
    for (; *p; p++) {
        if (*p == '\\' && p[1])
            p++;
        else if (quoted && *p == '\'')
            return p + 1;
        else if (!quoted && isspace((unsigned char)*p))
            return p;
    }
    return p;
}

static const char *skip_space(const char *p) {
    while (isspace((unsigned char)*p))
        p++;
    return p;
}

/* host=h password = 'a b' user=u */
static void mask_pairs(const char *p, struct buf *out) {
    while (*p) {
        const char *key = skip_space(p);
        const char *end = key + strcspn(key, "= \t\r\n\f\v");
        const char *equals = skip_space(end);
        if (*equals != '=') {
            buf_add(out, p, (size_t)(equals - p));
            p = equals;
            continue;
        }
        const char *value = skip_space(equals + 1);
        const char *after = value_end(value);
        buf_add(out, p, (size_t)(value - p));
        if (is_secret(key, (size_t)(end - key)))
            buf_text(out, stars);
        else
            buf_add(out, value, (size_t)(after - value));
        p = after;
    }
}

/* ?host=h&password=secret */
static void mask_query(const char *p, struct buf *out) {
    while (*p) {
        buf_char(out, *p++); /* ? or & */
        size_t length = strcspn(p, "&");
        size_t key = strcspn(p, "=&");
        if (key < length && is_secret(p, key)) {
            buf_add(out, p, key + 1);
            buf_text(out, stars);
        } else {
            buf_add(out, p, length);
        }
        p += length;
    }
}

static const char *last_at(const char *from, const char *to) {
    for (const char *p = to; p > from; p--)
        if (p[-1] == '@')
            return p - 1;
    return NULL;
}

/* The @ behind user and password. A password may hold / ? @ that should have been escaped. */
static const char *find_at(const char *body) {
    const char *end = body + strlen(body);
    const char *query = memchr(body, '?', (size_t)(end - body));
    const char *at = last_at(body, query ? query : end);
    return at ? at : last_at(body, end);
}

/* scheme://user:secret@host/path?query */
static void mask_url(const char *url, const char *body, struct buf *out) {
    const char *at = find_at(body);
    const char *colon = at ? memchr(body, ':', (size_t)(at - body)) : NULL;
    const char *rest = body;
    buf_add(out, url, (size_t)(body - url));
    if (colon) {
        buf_add(out, body, (size_t)(colon + 1 - body));
        buf_text(out, stars);
        rest = at;
    }
    size_t length = strcspn(rest, "?");
    buf_add(out, rest, length);
    mask_query(rest + length, out);
}

char *config_mask(const char *url) {
    struct buf out = {0};
    const char *scheme = strstr(url, "://");
    /* A URL inside a pair (options='a://b' password=x) does not make it a URL. */
    if (scheme && strcspn(url, "= \t'") >= (size_t)(scheme - url))
        mask_url(url, scheme + 3, &out);
    else
        mask_pairs(url, &out);
    return buf_take(&out);
}
