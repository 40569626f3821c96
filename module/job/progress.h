/* What subscribers of "<service>.progress" get of a running job: a JSON object (docs/events.md;
 * docs/schema/job-progress.schema.json is its schema). No I/O. */
#ifndef JOB_PROGRESS_H
#define JOB_PROGRESS_H
#include "module/base/buf.h"
#include "module/jobs.h"

#define JOB_PROGRESS_CONTENT_TYPE "application/json"

struct job_progress {
    const char *tenant, *id, *class_name;
    int64_t version, attempt, percent;
    int64_t estimated; /* when it will be done, microseconds since 1970; 0: unknown */
    int64_t date;      /* of this, likewise */
    const char *text;  /* what the job last said it is doing; NULL: nothing */
};

/* "<tenant>.<class name>". Both clear `ret` first. */
void job_progress_key(const struct job_progress *progress, struct buf *ret);
/* JOBS_EINVAL: a date beyond the year 9999, text that is not UTF-8. */
int job_progress_body(const struct job_progress *progress, struct buf *ret, struct jobs_error *err);
#endif
