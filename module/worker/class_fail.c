/* fail: fails with a message. For trying out what a failure looks like. */
#include "module/worker/builtin.h"

static int run(struct job *job) {
    return job_fail(job, "%s", job_string(job, "message", "failed as asked"));
}

static const struct job_parameter parameters[] = {
    {.name = "message", .type = JOB_STRING, .optional = true, .help = "the error text"},
    {.name = NULL},
};

const struct job_class class_fail = JOB_CLASS(.name = "fail", .run = run, .parameters = parameters);
