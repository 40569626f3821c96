/* Names of keys: dotted, as environment variables, with placeholders, and what was probably meant.
 */
#include "module/base/config_key.h"
#include "module/base/error.h"
#include "module/base/mem.h"
#include "module/base/text.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char variable_char(char c) {
    return c == '.' || c == '-' ? '_' : (char)toupper((unsigned char)c);
}

/* Placeholders take as much as they can, so a class name may hold dots. */
static bool match(const char *pattern, const char *text, bool variable, struct config_names *names,
                  size_t n) {
    for (; *pattern && *pattern != '<'; pattern++, text++)
        if (*text != (variable ? variable_char(*pattern) : *pattern))
            return false;
    if (!*pattern || n == 2)
        return !*pattern && !*text;
    pattern = strchr(pattern, '>') + 1;
    for (size_t length = strlen(text); length > 0; length--) {
        names->text[n] = text, names->length[n] = length;
        if (match(pattern, text + length, variable, names, n + 1))
            return true;
    }
    return false;
}

const struct config_key *config_key_find(const char *text, bool variable,
                                         struct config_names *ret_names) {
    for (size_t i = 0; i < config_key_count; i++) {
        struct config_names names = {0};
        if (match(config_keys[i].name, text, variable, &names, 0)) {
            *ret_names = names;
            return &config_keys[i];
        }
    }
    return NULL;
}

const struct config_key *config_key_named(const char *name) {
    for (size_t i = 0; i < config_key_count; i++)
        if (strcmp(config_keys[i].name, name) == 0)
            return &config_keys[i];
    fprintf(stderr, "bug: %s is not a configuration key\n", name);
    abort();
}

bool config_key_is_template(const struct config_key *key) { return strchr(key->name, '<') != NULL; }

/* The name of a datasource or class loses its capitals and underscores in a variable; that of a
 * class's own environment variable (the second one) stays. */
static void put_name(const struct config_names *names, size_t n, bool variable, struct buf *out) {
    for (size_t i = 0; i < names->length[n]; i++) {
        char c = names->text[n][i];
        if (variable && n == 0)
            c = c == '_' ? '-' : (char)tolower((unsigned char)c);
        buf_char(out, c);
    }
}

char *config_key_format(const struct config_key *key, const struct config_names *names,
                        bool variable) {
    struct buf out = {0};
    size_t n = 0;
    for (const char *p = key->name; *p; p++) {
        if (*p == '<') {
            put_name(names, n++, variable, &out);
            p = strchr(p, '>');
        } else {
            buf_char(&out, *p);
        }
    }
    return buf_take(&out);
}

struct name_rule {
    const char *what, *allowed, *others; /* besides letters and digits */
    bool capitals, digit_first, other_first;
    size_t max;
};
static const struct name_rule datasource_rule = {
    "datasource",
    "a-z, 0-9 and -, a letter or digit first, at most 63",
    "-",
    false,
    true,
    false,
    63};
static const struct name_rule class_rule = {
    "job class", "letters, digits, _ . and -, a letter or digit first, at most 128",
    "_.-",       true,
    true,        false,
    128};
static const struct name_rule variable_rule = {
    "variable", "letters, digits and _, no digit first, at most 128", "_", true, false, true, 128};

static bool keeps(const struct name_rule *rule, const char *name, size_t length) {
    for (size_t i = 0; i < length; i++) {
        char c = name[i];
        bool letter = (c >= 'a' && c <= 'z') || (rule->capitals && c >= 'A' && c <= 'Z');
        bool digit = c >= '0' && c <= '9';
        bool other = c && strchr(rule->others, c);
        if (i == 0 ? !(letter || (digit && rule->digit_first) || (other && rule->other_first))
                   : !(letter || digit || other))
            return false;
    }
    return length >= 1 && length <= rule->max;
}

int config_key_check_names(const struct config_key *key, const char *full, struct jobs_error *err) {
    struct config_names names = {0};
    match(key->name, full, false, &names, 0);
    for (size_t n = 0; n < 2 && names.text[n]; n++) {
        const struct name_rule *rule = n == 1 ? &variable_rule
                                       : strncmp(key->name, "jobs.class.", 11) == 0
                                           ? &class_rule
                                           : &datasource_rule;
        if (!keeps(rule, names.text[n], names.length[n]))
            return error_set(err, JOBS_ECONFIG, "%s: \"%.*s\" is not a %s name (%s)", full,
                             (int)names.length[n], names.text[n], rule->what, rule->allowed);
    }
    return 0;
}

static bool is_separator(char c, bool variable) { return c == '.' || (variable && c == '_'); }

static size_t count_separators(const char *text, size_t length, bool variable) {
    size_t count = 0;
    for (size_t i = 0; i < length; i++)
        count += is_separator(text[i], variable);
    return count;
}

/* What stands for <name> in `text`, whose words before and after it may be misspelt: as many words
 * are left out on both sides as the row has there. */
static const char *find_name(const char *row, const char *text, bool variable, size_t *ret_length) {
    const char *open = strchr(row, '<'), *close = strchr(row, '>');
    size_t left = count_separators(row, (size_t)(open - row), variable);
    size_t right = count_separators(close, strlen(close), variable);
    const char *from = text, *to = text + strlen(text);
    while (left > 0 && *from)
        left -= is_separator(*from++, variable);
    while (right > 0 && to > from)
        right -= is_separator(*--to, variable);
    if (left > 0 || right > 0 || to == from)
        return NULL;
    *ret_length = (size_t)(to - from);
    return from;
}

/* The row's name with <name> filled from `text`. Caller frees. */
static char *candidate(const char *row, const char *text, bool variable) {
    struct buf out = {0};
    const char *open = strchr(row, '<');
    size_t length = 0;
    const char *name = open ? find_name(row, text, variable, &length) : NULL;
    for (const char *p = row; *p; p++) {
        if (p == open && name) {
            buf_add(&out, name, length);
            p = strchr(p, '>');
        } else {
            buf_char(&out, variable ? variable_char(*p) : *p);
        }
    }
    return buf_take(&out);
}

char *config_key_suggest(const char *text, bool variable) {
    char *best = NULL;
    size_t least = 3 + strlen(text) / 16; /* farther ones are no help */
    for (size_t i = 0; i < config_key_count; i++) {
        if (config_keys[i].stands_for && config_keys[i].type != CONFIG_FILE)
            continue; /* nobody should learn an old name */
        char *other = candidate(config_keys[i].name, text, variable);
        size_t distance = text_distance(text, other);
        size_t length = strlen(text), longer = strlen(other);
        if (length >= 4 && longer > length && strcmp(other + longer - length, text) == 0)
            distance = 0; /* only the beginning was left out */
        if (distance < least) {
            least = distance;
            free(best);
            best = other;
        } else {
            free(other);
        }
    }
    struct buf out = {0};
    if (best)
        buf_format(&out, " (did you mean %s?)", best);
    free(best);
    return buf_take(&out);
}
