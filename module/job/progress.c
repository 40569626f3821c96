#include "module/job/progress.h"

#include "module/base/error.h"
#include "module/base/text.h"
#include "module/job/event.h"

#include <string.h>

void job_progress_key(const struct job_progress *progress, struct buf *ret) {
    buf_clear(ret);
    buf_text(ret, progress->tenant);
    buf_char(ret, '.');
    buf_text(ret, progress->class_name);
}

static int add_date(struct buf *buf, const char *name, int64_t date, struct jobs_error *err) {
    buf_format(buf, ",\"%s\":\"", name);
    int rc = job_event_add_time(buf, date, err);
    buf_char(buf, '"');
    return rc;
}

/* Tenant, id and class name are of alphabets that need no escapes. */
int job_progress_body(const struct job_progress *progress, struct buf *ret,
                      struct jobs_error *err) {
    buf_clear(ret);
    if (progress->text && !text_is_utf8(progress->text, strlen(progress->text)))
        return error_set(err, JOBS_EINVAL, "text that is not UTF-8");
    buf_format(ret,
               "{\"jobId\":\"%s\",\"tenant\":\"%s\",\"jobClassName\":\"%s\",\"attempt\":%lld,"
               "\"version\":%lld,\"percentCompleted\":%lld",
               progress->id, progress->tenant, progress->class_name, (long long)progress->attempt,
               (long long)progress->version, (long long)progress->percent);
    int rc = 0;
    if (progress->estimated)
        rc = add_date(ret, "estimatedCompletion", progress->estimated, err);
    if (rc == 0 && progress->text) {
        buf_text(ret, ",\"text\":");
        buf_json_string(ret, progress->text);
    }
    if (rc == 0)
        rc = add_date(ret, "time", progress->date, err);
    buf_char(ret, '}');
    return rc;
}
