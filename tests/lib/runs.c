#include "tests/lib/runs.h"

#include "module/base/buf.h"
#include "module/base/clock.h"
#include "module/base/mem.h"
#include "module/base/table.h"
#include "tests/lib/servers.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct record { /* of a job */
    size_t runs, going;
    int64_t began_at;
};

/* In order of beginning. */
struct begun {
    char tenant[64];
    int64_t n;
};

static struct {
    pthread_mutex_t lock;
    pthread_cond_t opened;
    struct table jobs;     /* id to struct record */
    struct table attempts; /* "id/attempt" */
    struct begun *begun;
    size_t count, capacity, going, most, doubled;
    bool shut;
} state = {.lock = PTHREAD_MUTEX_INITIALIZER, .opened = PTHREAD_COND_INITIALIZER};

void runs_reset(void) {
    pthread_mutex_lock(&state.lock);
    table_done(&state.jobs, free);
    table_done(&state.attempts, NULL);
    free(state.begun);
    state.begun = NULL;
    state.count = state.capacity = state.going = state.most = state.doubled = 0;
    state.shut = false;
    pthread_mutex_unlock(&state.lock);
}

static struct record *record_of(const char *id) {
    struct record *record = table_get(&state.jobs, id);
    if (!record) {
        record = MEM_NEW(struct record);
        table_put(&state.jobs, id, record);
    }
    return record;
}

static void append(const char *tenant, int64_t n) {
    if (state.count == state.capacity) {
        state.capacity = state.capacity ? state.capacity * 2 : 64;
        state.begun = mem_grow(state.begun, state.capacity, sizeof *state.begun);
    }
    struct begun *begun = &state.begun[state.count++];
    snprintf(begun->tenant, sizeof begun->tenant, "%s", tenant);
    begun->n = n;
}

void runs_begin(const struct job *job) {
    char attempt[64];
    snprintf(attempt, sizeof attempt, "%s/%u", job_id(job), job_attempt(job));
    int64_t n = job_integer((struct job *)(uintptr_t)job, "n", -1);
    pthread_mutex_lock(&state.lock);
    struct record *record = record_of(job_id(job));
    if (record->going > 0 || table_get(&state.attempts, attempt))
        state.doubled++;
    table_put(&state.attempts, attempt, &state);
    record->runs++, record->going++;
    record->began_at = clock_now();
    append(job_tenant(job), n);
    state.going++;
    state.most = state.going > state.most ? state.going : state.most;
    pthread_mutex_unlock(&state.lock);
}

void runs_end(const struct job *job) {
    pthread_mutex_lock(&state.lock);
    record_of(job_id(job))->going--;
    state.going--;
    pthread_mutex_unlock(&state.lock);
}

static size_t locked(const size_t *number) {
    pthread_mutex_lock(&state.lock);
    size_t value = *number;
    pthread_mutex_unlock(&state.lock);
    return value;
}

size_t runs_count(void) { return locked(&state.count); }

size_t runs_going(void) { return locked(&state.going); }

size_t runs_doubled(void) { return locked(&state.doubled); }

size_t runs_most(void) {
    pthread_mutex_lock(&state.lock);
    size_t most = state.most;
    state.most = state.going;
    pthread_mutex_unlock(&state.lock);
    return most;
}

size_t runs_of(const char *id) {
    pthread_mutex_lock(&state.lock);
    const struct record *record = table_get(&state.jobs, id);
    size_t runs = record ? record->runs : 0;
    pthread_mutex_unlock(&state.lock);
    return runs;
}

int64_t runs_began_at(const char *id) {
    pthread_mutex_lock(&state.lock);
    const struct record *record = table_get(&state.jobs, id);
    int64_t at = record ? record->began_at : 0;
    pthread_mutex_unlock(&state.lock);
    return at;
}

char *runs_order(void) {
    struct buf text = {0};
    pthread_mutex_lock(&state.lock);
    for (size_t i = 0; i < state.count; i++)
        buf_format(&text, i ? " %lld" : "%lld", (long long)state.begun[i].n);
    pthread_mutex_unlock(&state.lock);
    return buf_take(&text);
}

size_t runs_of_tenant(const char *tenant, size_t count) {
    size_t n = 0;
    pthread_mutex_lock(&state.lock);
    for (size_t i = 0; i < state.count && i < count; i++)
        n += strcmp(state.begun[i].tenant, tenant) == 0;
    pthread_mutex_unlock(&state.lock);
    return n;
}

struct wanted {
    const char *id; /* NULL: of all jobs */
    size_t count;
};

static bool has_begun(void *arg) {
    const struct wanted *wanted = arg;
    return (wanted->id ? runs_of(wanted->id) : runs_count()) >= wanted->count;
}

bool runs_wait(size_t count, int64_t timeout) {
    return test_wait(has_begun, &(struct wanted){NULL, count}, timeout);
}

bool runs_wait_of(const char *id, size_t count, int64_t timeout) {
    return test_wait(has_begun, &(struct wanted){id, count}, timeout);
}

/* ---- classes ---- */

void runs_gate(bool open) {
    pthread_mutex_lock(&state.lock);
    state.shut = !open;
    pthread_cond_broadcast(&state.opened);
    pthread_mutex_unlock(&state.lock);
}

static int run_count(struct job *job) {
    runs_begin(job);
    runs_end(job);
    return 0;
}

/* Waits in short steps: the stop must be seen too. */
static bool is_shut(void) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += 2000000;
    if (until.tv_nsec >= 1000000000)
        until.tv_sec++, until.tv_nsec -= 1000000000;
    pthread_mutex_lock(&state.lock);
    if (state.shut)
        pthread_cond_timedwait(&state.opened, &state.lock, &until);
    bool shut = state.shut;
    pthread_mutex_unlock(&state.lock);
    return shut;
}

static int run_gate(struct job *job) {
    runs_begin(job);
    bool stopped;
    while (!(stopped = job_is_stopped(job)) && is_shut())
        ;
    runs_end(job);
    return stopped ? job_aborted(job) : 0;
}

static int run_nap(struct job *job) {
    runs_begin(job);
    bool done = job_sleep(job, job_integer(job, "ms", 0));
    runs_end(job);
    return done ? 0 : job_aborted(job);
}

static int run_stubborn(struct job *job) {
    int64_t ms = job_integer(job, "ms", 0);
    runs_begin(job);
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
    runs_end(job);
    return job_succeed(job, "{\"stubborn\": true}");
}

static int end_mixed(struct job *job, bool first) {
    char large[3 * 1024];
    switch (job_integer(job, "n", 0) % 8) {
    case 3: return job_sleep(job, 5) ? 0 : job_aborted(job);
    case 4: return first ? job_fail(job, "the first run fails") : 0;
    case 5: return job_fail_for_good(job, "no run will do");
    case 6: return first ? job_snooze(job, 10) : 0;
    case 7:
        memset(large, 'x', sizeof large);
        large[0] = large[sizeof large - 2] = '"';
        large[sizeof large - 1] = '\0';
        return job_succeed_as(job, "large", large);
    default: return job_succeed(job, "{\"mixed\": 1}");
    }
}

static int run_mixed(struct job *job) {
    runs_begin(job);
    int end = end_mixed(job, runs_of(job_id(job)) == 1);
    runs_end(job);
    return end;
}

const struct job_class runs_class_count = JOB_CLASS(.name = "count", .run = run_count);
const struct job_class runs_class_gate = JOB_CLASS(.name = "gate", .run = run_gate);
const struct job_class runs_class_nap = JOB_CLASS(.name = "nap", .run = run_nap);
const struct job_class runs_class_stubborn = JOB_CLASS(.name = "stubborn", .run = run_stubborn);
const struct job_class runs_class_mixed = JOB_CLASS(.name = "mixed", .run = run_mixed);
const struct job_class runs_class_once =
    JOB_CLASS(.name = "once", .run = run_count, .at_most_once = true);

const struct job_class *const runs_classes[] = {&runs_class_count,
                                                &runs_class_gate,
                                                &runs_class_nap,
                                                &runs_class_stubborn,
                                                &runs_class_mixed,
                                                &runs_class_once,
                                                NULL};
