/* Three classes that cannot be taken, and a good one between them. */
#include <jobs.h>

static int run(struct job *job) {
    (void)job;
    return 0;
}

static const struct job_class other_release = {.size = 0, .name = "plugin-old", .run = run};
static const struct job_class bad_name = JOB_CLASS(.name = "bad name", .run = run);
static const struct job_class survivor = JOB_CLASS(.name = "plugin-survivor", .run = run);
static const struct job_class no_run = JOB_CLASS(.name = "plugin-idle");

JOB_CLASSES(&other_release, &bad_name, &survivor, &no_run);
