#include "tests/bench/load.h"
#include "module/base/clock.h"
#include "module/base/mem.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define BATCH 1000
#define OUTSTANDING 4000 /* of load_maximum: enough for the pool, no backlog to speak of */
#define BEAT 5           /* ms between two submits of a pacer */

static struct load_delays *_Atomic recorder;

int64_t load_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* mmmmmmmm-mmmm-7uuu-8rrr-rrrrrrrrrrrr: milliseconds, then microseconds. */
void load_id(char ret[37]) {
    static atomic_uint number;
    int64_t now = load_now();
    uint64_t ms = (uint64_t)(now / 1000);
    unsigned n = atomic_fetch_add(&number, 1);
    snprintf(ret, 37, "%08x-%04x-7%03x-8000-%012x", (unsigned)(ms >> 16), (unsigned)(ms & 0xffff),
             (unsigned)(now % 1000), n);
}

int64_t load_submitted_at(const char *id) {
    unsigned high, low, micro;
    if (sscanf(id, "%8x-%4x-7%3x", &high, &low, &micro) != 3)
        return 0;
    return (int64_t)(((uint64_t)high << 16) | low) * 1000 + micro;
}

static int run(struct job *job) {
    struct load_delays *delays = atomic_load(&recorder);
    if (!delays)
        return 0;
    size_t i = atomic_fetch_add(&delays->count, 1);
    if (i < delays->most)
        delays->values[i] = (double)(load_now() - load_submitted_at(job_id(job))) / 1000;
    return 0;
}

const struct job_class load_class = JOB_CLASS(.name = "bench-stamp", .run = run);

void load_record_into(struct load_delays *delays) { atomic_store(&recorder, delays); }

struct load_delays *load_delays_new(size_t most) {
    struct load_delays *delays = MEM_NEW(struct load_delays);
    delays->values = mem_zero(most, sizeof *delays->values);
    delays->most = most;
    return delays;
}

void load_delays_free(struct load_delays *delays) {
    free(delays->values);
    free(delays);
}

size_t load_delays_count(struct load_delays *delays) {
    size_t count = atomic_load(&delays->count);
    return count < delays->most ? count : delays->most;
}

void load_submit(const struct job_info_service *infos, const struct load_shape *shape,
                 size_t count) {
    struct job_info *jobs = mem_zero(count + 1, sizeof *jobs);
    char(*ids)[37] = mem_zero(count + 1, sizeof *ids);
    char(*tenants)[24] = mem_zero(count + 1, sizeof *tenants);
    size_t from = (size_t)rand(); /* small batches must not all be of the first tenants */
    struct jobs_error err;
    for (size_t i = 0; i < count; i++) {
        size_t n = from + i;
        load_id(ids[i]);
        snprintf(tenants[i], sizeof tenants[i], "t%zu", n % shape->tenants);
        jobs[i] = (struct job_info){.size = sizeof jobs[i],
                                    .id = ids[i],
                                    .tenant = tenants[i],
                                    .class_name = shape->class_name};
        if (shape->priorities > 1)
            jobs[i].priority = (int)(n / shape->tenants % (size_t)shape->priorities);
    }
    if (count > 0 && job_info_create_as_queued(infos, jobs, count, NULL, &err) < 0)
        bench_die("submit", err.text);
    free(jobs);
    free(ids);
    free(tenants);
}

struct pacer {
    struct job_info_service infos;
    struct load_shape shape;
    double rate;
    pthread_t thread;
    atomic_bool ending;
    size_t submitted;
};

static void *pace(void *arg) {
    struct pacer *pacer = arg;
    int64_t began = clock_now();
    while (!atomic_load(&pacer->ending)) {
        double at = (double)(clock_now() - began) / 1e6;
        size_t due = (size_t)(at * pacer->rate);
        size_t batch = due > pacer->submitted + BATCH ? BATCH : due - pacer->submitted;
        load_submit(&pacer->infos, &pacer->shape, batch);
        pacer->submitted += batch;
        poll(NULL, 0, BEAT);
    }
    return NULL;
}

struct pacer *pacer_start(const struct bench *bench, const struct load_shape *shape, double rate) {
    struct pacer *pacer = MEM_NEW(struct pacer);
    pacer->infos = (struct job_info_service){.db = bench_connect(bench), .schema = bench->schema};
    pacer->shape = *shape;
    pacer->rate = rate;
    pthread_create(&pacer->thread, NULL, pace, pacer);
    return pacer;
}

size_t pacer_stop(struct pacer *pacer) {
    atomic_store(&pacer->ending, true);
    pthread_join(pacer->thread, NULL);
    size_t submitted = pacer->submitted;
    PQfinish(pacer->infos.db);
    free(pacer);
    return submitted;
}

double load_maximum(const struct bench *bench, double seconds) {
    struct job_info_service infos = {.db = bench_connect(bench), .schema = bench->schema};
    struct load_delays *delays = load_delays_new(1);
    load_record_into(delays);
    const struct load_shape shape = {.class_name = load_class.name, .tenants = 10};
    size_t submitted = 0;
    int64_t began = clock_now(), end = began + (int64_t)(seconds * 1e6);
    while (clock_now() < end) {
        if (submitted - atomic_load(&delays->count) > OUTSTANDING) {
            poll(NULL, 0, 1);
            continue;
        }
        load_submit(&infos, &shape, BATCH);
        submitted += BATCH;
    }
    double rate = (double)atomic_load(&delays->count) * 1e6 / (double)(clock_now() - began);
    while (atomic_load(&delays->count) < submitted)
        poll(NULL, 0, 5);
    load_record_into(NULL);
    load_delays_free(delays);
    PQfinish(infos.db);
    return rate;
}
