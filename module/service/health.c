#include "module/service/health.h"

#include "amqp/bus.h"
#include "module/base/clock.h"
#include "module/base/error.h"
#include "module/base/mem.h"
#include "module/service/datasource.h"
#include "module/service/health_ask.h"
#include "module/service/health_private.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ASK_MS 2000

struct health {
    struct job_service *service;
    pthread_mutex_t lock; /* for the making of the askers */
    struct asker **databases, *broker;
    atomic_size_t asked; /* how many of the service's datasources have one */
    bool begun;
};

/* ---- reports ---- */

struct health_check *health_add(struct health_report *report, enum health_status status,
                                const char *name, const char *of) {
    report->checks = mem_grow(report->checks, report->count + 1, sizeof *report->checks);
    struct health_check *check = &report->checks[report->count++];
    *check = (struct health_check){.status = status};
    snprintf(check->name, sizeof check->name, "%s%s%s", name, of ? ":" : "", of ? of : "");
    if (status > report->status)
        report->status = status;
    return check;
}

void health_report_done(struct health_report *report) {
    free(report->checks);
    *report = (struct health_report){0};
}

void health_json(const struct health_report *report, struct buf *out) {
    static const char *const names[] = {"ok", "warning", "down"};
    buf_format(out, "{\"status\":\"%s\",\"checks\":[",
               report->status == HEALTH_DOWN ? "down" : "ok");
    for (size_t i = 0; i < report->count; i++) {
        const struct health_check *check = &report->checks[i];
        buf_text(out, i ? ",{\"name\":" : "{\"name\":");
        buf_json_string(out, check->name);
        buf_format(out, ",\"status\":\"%s\"", names[check->status]);
        if (check->detail[0]) {
            buf_text(out, ",\"detail\":");
            buf_json_string(out, check->detail);
        }
        buf_char(out, '}');
    }
    buf_text(out, "]}");
}

/* ---- the questions ---- */

/* A new session each time: the tick's and the control's own are looked at beside it. */
static int ask_database(void *arg, void **state, struct jobs_error *err) {
    const struct datasource *ds = arg;
    (void)state;
    if (!err)
        return 0;
    struct sql_options options = datasource_sql_options(ds, "jobs health");
    options.connect_timeout = options.timeout = ASK_MS;
    struct sql *sql;
    int rc = sql_open(&options, &sql, err);
    if (rc == 0)
        sql_close(sql);
    return rc;
}

static int open_bus(const struct job_service *service, const char *url, struct bus **ret,
                    struct jobs_error *err) {
    char name[200];
    snprintf(name, sizeof name, "jobs health of %s", service->name);
    struct bus_options options = {.url = url, .name = name, .timeout = ASK_MS};
    return bus_open(&options, ret, err);
}

/* An exchange that is always there is asked for; a refusal is an answer too. */
static int ask_broker(void *arg, void **state, struct jobs_error *err) {
    struct job_service *service = arg;
    struct bus *bus = *state;
    *state = NULL;
    if (!err) {
        bus_close(bus);
        return 0;
    }
    const struct bus_handlers handlers = {0};
    int rc = bus ? bus_poll(bus, 0, &handlers, err) : 0;
    if (rc == 0 && bus)
        rc = bus_declare_exchange(bus, "amq.topic", "topic", BUS_PASSIVE | BUS_DURABLE, NULL, err);
    if (!bus || (rc < 0 && rc != BUS_EREFUSED)) { /* the connection may just have gone */
        bus_close(bus);
        bus = NULL;
        rc = open_bus(service, config_text(service_config(service), "jobs.amqp.url"), &bus, err);
    } else {
        rc = 0;
    }
    *state = rc == 0 ? bus : NULL;
    return rc;
}

/* ---- life ---- */

struct health *health_new(struct job_service *service) {
    struct health *health = MEM_NEW(struct health);
    health->service = service;
    pthread_mutex_init(&health->lock, NULL);
    return health;
}

void health_free(struct health *health) {
    if (!health)
        return;
    for (size_t i = 0; i < health->asked; i++)
        asker_free(health->databases[i]);
    asker_free(health->broker);
    free(health->databases);
    pthread_mutex_destroy(&health->lock);
    free(health);
}

static void begin(struct health *health) {
    struct job_service *service = health->service;
    pthread_mutex_lock(&health->lock);
    if (!health->databases)
        health->databases = mem_zero(DATASOURCES_EVER, sizeof(struct asker *));
    for (size_t n = service->datasource_count; health->asked < n; health->asked++)
        health->databases[health->asked] =
            asker_new(ask_database, service->datasources[health->asked]);
    if (!health->begun) {
        health->begun = true;
        if (config_text(service_config(service), "jobs.amqp.url")[0])
            health->broker = asker_new(ask_broker, service);
    }
    pthread_mutex_unlock(&health->lock);
}

static int answer_of(struct asker *asker, int64_t asked, int64_t deadline, struct jobs_error *err) {
    if (!asker)
        return error_set(err, JOBS_ENOMEM, "there is no thread left to ask it");
    return asker_wait(asker, asked, deadline, err);
}

static int64_t ask(struct asker *asker) { return asker ? asker_ask(asker) : 0; }

void health_ready(struct health *health, struct health_report *ret) {
    struct job_service *service = health->service;
    struct jobs_error err;
    begin(health);
    *ret = (struct health_report){0};
    int64_t deadline = clock_now() + HEALTH_MOST_MS * CLOCK_MS;
    size_t n =
        service->datasource_count < health->asked ? service->datasource_count : health->asked;
    int64_t *asked = mem_zero(n + 1, sizeof *asked);
    for (size_t i = 0; i < n; i++)
        if (!datasource_is_leaving(service->datasources[i]))
            asked[i] = ask(health->databases[i]);
    asked[n] = ask(health->broker);
    for (size_t i = 0; i < n; i++) {
        if (datasource_is_leaving(service->datasources[i]))
            continue;
        int rc = answer_of(health->databases[i], asked[i], deadline, &err);
        health_look_at_datasource(service->datasources[i], rc < 0 ? &err : NULL, ret);
    }
    bool broker = config_text(service_config(service), "jobs.amqp.url")[0] != '\0';
    int rc = broker ? answer_of(health->broker, asked[n], deadline, &err) : 0;
    health_look_at_broker(broker, rc < 0 ? &err : NULL, ret);
    health_look_at_service(service, ret);
    free(asked);
}
