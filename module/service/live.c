#include "module/service/live.h"

#include "module/base/clock.h"
#include "module/base/config.h"
#include "module/base/mem.h"
#include "module/base/text.h"

#include <stdlib.h>
#include <string.h>

#define ERROR_MAX ((size_t)64 * 1024)

void live_free(struct live *live) {
    if (!live)
        return;
    run_free(live->task.job);
    free(live->class_name);
    free(live->tenant);
    free(live->traceparent);
    free(live->own_error);
    free(live);
}

void live_set_end(struct live *live, enum job_status target, bool spare, const char *outcome,
                  int64_t delay, const char *error_kind, const char *error) {
    free(live->own_error);
    live->own_error = error ? text_clean(error, strlen(error), ERROR_MAX) : NULL;
    live->end = (struct live_end){.target = target,
                                  .spare = spare,
                                  .outcome = outcome,
                                  .delay = delay,
                                  .error_kind = error_kind,
                                  .error = live->own_error};
}

void live_park(struct live *live, int64_t delay, const char *error_kind, const char *error) {
    live_set_end(live, JOB_PENDING, true, "HANDED_BACK", delay, error_kind, error);
    live->estimate = 0; /* nothing to refund */
}

int64_t live_backoff(int64_t from, int64_t most, int used, double random) {
    if (most < from)
        most = from;
    int64_t delay = from;
    for (int i = 1; i < used && delay < most; i++)
        delay = delay > most / 2 ? most : delay * 2;
    return (int64_t)((double)delay * (0.8 + 0.4 * random));
}

static int64_t setting(const struct config *config, const struct live *live, const char *suffix,
                       int64_t otherwise) {
    return config_class_integer(config, live->class_name, suffix, otherwise);
}

/* Job's own, then configured, then the class's. */
static int64_t backoff_of(const struct live *live, const struct config *config) {
    const struct job_class *class = live->entry->class;
    int64_t from = setting(config, live, "backoff", class->backoff);
    int64_t most = setting(config, live, "backoff.max", class->backoff_max);
    if (live->backoff > 0)
        from = live->backoff;
    return live_backoff(from, most, live->attempt - live->attempt_base, drand48());
}

static bool attempts_left(const struct live *live, const struct config *config) {
    const struct job_class *class = live->entry->class;
    int64_t most = live->max_attempts > 0 ? live->max_attempts
                                          : setting(config, live, "attempts", class->attempts);
    return !class->at_most_once && live->attempt - live->attempt_base < most;
}

static void decide_failure(struct live *live, const struct run_outcome *o,
                           const struct config *config) {
    struct live_end *end = &live->end;
    bool again = (o->end == RUN_FAILED || o->end == RUN_RETRY_IN) && attempts_left(live, config);
    end->target = again ? JOB_PENDING : JOB_FAILED;
    end->outcome = "FAILED";
    end->error_kind = o->error_kind ? o->error_kind : "ERROR";
    end->error = o->error ? o->error : "";
    if (again)
        end->delay = o->end == RUN_RETRY_IN ? o->delay : backoff_of(live, config);
}

static void decide_snooze(struct live *live, const struct run_outcome *o) {
    if (live->entry->class->at_most_once) {
        live_set_end(live, JOB_FAILED, false, "FAILED", 0, "ERROR",
                     "a run of an at_most_once class cannot be put off: nothing but a retry queues "
                     "it again");
        return;
    }
    live->end = (struct live_end){.target = JOB_PENDING,
                                  .spare = true,
                                  .outcome = "SNOOZED",
                                  .delay = o->delay};
}

/* Shutdown or a lost lease cut it short: back to its old place, but never twice what must run at
 * most once. */
static void decide_interrupted(struct live *live) {
    if (live->entry->class->at_most_once)
        live_set_end(/* no crash of its class: the outcome tells */
                     live, JOB_FAILED, false, "HANDED_BACK", 0, "CRASH",
                     "its run was ended by a shutdown; an at_most_once job is not run again unless "
                     "retried");
    else
        live_set_end(live, JOB_QUEUED, true, "HANDED_BACK", 0, NULL, NULL);
}

void live_decide(struct live *live, const struct config *config) {
    const struct run_outcome *o = run_outcome(live->task.job);
    enum run_stop_reason stopped = run_stop_reason(live->task.job);
    live->end = (struct live_end){.outcome = ""};
    if (o->end == RUN_SUCCEEDED) {
        live->end.target = JOB_SUCCEEDED;
        live->end.result = o->result;
        live->end.result_class_name = o->result_class_name;
    } else if (stopped == RUN_STOP_SHUTDOWN || stopped == RUN_STOP_LOST) {
        decide_interrupted(live);
    } else if (o->end == RUN_ABORTED) {
        live->end.target = JOB_ABORTED;
        live->end.error_kind = o->error_kind;
        live->end.error = o->error;
    } else if (o->end == RUN_SNOOZED) {
        decide_snooze(live, o);
    } else {
        decide_failure(live, o, config);
    }
    live->end.log = o->log;
}
