/* sleep: waits, with a bar that moves, and stops at once when asked. For trying out progress and
 * stop. */
#include "module/worker/builtin.h"

#define STEP_MIN 10 /* ms: finer steps nobody sees */

static int run(struct job *job) {
    int64_t left = job_integer(job, "ms", 0);
    if (left < 0)
        return job_fail_for_good(job, "ms is negative: %lld", (long long)left);
    int64_t step = left / 100 > STEP_MIN ? left / 100 : STEP_MIN;
    job_set_completion_count(job, left);
    while (left > 0) {
        int64_t now = left < step ? left : step;
        if (!job_sleep(job, now))
            return job_aborted(job);
        job_advance_completion(job, now);
        left -= now;
    }
    return 0;
}

static const struct job_parameter parameters[] = {
    {.name = "ms", .type = JOB_INTEGER, .help = "how long, in milliseconds"},
    {.name = NULL},
};

const struct job_class class_sleep =
    JOB_CLASS(.name = "sleep", .run = run, .parameters = parameters);
