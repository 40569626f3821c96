/* Reads files, environment and settings, value by value, into a config. */
#include "module/base/config.h"
#include "module/base/config_private.h"
#include "module/base/error.h"
#include "module/base/mem.h"
#include "module/base/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_LIMIT = 16384, FILE_LIMIT = 4 << 20, VALUE_SHOWN = 80 };

/* One reading: where the next value comes from. */
struct reader {
    struct config *config;
    const struct log *log;
    enum config_source source;
    struct jobs_error *err;
};

/* ---- One value ---- */

static int bad_value(const char *origin, const char *name, const struct config_key *key,
                     const char *value, struct jobs_error *err) {
    struct buf allowed = {0};
    config_value_describe(key, &allowed);
    bool hide = key->flags & CONFIG_SECRET || key->type == CONFIG_DATABASE ||
                key->type == CONFIG_AMQP || key->type == CONFIG_HTTP;
    char *shown = text_clean(value, strlen(value), VALUE_SHOWN);
    const char *hint = strchr(value, '#') ? " (a comment needs a line of its own)" : "";
    error_set(err, JOBS_ECONFIG, "%s: %s: %s%s%s is not %s%s", origin, name,
              hide ? "the value" : "\"", hide ? "" : shown, hide ? "" : "\"", buf_get(&allowed),
              hide ? "" : hint);
    free(shown);
    buf_done(&allowed);
    return JOBS_ECONFIG;
}

static bool is_plain(const char *text) {
    for (const char *p = text; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            return false;
    return text_is_utf8(text, strlen(text));
}

int config_value_check(const char *origin, const char *name, const struct config_key *key,
                       const char *value, int64_t ret[2], struct jobs_error *err) {
    if (!is_plain(value))
        return error_set(err, JOBS_ECONFIG,
                         "%s: %s: the value has control characters or is not UTF-8", origin, name);
    if (!config_value_read(key, value, ret))
        return bad_value(origin, name, key, value, err);
    return 0;
}

/* `name` is the full key that is set, `real` the one it stands for (or the same). */
static int put(struct reader *reader, const struct config_key *via, const char *name,
               const char *real, const char *value, const char *origin) {
    int64_t numbers[2];
    if (config_value_check(origin, name, via, value, numbers, reader->err))
        return JOBS_ECONFIG;
    struct config_entry *entry = config_entry_find(reader->config, real);
    bool twice = entry && entry->source == reader->source && reader->source != CONFIG_SETTING;
    if (twice)
        return error_set(reader->err, JOBS_ECONFIG, "%s: %s: %s is set already by %s", origin, name,
                         real, entry->origin);
    if (!entry)
        entry = config_entry_add(reader->config,
                                 via->stands_for ? config_key_named(via->stands_for) : via, real);
    config_entry_fill(entry, via, value, numbers, reader->source, origin);
    return 0;
}

static int set(struct reader *reader, const struct config_key *key,
               const struct config_names *names, const char *value, const char *origin) {
    bool variable = reader->source == CONFIG_ENVIRONMENT;
    char *name = config_key_format(key, names, variable);
    char *real = key->stands_for
                     ? config_key_format(config_key_named(key->stands_for), names, variable)
                     : mem_text(name);
    int code = config_key_check_names(key, name, reader->err);
    if (code)
        error_prefix(reader->err, "%s", origin);
    else
        code = put(reader, key, name, real, value, origin);
    free(name);
    free(real);
    return code;
}

/* The dotted key text[0..length) of a file or setting. */
static int set_key(struct reader *reader, const char *text, size_t length, const char *value,
                   const char *origin) {
    char *name = mem_text_n(text, length);
    struct config_names names;
    const struct config_key *key = config_key_find(name, false, &names);
    int code;
    if (key) {
        code = set(reader, key, &names, value, origin);
    } else {
        char *similar = config_key_suggest(name, false);
        char *shown = text_clean(name, length, VALUE_SHOWN);
        code = error_set(reader->err, JOBS_ECONFIG, "%s: unknown key %s%s", origin, shown, similar);
        free(similar);
        free(shown);
    }
    free(name);
    return code;
}

/* ---- Files ---- */

int config_read_all(const char *path, size_t limit, struct buf *out) {
    FILE *file = fopen(path, "re");
    if (!file)
        return errno;
    char chunk[4096];
    size_t n;
    while (out->length <= limit && (n = fread(chunk, 1, sizeof chunk, file)) > 0)
        buf_add(out, chunk, n);
    int failed = ferror(file) ? errno : out->length > limit ? EFBIG : 0;
    fclose(file);
    return failed;
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

/* Cuts white space from both ends of *text, which has *length bytes. */
static void trim(const char **text, size_t *length) {
    while (*length > 0 && is_blank(**text))
        ++*text, --*length;
    while (*length > 0 && is_blank((*text)[*length - 1]))
        --*length;
}

static int read_line(struct reader *reader, const char *line, size_t length, const char *origin) {
    if (length > LINE_LIMIT)
        return error_set(reader->err, JOBS_ECONFIG, "%s: the line is longer than %d bytes", origin,
                         LINE_LIMIT);
    if (memchr(line, '\0', length) || !text_is_utf8(line, length))
        return error_set(reader->err, JOBS_ECONFIG, "%s: the line has a NUL byte or is not UTF-8",
                         origin);
    trim(&line, &length);
    if (length == 0 || *line == '#')
        return 0;
    const char *equals = memchr(line, '=', length);
    size_t key_length = equals ? (size_t)(equals - line) : 0;
    const char *key = line;
    trim(&key, &key_length);
    if (key_length == 0)
        return error_set(reader->err, JOBS_ECONFIG,
                         "%s: a line must be \"key = value\" or begin with #", origin);
    const char *rest = equals + 1;
    size_t rest_length = length - (size_t)(rest - line);
    trim(&rest, &rest_length);
    char *value = mem_text_n(rest, rest_length);
    int code = set_key(reader, key, key_length, value, origin);
    free(value);
    return code;
}

static int read_lines(struct reader *reader, const char *path, const char *text, size_t length) {
    const char *end = text + length;
    if (length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        text += 3; /* a byte order mark of some editors */
    int code = 0;
    for (size_t number = 1; text < end && code == 0; number++) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        const char *stop = newline ? newline : end;
        struct buf origin = {0};
        buf_format(&origin, "%s:%zu", path, number);
        code = read_line(reader, text, (size_t)(stop - text), buf_get(&origin));
        buf_done(&origin);
        text = newline ? newline + 1 : end;
    }
    return code;
}

static int read_file(struct reader *reader, const char *path) {
    struct buf text = {0};
    int failed = config_read_all(path, FILE_LIMIT, &text);
    int code = failed ? error_set(reader->err, JOBS_ECONFIG, "cannot read %s: %s", path,
                                  strerrordesc_np(failed))
                      : read_lines(reader, path, buf_get(&text), text.length);
    buf_done(&text);
    return code;
}

/* ---- Environment and settings ---- */

/* Variables of jobctl, of the tests, and those that a worker is given. */
static bool is_other_variable(const char *name) {
    static const char *const others[] = {"JOBS_TENANT",     "JOBS_TOKEN",     "JOBS_ID",
                                         "JOBS_CLASS",      "JOBS_ATTEMPT",   "JOBS_ATTEMPTS",
                                         "JOBS_PARAMETERS", "JOBS_WORKSPACE", "JOBS_DEADLINE",
                                         "JOBS_TRACEPARENT"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp(name, others[i]) == 0)
            return true;
    return strncmp(name, "JOBS_TEST_", 10) == 0;
}

static void warn_unknown(const struct reader *reader, const char *name) {
    char *similar = config_key_suggest(name, true);
    log_warning(reader->log, "environment %s: no such setting%s, ignored", name, similar);
    free(similar);
}

static int read_variable(struct reader *reader, const char *text) {
    const char *equals = strchr(text, '=');
    if (!equals)
        return 0;
    char *name = mem_text_n(text, (size_t)(equals - text));
    struct config_names names;
    const struct config_key *key = config_key_find(name, true, &names);
    int code = 0;
    if (key && !is_other_variable(name)) {
        struct buf origin = {0};
        buf_format(&origin, "environment %s", name);
        code = set(reader, key, &names, equals + 1, buf_get(&origin));
        buf_done(&origin);
    } else if (strncmp(name, "JOBS_", 5) == 0 && !is_other_variable(name)) {
        warn_unknown(reader, name);
    }
    free(name);
    return code;
}

static int read_setting(struct reader *reader, const char *text) {
    const char *equals = strchr(text, '=');
    const char *value = equals ? equals + 1 : "";
    size_t length = equals ? (size_t)(equals - text) : 0, value_length = strlen(value);
    trim(&text, &length);
    trim(&value, &value_length);
    if (length == 0)
        return error_set(reader->err, JOBS_ECONFIG, "setting: it must be \"key=value\"");
    char *trimmed = mem_text_n(value, value_length);
    int code = set_key(reader, text, length, trimmed, "setting");
    free(trimmed);
    return code;
}

int config_read_sources(struct config *config, const char *file, char *const *environment,
                        const char *const *settings, const struct log *log,
                        struct jobs_error *err) {
    struct reader reader = {.config = config, .log = log, .err = err};
    int code = 0;
    reader.source = CONFIG_FROM_FILE;
    if (file)
        code = read_file(&reader, file);
    reader.source = CONFIG_ENVIRONMENT;
    for (; code == 0 && environment && *environment; environment++)
        code = read_variable(&reader, *environment);
    reader.source = CONFIG_SETTING;
    for (; code == 0 && settings && *settings; settings++)
        code = read_setting(&reader, *settings);
    return code;
}
