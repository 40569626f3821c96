#include "tests/bench/subscriber.h"
#include "amqp/bus.h"
#include "module/base/clock.h"
#include "module/base/mem.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

struct subscriber {
    struct bus *bus; /* of its thread once that runs */
    pthread_t thread;
    void (*heard)(void *arg, const char *message_id);
    void *arg;
    atomic_bool ending;
    atomic_size_t count, bytes;
    atomic_llong first, last;
};

static void on_delivery(void *arg, const struct bus_delivery *delivery) {
    struct subscriber *s = arg;
    int64_t now = clock_now();
    atomic_store(&s->last, now);
    if (atomic_load(&s->count) == 0)
        atomic_store(&s->first, now);
    atomic_fetch_add(&s->bytes, delivery->length);
    atomic_fetch_add(&s->count, 1);
    if (s->heard && delivery->message_id)
        s->heard(s->arg, delivery->message_id);
}

static void *receive(void *arg) {
    struct subscriber *s = arg;
    const struct bus_handlers handlers = {.delivered = on_delivery, .arg = s};
    struct jobs_error err;
    while (!atomic_load(&s->ending))
        if (bus_poll(s->bus, 100, &handlers, &err) < 0)
            bench_die("subscriber", err.text);
    return NULL;
}

static struct subscriber *open_for(const struct bench *bench, const char *key,
                                   void (*heard)(void *arg, const char *message_id), void *arg) {
    struct subscriber *s = MEM_NEW(struct subscriber);
    s->heard = heard;
    s->arg = arg;
    struct bus_options options = {.url = bench->amqp_url, .name = "bench subscriber"};
    struct jobs_error err;
    char exchange[80], queue[256];
    snprintf(exchange, sizeof exchange, "%s.events", bench->service);
    if (bus_open(&options, &s->bus, &err) < 0 ||
        bus_declare_exchange(s->bus, exchange, "topic", BUS_DURABLE, NULL, &err) < 0 ||
        bus_declare_queue(s->bus, "", BUS_EXCLUSIVE, NULL, 0, queue, &err) < 0 ||
        bus_bind(s->bus, queue, exchange, key, &err) < 0 ||
        bus_consume(s->bus, queue, 0, BUS_NO_ACK, "", NULL, &err) < 0)
        bench_die("subscribe", err.text);
    pthread_create(&s->thread, NULL, receive, s);
    return s;
}

struct subscriber *subscriber_open(const struct bench *bench,
                                   void (*heard)(void *arg, const char *message_id), void *arg) {
    return open_for(bench, "#", heard, arg);
}

struct subscriber *subscriber_open_class(const struct bench *bench, const char *class_name) {
    char key[200];
    snprintf(key, sizeof key, "*.*.%s", class_name);
    return open_for(bench, key, NULL, NULL);
}

size_t subscriber_count(const struct subscriber *s) { return atomic_load(&s->count); }
size_t subscriber_bytes(const struct subscriber *s) { return atomic_load(&s->bytes); }
int64_t subscriber_first(const struct subscriber *s) { return atomic_load(&s->first); }

int64_t subscriber_wait(struct subscriber *s, size_t count) {
    while (atomic_load(&s->count) < count)
        poll(NULL, 0, 2);
    return atomic_load(&s->last);
}

void subscriber_close(struct subscriber *s) {
    atomic_store(&s->ending, true);
    pthread_join(s->thread, NULL);
    bus_close(s->bus);
    free(s);
}
