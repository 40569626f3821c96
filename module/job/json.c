#include "module/job/json.h"

#include "module/job/status.h"

#include <time.h>

static void name_of(struct buf *out, const char *name) {
    if (out->length > 0 && out->data[out->length - 1] != '{')
        buf_char(out, ',');
    buf_json_string(out, name);
    buf_char(out, ':');
}

void json_iso_date(struct buf *out, int64_t date) {
    char text[64];
    struct tm tm;
    int64_t rest = date % 1000000;
    if (rest < 0)
        rest += 1000000;
    time_t seconds = (time_t)((date - rest) / 1000000);
    if (gmtime_r(&seconds, &tm) && strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm) > 0)
        buf_format(out, "%s.%06dZ", text, (int)rest);
}

void json_begin(struct buf *out) { buf_char(out, '{'); }

void json_end(struct buf *out) { buf_char(out, '}'); }

void json_text(struct buf *out, const char *name, const char *text) {
    if (!text)
        return;
    name_of(out, name);
    buf_json_string(out, text);
}

void json_raw(struct buf *out, const char *name, const char *json) {
    if (!json)
        return;
    name_of(out, name);
    buf_text(out, json);
}

void json_integer(struct buf *out, const char *name, int64_t value) {
    name_of(out, name);
    buf_integer(out, value);
}

void json_boolean(struct buf *out, const char *name, bool value) {
    name_of(out, name);
    buf_text(out, value ? "true" : "false");
}

void json_date(struct buf *out, const char *name, int64_t date) {
    if (!date)
        return;
    name_of(out, name);
    buf_char(out, '"');
    json_iso_date(out, date);
    buf_char(out, '"');
}

void json_job_members(struct buf *out, const struct job_info *job) {
    json_text(out, "id", job->id);
    json_text(out, "tenant", job->tenant);
    json_text(out, "class_name", job->class_name);
    json_text(out, "status", status_name(job->status));
    json_integer(out, "priority", job->priority);
    json_text(out, "description", job->description);
    json_text(out, "owner", job->owner);
    json_text(out, "related_type", job->related_type);
    json_text(out, "related_id", job->related_id);
    json_text(out, "traceparent", job->traceparent);
    json_integer(out, "version", job->version);
    json_integer(out, "attempt", job->attempt);
    if (job->attempts)
        json_integer(out, "max_attempts", job->attempts);
    if (job->timeout)
        json_integer(out, "timeout_ms", job->timeout);
    if (job->backoff)
        json_integer(out, "backoff_ms", job->backoff);
    json_integer(out, "percent_completed", job->percent_completed);
    json_boolean(out, "locked", job->locked);
    json_date(out, "created_date", job->created_date);
    json_date(out, "queued_date", job->queued_date);
    json_date(out, "start_date", job->start_date);
    json_date(out, "stop_date", job->stop_date);
    json_date(out, "status_date", job->status_date);
    json_date(out, "trigger_after_date", job->trigger_after_date);
    json_date(out, "expiration_date", job->expiration_date);
    json_date(out, "estimated_completion", job->estimated_completion);
    json_text(out, "instance", job->instance);
    json_raw(out, "parameters", job->parameters);
    json_raw(out, "result", job->result);
    json_text(out, "result_class_name", job->result_class_name);
    json_text(out, "error_kind", job->error_kind);
    json_text(out, "error", job->error);
}

void json_job(struct buf *out, const struct job_info *job) {
    json_begin(out);
    json_job_members(out, job);
    json_end(out);
}
