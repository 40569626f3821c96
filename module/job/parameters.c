#include "module/job/parameters.h"

#include "module/base/error.h"
#include "module/base/mem.h"
#include "module/job/classes.h"

#include <errno.h>
#include <json-c/json.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 512

/* The object is split into its members by hand, for json-c would alter what it prints again
 * (23-digit integers, escapes). json-c judges each name and value, and decodes the strings. */
struct member {
    struct json_object *name;   /* a string */
    struct json_object *string; /* the value decoded if it is a string, else NULL */
    const char *json;           /* the value's text, in `split` */
};

struct parameters {
    struct member *members;
    size_t count;
    char *whole; /* as given */
    char *split; /* the same with a NUL behind each value */
};

static const char *skip_space(const char *s) { return s + strspn(s, " \t\r\n"); }

/* Past the closing quote; NULL: none. */
static const char *skip_string(const char *s) {
    for (s++; *s && *s != '"'; s++)
        if (*s == '\\' && s[1])
            s++;
    return *s ? s + 1 : NULL;
}

/* Past the value, whose inside json-c judges; NULL: it does not end. */
static const char *skip_value(const char *s) {
    size_t depth = 0;
    do {
        if (*s == '"') {
            s = skip_string(s);
            if (!s)
                return NULL;
            continue;
        }
        if (*s == '{' || *s == '[')
            depth++;
        else if (depth == 0) /* a number, a word or none */
            return s + strcspn(s, ",} \t\r\n");
        else if (*s == '}' || *s == ']')
            depth--;
        s++;
    } while (depth > 0 && *s);
    return depth == 0 ? s : NULL;
}

/* json-c takes -Infinity, 1. and 01 for numbers. */
static bool is_json_number(const char *s, size_t length) {
    const char *end = s + length, *start;
    s += *s == '-';
    start = s;
    s += strspn(s, "0123456789");
    if (s == start || (*start == '0' && s - start > 1))
        return false;
    if (*s == '.') {
        start = ++s;
        s += strspn(s, "0123456789");
        if (s == start)
            return false;
    }
    if (*s == 'e' || *s == 'E') {
        s += s[1] == '+' || s[1] == '-' ? 2 : 1;
        start = s;
        s += strspn(s, "0123456789");
        if (s == start)
            return false;
    }
    return s == end;
}

/* Parses text[0..length), all of it. NULL with a reason in *ret_why, or for JSON null with *ret_why
 * NULL. */
static struct json_object *parse_piece(struct json_tokener *tokener, const char *text,
                                       size_t length, const char **ret_why) {
    *ret_why = NULL;
    /* json-c knows NaN, 'x' and more. */
    bool number = length > 0 && strchr("-0123456789", text[0]);
    if (length == 0 || (number ? !is_json_number(text, length) : !strchr("\"{[tfn", text[0]))) {
        *ret_why = "no JSON value";
        return NULL;
    }
    char *piece = mem_text_n(text, length); /* a number ends for json-c only where the text does */
    json_tokener_reset(tokener);
    struct json_object *object = json_tokener_parse_ex(tokener, piece, (int)length + 1);
    enum json_tokener_error e = json_tokener_get_error(tokener);
    if (e != json_tokener_success)
        *ret_why = json_tokener_error_desc(e);
    else if (json_tokener_get_parse_end(tokener) < length)
        *ret_why = "more than one value";
    if (*ret_why) {
        json_object_put(object);
        object = NULL;
    }
    free(piece);
    return object;
}

static bool has_nul(struct json_object *string) {
    return strlen(json_object_get_string(string)) != (size_t)json_object_get_string_len(string);
}

static void add_member(struct parameters *p, struct json_object *name, struct json_object *value,
                       const char *json) {
    struct json_object *string = json_object_is_type(value, json_type_string) ? value : NULL;
    if (!string)
        json_object_put(value);
    if ((p->count & (p->count - 1)) == 0)
        p->members = mem_grow(p->members, p->count ? 2 * p->count : 1, sizeof *p->members);
    p->members[p->count++] = (struct member){name, string, json};
}

/* One `"name": value` from s on. Returns past it, or NULL with err filled. */
static char *parse_member(struct parameters *p, struct json_tokener *tokener, const char *s,
                          struct jobs_error *err) {
    const char *why = NULL, *name_end = *s == '"' ? skip_string(s) : NULL;
    struct json_object *name =
        name_end ? parse_piece(tokener, s, (size_t)(name_end - s), &why) : NULL;
    if (!name) {
        error_set(err, JOBS_EINVAL,
                  "parameters: a name in double quotes is expected at byte %td%s%s",
                  s - p->split + 1, why ? ": " : "", why ? why : "");
        return NULL;
    }
    const char *shown = json_object_get_string(name), *from = skip_space(name_end);
    struct json_object *value = NULL;
    const char *end = NULL;
    if (*from == ':' && (from = skip_space(from + 1), end = skip_value(from)) != NULL)
        value = parse_piece(tokener, from, (size_t)(end - from), &why);
    if (!end || why)
        error_set(err, JOBS_EINVAL, "parameter '%s' has no valid JSON value: %s", shown,
                  why ? why : "it does not end");
    else if (has_nul(name) || (json_object_is_type(value, json_type_string) && has_nul(value)))
        error_set(err, JOBS_EINVAL, "parameter '%s' has a \\u0000 inside", shown);
    else {
        add_member(p, name, value, from);
        return p->split + (end - p->split);
    }
    json_object_put(name);
    json_object_put(value);
    return NULL;
}

static int parse_members(struct parameters *p, struct json_tokener *tokener,
                         struct jobs_error *err) {
    const char *s = skip_space(p->split);
    if (*s != '{')
        return error_set(err, JOBS_EINVAL, "parameters are not a JSON object");
    s = skip_space(s + 1);
    bool more = *s != '}';
    if (!more)
        s++;
    while (more) {
        char *end = parse_member(p, tokener, s, err);
        if (!end)
            return JOBS_EINVAL;
        s = skip_space(end);
        if (*s != ',' && *s != '}')
            return error_set(err, JOBS_EINVAL, "parameters: ',' or '}' is expected at byte %td",
                             s - p->split + 1);
        more = *s == ',';
        s = skip_space(s + 1);
        *end = '\0';
    }
    if (*skip_space(s))
        return error_set(err, JOBS_EINVAL, "parameters: text after the JSON object");
    return 0;
}

int parameters_parse(const char *json, struct parameters **ret, struct jobs_error *err) {
    struct parameters *p = MEM_NEW(struct parameters);
    p->whole = mem_text(json);
    p->split = mem_text(json);
    struct json_tokener *tokener = json_tokener_new_ex(DEPTH_MAX);
    if (!tokener) {
        parameters_free(p);
        return error_set(err, JOBS_ENOMEM, "out of memory");
    }
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    int rc = parse_members(p, tokener, err);
    json_tokener_free(tokener);
    if (rc < 0)
        parameters_free(p);
    else
        *ret = p;
    return rc;
}

void parameters_free(struct parameters *p) {
    if (!p)
        return;
    for (size_t i = 0; i < p->count; i++) {
        json_object_put(p->members[i].name);
        json_object_put(p->members[i].string);
    }
    free(p->members);
    free(p->whole);
    free(p->split);
    free(p);
}

static const char *name_of(const struct member *member) {
    return json_object_get_string(member->name);
}

static const struct member *find(const struct parameters *p, const char *name) {
    for (size_t i = p->count; i-- > 0;)
        if (strcmp(name_of(&p->members[i]), name) == 0)
            return &p->members[i];
    return NULL;
}

static bool is_number(const struct member *m) {
    return *m->json == '-' || (*m->json >= '0' && *m->json <= '9');
}

/* The number's double; the decimal point is JSON's, whatever the program's locale. */
static double number_of(const struct member *m) {
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    double number = strtod_l(m->json, NULL, plain);
    freelocale(plain);
    return number;
}

static bool integer_of(const struct member *m, int64_t *ret) {
    if (!is_number(m))
        return false;
    if (strpbrk(m->json, ".eE")) {
        double number = number_of(m);
        if (!(fabs(number) <= 9007199254740992.0) ||
            number != floor(number)) /* 2^53: exact up to there */
            return false;
        *ret = (int64_t)number;
        return true;
    }
    errno = 0;
    long long number = strtoll(m->json, NULL, 10);
    if (errno == ERANGE)
        return false;
    *ret = number;
    return true;
}

static const char *type_found(const struct member *m) {
    int64_t ignored;
    switch (*m->json) {
    case '"': return "a string";
    case '{': return "an object";
    case '[': return "an array";
    case 't':
    case 'f': return "a boolean";
    case 'n': return "null";
    default: return integer_of(m, &ignored) ? "an integer" : "a number";
    }
}

static const char *type_wanted(enum job_type type) {
    static const char *const names[] = {"a string", "an integer of at most 64 bits", "a number",
                                        "a boolean", "a JSON value"};
    return names[type];
}

static bool type_fits(const struct member *m, enum job_type type) {
    int64_t ignored;
    switch (type) {
    case JOB_STRING: return m->string != NULL;
    case JOB_INTEGER: return integer_of(m, &ignored);
    case JOB_NUMBER: return is_number(m);
    case JOB_BOOLEAN: return *m->json == 't' || *m->json == 'f';
    case JOB_JSON: return true;
    }
    return false;
}

static int check_one(const struct parameters *p, const struct job_parameter *d,
                     struct jobs_error *err) {
    const struct member *m = find(p, d->name);
    bool null = m && *m->json == 'n';
    if ((!m || null) && d->optional)
        return 0;
    if (!m)
        return error_set(err, JOBS_EINVAL, "parameter '%s' is missing: %s", d->name,
                         type_wanted(d->type));
    if (null || !type_fits(m, d->type))
        return error_set(err, JOBS_EINVAL, "parameter '%s' must be %s, found %s", d->name,
                         type_wanted(d->type), type_found(m));
    return 0;
}

static int refuse_unknown(const struct job_parameter *declared, const char *name,
                          struct jobs_error *err) {
    size_t n = 0;
    while (declared[n].name)
        n++;
    const char **names = mem_zero(n + 1, sizeof *names);
    for (size_t i = 0; i < n; i++)
        names[i] = declared[i].name;
    char *similar = classes_similar(names, n, name);
    error_set(err, JOBS_EINVAL, "parameter '%s' is not one of this class%s%s%s", name,
              *similar ? " (similar: " : "", similar, *similar ? ")" : "");
    free(similar);
    free(names);
    return JOBS_EINVAL;
}

static bool is_declared(const struct job_parameter *declared, const char *name) {
    for (; declared->name; declared++)
        if (strcmp(declared->name, name) == 0)
            return true;
    return false;
}

int parameters_check(const struct parameters *p, const struct job_parameter *declared,
                     struct jobs_error *err) {
    if (!declared)
        return 0;
    /* Unknown names first: a misspelt one explains better than the one that it leaves missing. */
    for (size_t i = 0; i < p->count; i++)
        if (!is_declared(declared, name_of(&p->members[i])))
            return refuse_unknown(declared, name_of(&p->members[i]), err);
    for (const struct job_parameter *d = declared; d->name; d++) {
        int rc = check_one(p, d, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

const char *parameters_string(const struct parameters *p, const char *name, const char *otherwise) {
    const struct member *m = find(p, name);
    return m && m->string ? json_object_get_string(m->string) : otherwise;
}

int64_t parameters_integer(const struct parameters *p, const char *name, int64_t otherwise) {
    const struct member *m = find(p, name);
    int64_t value;
    return m && integer_of(m, &value) ? value : otherwise;
}

double parameters_number(const struct parameters *p, const char *name, double otherwise) {
    const struct member *m = find(p, name);
    return m && is_number(m) ? number_of(m) : otherwise;
}

bool parameters_boolean(const struct parameters *p, const char *name, bool otherwise) {
    const struct member *m = find(p, name);
    return m && type_fits(m, JOB_BOOLEAN) ? *m->json == 't' : otherwise;
}

const char *parameters_json(const struct parameters *p, const char *name) {
    if (!name)
        return p->whole;
    const struct member *m = find(p, name);
    return m ? m->json : NULL;
}
