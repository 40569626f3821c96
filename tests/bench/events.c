/* Events of no-op jobs at a subscriber that receives them all. */
#include "amqp/bus.h"
#include "module/base/clock.h"
#include "tests/bench/bench.h"

#include <pthread.h>
#include <stdio.h>

struct subscriber {
    const struct bench *bench;
    struct bus *bus;
    size_t wanted, received;
    int64_t first, last;
};

static void on_delivery(void *arg, const struct bus_delivery *delivery) {
    struct subscriber *s = arg;
    s->last = clock_now();
    if (s->received++ == 0)
        s->first = s->last;
    (void)delivery;
}

static void subscribe(struct subscriber *s) {
    struct bus_options options = {.url = s->bench->amqp_url, .name = "bench subscriber"};
    struct jobs_error err;
    char exchange[80], queue[256];
    snprintf(exchange, sizeof exchange, "%s.events", s->bench->service);
    if (bus_open(&options, &s->bus, &err) < 0 ||
        bus_declare_exchange(s->bus, exchange, "topic", BUS_DURABLE, NULL, &err) < 0 ||
        bus_declare_queue(s->bus, "", BUS_EXCLUSIVE, NULL, 0, queue, &err) < 0 ||
        bus_bind(s->bus, queue, exchange, "#", &err) < 0)
        bench_die("subscribe", err.text);
    if (bus_consume(s->bus, queue, 0, BUS_NO_ACK, "", NULL, &err) < 0)
        bench_die("subscribe", err.text);
}

static void *receive(void *arg) {
    struct subscriber *s = arg;
    const struct bus_handlers handlers = {.delivered = on_delivery, .arg = s};
    struct jobs_error err;
    while (s->received < s->wanted)
        if (bus_poll(s->bus, 1000, &handlers, &err) < 0)
            bench_die("subscriber", err.text);
    return NULL;
}

double measure_events(struct bench *bench, size_t jobs) {
    bench_begin(bench, 10);
    struct subscriber s = {.bench = bench,
                           .wanted = jobs * 4}; /* QUEUED, TO_BE_RUN, RUNNING, SUCCEEDED */
    subscribe(&s);
    bench_submit(bench, "noop", jobs, 10);
    pthread_t thread;
    pthread_create(&thread, NULL, receive, &s);
    struct job_service *service = bench_service(bench, true, NULL, NULL);
    pthread_join(thread, NULL);
    bench_stop(service);
    bus_close(s.bus);
    bench_end(bench);
    return (double)s.received * 1e6 / (double)(s.last - s.first);
}
