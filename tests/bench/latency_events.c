#include "module/base/clock.h"
#include "module/base/mem.h"
#include "tests/bench/latency.h"
#include "tests/bench/subscriber.h"

#include <poll.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

struct waiting {
    sem_t heard;
    int64_t at;
};

/* On the subscriber's thread; "/1" is QUEUED. */
static void on_event(void *arg, const char *message_id) {
    struct waiting *waiting = arg;
    const char *version = strchr(message_id, '/');
    if (!version || strcmp(version, "/1") != 0)
        return;
    waiting->at = clock_now();
    sem_post(&waiting->heard);
}

static double one(const struct bench *bench, struct waiting *waiting) {
    const struct job_info info = {.size = sizeof info, .tenant = "t0", .class_name = "noop"};
    struct job_uuid id;
    struct jobs_error err;
    if (job_info_create_as_queued(&bench->infos, &info, 1, &id, &err) < 0)
        bench_die("submit", err.text);
    int64_t committed = clock_now();
    while (sem_wait(&waiting->heard) < 0)
        ;
    return (double)(waiting->at - committed) / 1000;
}

struct bench_latency measure_to_subscriber(struct bench *bench, size_t samples) {
    double *values = mem_zero(samples, sizeof *values);
    struct waiting waiting;
    sem_init(&waiting.heard, 0, 0);
    bench_begin(bench, 10);
    struct subscriber *subscriber = subscriber_open(bench, on_event, &waiting);
    struct job_service *service = bench_service(bench, true, NULL, NULL);
    for (int i = 0; i < 20; i++) /* warm */
        one(bench, &waiting);
    for (size_t i = 0; i < samples; i++) {
        poll(NULL, 0, 10 + rand() % 20); /* idle again, at no fixed beat */
        values[i] = one(bench, &waiting);
    }
    bench_stop(service);
    subscriber_close(subscriber);
    bench_end(bench);
    struct bench_latency ret = bench_latency_of(values, samples);
    free(values);
    return ret;
}
