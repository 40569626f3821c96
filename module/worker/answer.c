#include "module/worker/answer.h"

#include "module/base/config_key.h"
#include "module/base/error.h"
#include "module/base/log.h"
#include "module/base/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN_MAX 120 /* bytes of a bad line in the error */

static bool said(const struct answer *a, const char *name) {
    const char *json = parameters_json(a->object, name);
    return json && strcmp(json, "null") != 0;
}

static int wrong(const char *name, const char *wanted, struct jobs_error *err) {
    return error_set(err, JOBS_EINVAL, "\"%s\" must be %s", name, wanted);
}

/* A whole number from 1 on. */
static int read_ticks(const struct answer *a, const char *name, int64_t *ret,
                      struct jobs_error *err) {
    *ret = 0;
    if (!said(a, name))
        return 0;
    *ret = parameters_integer(a->object, name, -1);
    return *ret < 0 ? wrong(name, "a whole number", err) : 0;
}

/* A text, or the JSON of any other value. */
static const char *any_text(const struct answer *a, const char *name) {
    return said(a, name) ? parameters_string(a->object, name, parameters_json(a->object, name))
                         : NULL;
}

static int read_level(struct answer *a, struct jobs_error *err) {
    a->level = LOG_LEVEL_INFO;
    if (!said(a, "level"))
        return 0;
    const char *name = parameters_string(a->object, "level", "");
    for (int level = LOG_LEVEL_ERROR; level <= LOG_LEVEL_DEBUG; level++)
        if (strcmp(name, log_level_name(level)) == 0) {
            a->level = level;
            return 0;
        }
    return wrong("level", "error, warning, info or debug", err);
}

/* "30s" as in the configuration, or a number of ms. */
static int read_duration(const struct answer *a, const char *name, int64_t *ret,
                         struct jobs_error *err) {
    static const struct config_key duration = {.name = "duration",
                                               .type = CONFIG_DURATION,
                                               .high = INT64_C(3650) * 86400 * 1000};
    int64_t numbers[2];
    const char *text = any_text(a, name);
    if (!config_value_read(&duration, text, numbers))
        return wrong(name, "a duration such as \"30s\", \"5m\" or a number of ms", err);
    *ret = numbers[0];
    return 0;
}

static int read_completion(struct answer *a, struct jobs_error *err) {
    a->completion = -1;
    if (!said(a, "completion"))
        return 0;
    a->completion = parameters_number(a->object, "completion", NAN);
    return a->completion >= 0 && a->completion <= 100
               ? 0
               : wrong("completion", "a percentage from 0 to 100", err);
}

static int read_error(struct answer *a, struct jobs_error *err) {
    a->error = any_text(a, "error");
    a->retry = ANSWER_RETRY;
    if (!said(a, "retry"))
        return 0;
    const char *retry = parameters_json(a->object, "retry");
    if (strcmp(retry, "true") == 0 || strcmp(retry, "false") == 0) {
        a->retry = *retry == 't' ? ANSWER_RETRY : ANSWER_FOR_GOOD;
        return 0;
    }
    a->retry = ANSWER_RETRY_IN;
    return read_duration(a, "retry", &a->delay, err);
}

static int read_members(struct answer *a, struct jobs_error *err) {
    a->text = any_text(a, "text");
    a->log = any_text(a, "log");
    a->result = parameters_json(a->object, "result");
    a->result_class_name = parameters_string(a->object, "result_class_name", NULL);
    a->end_id = parameters_string(a->object, "end", NULL);
    a->end = a->end_id || parameters_boolean(a->object, "end", false);
    a->snooze = said(a, "snooze");
    int rc = read_ticks(a, "count", &a->count, err);
    if (rc == 0)
        rc = read_ticks(a, "advance", &a->advance, err);
    if (rc == 0)
        rc = read_completion(a, err);
    if (rc == 0)
        rc = read_level(a, err);
    if (rc == 0)
        rc = read_error(a, err);
    if (rc == 0 && a->snooze)
        rc = read_duration(a, "snooze", &a->delay, err);
    return rc;
}

static int refuse(const char *line, size_t length, bool syntax, struct jobs_error *err) {
    struct jobs_error why = *err;
    char *shown = text_clean(line, length < 2 * SHOWN_MAX ? length : 2 * SHOWN_MAX, SHOWN_MAX);
    const char *text = why.text;
    static const char parameters[] = "parameters: ", are[] = "parameters are not a JSON object";
    if (strncmp(text, parameters, sizeof parameters - 1) == 0)
        text += sizeof parameters - 1;
    else if (strcmp(text, are) == 0)
        text = "it is no JSON object";
    error_set(err, JOBS_EINVAL, "an answer line cannot be read: %s: %s%s", text, shown,
              syntax ? " (descriptor 3, and stdout behind \"::job \", take JSON objects such as "
                       "{\"result\":1}, one in a line; all else belongs on stdout or stderr)"
                     : "");
    free(shown);
    return JOBS_EINVAL;
}

int answer_read(const char *line, size_t length, struct answer *ret, struct jobs_error *err) {
    struct jobs_error why = {0};
    struct answer a = {0};
    bool syntax = true;
    int rc = memchr(line, '\0', length) ? error_set(&why, JOBS_EINVAL, "it holds a NUL byte")
                                        : parameters_parse(line, &a.object, &why);
    if (rc == 0) {
        syntax = false;
        rc = read_members(&a, &why);
    }
    if (rc < 0) {
        answer_done(&a);
        refuse(line, length, syntax, &why);
        if (err)
            *err = why;
        return rc;
    }
    *ret = a;
    return 0;
}

void answer_done(struct answer *answer) {
    parameters_free(answer->object);
    answer->object = NULL;
}
