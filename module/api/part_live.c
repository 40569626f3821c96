/* What is alive: metrics and health. */
#include "module/api/desk.h"
#include "module/api/feeds.h"
#include "module/api/parts.h"
#include "module/api/server.h"
#include "module/base/mem.h"
#include "module/base/prometheus.h"
#include "module/service/health.h"
#include "module/service/metrics.h"
#include "module/service/service.h"

#include <stdlib.h>

struct live {
    struct desk *ready, *metrics;
};

/* ---- metrics ---- */

static int64_t plain(uint64_t value) { return (int64_t)value; }

static void add(struct buf *out, const char *name, const char *type, const char *help,
                int64_t value) {
    prometheus_family(out, name, type, help);
    prometheus_sample(out, &(struct prometheus_series){.name = name}, PROMETHEUS_PLAIN, value);
}

static void add_feeds(struct feeds *feeds, struct buf *out) {
    struct feed_stats s;
    feeds_get_stats(feeds, &s);
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

static void make_metrics(struct api *api, struct desk_answer *answer) {
    struct feeds *feeds = api_part_state(api, &api_part_events);
    metrics_write(api_service(api), &answer->out);
    add(&answer->out, "jobs_api_connections", "gauge", "Connections to the HTTP interface.",
        (int64_t)peers_count(&api->peers));
    add(&answer->out, "jobs_api_requests_in_hand", "gauge", "Requests not yet answered.",
        (int64_t)atomic_load(&api->in_hand));
    if (feeds)
        add_feeds(feeds, &answer->out);
    answer->content_type = PROMETHEUS_CONTENT_TYPE;
}

static int metrics(struct api_request *r, struct jobs_error *err) {
    const struct live *live = r->state;
    (void)err;
    return desk_wait(live->metrics, r);
}

/* ---- health ---- */

static int write_health(struct health_report *report, struct buf *out) {
    int status = report->status == HEALTH_DOWN ? 503 : 200;
    health_json(report, out);
    health_report_done(report);
    return status;
}

static void make_ready(struct api *api, struct desk_answer *answer) {
    struct health_report report;
    health_ready(api_service(api)->health, &report);
    answer->status = write_health(&report, &answer->out);
}

static int is_ready(struct api_request *r, struct jobs_error *err) {
    const struct live *live = r->state;
    (void)err;
    return desk_wait(live->ready, r);
}

static int is_live(struct api_request *r, struct jobs_error *err) {
    struct health_report report;
    (void)err;
    health_live(api_service(r->api), &report);
    r->status = write_health(&report, &r->out);
    return 0;
}

/* ---- the part ---- */

static void stop(void *state) {
    struct live *live = state;
    if (!live)
        return;
    desk_close(live->ready);
    desk_close(live->metrics);
    free(live);
}

static int start(struct api *api, void **ret_state, struct jobs_error *err) {
    struct live *live = MEM_NEW(struct live);
    int rc = desk_open(api, make_ready, &live->ready, err);
    if (rc == 0)
        rc = desk_open(api, make_metrics, &live->metrics, err);
    if (rc < 0)
        stop(live);
    else
        *ret_state = live;
    return rc;
}

static const struct api_route routes[] = {
    {"GET", "/metrics", API_VIEWER, API_HERE, .all_tenants = true, .handle = metrics},
    {"GET", "/health/live", API_OPEN, API_HERE, .handle = is_live},
    {"GET", "/health/ready", API_OPEN, API_HERE, .handle = is_ready},
    {.method = NULL},
};
const struct api_part api_part_live = {routes, start, stop};
