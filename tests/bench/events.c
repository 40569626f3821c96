/* Events of no-op jobs at a subscriber that receives them all. */
#include "tests/bench/subscriber.h"

double measure_events(struct bench *bench, size_t jobs) {
    bench_begin(bench, 10);
    struct subscriber *s = subscriber_open(bench, NULL, NULL);
    bench_submit(bench, "noop", jobs, 10);
    struct job_service *service = bench_service(bench, true, NULL, NULL);
    size_t events = jobs * 4; /* QUEUED, TO_BE_RUN, RUNNING, SUCCEEDED */
    int64_t last = subscriber_wait(s, events), first = subscriber_first(s);
    bench_stop(service);
    subscriber_close(s);
    bench_end(bench);
    return (double)events * 1e6 / (double)(last - first);
}
