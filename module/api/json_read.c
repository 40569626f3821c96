/* The grammar, and walking over what was found good. */
#include "module/api/json_read.h"

#include "module/base/error.h"
#include "module/base/mem.h"
#include "module/base/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Names of members are kept while an object is read, in a table whose hash is known to everybody. */
enum { MEMBERS_MOST = 10000 };

struct reader {
    const char *begin, *at, *end;
    int depth;
    const char *wrong; /* what is wrong at `at` */
};

static bool read_value(struct reader *r, struct json_value *ret);

static bool wrong(struct reader *r, const char *what) {
    if (!r->wrong)
        r->wrong = what;
    return false;
}

static void skip_space(struct reader *r) {
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r'))
        r->at++;
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static int hex4(const char *p) {
    int value = 0;
    for (int i = 0; i < 4; i++) {
        char c = p[i], low = (char)(c | 0x20);
        int digit = is_digit(c) ? c - '0' : low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

static bool read_string(struct reader *r) {
    for (r->at++; r->at < r->end && *r->at != '"'; r->at++) {
        if ((unsigned char)*r->at < ' ')
            return wrong(r, "a control character in a string");
        if (*r->at != '\\')
            continue;
        r->at++;
        if (r->at == r->end || !strchr("\"\\/bfnrtu", *r->at) || !*r->at)
            return wrong(r, "an unknown escape in a string");
        if (*r->at == 'u') {
            if (r->end - r->at < 5 || hex4(r->at + 1) < 0)
                return wrong(r, "an unknown escape in a string");
            r->at += 4;
        }
    }
    if (r->at == r->end)
        return wrong(r, "a string without an end");
    r->at++;
    return true;
}

static bool read_digits(struct reader *r) {
    if (r->at == r->end || !is_digit(*r->at))
        return wrong(r, "a number that is none");
    while (r->at < r->end && is_digit(*r->at))
        r->at++;
    return true;
}

static bool read_number(struct reader *r) {
    r->at += *r->at == '-';
    bool zero = r->at < r->end && *r->at == '0';
    if (zero)
        r->at++;
    else if (!read_digits(r))
        return false;
    if (zero && r->at < r->end && is_digit(*r->at))
        return wrong(r, "a number that begins with 0");
    if (r->at < r->end && *r->at == '.') {
        r->at++;
        if (!read_digits(r))
            return false;
    }
    if (r->at < r->end && (*r->at == 'e' || *r->at == 'E')) {
        r->at++;
        if (r->at < r->end && (*r->at == '+' || *r->at == '-'))
            r->at++;
        return read_digits(r);
    }
    return true;
}

static bool read_word(struct reader *r, const char *word) {
    size_t n = strlen(word);
    if ((size_t)(r->end - r->at) < n || memcmp(r->at, word, n) != 0)
        return wrong(r, "no JSON value");
    r->at += n;
    return true;
}

static bool read_array(struct reader *r) {
    r->at++;
    skip_space(r);
    if (r->at < r->end && *r->at == ']') {
        r->at++;
        return true;
    }
    for (;;) {
        if (!read_value(r, NULL))
            return false;
        skip_space(r);
        if (r->at == r->end)
            return wrong(r, "an array without an end");
        char c = *r->at++;
        if (c == ']')
            return true;
        if (c != ',') {
            r->at--;
            return wrong(r, "a comma or ] is missing");
        }
    }
}

/* Members of an object so far: names with escapes count as what they mean. */
static bool is_new_name(struct table *names, const struct json_value *name) {
    char *text = json_decode(name);
    if (!text) /* PostgreSQL will refuse it; here it is compared as it is written */
        text = json_copy(name);
    bool is_new = !table_get(names, text);
    if (is_new)
        table_put(names, text, names);
    free(text);
    return is_new;
}

static bool read_member(struct reader *r, struct table *names) {
    struct json_value name;
    skip_space(r);
    if (r->at == r->end || *r->at != '"')
        return wrong(r, "the name of a member is missing");
    if (!read_value(r, &name))
        return false;
    if (names->count >= MEMBERS_MOST)
        return wrong(r, "an object of more than 10,000 members");
    if (!is_new_name(names, &name)) {
        r->at = name.text;
        return wrong(r, "a member that was there before");
    }
    skip_space(r);
    if (r->at == r->end || *r->at != ':')
        return wrong(r, "a colon is missing");
    r->at++;
    return read_value(r, NULL);
}

static bool read_members(struct reader *r, struct table *names) {
    for (;;) {
        if (!read_member(r, names))
            return false;
        skip_space(r);
        if (r->at == r->end)
            return wrong(r, "an object without an end");
        char c = *r->at++;
        if (c == '}')
            return true;
        if (c != ',') {
            r->at--;
            return wrong(r, "a comma or } is missing");
        }
    }
}

static bool read_object(struct reader *r) {
    struct table names = {0};
    r->at++;
    skip_space(r);
    if (r->at < r->end && *r->at == '}') {
        r->at++;
        return true;
    }
    bool good = read_members(r, &names);
    table_done(&names, NULL);
    return good;
}

static enum json_kind kind_of(char c) {
    switch (c) {
    case '{': return JSON_OBJECT;
    case '[': return JSON_ARRAY;
    case '"': return JSON_STRING;
    case 't':
    case 'f': return JSON_BOOLEAN;
    case 'n': return JSON_NULL;
    default: return JSON_NUMBER;
    }
}

static bool read_kind(struct reader *r, enum json_kind kind) {
    switch (kind) {
    case JSON_OBJECT: return read_object(r);
    case JSON_ARRAY: return read_array(r);
    case JSON_STRING: return read_string(r);
    case JSON_BOOLEAN: return read_word(r, *r->at == 't' ? "true" : "false");
    case JSON_NULL: return read_word(r, "null");
    case JSON_NUMBER: break;
    }
    if (*r->at != '-' && !is_digit(*r->at))
        return wrong(r, "no JSON value");
    return read_number(r);
}

static bool read_value(struct reader *r, struct json_value *ret) {
    skip_space(r);
    if (r->at == r->end)
        return wrong(r, "it ends too early");
    const char *begin = r->at;
    enum json_kind kind = kind_of(*begin);
    if (kind <= JSON_ARRAY && r->depth == JSON_DEPTH)
        return wrong(r, "nested too deeply");
    r->depth++;
    bool good = read_kind(r, kind);
    r->depth--;
    if (good && ret)
        *ret = (struct json_value){kind, begin, (size_t)(r->at - begin)};
    return good;
}

int json_read(const char *text, size_t length, struct json_value *ret, struct jobs_error *err) {
    struct reader r = {.begin = text, .at = text, .end = text + length};
    bool good = read_value(&r, ret);
    if (good) {
        skip_space(&r);
        good = r.at == r.end || wrong(&r, "something comes after the value");
    }
    return good ? 0
                : error_set(err, JOBS_EINVAL, "JSON, at byte %zu: %s", (size_t)(r.at - r.begin),
                            r.wrong);
}

/* ---- walking ---- */

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

static bool ends_scalar(char c) {
    return c == ',' || c == ']' || c == '}' || c == '\0' || is_blank(c);
}

/* Behind the value at `at`, which is known to be good. */
static const char *skip_value(const char *at) {
    int depth = 0;
    do {
        if (*at == '"') {
            for (at++; *at != '"'; at++)
                at += *at == '\\';
            at++;
        } else if (*at == '{' || *at == '[') {
            depth++, at++;
        } else if (*at == '}' || *at == ']') {
            depth--, at++;
        } else if (depth > 0) {
            at++;
        } else {
            while (!ends_scalar(*at))
                at++;
        }
    } while (depth > 0);
    return at;
}

static const char *space(const char *at) {
    while (is_blank(*at))
        at++;
    return at;
}

static void take(const char **at, struct json_value *ret) {
    const char *begin = space(*at);
    *at = skip_value(begin);
    *ret = (struct json_value){kind_of(*begin), begin, (size_t)(*at - begin)};
}

bool json_next(const struct json_value *of, const char **at, struct json_value *ret_name,
               struct json_value *ret) {
    *at = space(*at ? *at : of->text + 1);
    if (**at == '}' || **at == ']')
        return false;
    if (**at == ',')
        ++*at;
    if (of->kind == JSON_OBJECT) {
        take(at, ret_name);
        *at = space(*at) + 1;
    }
    take(at, ret);
    return true;
}

size_t json_count(const struct json_value *of) {
    struct json_value name, value;
    size_t count = 0;
    for (const char *at = NULL; json_next(of, &at, &name, &value);)
        count++;
    return count;
}

/* ---- values ---- */

static char *put_utf8(char *to, unsigned c) {
    if (c < 0x80) {
        *to++ = (char)c;
    } else if (c < 0x800) {
        *to++ = (char)(0xc0 | c >> 6);
        *to++ = (char)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        *to++ = (char)(0xe0 | c >> 12);
        *to++ = (char)(0x80 | (c >> 6 & 0x3f));
        *to++ = (char)(0x80 | (c & 0x3f));
    } else {
        *to++ = (char)(0xf0 | c >> 18);
        *to++ = (char)(0x80 | (c >> 12 & 0x3f));
        *to++ = (char)(0x80 | (c >> 6 & 0x3f));
        *to++ = (char)(0x80 | (c & 0x3f));
    }
    return to;
}

/* The character of \uXXXX at *p (at the u), and of the second half of a pair; 0: none. */
static unsigned read_unicode(const char **p) {
    unsigned c = (unsigned)hex4(*p + 1);
    *p += 4;
    if (c >= 0xdc00 && c < 0xe000)
        return 0;
    if (c < 0xd800 || c >= 0xdc00)
        return c;
    int low = (*p)[1] == '\\' && (*p)[2] == 'u' ? hex4(*p + 3) : -1;
    if (low < 0xdc00 || low >= 0xe000)
        return 0;
    *p += 6;
    return 0x10000 + ((c - 0xd800) << 10) + ((unsigned)low - 0xdc00);
}

char *json_decode(const struct json_value *string) {
    static const char from[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    char *ret = mem_alloc(string->length), *to = ret;
    const char *end = string->text + string->length - 1;
    for (const char *p = string->text + 1; p < end; p++) {
        if (*p != '\\') {
            *to++ = *p;
            continue;
        }
        p++;
        unsigned c = *p == 'u' ? read_unicode(&p) : (unsigned char)meant[strchr(from, *p) - from];
        if (c == 0) {
            free(ret);
            return NULL;
        }
        to = put_utf8(to, c);
    }
    *to = '\0';
    return ret;
}

char *json_copy(const struct json_value *value) { return mem_text_n(value->text, value->length); }

bool json_integer_of(const struct json_value *value, int64_t *ret) {
    if (value->kind != JSON_NUMBER || value->length > 20 ||
        memchr(value->text, '.', value->length) || memchr(value->text, 'e', value->length) ||
        memchr(value->text, 'E', value->length))
        return false;
    errno = 0;
    *ret = strtoll(value->text, NULL, 10); /* ends at what is no digit */
    return errno == 0;
}

const char *json_kind_name(enum json_kind kind) {
    static const char *const names[] = {"an object", "an array",  "a text",
                                        "a number",  "a boolean", "null"};
    return names[kind];
}
