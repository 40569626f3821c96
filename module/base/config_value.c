/* Types of values: what a text means as a number, and what is allowed, in words. */
#include "module/base/config_key.h"
#include "module/base/mem.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct unit {
    const char *name;
    int64_t factor;
};
/* The largest first: config_value_describe prints with the first one that divides. */
static const struct unit durations[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000},
                                        {"ms", 1},       {"", 1},        {NULL, 0}};
static const struct unit sizes[] = {{"T", INT64_C(1) << 40}, {"G", 1 << 30}, {"M", 1 << 20},
                                    {"K", 1 << 10},          {"", 1},        {NULL, 0}};
static const struct unit plain[] = {{"", 1}, {NULL, 0}};

/* text[0..length): digits (with `sign` also a minus) and one of the units, nothing else. */
static bool read_number(const char *text, size_t length, const struct unit *units, bool sign,
                        int64_t *ret) {
    size_t i = 0;
    bool negative = sign && length > 0 && text[0] == '-';
    int64_t value = 0;
    size_t start = i += negative;
    for (; i < length && isdigit((unsigned char)text[i]); i++)
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, text[i] - '0', &value))
            return false;
    if (i == start)
        return false;
    for (; units->name; units++)
        if (strlen(units->name) == length - i && memcmp(units->name, text + i, length - i) == 0)
            break;
    if (!units->name || __builtin_mul_overflow(value, units->factor, &value))
        return false;
    *ret = negative ? -value : value;
    return true;
}

static bool read_range(const struct config_key *key, const char *text, const struct unit *units,
                       int64_t *ret) {
    return read_number(text, strlen(text), units, true, ret) && *ret >= key->low &&
           *ret <= key->high;
}

static bool read_span(const struct config_key *key, const char *text, int64_t ret[2]) {
    const char *dots = strstr(text, "..");
    size_t first = dots ? (size_t)(dots - text) : strlen(text);
    const char *second = dots ? dots + 2 : text;
    return read_number(text, first, durations, false, &ret[0]) &&
           read_number(second, strlen(second), durations, false, &ret[1]) && ret[0] >= key->low &&
           ret[0] <= ret[1] && ret[1] <= key->high;
}

static bool read_choice(const char *choices, const char *text, int64_t *ret) {
    size_t length = strlen(text);
    for (int64_t i = 0; *choices; i++) {
        size_t n = strcspn(choices, "|");
        if (n == length && memcmp(choices, text, n) == 0) {
            *ret = i;
            return true;
        }
        choices += n + (choices[n] == '|');
    }
    return false;
}

static const char lower[] = "abcdefghijklmnopqrstuvwxyz", upper[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
static const char digits[] = "0123456789";

/* First byte not of `not_first`, every byte of lower, digits, `more`; at most 63. */
static bool is_word(const char *text, const char *not_first, const char *more, bool capitals) {
    size_t length = strlen(text);
    for (size_t i = 0; i < length; i++)
        if (!strchr(lower, text[i]) && !strchr(digits, text[i]) && !strchr(more, text[i]) &&
            !(capitals && strchr(upper, text[i])))
            return false;
    return length >= 1 && length <= 63 && !strchr(not_first, text[0]);
}

static bool is_listen(const char *text) {
    const char *colon = strrchr(text, ':');
    int64_t port;
    if (!colon || colon == text || !read_number(colon + 1, strlen(colon + 1), plain, false, &port))
        return false;
    bool bracket = text[0] == '[';
    if (bracket ? colon[-1] != ']' : memchr(text, ':', (size_t)(colon - text)) != NULL)
        return false;
    return port >= 0 && port <= 65535 && !strpbrk(text, " \t/");
}

static bool is_database(const char *text) {
    return strncmp(text, "postgresql://", 13) == 0 || strncmp(text, "postgres://", 11) == 0 ||
           (strchr(text, '=') && !strstr(text, "://"));
}

static bool is_amqp(const char *text) {
    return (strncmp(text, "amqp://", 7) == 0 && text[7]) ||
           (strncmp(text, "amqps://", 8) == 0 && text[8]);
}

static bool is_http(const char *text) {
    return (strncmp(text, "http://", 7) == 0 && text[7]) ||
           (strncmp(text, "https://", 8) == 0 && text[8]);
}

static bool read_text(const struct config_key *key, const char *text) {
    switch (key->type) {
    case CONFIG_NAME: return is_word(text, "_-", "_-", false);
    case CONFIG_SCHEMA:
        return is_word(text, "0123456789", "_", true) && strlen(text) <= 57 &&
               strncmp(text, "pg_", 3) != 0;
    case CONFIG_PATH: return text[0] == '/' && strlen(text) < 4096;
    case CONFIG_CGROUP:
        return strcmp(text, "auto") == 0 || strcmp(text, "off") == 0 ||
               (text[0] == '/' && (int64_t)strlen(text) <= key->high);
    case CONFIG_LISTEN: return is_listen(text);
    case CONFIG_DATABASE: return is_database(text);
    case CONFIG_AMQP: return is_amqp(text);
    case CONFIG_HTTP: return is_http(text);
    default: return text[0] && (key->high == 0 || (int64_t)strlen(text) <= key->high);
    }
}

bool config_value_read(const struct config_key *key, const char *text, int64_t ret[2]) {
    int64_t value[2] = {0, 0};
    bool good, empty = key->flags & CONFIG_EMPTY && !*text;
    switch (empty ? CONFIG_TEXT : key->type) {
    case CONFIG_INTEGER: good = read_range(key, text, plain, value); break;
    case CONFIG_DURATION: good = read_range(key, text, durations, value); break;
    case CONFIG_SIZE: good = read_range(key, text, sizes, value); break;
    case CONFIG_SPAN: good = read_span(key, text, value); break;
    case CONFIG_BOOL: good = read_choice("false|true", text, value); break;
    case CONFIG_CHOICE: good = read_choice(key->choices, text, value); break;
    default: good = empty || read_text(key, text); break;
    }
    if (good)
        ret[0] = value[0], ret[1] = value[1];
    return good;
}

static void put_number(int64_t value, const struct unit *units, struct buf *out) {
    while (value != 0 && units->factor != 1 && value % units->factor != 0)
        units++;
    buf_integer(out, value / units->factor);
    if (value != 0)
        buf_text(out, units->name);
}

static void put_range(const struct config_key *key, const char *what, const struct unit *units,
                      struct buf *out) {
    buf_text(out, what);
    buf_text(out, " from ");
    put_number(key->low, units, out);
    buf_text(out, " to ");
    put_number(key->high, units, out);
}

/* "single|tenant" as "single or tenant", "a|b|c" as "a, b or c". */
static void put_choices(const char *choices, struct buf *out) {
    while (*choices) {
        size_t n = strcspn(choices, "|");
        buf_add(out, choices, n);
        choices += n + (choices[n] == '|');
        if (*choices)
            buf_text(out, strchr(choices, '|') ? ", " : " or ");
    }
}

static const char *words(enum config_type type) {
    switch (type) {
    case CONFIG_NAME: return "a name (a-z, 0-9, _ and -, at most 63, not _ or - first)";
    case CONFIG_SCHEMA:
        return "a schema name (letters, digits and _, at most 57, a letter or _ first, "
               "not pg_ first)";
    case CONFIG_PATH: return "an absolute path";
    case CONFIG_CGROUP: return "auto, off or an absolute path";
    case CONFIG_LISTEN: return "an address:port, IPv6 as [address]:port";
    case CONFIG_DATABASE: return "a postgresql:// URL or key=value connection string";
    case CONFIG_AMQP: return "an amqp:// or amqps:// URL";
    case CONFIG_HTTP: return "an http:// or https:// URL";
    case CONFIG_FILE: return "the name of a file";
    default: return "a text";
    }
}

void config_value_describe(const struct config_key *key, struct buf *out) {
    switch (key->type) {
    case CONFIG_INTEGER: put_range(key, "a whole number", plain, out); break;
    case CONFIG_DURATION:
        put_range(key, "a duration", durations, out);
        buf_text(out, ", such as 500ms, 10s, 15m, 2h or 3d");
        break;
    case CONFIG_SIZE:
        put_range(key, "a size", sizes, out);
        buf_text(out, ", such as 64K, 512M or 1G");
        break;
    case CONFIG_SPAN:
        put_range(key, "a pair of durations", durations, out);
        buf_text(out, ", such as 10s..15m, the smaller first");
        break;
    case CONFIG_BOOL: buf_text(out, "true or false"); break;
    case CONFIG_CHOICE: put_choices(key->choices, out); break;
    default:
        buf_text(out, words(key->type));
        if (key->type == CONFIG_TEXT && key->high)
            buf_format(out, " of 1 to %lld bytes", (long long)key->high);
    }
    if (key->flags & CONFIG_EMPTY)
        buf_text(out, ", or nothing");
}
