/* Completion of a run: ticks done of a count, any thread may add. */
#include "module/base/mem.h"
#include "module/base/text.h"
#include "module/worker/run_object.h"

#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 500 }; /* bytes of what a job says it is doing */

void job_set_completion_count(struct job *job, int64_t count) {
    if (count > 0)
        atomic_store_explicit(&job->count, count, memory_order_relaxed);
}

void job_advance_completion(struct job *job, int64_t ticks) {
    if (ticks <= 0)
        return;
    int64_t old = atomic_load_explicit(&job->done, memory_order_relaxed), now;
    do {
        if (__builtin_add_overflow(old, ticks, &now))
            now = INT64_MAX;
    } while (!atomic_compare_exchange_weak_explicit(&job->done, &old, now, memory_order_relaxed,
                                                    memory_order_relaxed));
}

void run_set_progress(struct job *job, int64_t count, int64_t done) {
    job_set_completion_count(job, count);
    int64_t old = atomic_load_explicit(&job->done, memory_order_relaxed);
    while (old < done &&
           !atomic_compare_exchange_weak_explicit(&job->done, &old, done, memory_order_relaxed,
                                                  memory_order_relaxed))
        ;
}

void run_set_completion(struct job *job, double percent) {
    int64_t count = atomic_load_explicit(&job->count, memory_order_relaxed);
    double done = (double)count * percent / 100;
    run_set_progress(job, 0, done < (double)INT64_MAX ? (int64_t)done : INT64_MAX);
}

void run_get_progress(const struct job *job, int64_t *ret_count, int64_t *ret_done) {
    *ret_count = atomic_load_explicit(&job->count, memory_order_relaxed);
    *ret_done = atomic_load_explicit(&job->done, memory_order_relaxed);
}

/* 100 only when all is done, also for counts near the end of the range. */
static unsigned percent_of(int64_t done, int64_t count) {
    if (done >= count)
        return 100;
    int64_t percent = count > INT64_MAX / 100 ? done / (count / 100) : done * 100 / count;
    return percent > 99 ? 99 : (unsigned)percent;
}

unsigned run_percent(const struct job *job) {
    unsigned now = percent_of(atomic_load_explicit(&job->done, memory_order_relaxed),
                              atomic_load_explicit(&job->count, memory_order_relaxed));
    unsigned shown = atomic_load_explicit(&job->percent_shown, memory_order_relaxed);
    /* A count that is raised late must not move the bar back. */
    while (shown < now &&
           !atomic_compare_exchange_weak_explicit(&job->self->percent_shown, &shown, now,
                                                  memory_order_relaxed, memory_order_relaxed))
        ;
    return shown < now ? now : shown;
}

void run_set_text(struct job *job, const char *text) {
    char *copy = text_clean(text, strlen(text), TEXT_MAX);
    pthread_mutex_lock(&job->lock);
    char *old = job->text;
    job->text = copy;
    pthread_mutex_unlock(&job->lock);
    free(old);
}

char *run_text(struct job *job) {
    pthread_mutex_lock(&job->lock);
    char *copy = job->text ? mem_text(job->text) : NULL;
    pthread_mutex_unlock(&job->lock);
    return copy;
}
