/* Two classes as an author would write them; the second keeps something per process. */
#include <jobs.h>

static int count(struct job *job) {
    int64_t to = job_integer(job, "to", 0);
    job_set_completion_count(job, to);
    for (int64_t i = 0; i < to; i++) {
        if (job_is_stopped(job))
            return job_aborted(job);
        job_advance_completion(job, 1);
    }
    return job_succeed_as(job, "Count", job_json(job, "to"));
}

static const struct job_parameter count_parameters[] = {
    {.name = "to", .type = JOB_INTEGER, .help = "how far"},
    {.name = NULL},
};

static const struct job_class plugin_count =
    JOB_CLASS(.name = "plugin-count", .run = count, .parameters = count_parameters, .attempts = 3);

static int open_shared(void **ret_shared, struct jobs_error *err) {
    static int made;
    (void)err;
    made++;
    *ret_shared = &made;
    return 0;
}

static void close_shared(void *shared) { *(int *)shared = -1; }

static int use_shared(struct job *job) {
    const int *made = job_shared(job);
    return *made == 1 ? 0 : job_fail(job, "opened %d times", *made);
}

static const struct job_class plugin_shared = JOB_CLASS(.name = "plugin-shared", .run = use_shared,
                                                        .open = open_shared, .close = close_shared);

JOB_CLASSES(&plugin_count, &plugin_shared);
