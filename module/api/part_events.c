/* GET …/events: server-sent events. */
#include "module/api/feeds.h"
#include "module/api/parts.h"
#include "module/api/server.h"
#include "module/base/clock.h"
#include "module/base/error.h"
#include "module/job/status.h"
#include "tenant/tenant.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

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
    if (getrandom(&spread, sizeof spread, GRND_NONBLOCK) < 0)
        spread = 0;
    int64_t most = STREAM_MOST - spread % (STREAM_MOST / 5);
    int64_t left = r->identity.expires - clock_date();
    return clock_now() + (r->identity.expires && left < most ? left : most);
}

static int events(struct api_request *r, struct jobs_error *err) {
    struct feeds *feeds = r->state;
    struct feed *feed;
    struct feed_filter filter;
    struct tenant tenant;
    int64_t after = -1;
    int rc = read_filter(r, &filter, err);
    if (rc == 0)
        rc = read_last_id(r, &after, err);
    if (rc == 0 && r->tenant[0])
        rc = tenant_get(r->db, r->tenant, &tenant, err);
    if (rc == 0)
        rc = feeds_take(feeds, r->tenant, &feed, err);
    if (rc < 0)
        return rc;
    r->content_type = "text/event-stream";
    struct feed_sink sink = {.arg = api_stream_begin(r, FEED_SINK_LIMIT),
                             .write = sink_write,
                             .pending = sink_pending,
                             .close = sink_close,
                             .until = end_of_stream(r)};
    feed_listen(feed, &filter, after, &sink);
    feeds_give_back(feeds, r->tenant);
    return 0;
}

/* ---- the part: its state are the feeds; NULL: there are no live events ---- */

static int start(struct api *api, void **ret_state, struct jobs_error *err) {
    struct feeds *feeds;
    int rc = feeds_start(api, &feeds, err);
    if (rc == 0)
        *ret_state = feeds;
    return rc;
}

static void stop(void *state) { feeds_stop(state); }

static const struct api_parameter event_parameters[] = {
    {"class_name", API_TEXT, 0, 0}, {"status", API_TEXT, 0, 0},
    {"job", API_UUID, 0, 0},        {"related_type", API_TEXT, 0, 0},
    {"related_id", API_TEXT, 0, 0}, {"progress", API_BOOLEAN, 0, 0},
    {NULL, API_TEXT, 0, 0},
};

static const struct api_route routes[] = {
    {"GET", "/api/v1/tenants/{tenant}/events", API_VIEWER, API_TENANT, .quick = true,
     .handle = events, .query = event_parameters},
    {"GET", "/api/v1/events", API_VIEWER, API_HERE, .all_tenants = true, .handle = events,
     .query = event_parameters},
    {.method = NULL},
};
const struct api_part api_part_events = {routes, start, stop};
