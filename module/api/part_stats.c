/* Jobs by class and status, and how many a second come and end: from counts that every change of
 * status keeps. */
#include "module/api/keyset.h"
#include "module/api/parts.h"
#include "module/api/server.h"
#include "module/base/clock.h"
#include "module/base/mem.h"
#include "module/base/table.h"
#include "module/job/status.h"
#include "module/store/flow.h"
#include "module/store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEYS_MOST = 10000 };
#define WINDOW (30 * CLOCK_SECOND) /* throughput is measured over one to two of these */

struct sample {
    int64_t at; /* clock_now(); 0: none */
    struct store_flow flow;
};
struct history { /* of a tenant or of all */
    struct sample older, newer;
};
struct stats { /* the part's state */
    pthread_mutex_t lock;
    struct table histories; /* tenant, "" for all, to struct history */
};

struct answer { /* request.mine: what comes of several datasources */
    struct store_flow flow;
    struct keyset rows;
    const char *datasource;
};

static void write_counts(struct buf *out, const int64_t n[JOB_STATUS_COUNT]) {
    for (int i = 0; i < JOB_STATUS_COUNT; i++)
        json_integer(out, status_name((enum job_status)i), n[i]);
}

static void write_row(const struct store_count *count, struct buf *out) {
    json_begin(out);
    json_text(out, "tenant", count->tenant);
    json_text(out, "class_name", count->class_name);
    write_counts(out, count->n);
    json_end(out);
}

/* A comma comes before all that is in names. */
static void add_count(void *arg, const struct store_count *count) {
    struct answer *answer = arg;
    struct buf key = {0}, text = {0};
    buf_format(&key, "%s,%s,%s", count->tenant, count->class_name, answer->datasource);
    if (keyset_wants(&answer->rows, buf_get(&key))) {
        write_row(count, &text);
        keyset_add(&answer->rows, buf_get(&key), &text);
    }
    buf_done(&key);
}

/* What to compare with, or a sample of now. */
static struct sample compare(struct stats *stats, const char *key, const struct sample *now) {
    pthread_mutex_lock(&stats->lock);
    if (stats->histories.count > KEYS_MOST)
        table_done(&stats->histories, free);
    struct history *history = table_get(&stats->histories, key);
    if (!history) {
        history = MEM_NEW(struct history);
        *history = (struct history){*now, *now};
        table_put(&stats->histories, key, history);
    }
    if (now->at - history->newer.at > WINDOW) {
        history->older = history->newer;
        history->newer = *now;
    }
    struct sample then = history->older;
    pthread_mutex_unlock(&stats->lock);
    return then;
}

static void write_rate(struct buf *out, const char *name, int64_t n, double seconds) {
    buf_format(out, ",\"%s\":%.3f", name, seconds > 0 && n > 0 ? (double)n / seconds : 0);
}

static int64_t unfinished(const struct store_flow *flow) {
    return flow->n[JOB_PENDING] + flow->n[JOB_QUEUED] + flow->n[JOB_TO_BE_RUN] +
           flow->n[JOB_RUNNING];
}

/* What came is what ended, and by how much those that have not ended grew. */
static void write_throughput(struct api_request *r, const struct store_flow *flow) {
    struct sample now = {clock_now(), *flow};
    struct sample then = compare(r->state, r->tenant, &now);
    double seconds = (double)(now.at - then.at) / CLOCK_SECOND;
    const struct store_flow *old = &then.flow;
    int64_t ended = flow->succeeded - old->succeeded + flow->failed - old->failed + flow->aborted -
                    old->aborted;
    buf_format(&r->out, ",\"throughput\":{\"seconds\":%.3f", seconds);
    write_rate(&r->out, "created", ended + unfinished(flow) - unfinished(old), seconds);
    write_rate(&r->out, "succeeded", flow->succeeded - old->succeeded, seconds);
    write_rate(&r->out, "failed", flow->failed - old->failed, seconds);
    write_rate(&r->out, "aborted", flow->aborted - old->aborted, seconds);
    json_end(&r->out);
}

static void write_end(struct api_request *r, struct answer *answer) {
    buf_text(&r->out, "{\"counts\":");
    keyset_write(&answer->rows, &r->out);
    buf_text(&r->out, ",\"total\":{");
    write_counts(&r->out, answer->flow.n);
    json_end(&r->out);
    write_throughput(r, &answer->flow);
    json_end(&r->out);
}

static int add(struct api_request *r, const char *tenant, struct jobs_error *err) {
    struct answer *answer = r->mine;
    const char *after = answer->rows.after ? answer->rows.after : "";
    char from_tenant[64], from_class[140] = "";
    size_t length = strcspn(after, ",");
    answer->datasource = r->datasource_name;
    snprintf(from_tenant, sizeof from_tenant, "%.*s", (int)length, after);
    if (after[length])
        snprintf(from_class, sizeof from_class, "%.*s", (int)strcspn(after + length + 1, ","),
                 after + length + 1);
    /* One more tells that there is another page; the first may be that of the page before. */
    int rc = store_counts_page(r->db, tenant, *after ? from_tenant : NULL, from_class,
                               answer->rows.limit + 2, add_count, answer, err);
    return rc < 0 ? rc : store_flow_add(r->db, tenant, &answer->flow, err);
}

static void answer_free(void *mine) {
    struct answer *answer = mine;
    keyset_done(&answer->rows);
    free(answer);
}

static int stats_of(struct api_request *r, const char *tenant, bool first, bool last,
                    struct jobs_error *err) {
    if (first) {
        struct answer *answer = MEM_NEW(struct answer);
        answer->rows.after = api_text(r, "cursor");
        answer->rows.limit = (size_t)api_integer(r, "limit", 100);
        r->mine = answer;
        r->mine_done = answer_free;
    }
    int rc = add(r, tenant, err);
    if (rc == 0 && last)
        write_end(r, r->mine);
    return rc;
}

static int tenant_stats(struct api_request *r, struct jobs_error *err) {
    int rc = tenant_check(r, err);
    return rc < 0 ? rc : stats_of(r, r->tenant, true, true, err);
}

static int all_stats(struct api_request *r, struct jobs_error *err) {
    return stats_of(r, NULL, r->first, r->last, err);
}

static int start(struct api *api, void **ret, struct jobs_error *err) {
    struct stats *stats = MEM_NEW(struct stats);
    (void)api, (void)err;
    pthread_mutex_init(&stats->lock, NULL);
    *ret = stats;
    return 0;
}

static void stop(void *state) {
    struct stats *stats = state;
    if (!stats)
        return;
    table_done(&stats->histories, free);
    pthread_mutex_destroy(&stats->lock);
    free(stats);
}

static const struct api_parameter query[] = {
    {.name = "limit", .type = API_INTEGER, .low = 1, .high = 1000},
    {.name = "cursor"},
    {.name = NULL},
};
static const struct api_route routes[] = {
    {"GET", "/api/v1/tenants/{tenant}/stats", API_VIEWER, API_TENANT, .handle = tenant_stats,
     .query = query},
    {"GET", "/api/v1/stats", API_VIEWER, API_EVERY, .all_tenants = true, .handle = all_stats,
     .query = query},
    {.method = NULL},
};
const struct api_part api_part_stats = {routes, start, stop};
