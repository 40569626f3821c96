#include "tests/lib/event_source.h"

#include "module/job/event.h"
#include "module/job/status.h"
#include "module/service/exchanges.h"
#include "tests/lib/servers.h"

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define MUST(call)                               \
    do {                                         \
        struct jobs_error err = {0};             \
        if ((call) < 0)                          \
            fail_msg("%s: %s", #call, err.text); \
    } while (0)

/* ---- publishing ---- */

void event_source_open(struct event_source *source, const char *url, const char *service) {
    *source = (struct event_source){.url = url};
    snprintf(source->service, sizeof source->service, "%s",
             service ? service : test_service_name());
    snprintf(source->exchange, sizeof source->exchange, "%s.events", source->service);
    snprintf(source->queue, sizeof source->queue, "%s.events.log", source->service);
    struct bus_options options = {.url = url, .confirms = true};
    const struct events_log log = {.age = 86400000, .size = 64 << 20};
    MUST(bus_open(&options, &source->bus, &err));
    MUST(exchanges_declare(source->bus, source->service, &err));
    struct jobs_error
        err; /* until the streams of a broker that has just come are there, it confirms
                              what it does not keep */
    for (int i = 0; exchanges_declare_log(source->bus, source->service, &log, &err) < 0; i++)
        if (i == 100 || poll(NULL, 0, 100) < 0)
            fail_msg("%s", err.text);
}

void event_source_close(struct event_source *source) { bus_close(source->bus); }

void event_source_id(int64_t number, char ret[37]) {
    snprintf(ret, 37, "0189d2f0-1234-7abc-8000-%012llx", (unsigned long long)number);
}

static int64_t wall_clock(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

static void publish_one(struct event_source *source, const struct job_event *event) {
    struct buf key = {0}, id = {0}, body = {0};
    MUST(job_event_key(event, &key, &err));
    MUST(job_event_body(event, &body, &err));
    job_event_id(event, &id);
    struct bus_header header = {"tenant", event->tenant};
    struct bus_message message = {.exchange = source->exchange,
                                  .routing_key = key.data,
                                  .body = body.data,
                                  .length = body.length,
                                  .content_type = JOB_EVENT_CONTENT_TYPE,
                                  .message_id = id.data,
                                  .persistent = true,
                                  .headers = &header,
                                  .header_count = 1};
    MUST(bus_publish(source->bus, &message, NULL, &err));
    buf_done(&key), buf_done(&id), buf_done(&body);
}

void event_source_publish(struct event_source *source, const char *tenant, const char *class_name,
                          enum job_status status, const char *related_id, int count) {
    char id[37], extras[300];
    snprintf(extras, sizeof extras, "{\"relatedType\":\"order\",\"relatedId\":\"%s\"}",
             related_id ? related_id : "");
    bus_batch_begin(source->bus);
    for (int i = 0; i < count; i++) {
        event_source_id(source->published++, id);
        struct job_event event = {.service = source->service,
                                  .tenant = tenant,
                                  .id = id,
                                  .class_name = class_name,
                                  .status = status,
                                  .version = 1,
                                  .date = wall_clock(),
                                  .extras = related_id ? extras : NULL};
        publish_one(source, &event);
    }
    bus_batch_end(source->bus);
    while (bus_unconfirmed(source->bus) > 0)
        MUST(bus_poll(source->bus, 1000, NULL, &err));
}

/* ---- listening ---- */

struct ear {
    pthread_mutex_t lock;
    struct ear_counts counts;
    size_t room; /* that is left; SIZE_MAX: any */
    bool slow;
    bool gone;
};

static void take_event(struct ear_counts *c, int64_t number) {
    if (c->events++ == 0)
        c->first = number;
    else if (number <= c->last)
        c->disordered = true;
    else
        c->missing += (size_t)(number - c->last - 1);
    c->last = number;
}

/* Changes are known by their job: the broker leaves offsets out where a file of its log begins.
 * One block of lines up to the empty one, as the feed writes them. */
void event_source_take(struct ear_counts *c, const char *block) {
    const char *id = strncmp(block, "id: ", 4) == 0 ? block : strstr(block, "\nid: ");
    if (id)
        c->id = strtoll(id + (id == block ? 4 : 5), NULL, 10);
    const char *job = strstr(block, "\"jobId\":\"");
    if (strstr(block, "event: status\n") && job)
        take_event(c, strtoll(job + 9 + 24, NULL, 16));
    c->gaps += strstr(block, "event: gap\n") != NULL;
    c->progress += strstr(block, "event: progress\n") != NULL;
    c->comments += *block == ':';
}

static bool ear_write(void *arg, const char *data, size_t length) {
    struct ear *ear = arg;
    pthread_mutex_lock(&ear->lock);
    struct ear_counts *c = &ear->counts;
    bool takes = !ear->gone && length <= ear->room && c->waiting + length <= FEED_SINK_LIMIT;
    if (ear->slow && takes)
        c->waiting += length;
    if (c->waiting > c->waited_most)
        c->waited_most = c->waiting;
    if (ear->room != SIZE_MAX)
        ear->room -= takes ? length : 0;
    char *text = strndup(data, length);
    for (char *p = text, *end; takes && (end = strstr(p, "\n\n")); p = end + 2) {
        end[1] = '\0';
        event_source_take(&ear->counts, p);
    }
    free(text);
    pthread_mutex_unlock(&ear->lock);
    return takes;
}

static size_t ear_pending(void *arg) { return ear_get(arg).waiting; }

static void ear_close(void *arg) {
    struct ear *ear = arg;
    pthread_mutex_lock(&ear->lock);
    ear->counts.closed = true;
    pthread_mutex_unlock(&ear->lock);
}

static struct ear *listen_with(struct feed *feed, const struct feed_filter *filter, int64_t after,
                               bool slow) {
    const struct feed_filter all = {.tenant = ""};
    struct ear *ear = calloc(1, sizeof *ear);
    pthread_mutex_init(&ear->lock, NULL);
    ear->counts.first = ear->counts.last = ear->counts.id = -1;
    ear->room = SIZE_MAX;
    ear->slow = slow;
    struct feed_sink sink = {.arg = ear,
                             .write = ear_write,
                             .pending = ear_pending,
                             .close = ear_close};
    feed_listen(feed, filter ? filter : &all, after, &sink);
    return ear;
}

struct ear *ear_listen(struct feed *feed, const struct feed_filter *filter, int64_t after) {
    return listen_with(feed, filter, after, false);
}

struct ear *ear_listen_slowly(struct feed *feed, const struct feed_filter *filter, int64_t after) {
    return listen_with(feed, filter, after, true);
}

void ear_take(struct ear *ear, size_t bytes) {
    pthread_mutex_lock(&ear->lock);
    ear->counts.waiting -= bytes < ear->counts.waiting ? bytes : ear->counts.waiting;
    pthread_mutex_unlock(&ear->lock);
}

void ear_limit(struct ear *ear, size_t bytes) {
    pthread_mutex_lock(&ear->lock);
    ear->room = bytes ? bytes : SIZE_MAX;
    pthread_mutex_unlock(&ear->lock);
}

struct ear_counts ear_get(struct ear *ear) {
    pthread_mutex_lock(&ear->lock);
    struct ear_counts counts = ear->counts;
    pthread_mutex_unlock(&ear->lock);
    return counts;
}

struct wanted {
    struct ear *ear;
    size_t events;
};

static bool is_there(void *arg) {
    const struct wanted *w = arg;
    struct ear_counts c = ear_get(w->ear);
    return c.events >= w->events || c.closed;
}

bool ear_wait(struct ear *ear, size_t events, int64_t timeout) {
    struct wanted wanted = {ear, events};
    return test_wait(is_there, &wanted, timeout) && ear_get(ear).events >= events;
}

static bool is_closed(void *arg) { return ear_get(arg).closed; }

void ear_free(struct ear *ear) {
    pthread_mutex_lock(&ear->lock);
    ear->gone = true;
    pthread_mutex_unlock(&ear->lock);
    if (!test_wait(is_closed, ear, 40000))
        fail_msg("a listener that is gone is not closed");
    pthread_mutex_destroy(&ear->lock);
    free(ear);
}
