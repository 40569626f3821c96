/* What a run may read: the order's texts, its parameters; and what it may say: the log. */
#include "module/base/error.h"
#include "module/base/text.h"
#include "module/worker/run_object.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *job_id(const struct job *job) { return job->id; }
const char *job_tenant(const struct job *job) { return job->tenant; }
const char *job_class_name(const struct job *job) { return job->class_name; }
const char *job_traceparent(const struct job *job) { return job->traceparent; }
const char *job_workspace(const struct job *job) { return job->workspace ? job->workspace : ""; }
unsigned job_attempt(const struct job *job) { return job->attempt; }
void *job_shared(const struct job *job) { return job->shared; }

/* The slow way of run_parameters, once per run. */
static const struct parameters *parse(struct job *job, struct jobs_error *err) {
    pthread_mutex_lock(&job->lock);
    struct parameters *p = atomic_load(&job->parameters);
    if (!p && job->parameters_tried)
        error_set(err, JOBS_EINVAL, "parameters are not a JSON object");
    else if (!p) {
        job->parameters_tried = true;
        if (parameters_parse(*job->parameters_text ? job->parameters_text : "{}", &p, err) == 0)
            atomic_store(&job->parameters, p);
    }
    pthread_mutex_unlock(&job->lock);
    return p;
}

const struct parameters *run_parameters(struct job *job, struct jobs_error *err) {
    const struct parameters *p = atomic_load(&job->parameters);
    return p ? p : parse(job, err);
}

const char *job_string(struct job *job, const char *name, const char *otherwise) {
    const struct parameters *p = run_parameters(job, NULL);
    return p ? parameters_string(p, name, otherwise) : otherwise;
}

int64_t job_integer(struct job *job, const char *name, int64_t otherwise) {
    const struct parameters *p = run_parameters(job, NULL);
    return p ? parameters_integer(p, name, otherwise) : otherwise;
}

double job_number(struct job *job, const char *name, double otherwise) {
    const struct parameters *p = run_parameters(job, NULL);
    return p ? parameters_number(p, name, otherwise) : otherwise;
}

bool job_boolean(struct job *job, const char *name, bool otherwise) {
    const struct parameters *p = run_parameters(job, NULL);
    return p ? parameters_boolean(p, name, otherwise) : otherwise;
}

const char *job_json(struct job *job, const char *name) {
    const struct parameters *p = run_parameters(job, NULL);
    return p ? parameters_json(p, name) : NULL;
}

void job_log(struct job *job, int level, const char *format, ...) {
    char text[2048];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n < 0)
        return;
    size_t length = (size_t)n < sizeof text ? (size_t)n : text_cut(text, sizeof text - 1);
    char *clean = text_clean(text, length, sizeof text);
    pthread_mutex_lock(&job->lock);
    tail_add(&job->log, clean, strlen(clean));
    tail_add(&job->log, "\n", 1);
    pthread_mutex_unlock(&job->lock);
    if (job->log_sink)
        job->log_sink(job->log_arg, job, level, clean);
    free(clean);
}
