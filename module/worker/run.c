#include "module/worker/run.h"

#include "module/base/clock.h"
#include "module/base/error.h"
#include "module/base/log.h"
#include "module/base/mem.h"
#include "module/worker/run_object.h"
#include "module/worker/workspace.h"
#include "module/worker/workspace_base.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXTS 6

/* One allocation holds the run and the texts of its order: 50,000 runs a second go through here. */
struct job *run_new(const struct run_order *order, const struct job_class *class, void *shared) {
    const char *from[TEXTS] = {order->id,         order->tenant,      order->class_name,
                               order->parameters, order->traceparent, order->workspace_base};
    size_t lengths[TEXTS], total = 0;
    for (int i = 0; i < TEXTS; i++) {
        from[i] = from[i] ? from[i] : "";
        lengths[i] = strlen(from[i]) + 1;
        total += lengths[i];
    }
    struct job *job = mem_zero(1, sizeof *job + total);
    const char **to[TEXTS] = {&job->id,          &job->tenant,
                              &job->class_name,  &job->parameters_text,
                              &job->traceparent, &job->workspace_base};
    char *at = job->texts;
    for (int i = 0; i < TEXTS; at += lengths[i], i++)
        *to[i] = memcpy(at, from[i], lengths[i]);
    job->self = job;
    job->class = class;
    job->shared = shared;
    job->attempt = order->attempt;
    job->attempts = order->attempts;
    job->version = order->version;
    job->timeout = order->timeout;
    job->need_workspace = order->workspace ? order->workspace > 0 : class->need_workspace;
    atomic_init(&job->count, 100);
    atomic_init(&job->stop_fd, -1);
    job->lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    job->stopped = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
    return job;
}

void run_free(struct job *job) {
    if (!job)
        return;
    int fd = atomic_load(&job->stop_fd);
    if (fd >= 0)
        close(fd);
    parameters_free(atomic_load(&job->parameters));
    pthread_cond_destroy(&job->stopped);
    pthread_mutex_destroy(&job->lock);
    free(job->text);
    free(job->outcome.error);
    free(job->outcome.result);
    free(job->outcome.result_class_name);
    free(job->outcome.log);
    tail_done(&job->output);
    tail_done(&job->errors);
    tail_done(&job->log);
    free(job->error);
    free(job->result);
    free(job->result_class_name);
    free(job->workspace);
    free(job);
}

static void start_clock(struct job *job) {
    int64_t now = clock_now();
    if (job->timeout > 0 && job->timeout < (INT64_MAX - now) / CLOCK_MS)
        atomic_store(&job->deadline, now + job->timeout * CLOCK_MS);
}

/* A class that declares no parameters reads what it likes, when it likes. */
static int check_parameters(struct job *job, struct jobs_error *err) {
    if (!job->class->parameters)
        return 0;
    const struct parameters *p = run_parameters(job, err);
    return p ? parameters_check(p, job->class->parameters, err) : JOBS_EINVAL;
}

static int enter_workspace(struct job *job, struct jobs_error *err) {
    if (!job->need_workspace)
        return 0;
    if (!*job->workspace_base)
        return error_set(err, JOBS_ECONFIG,
                         "class %s needs a workspace, and no jobs.workspace.dir is set",
                         job->class_name);
    return workspace_enter(job->workspace_base, job->tenant, job->id, job->version, &job->workspace,
                           &job->workspace_hold, err);
}

static void leave_workspace(struct job *job) {
    struct jobs_error err;
    if (!job->workspace)
        return;
    if (workspace_remove(job->workspace_base, job->tenant, job->id, job->version, &err) < 0)
        job_log(job, LOG_LEVEL_WARNING, "%s", err.text);
    close(job->workspace_hold);
}

void run_execute(struct job *job) {
    struct jobs_error err = {0};
    start_clock(job);
    if (job_is_stopped(job))
        run_settle(job, job_aborted(job));
    else if (check_parameters(job, &err) < 0)
        run_settle_failure(job, RUN_FAILED_FOR_GOOD, "PARAMETER", err.text);
    else if (enter_workspace(job, &err) < 0)
        run_settle_failure(job, RUN_FAILED, "WORKSPACE", err.text);
    else {
        int returned = job->class->run(job);
        leave_workspace(job);
        run_settle(job, returned);
    }
}

void run_call(struct job *job, const char *workspace) {
    start_clock(job);
    if (workspace && *workspace)
        job->workspace = mem_text(workspace);
    run_settle(job, job->class->run(job));
}

const struct run_outcome *run_outcome(const struct job *job) { return &job->outcome; }

void run_set_log(struct job *job,
                 void (*sink)(void *arg, const struct job *job, int level, const char *text),
                 void *arg) {
    job->log_sink = sink;
    job->log_arg = arg;
}
