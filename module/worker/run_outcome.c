/* How a run ends: what job_succeed, job_fail, … note down, what the returned value makes of it. */
#include "module/base/mem.h"
#include "module/base/text.h"
#include "module/worker/run_object.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Its own code: a result that was refused, whatever job_succeed was called for. */
#define CODE_REFUSED RUN_CODE(64)
#define CODE_KIND RUN_CODE(65) /* of run_fail_kind */

static void replace(char **text, char *by) {
    free(*text);
    *text = by;
}

static char *clean_text(const char *text, size_t length, size_t max) {
    /* Room for one U+FFFD per byte, not for more. */
    size_t need = length < max / 3 ? length * 3 + 1 : max;
    return text_clean(text, length, need);
}

/* The formatted text, valid UTF-8, at most RUN_ERROR_MAX bytes. */
JOBS_PRINTF(1, 0) static char *error_text(const char *format, va_list args) {
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    size_t length = n > 0 ? (size_t)n : 0;
    /* One byte over is enough to be cut. */
    length = length > RUN_ERROR_MAX ? RUN_ERROR_MAX + 1 : length;
    char *raw = mem_alloc(length + 1);
    raw[0] = '\0';
    vsnprintf(raw, length + 1, format, again);
    va_end(again);
    char *text = clean_text(raw, length, RUN_ERROR_MAX);
    free(raw);
    return text;
}

/* Bytes that PostgreSQL adds when it writes the numbers out: it knows no exponents, and 2,000 times
 * 1e131071 are 260 MB in every answer and event. Text that is no JSON is not its business. */
static size_t growth_of(const char *json, size_t length) {
    size_t growth = 0;
    bool quoted = false;
    for (size_t i = 0; i < length && growth <= RUN_RESULT_MAX; i++) {
        if (json[i] == '"')
            quoted = !quoted;
        else if (quoted && json[i] == '\\')
            i++;
        if (quoted || (json[i] != 'e' && json[i] != 'E') || i == 0 || json[i - 1] < '0' ||
            json[i - 1] > '9')
            continue;
        size_t exponent = 0;
        i += json[i + 1] == '+' || json[i + 1] == '-';
        for (; json[i + 1] >= '0' && json[i + 1] <= '9' && exponent <= RUN_RESULT_MAX; i++)
            exponent = exponent * 10 + (size_t)(json[i + 1] - '0');
        growth += exponent;
    }
    return growth;
}

/* Why a result's text cannot be one; NULL: it may be. */
static const char *refusal_of(const char *json, size_t length) {
    if (length > RUN_RESULT_MAX)
        return "the result is over the limit of 1048576 bytes: put it into a store and return "
               "where it is";
    if (growth_of(json, length) > RUN_RESULT_MAX)
        return "the result is over the limit of 1048576 bytes when its numbers are written without "
               "exponents";
    return text_is_utf8(json, length) ? NULL : "the result is not valid UTF-8";
}

int job_succeed_as(struct job *job, const char *result_class_name, const char *json) {
    size_t length = json ? strnlen(json, RUN_RESULT_MAX + 1) : 0;
    const char *refusal = json ? refusal_of(json, length) : NULL;
    char *result = json && !refusal ? mem_text_n(json, length) : NULL;
    char *name = NULL;
    if (result && result_class_name)
        name = clean_text(result_class_name, strlen(result_class_name), RUN_RESULT_CLASS_NAME_MAX);
    pthread_mutex_lock(&job->lock);
    replace(&job->result, result);
    replace(&job->result_class_name, name);
    job->result_refused = refusal != NULL;
    if (refusal)
        replace(&job->error, mem_text(refusal));
    pthread_mutex_unlock(&job->lock);
    return refusal ? CODE_REFUSED : 0;
}

int job_succeed(struct job *job, const char *json) { return job_succeed_as(job, NULL, json); }

static int note_failure(struct job *job, enum run_end end, int64_t delay, char *error) {
    pthread_mutex_lock(&job->lock);
    replace(&job->error, error);
    job->result_refused = false;
    job->delay = delay > 0 ? delay : 0;
    pthread_mutex_unlock(&job->lock);
    return RUN_CODE(end);
}

int job_fail(struct job *job, const char *format, ...) {
    va_list args;
    va_start(args, format);
    char *text = error_text(format, args);
    va_end(args);
    return note_failure(job, RUN_FAILED, 0, text);
}

int job_fail_for_good(struct job *job, const char *format, ...) {
    va_list args;
    va_start(args, format);
    char *text = error_text(format, args);
    va_end(args);
    return note_failure(job, RUN_FAILED_FOR_GOOD, 0, text);
}

int job_retry_in(struct job *job, int64_t delay, const char *format, ...) {
    va_list args;
    va_start(args, format);
    char *text = error_text(format, args);
    va_end(args);
    return note_failure(job, RUN_RETRY_IN, delay, text);
}

int run_fail_kind(struct job *job, enum run_end end, const char *error_kind, const char *format,
                  ...) {
    va_list args;
    va_start(args, format);
    char *text = error_text(format, args);
    va_end(args);
    pthread_mutex_lock(&job->lock);
    job->error_kind = error_kind;
    job->error_end = end;
    pthread_mutex_unlock(&job->lock);
    note_failure(job, end, 0, text);
    return CODE_KIND;
}

int job_snooze(struct job *job, int64_t delay) {
    return note_failure(job, RUN_SNOOZED, delay, NULL);
}

int job_aborted(struct job *job) { return note_failure(job, RUN_ABORTED, 0, NULL); }

static char *take(char **text) {
    char *taken = *text;
    *text = NULL;
    return taken;
}

static void fail(struct run_outcome *out, enum run_end end, const char *kind, char *error) {
    out->end = end;
    out->error_kind = kind;
    replace(&out->error, error);
}

/* What the class said, before the stop has its say. */
static void settle_returned(struct job *job, int returned) {
    struct run_outcome *out = &job->outcome;
    char text[120];
    if (returned == CODE_REFUSED || (returned == 0 && job->result_refused)) {
        fail(out, RUN_FAILED_FOR_GOOD, "RESULT", take(&job->error));
    } else if (returned == CODE_KIND && job->error_kind) {
        fail(out, job->error_end, job->error_kind, take(&job->error));
    } else if (returned == 0) {
        out->end = RUN_SUCCEEDED;
        out->result = take(&job->result);
        out->result_class_name = take(&job->result_class_name);
    } else if (returned == RUN_CODE(RUN_ABORTED)) {
        out->end = RUN_ABORTED;
    } else if (returned == RUN_CODE(RUN_SNOOZED)) {
        out->end = RUN_SNOOZED;
        out->delay = job->delay;
    } else if (returned >= RUN_CODE(RUN_FAILED) && returned <= RUN_CODE(RUN_RETRY_IN)) {
        fail(out, (enum run_end)(returned - RUN_CODE(0)), "ERROR", take(&job->error));
        out->delay = out->end == RUN_RETRY_IN ? job->delay : 0;
    } else {
        snprintf(text, sizeof text,
                 "run() returned %d, which is no end of a run: return 0 or job_fail(…)", returned);
        fail(out, RUN_FAILED, "ERROR", mem_text(text));
    }
}

static void settle_timeout(struct job *job) {
    struct run_outcome *out = &job->outcome;
    const char *said = out->error ? out->error : "";
    size_t length = strlen(said) + 100;
    char *text = mem_alloc(length);
    int n = snprintf(text, length, "stopped at its timeout of %lld ms%s%s", (long long)job->timeout,
                     *said ? ": " : "", said);
    char *error = clean_text(text, (size_t)n, RUN_ERROR_MAX);
    free(text);
    fail(out, RUN_FAILED, "TIMEOUT", error);
    out->delay = 0;
}

static void add_section(struct buf *log, const char *name, const struct tail *tail) {
    if (tail->total == 0)
        return;
    buf_format(log, "%s--- %s", log->length ? "\n" : "", name);
    if (tail->total > TAIL_MAX)
        buf_format(log, " (the last of %zu bytes)", tail->total);
    buf_char(log, '\n');
    tail_get(tail, TAIL_MAX, log);
    while (log->length > 0 && log->data[log->length - 1] == '\n')
        log->data[--log->length] = '\0';
    buf_char(log, '\n');
}

static void settle_log(struct job *job) {
    struct buf log = {0};
    add_section(&log, "log", &job->log);
    add_section(&log, "stdout", &job->output);
    add_section(&log, "stderr", &job->errors);
    if (log.length > 0)
        replace(&job->outcome.log, clean_text(buf_get(&log), log.length, RUN_LOG_MAX));
    buf_done(&log);
}

static void settle_stop(struct job *job) {
    struct run_outcome *out = &job->outcome;
    if (out->end == RUN_SUCCEEDED) {
        job_advance_completion(job, INT64_MAX);
        return;
    }
    run_check_deadline(job); /* who polls the descriptor alone has not set the flag */
    enum run_stop_reason reason = run_stop_reason(job);
    if (reason == RUN_STOP_TIMEOUT)
        settle_timeout(job);
    else if (reason == RUN_STOP_REQUESTED) {
        fail(out, RUN_ABORTED, NULL, NULL);
        out->delay = 0;
    }
}

void run_settle(struct job *job, int returned) {
    pthread_mutex_lock(&job->lock);
    settle_returned(job, returned);
    settle_log(job);
    pthread_mutex_unlock(&job->lock);
    settle_stop(job);
}

void run_settle_failure(struct job *job, enum run_end end, const char *error_kind,
                        const char *text) {
    fail(&job->outcome, end, error_kind, clean_text(text, strlen(text), RUN_ERROR_MAX));
    settle_stop(job);
}

void run_refuse(struct job *job, const char *error_kind, const char *text) {
    struct run_outcome *out = &job->outcome;
    fail(out, RUN_FAILED_FOR_GOOD, error_kind, clean_text(text, strlen(text), RUN_ERROR_MAX));
    replace(&out->result, NULL);
    replace(&out->result_class_name, NULL);
    out->delay = 0;
}
