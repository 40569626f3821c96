#include "tests/fault/suite/subscriber.h"

#include "amqp/bus.h"
#include "module/base/buf.h"
#include "module/base/mem.h"
#include "module/base/table.h"
#include "module/job/status.h"
#include "tests/lib/program.h"

#include <json-c/json.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PREFETCH 500
#define QUEUE "fault-suite-auditor"

struct subscriber {
    const char *url;
    char exchange[128];
    pthread_t thread;
    atomic_bool stopping;
    struct bus *bus; /* the thread's */

    pthread_mutex_t lock; /* guards what follows */
    struct table paths;   /* id to struct buf */
    struct subscriber_counts counts;
    struct buf faults;
};

char subscriber_letter(int status) { return "PQTRSFA"[status]; }

static bool is_final(char letter) { return strchr("SFA", letter) != NULL; }

static struct buf *path_of(struct subscriber *s, const char *id) {
    struct buf *path = table_get(&s->paths, id);
    if (!path) {
        path = MEM_NEW(struct buf);
        table_put(&s->paths, id, path);
    }
    return path;
}

static void apply(struct subscriber *s, const char *id, size_t version, int status) {
    struct buf *path = path_of(s, id);
    if (version <= path->length) {
        s->counts.repeated++;
        return;
    }
    if (version > path->length + 1) {
        s->counts.ahead++;
        if (s->faults.length < 2000)
            buf_format(&s->faults, "%s: version %zu after %zu\n", id, version, path->length);
        return;
    }
    s->counts.applied++;
    if (path->length > 0 && is_final(path->data[path->length - 1]))
        s->counts.final--;
    buf_char(path, subscriber_letter(status));
    s->counts.final += is_final(subscriber_letter(status));
}

static const char *text_of(struct json_object *object, const char *name) {
    struct json_object *value;
    return object && json_object_object_get_ex(object, name, &value) ? json_object_get_string(value)
                                                                     : "";
}

static void delivered(void *arg, const struct bus_delivery *delivery) {
    struct subscriber *s = arg;
    struct jobs_error err;
    struct json_object *event = json_tokener_parse(delivery->body), *data = NULL;
    json_object_object_get_ex(event, "data", &data);
    int status = status_of_name(text_of(data, "jobEventType"));
    long version = strtol(text_of(data, "version"), NULL, 10);
    pthread_mutex_lock(&s->lock);
    if (status < 0 || version < 1)
        s->counts.malformed++;
    else
        apply(s, text_of(data, "jobId"), (size_t)version, status);
    pthread_mutex_unlock(&s->lock);
    json_object_put(event);
    bus_ack(s->bus, delivery->tag, &err); /* lost: it is delivered again */
}

static int subscribe(struct subscriber *s, struct jobs_error *err) {
    struct bus_options options = {.url = s->url, .name = "fault suite auditor", .timeout = 20000};
    int rc = bus_open(&options, &s->bus, err);
    if (rc < 0) {
        s->bus = NULL;
        return rc;
    }
    rc = bus_declare_exchange(s->bus, s->exchange, "topic", BUS_DURABLE, NULL, err);
    if (rc == 0)
        rc = bus_declare_queue(s->bus, QUEUE, BUS_DURABLE, NULL, 0, NULL, err);
    if (rc == 0)
        rc = bus_bind(s->bus, QUEUE, s->exchange, "#", err);
    if (rc == 0)
        rc = bus_consume(s->bus, QUEUE, PREFETCH, 0, NULL, NULL, err);
    pthread_mutex_lock(&s->lock);
    s->counts.connections += rc == 0;
    pthread_mutex_unlock(&s->lock);
    return rc;
}

static void unsubscribe(struct subscriber *s) {
    bus_close(s->bus);
    s->bus = NULL;
}

static void *run(void *arg) {
    struct subscriber *s = arg;
    struct bus_handlers handlers = {.arg = s, .delivered = delivered};
    struct jobs_error err;
    while (!atomic_load(&s->stopping)) {
        int rc = s->bus ? bus_poll(s->bus, 50, &handlers, &err) : subscribe(s, &err);
        if (rc == 0)
            continue;
        unsubscribe(s);
        nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
    }
    unsubscribe(s);
    return NULL;
}

struct subscriber *subscriber_start(const char *amqp_url, const char *service) {
    struct subscriber *s = MEM_NEW(struct subscriber);
    struct jobs_error err;
    struct buf name = {0};
    s->url = amqp_url;
    buf_format(&name, "%s.events", service);
    memcpy(s->exchange, buf_get(&name), name.length + 1);
    buf_done(&name);
    pthread_mutex_init(&s->lock, NULL);
    if (subscribe(s, &err) < 0)
        program_give_up("subscriber: %s", err.text);
    if (pthread_create(&s->thread, NULL, run, s) != 0)
        program_give_up("subscriber: no thread");
    return s;
}

struct subscriber_counts subscriber_get(struct subscriber *s) {
    pthread_mutex_lock(&s->lock);
    struct subscriber_counts counts = s->counts;
    pthread_mutex_unlock(&s->lock);
    return counts;
}

char *subscriber_faults(struct subscriber *s) {
    pthread_mutex_lock(&s->lock);
    char *text = mem_text(buf_get(&s->faults));
    pthread_mutex_unlock(&s->lock);
    return text;
}

const char *subscriber_path(struct subscriber *s, const char *id) {
    pthread_mutex_lock(&s->lock);
    const struct buf *path = table_get(&s->paths, id);
    pthread_mutex_unlock(&s->lock);
    return path ? buf_get(path) : "";
}

static void free_path(void *value) {
    buf_done(value);
    free(value);
}

void subscriber_stop(struct subscriber *s) {
    atomic_store(&s->stopping, true);
    pthread_join(s->thread, NULL);
    table_done(&s->paths, free_path);
    buf_done(&s->faults);
    pthread_mutex_destroy(&s->lock);
    free(s);
}
