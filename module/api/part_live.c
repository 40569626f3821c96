/* What is alive: server-sent events, metrics, health. */
#include "module/api/parts.h"
#include "module/api/server.h"
#include "module/base/clock.h"
#include "module/base/error.h"
#include "module/base/mem.h"
#include "module/base/prometheus.h"
#include "module/feed/feed.h"
#include "module/job/status.h"
#include "module/service/exchanges.h"
#include "module/service/health.h"
#include "module/service/metrics.h"
#include "module/service/service.h"
#include "tenant/tenant.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

struct live {
    struct api *api;
    struct feed *feed; /* NULL: no broker, or no log of events */

    /* Answers that may take a while are made by a thread of their own. */
    pthread_t thread;
    pthread_mutex_t lock; /* for the rest */
    pthread_cond_t asked;
    struct list requests; /* api_request.link */
    bool stopping;
};

/* ---- metrics and health ---- */

static int64_t plain(uint64_t value) { return (int64_t)value; }

static void add(struct buf *out, const char *name, const char *type, const char *help,
                int64_t value) {
    prometheus_family(out, name, type, help);
    prometheus_sample(out, &(struct prometheus_series){.name = name}, PROMETHEUS_PLAIN, value);
}

static void add_feed(struct feed *feed, struct buf *out) {
    struct feed_stats s;
    feed_get_stats(feed, &s);
    add(out, "jobs_streams", "gauge", "Streams of live events that are open.", plain(s.listeners));
    add(out, "jobs_streams_catching_up", "gauge", "Of these, streams that are sent past events.",
        plain(s.replaying));
    add(out, "jobs_streams_source_up", "gauge", "1 while the log of events is read for them.",
        s.connected);
    add(out, "jobs_streams_read_events_total", "counter", "Events read for streams.",
        plain(s.events));
    add(out, "jobs_streams_read_progress_total", "counter", "Progress read for streams.",
        plain(s.progress));
    add(out, "jobs_streams_sent_events_total", "counter",
        "Events given to streams, each counted for each.", plain(s.sent));
    add(out, "jobs_streams_cut_total", "counter",
        "Streams ended because the client was gone or too slow.", plain(s.cut));
    add(out, "jobs_streams_gaps_total", "counter",
        "Streams told that events they want are not kept any more.", plain(s.gaps));
}

static void write_metrics(struct live *live, struct api_request *r) {
    metrics_write(api_service(live->api), &r->out);
    add(&r->out, "jobs_api_connections", "gauge", "Connections to the HTTP interface.",
        (int64_t)peers_count(&live->api->peers));
    add(&r->out, "jobs_api_requests_in_hand", "gauge", "Requests not yet answered.",
        (int64_t)atomic_load(&live->api->in_hand));
    if (live->feed)
        add_feed(live->feed, &r->out);
    r->content_type = PROMETHEUS_CONTENT_TYPE;
}

static void write_health(struct api_request *r, struct health_report *report) {
    health_json(report, &r->out);
    r->status = report->status == HEALTH_DOWN ? 503 : 200;
    health_report_done(report);
}

static void write_ready(struct live *live, struct api_request *r) {
    struct health_report report;
    health_ready(api_service(live->api)->health, &report);
    write_health(r, &report);
}

static int is_live(struct api_request *r, struct jobs_error *err) {
    struct health_report report;
    (void)err;
    health_live(api_service(r->api), &report);
    write_health(r, &report);
    return 0;
}

static const char ready_path[] = "/health/ready", metrics_path[] = "/metrics";

static int later(struct api_request *r, struct jobs_error *err) {
    struct live *live = r->state;
    (void)err;
    pthread_mutex_lock(&live->lock);
    list_push_back(&live->requests, &r->link);
    pthread_cond_signal(&live->asked);
    pthread_mutex_unlock(&live->lock);
    return API_LATER;
}

static void *live_main(void *arg) {
    struct live *live = arg;
    pthread_mutex_lock(&live->lock);
    for (;;) {
        struct list *link = list_pop_front(&live->requests);
        if (!link && live->stopping)
            break;
        if (!link) {
            pthread_cond_wait(&live->asked, &live->lock);
            continue;
        }
        pthread_mutex_unlock(&live->lock);
        struct api_request *r = LIST_ENTRY(link, struct api_request, link);
        if (strcmp(r->route->path, ready_path) == 0)
            write_ready(live, r);
        else
            write_metrics(live, r);
        api_finish(r, 0, NULL);
        pthread_mutex_lock(&live->lock);
    }
    pthread_mutex_unlock(&live->lock);
    return NULL;
}

/* ---- events ---- */

static bool sink_write(void *arg, const char *data, size_t length) {
    return api_stream_write(arg, data, length);
}
static size_t sink_pending(void *arg) { return api_stream_pending(arg); }
static void sink_close(void *arg) { api_stream_free(arg); }

static int bad(struct api_request *r, const char *field, struct jobs_error *err, const char *what) {
    r->field = field;
    return error_set(err, JOBS_EINVAL, "%s: %s", field, what);
}

/* "RUNNING,FAILED" */
static int read_statuses(struct api_request *r, unsigned *ret, struct jobs_error *err) {
    const char *text = api_text(r, "status");
    while (text && *text) {
        char word[16] = "";
        size_t length = strcspn(text, ",");
        if (length < sizeof word)
            memcpy(word, text, length);
        int status = status_of_name(word);
        if (status < 0)
            return bad(r, "status", err, "no such status");
        *ret |= 1u << status;
        text += length + (text[length] == ',');
    }
    return 0;
}

static int read_name(struct api_request *r, const char *field, char ret[FEED_NAME_MAX],
                     struct jobs_error *err) {
    const char *text = api_text(r, field);
    if (text && strlen(text) >= FEED_NAME_MAX)
        return bad(r, field, err, "longer than 255 bytes");
    snprintf(ret, FEED_NAME_MAX, "%s", text ? text : "");
    return 0;
}

static int read_filter(struct api_request *r, struct feed_filter *ret, struct jobs_error *err) {
    *ret = (struct feed_filter){.progress = api_integer(r, "progress", 1) != 0};
    snprintf(ret->tenant, sizeof ret->tenant, "%s", r->tenant);
    snprintf(ret->id, sizeof ret->id, "%s", api_text(r, "job") ? api_text(r, "job") : "");
    for (char *p = ret->id; *p; p++)
        *p |= *p >= 'A' && *p <= 'F' ? 'a' - 'A' : 0;
    int rc = read_statuses(r, &ret->statuses, err);
    if (rc == 0)
        rc = read_name(r, "class_name", ret->class_name, err);
    if (rc == 0)
        rc = read_name(r, "related_type", ret->related_type, err);
    return rc == 0 ? read_name(r, "related_id", ret->related_id, err) : rc;
}

/* -1: none is given. */
static int read_last_id(struct api_request *r, int64_t *ret, struct jobs_error *err) {
    const char *text = api_header(r, "Last-Event-ID");
    *ret = -1;
    if (!text || !*text)
        return 0;
    if (strlen(text) > 18 || strspn(text, "0123456789") != strlen(text))
        return bad(r, "Last-Event-ID", err, "not the id of an event");
    *ret = strtoll(text, NULL, 10);
    return 0;
}

#define STREAM_MOST (5 * 60 * CLOCK_SECOND)

/* Who listens shows the token again every few minutes, not all at the same moment, and when it
 * expires. clock_now() */
static int64_t end_of_stream(const struct api_request *r) {
    uint32_t spread = 0;
    struct timespec now;
    if (getrandom(&spread, sizeof spread, GRND_NONBLOCK) < 0)
        spread = 0;
    int64_t most = STREAM_MOST - spread % (STREAM_MOST / 5);
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t left = r->identity.expires - (now.tv_sec * CLOCK_SECOND + now.tv_nsec / 1000);
    return clock_now() + (r->identity.expires && left < most ? left : most);
}

static int events(struct api_request *r, struct jobs_error *err) {
    struct live *live = r->state;
    struct feed_filter filter;
    struct tenant tenant;
    int64_t after = -1;
    if (!live->feed)
        return error_set(
            err, API_EAWAY,
            "there are no live events without jobs.amqp.url and jobs.amqp.log.age, nor "
            "with jobs.amqp.vhost.mode=tenant");
    int rc = read_filter(r, &filter, err);
    if (rc == 0)
        rc = read_last_id(r, &after, err);
    if (rc == 0 && r->tenant[0])
        rc = tenant_get(r->db, r->tenant, &tenant, err);
    if (rc < 0)
        return rc;
    r->content_type = "text/event-stream";
    struct feed_sink sink = {.arg = api_stream_begin(r, FEED_SINK_LIMIT),
                             .write = sink_write,
                             .pending = sink_pending,
                             .close = sink_close,
                             .until = end_of_stream(r)};
    feed_listen(live->feed, &filter, after, &sink);
    return 0;
}

/* ---- the part ---- */

static int start_feed(struct live *live, struct jobs_error *err) {
    const struct config *config = api_config(live->api);
    const char *url = config_text(config, "jobs.amqp.url");
    bool vhosts = strcmp(config_text(config, "jobs.amqp.vhost.mode"), "tenant") == 0;
    if (!url[0] || vhosts || config_integer(config, "jobs.amqp.log.age") <= 0)
        return 0;
    struct feed_options options = {.log = api_log(live->api),
                                   .service = config_text(config, "jobs.service"),
                                   .amqp_url = url,
                                   .declare_progress = exchanges_declare_progress};
    return feed_start(&options, &live->feed, err);
}

static int start_thread(struct live *live, struct jobs_error *err) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&live->thread, NULL, live_main, live);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed)
        return error_set(err, JOBS_ENOMEM, "no thread for health and metrics: %s",
                         strerror(failed));
    pthread_setname_np(live->thread, "jobs-live");
    return 0;
}

static void live_free(struct live *live) {
    feed_stop(live->feed);
    pthread_cond_destroy(&live->asked);
    pthread_mutex_destroy(&live->lock);
    free(live);
}

static int start(struct api *api, void **ret_state, struct jobs_error *err) {
    struct live *live = MEM_NEW(struct live);
    live->api = api;
    pthread_mutex_init(&live->lock, NULL);
    pthread_cond_init(&live->asked, NULL);
    list_init(&live->requests);
    int rc = start_feed(live, err);
    if (rc == 0)
        rc = start_thread(live, err);
    if (rc < 0) {
        live_free(live);
        return rc;
    }
    *ret_state = live;
    return 0;
}

static void stop(void *state) {
    struct live *live = state;
    pthread_mutex_lock(&live->lock);
    live->stopping = true;
    pthread_cond_signal(&live->asked);
    pthread_mutex_unlock(&live->lock);
    pthread_join(live->thread, NULL);
    live_free(live);
}

static const struct api_parameter event_parameters[] = {
    {"class_name", API_TEXT, 0, 0}, {"status", API_TEXT, 0, 0},
    {"job", API_UUID, 0, 0},        {"related_type", API_TEXT, 0, 0},
    {"related_id", API_TEXT, 0, 0}, {"progress", API_BOOLEAN, 0, 0},
    {NULL, API_TEXT, 0, 0},
};

static const struct api_route routes[] = {
    {"GET", "/api/v1/tenants/{tenant}/events", API_VIEWER, API_TENANT, .handle = events,
     .query = event_parameters},
    {"GET", "/api/v1/events", API_VIEWER, API_HERE, .all_tenants = true, .handle = events,
     .query = event_parameters},
    {"GET", metrics_path, API_VIEWER, API_HERE, .all_tenants = true, .handle = later},
    {"GET", "/health/live", API_OPEN, API_HERE, .handle = is_live},
    {"GET", ready_path, API_OPEN, API_HERE, .handle = later},
    {.method = NULL},
};
const struct api_part api_part_live = {.routes = routes, .start = start, .stop = stop};
