#include "module/api/query.h"

#include "module/base/config_key.h"
#include "module/base/error.h"
#include "module/base/mem.h"
#include "module/base/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- decoding ---- */

static int hex(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* NULL: not well formed. Caller frees. */
static char *decode(const char *text, size_t length, bool in_query) {
    char *ret = mem_alloc(length + 1);
    size_t n = 0;
    for (size_t i = 0; i < length; i++) {
        int c = (unsigned char)text[i];
        if (c == '%') {
            int high = i + 2 < length ? hex(text[i + 1]) : -1;
            int low = i + 2 < length ? hex(text[i + 2]) : -1;
            c = high < 0 || low < 0 ? -1 : high * 16 + low;
            i += 2;
            if (c == '/' && !in_query)
                c = -1; /* it would be another path */
        } else if (c == '+' && in_query) {
            c = ' ';
        }
        if (c < ' ' || c == 0x7f) {
            free(ret);
            return NULL;
        }
        ret[n++] = (char)c;
    }
    ret[n] = '\0';
    if (text_is_utf8(ret, n))
        return ret;
    free(ret);
    return NULL;
}

static bool has_dots(const char *path) {
    for (const char *p = path; (p = strchr(p, '/')); p++) {
        size_t n = strcspn(p + 1, "/");
        if ((n == 1 && p[1] == '.') || (n == 2 && p[1] == '.' && p[2] == '.'))
            return true;
    }
    return false;
}

static int add_pair(struct query *query, const char *text, size_t length, struct jobs_error *err) {
    const char *equals = memchr(text, '=', length);
    size_t name = equals ? (size_t)(equals - text) : length;
    if (length == 0)
        return 0;
    if (query->count == QUERY_MOST)
        return error_set(err, JOBS_EINVAL, "more than %d parameters", QUERY_MOST);
    struct query_pair *pair = &query->pairs[query->count++];
    pair->name = decode(text, name, true);
    pair->value = equals ? decode(equals + 1, length - name - 1, true) : mem_text("");
    if (!pair->name || !pair->value)
        return error_set(err, JOBS_EINVAL, "the query is not well formed UTF-8 in percent signs");
    return 0;
}

int query_read(const char *target, struct query *ret, struct jobs_error *err) {
    size_t path = strcspn(target, "?#");
    int rc = 0;
    *ret = (struct query){0};
    if (target[0] == '/')
        ret->path = decode(target, path, false);
    if (!ret->path || has_dots(ret->path))
        return error_set(err, JOBS_EINVAL, "the path is not well formed");
    const char *p = target[path] == '?' ? target + path + 1 : "";
    while (rc == 0 && *p && *p != '#') {
        size_t n = strcspn(p, "&#");
        rc = add_pair(ret, p, n, err);
        p += n + (p[n] == '&');
    }
    return rc;
}

void query_done(struct query *query) {
    free(query->path);
    for (size_t i = 0; i < query->count; i++) {
        free(query->pairs[i].name);
        free(query->pairs[i].value);
    }
    *query = (struct query){0};
}

const struct query_pair *query_find(const struct query *query, const char *name) {
    for (size_t i = 0; i < query->count; i++)
        if (strcmp(query->pairs[i].name, name) == 0)
            return &query->pairs[i];
    return NULL;
}

/* ---- values ---- */

static bool read_integer(const char *text, int64_t *ret) {
    char *end;
    if (text[0] != '-' && (text[0] < '0' || text[0] > '9'))
        return false;
    errno = 0;
    *ret = strtoll(text, &end, 10);
    return !errno && end > text && !*end;
}

/* `count` digits; -1: there are fewer. */
static int digits(const char **p, int count) {
    int value = 0;
    for (int i = 0; i < count; i++, (*p)++) {
        if (**p < '0' || **p > '9')
            return -1;
        value = value * 10 + (**p - '0');
    }
    return value;
}

/* ".123456": microseconds, what is finer is cut. */
static bool read_fraction(const char **p, int64_t *ret) {
    int64_t unit = 100000;
    *ret = 0;
    if (**p != '.')
        return true;
    (*p)++;
    if (**p < '0' || **p > '9')
        return false;
    for (; **p >= '0' && **p <= '9'; (*p)++, unit /= 10)
        *ret += (**p - '0') * unit;
    return true;
}

/* "Z" or "+02:00": seconds east of UTC. */
static bool read_zone(const char **p, int64_t *ret) {
    int sign = **p == '-' ? -1 : 1;
    *ret = 0;
    if (**p == 'Z' || **p == 'z') {
        (*p)++;
        return true;
    }
    if (**p != '+' && **p != '-')
        return false;
    (*p)++;
    int hours = digits(p, 2);
    if (hours < 0 || hours > 23 || *(*p)++ != ':')
        return false;
    int minutes = digits(p, 2);
    *ret = sign * (hours * 3600 + minutes * 60);
    return minutes >= 0 && minutes < 60;
}

static int days_in(int year, int month) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

bool query_read_date(const char *p, int64_t *ret) {
    static const char between[] = "--T::";
    int n[6];
    for (int i = 0; i < 6; i++) {
        n[i] = digits(&p, i == 0 ? 4 : 2);
        if (n[i] < 0)
            return false;
        if (i < 5 && *p != between[i] && !(i == 2 && (*p == 't' || *p == ' ')))
            return false;
        p += i < 5;
    }
    if (n[0] < 1 || n[1] < 1 || n[1] > 12 || n[2] < 1 || n[2] > days_in(n[0], n[1]) || n[3] > 23 ||
        n[4] > 59 || n[5] > 60)
        return false;
    struct tm tm = {.tm_year = n[0] - 1900,
                    .tm_mon = n[1] - 1,
                    .tm_mday = n[2],
                    .tm_hour = n[3],
                    .tm_min = n[4],
                    .tm_sec = n[5]};
    int64_t fraction, zone;
    if (!read_fraction(&p, &fraction) || !read_zone(&p, &zone) || *p)
        return false;
    *ret = ((int64_t)timegm(&tm) - zone) * 1000000 + fraction;
    *ret += *ret == 0; /* 0 says that there is none */
    return true;
}

static bool read_duration(const char *text, int64_t *ret) {
    static const struct config_key duration = {.name = "duration",
                                               .type = CONFIG_DURATION,
                                               .high = INT64_C(365) * 24 * 3600 * 1000};
    int64_t numbers[2];
    if (!config_value_read(&duration, text, numbers))
        return false;
    *ret = numbers[0];
    return true;
}

static const char *read_value(const struct api_parameter *p, struct query_pair *pair) {
    static char const uuid[] = "a uuid", date[] = "a date as in 2030-01-31T12:00:00Z",
                      boolean[] = "true or false", number[] = "a whole number in its range",
                      duration[] = "a duration such as 500ms or 30s, in its range";
    const char *text = pair->value;
    bool good = true;
    pair->has_number = p->type != API_TEXT && p->type != API_UUID;
    switch (p->type) {
    case API_TEXT: return NULL;
    case API_UUID: return text_is_uuid(text) ? NULL : uuid;
    case API_DATE: return query_read_date(text, &pair->number) ? NULL : date;
    case API_BOOLEAN:
        pair->number = strcmp(text, "true") == 0;
        return pair->number || strcmp(text, "false") == 0 ? NULL : boolean;
    case API_INTEGER: good = read_integer(text, &pair->number); break;
    case API_DURATION: good = read_duration(text, &pair->number); break;
    }
    good = good && pair->number >= p->low && pair->number <= p->high;
    return good ? NULL : p->type == API_INTEGER ? number : duration;
}

static const struct api_parameter *declared(const struct api_parameter *parameters,
                                            const char *name) {
    for (; parameters && parameters->name; parameters++)
        if (strcmp(parameters->name, name) == 0)
            return parameters;
    return NULL;
}

int query_check(struct query *query, const struct api_parameter *parameters, const char **ret_field,
                struct jobs_error *err) {
    for (size_t i = 0; i < query->count; i++) {
        struct query_pair *pair = &query->pairs[i];
        const struct api_parameter *p = declared(parameters, pair->name);
        *ret_field = pair->name;
        if (!p)
            return error_set(err, JOBS_EINVAL, "unknown parameter \"%.80s\"", pair->name);
        if (query_find(query, pair->name) != pair)
            return error_set(err, JOBS_EINVAL, "parameter \"%s\" is given twice", pair->name);
        const char *wanted = read_value(p, pair);
        if (wanted)
            return error_set(err, JOBS_EINVAL, "%s \"%.80s\": it must be %s", p->name, pair->value,
                             wanted);
    }
    *ret_field = NULL;
    return 0;
}
