#include "tests/lib/event_log.h"

#include "amqp/bus.h"
#include "module/base/mem.h"
#include "module/base/table.h"
#include "module/job/event.h"
#include "tests/lib/servers.h"

#include <json-c/json.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BODIES = 8 };

struct seen { /* one job */
    int last;
    bool final;
    char *bodies[BODIES];
};

struct event_log {
    struct bus *bus; /* the thread's, once it runs */
    pthread_t thread;
    atomic_bool stopping;

    pthread_mutex_t lock; /* guards what follows */
    struct table jobs;    /* id to struct seen */
    struct event_log_counts counts;
};

static void give_up(const struct jobs_error *err) {
    fprintf(stderr, "event_log: %s\n", err->text);
    exit(1);
}

static const char *text_of(struct json_object *object, const char *name) {
    struct json_object *value;
    return json_object_object_get_ex(object, name, &value) ? json_object_get_string(value) : "";
}

static bool agrees(const struct bus_delivery *delivery, struct json_object *event,
                   struct json_object *data) {
    char key[512], id[128];
    snprintf(key, sizeof key, "%s.%s.%s", text_of(data, "tenant"), text_of(data, "jobEventType"),
             text_of(data, "jobClassName"));
    snprintf(id, sizeof id, "%s/%s", text_of(data, "jobId"), text_of(data, "version"));
    const char *tenant = bus_delivery_header(delivery, "tenant");
    return delivery->message_id && tenant && delivery->content_type && delivery->persistent &&
           strcmp(delivery->routing_key, key) == 0 && strcmp(delivery->message_id, id) == 0 &&
           strcmp(text_of(event, "id"), id) == 0 && strcmp(tenant, text_of(data, "tenant")) == 0 &&
           strcmp(text_of(event, "subject"), text_of(data, "jobId")) == 0 &&
           strcmp(delivery->content_type, JOB_EVENT_CONTENT_TYPE) == 0;
}

static bool is_final(const char *status) {
    return !strcmp(status, "SUCCEEDED") || !strcmp(status, "FAILED") || !strcmp(status, "ABORTED");
}

static void apply(struct event_log *log, struct json_object *data, const char *body) {
    const char *id = text_of(data, "jobId");
    int version = atoi(text_of(data, "version"));
    struct seen *seen = table_get(&log->jobs, id);
    if (!seen) {
        seen = MEM_NEW(struct seen);
        table_put(&log->jobs, id, seen);
        log->counts.jobs++;
    }
    if (version <= seen->last) {
        log->counts.repeated++;
    } else if (version > seen->last + 1) {
        if (log->counts.ahead++ == 0)
            fprintf(stderr, "event_log: job %s: version %d after %d\n", id, version, seen->last);
    } else {
        log->counts.applied++;
        seen->last = version;
        log->counts.final -= seen->final;
        seen->final = is_final(text_of(data, "jobEventType"));
        log->counts.final += seen->final;
        if (version <= BODIES)
            seen->bodies[version - 1] = mem_text(body);
    }
}

static void delivered(void *arg, const struct bus_delivery *delivery) {
    struct event_log *log = arg;
    struct json_object *event = json_tokener_parse(delivery->body), *data = NULL;
    json_object_object_get_ex(event, "data", &data);
    pthread_mutex_lock(&log->lock);
    if (data && agrees(delivery, event, data))
        apply(log, data, delivery->body);
    else if (log->counts.malformed++ == 0)
        fprintf(stderr, "event_log: malformed event: %s %s\n", delivery->routing_key,
                delivery->body);
    pthread_mutex_unlock(&log->lock);
    json_object_put(event);
}

static void *run(void *arg) {
    struct event_log *log = arg;
    struct bus_handlers handlers = {.arg = log, .delivered = delivered};
    struct jobs_error err;
    while (!atomic_load(&log->stopping))
        if (bus_poll(log->bus, 20, &handlers, &err) < 0)
            give_up(&err);
    return NULL;
}

static int subscribe(struct event_log *log, const char *url, const char *service, const char *key,
                     struct jobs_error *err) {
    struct bus_options options = {.url = url, .name = "test subscriber"};
    char exchange[128], queue[256];
    snprintf(exchange, sizeof exchange, "%s.events", service);
    int rc = bus_open(&options, &log->bus, err);
    if (rc == 0)
        rc = bus_declare_exchange(log->bus, exchange, "topic", BUS_DURABLE, NULL, err);
    if (rc == 0)
        rc = bus_declare_queue(log->bus, "", BUS_EXCLUSIVE, NULL, 0, queue, err);
    if (rc == 0)
        rc = bus_bind(log->bus, queue, exchange, key, err);
    return rc < 0 ? rc : bus_consume(log->bus, queue, 0, BUS_NO_ACK, NULL, NULL, err);
}

struct event_log *event_log_start(const char *amqp_url, const char *service, const char *key) {
    struct event_log *log = MEM_NEW(struct event_log);
    struct jobs_error err = {0};
    if (subscribe(log, amqp_url, service, key, &err) < 0)
        give_up(&err);
    pthread_mutex_init(&log->lock, NULL);
    if (pthread_create(&log->thread, NULL, run, log) != 0)
        give_up(&(struct jobs_error){.text = "no thread"});
    return log;
}

struct event_log_counts event_log_get(struct event_log *log) {
    pthread_mutex_lock(&log->lock);
    struct event_log_counts counts = log->counts;
    pthread_mutex_unlock(&log->lock);
    return counts;
}

struct goal {
    struct event_log *log;
    size_t applied;
};

static bool is_reached(void *arg) {
    const struct goal *goal = arg;
    struct event_log_counts counts = event_log_get(goal->log);
    return counts.applied >= goal->applied || counts.ahead > 0;
}

int event_log_wait(struct event_log *log, size_t applied, int64_t timeout) {
    struct goal goal = {log, applied};
    bool reached = test_wait(is_reached, &goal, timeout);
    struct event_log_counts counts = event_log_get(log);
    if (!reached || counts.ahead > 0)
        fprintf(stderr, "event_log: %zu of %zu events, %zu ahead\n", counts.applied, applied,
                counts.ahead);
    return reached && counts.ahead == 0;
}

char *event_log_body(struct event_log *log, const char *id, int version) {
    pthread_mutex_lock(&log->lock);
    const struct seen *seen = table_get(&log->jobs, id);
    char *body =
        seen && version >= 1 && version <= BODIES ? mem_text(seen->bodies[version - 1]) : NULL;
    pthread_mutex_unlock(&log->lock);
    return body;
}

int event_log_version(struct event_log *log, const char *id) {
    pthread_mutex_lock(&log->lock);
    const struct seen *seen = table_get(&log->jobs, id);
    int last = seen ? seen->last : 0;
    pthread_mutex_unlock(&log->lock);
    return last;
}

static void free_seen(void *value) {
    struct seen *seen = value;
    for (int i = 0; i < BODIES; i++)
        free(seen->bodies[i]);
    free(seen);
}

void event_log_stop(struct event_log *log) {
    atomic_store(&log->stopping, true);
    pthread_join(log->thread, NULL);
    bus_close(log->bus);
    table_done(&log->jobs, free_seen);
    pthread_mutex_destroy(&log->lock);
    free(log);
}
