/* Tenants, classes, instances: what there is besides jobs. */
#include "module/api/json_read.h"
#include "module/api/keyset.h"
#include "module/api/parts.h"
#include "module/api/server.h"
#include "module/base/error.h"
#include "module/base/mem.h"
#include "module/base/table.h"
#include "module/job/status.h"
#include "module/store/store.h"
#include "tenant/settings.h"

#include <stdlib.h>
#include <string.h>

int tenant_check(struct api_request *r, struct jobs_error *err) {
    struct tenant tenant;
    return tenant_get(r->db, r->tenant, &tenant, err);
}

static void element(struct buf *out) {
    if (out->data[out->length - 1] != '[')
        buf_char(out, ',');
    json_begin(out);
}

/* ---- tenants ---- */

struct totals {
    int64_t n[JOB_STATUS_COUNT];
};

struct overview { /* of the tenants of a datasource */
    struct api_request *r;
    struct table totals; /* tenant to struct totals */
    double weights;      /* of those that have work */
    struct page *page;
};

struct page { /* request.mine: what comes of several datasources */
    struct keyset rows;
    const char *search; /* NULL: all */
    bool by_work;
    int64_t total;
};

static bool has_work(const struct totals *totals) {
    return totals && totals->n[JOB_QUEUED] + totals->n[JOB_TO_BE_RUN] + totals->n[JOB_RUNNING] > 0;
}

static void add_totals(void *arg, const struct store_count *count) {
    struct overview *overview = arg;
    struct totals *totals = table_get(&overview->totals, count->tenant);
    if (!totals) {
        totals = MEM_NEW(struct totals);
        table_put(&overview->totals, count->tenant, totals);
    }
    for (int i = 0; i < JOB_STATUS_COUNT; i++)
        totals->n[i] += count->n[i];
}

static void add_weight(void *arg, const struct tenant *tenant) {
    struct overview *overview = arg;
    if (has_work(table_get(&overview->totals, tenant->name)))
        overview->weights += tenant->weight;
}

static const struct totals *totals_of(const struct overview *overview, const char *tenant) {
    static const struct totals none;
    const struct totals *totals = table_get(&overview->totals, tenant);
    return totals ? totals : &none;
}

static void write_tenant(const struct overview *overview, const struct tenant *tenant,
                         struct buf *out) {
    const struct totals *totals = totals_of(overview, tenant->name);
    json_begin(out);
    json_text(out, "tenant", tenant->name);
    json_text(out, "datasource", overview->r->datasource_name);
    json_text(out, "state", tenant_state_name(tenant->state));
    json_integer(out, "weight", tenant->weight);
    if (tenant->max_running >= 0)
        json_integer(out, "max_running", tenant->max_running);
    if (tenant->max_queued >= 0)
        json_integer(out, "max_queued", tenant->max_queued);
    json_date(out, "created_date", tenant->created_date);
    buf_text(out, ",\"total\":{");
    for (int i = 0; i < JOB_STATUS_COUNT; i++)
        json_integer(out, status_name((enum job_status)i), totals->n[i]);
    json_end(out);
    double weights = overview->weights > tenant->weight ? overview->weights : tenant->weight;
    buf_format(out, ",\"share\":%.4f", has_work(totals) ? tenant->weight / weights : 0);
    json_end(out);
}

/* By name; or those first of which most runs, then waits, then has failed. A comma comes before all that is in names. */
static void key_of(const struct overview *overview, const struct tenant *tenant, struct buf *out) {
    const struct totals *totals = totals_of(overview, tenant->name);
    const int64_t most = INT64_C(999999999999);
    static const enum job_status work[] = {JOB_RUNNING, JOB_QUEUED, JOB_FAILED};
    for (size_t i = 0; overview->page->by_work && i < sizeof work / sizeof *work; i++)
        buf_format(out, "%012lld", (long long)(most - totals->n[work[i]]));
    buf_format(out, "%s,%s", tenant->name, overview->r->datasource_name);
}

static void add_tenant(void *arg, const struct tenant *tenant) {
    struct overview *overview = arg;
    struct page *page = overview->page;
    struct buf key = {0}, text = {0};
    if (page->search && !strstr(tenant->name, page->search))
        return;
    page->total++;
    key_of(overview, tenant, &key);
    if (keyset_wants(&page->rows, buf_get(&key))) {
        write_tenant(overview, tenant, &text);
        keyset_add(&page->rows, buf_get(&key), &text);
    }
    buf_done(&key);
}

/* Counts of all tenants: a share is one among all. */
static int look(struct overview *overview, struct jobs_error *err) {
    const struct job_info_service *db = overview->r->db;
    int rc = store_tenant_counts(db, add_totals, overview, err);
    return rc < 0 ? rc : tenant_list(db, add_weight, overview, err);
}

/* Its own counts, and what its weight is compared with. */
static int look_at_one(struct overview *overview, const char *tenant, struct jobs_error *err) {
    const struct job_info_service *db = overview->r->db;
    int64_t weights = 0;
    int rc = store_counts(db, tenant, add_totals, overview, err);
    if (rc == 0)
        rc = store_tenant_weights(db, &weights, err);
    overview->weights = (double)weights;
    return rc;
}

static int get_tenant(struct api_request *r, struct jobs_error *err) {
    struct overview overview = {.r = r};
    struct tenant tenant;
    int rc = tenant_get(r->db, r->tenant, &tenant, err);
    if (rc == 0)
        rc = look_at_one(&overview, r->tenant, err);
    if (rc == 0)
        write_tenant(&overview, &tenant, &r->out);
    table_done(&overview.totals, free);
    return rc;
}

static void page_free(void *mine) {
    struct page *page = mine;
    keyset_done(&page->rows);
    free(page);
}

static int begin_page(struct api_request *r, struct jobs_error *err) {
    const char *order = api_text(r, "order");
    struct page *page = MEM_NEW(struct page);
    page->rows.after = api_text(r, "cursor");
    page->rows.limit = (size_t)api_integer(r, "limit", 100);
    page->search = api_text(r, "search");
    page->by_work = order && strcmp(order, "work") == 0;
    r->mine = page;
    r->mine_done = page_free;
    if (!order || page->by_work || strcmp(order, "name") == 0)
        return 0;
    r->field = "order";
    return error_set(err, JOBS_EINVAL, "order must be name or work");
}

/* Those of a datasource that the token may see. */
static int add_tenants(struct overview *overview, struct jobs_error *err) {
    struct api_request *r = overview->r;
    struct tenant tenant;
    const char *own = r->identity.tenant;
    int rc = own[0] ? tenant_get(r->db, own, &tenant, err) : 0;
    if (rc == JOBS_ENOENT)
        return 0; /* it is of another one */
    if (rc == 0)
        rc = own[0] ? look_at_one(overview, own, err) : look(overview, err);
    if (rc == 0 && own[0])
        add_tenant(overview, &tenant);
    else if (rc == 0)
        rc = tenant_list(r->db, add_tenant, overview, err);
    return rc;
}

static int list_tenants(struct api_request *r, struct jobs_error *err) {
    int rc = r->first ? begin_page(r, err) : 0;
    struct overview overview = {.r = r, .page = r->mine};
    if (rc == 0)
        rc = add_tenants(&overview, err);
    table_done(&overview.totals, free);
    if (rc < 0 || !r->last)
        return rc;
    buf_text(&r->out, "{\"tenants\":");
    keyset_write(&overview.page->rows, &r->out);
    json_integer(&r->out, "total", overview.page->total);
    json_end(&r->out);
    return 0;
}

static const struct api_parameter list_query[] = {
    {.name = "search"},
    {.name = "order"},
    {.name = "limit", .type = API_INTEGER, .low = 1, .high = 1000},
    {.name = "cursor"},
    {.name = NULL},
};

struct patch {
    char *state;
    int64_t weight, max_running, max_queued;
};
#define FIELD(member, how, least, most)                                                       \
    {                                                                                         \
        .name = #member, .type = (how), .offset = offsetof(struct patch, member),             \
        .nullable = (least) == 0 && (how) == JSON_AS_INTEGER, .low = (least), .high = (most), \
    }
static const struct json_field patch_fields[] = {
    FIELD(weight, JSON_AS_INTEGER, 1, 1000),
    FIELD(max_running, JSON_AS_INTEGER, 0, INT32_MAX),
    FIELD(max_queued, JSON_AS_INTEGER, 0, INT32_MAX),
    FIELD(state, JSON_AS_TEXT, 0, 20),
    {.name = NULL},
};

static int read_patch(struct api_request *r, struct tenant_settings *ret, struct jobs_error *err) {
    struct patch patch = {.max_running = -1, .max_queued = -1}; /* null: no limit */
    struct json_value value;
    unsigned given = 0;
    int state = 0;
    int rc = json_read(buf_get(&r->body), r->body.length, &value, err);
    if (rc == 0)
        rc = json_fields_read(&value, patch_fields, &patch, &given, &r->field, err);
    if (rc == 0 && given == 0)
        rc = error_set(err, JOBS_EINVAL, "one member at least is wanted");
    while (rc == 0 && patch.state && state <= TENANT_MAINTENANCE &&
           strcmp(tenant_state_name((enum tenant_state)state), patch.state) != 0)
        state++;
    free(patch.state);
    if (state > TENANT_MAINTENANCE) {
        r->field = "state";
        return error_set(err, JOBS_EINVAL, "state must be ACTIVE, PAUSED or MAINTENANCE");
    }
    /* The bits are in the order of the fields. */
    *ret = (struct tenant_settings){.given = given,
                                    .weight = (unsigned)patch.weight,
                                    .max_running = patch.max_running,
                                    .max_queued = patch.max_queued,
                                    .state = (enum tenant_state)state};
    return rc;
}
_Static_assert(TENANT_HAS_WEIGHT == 1 && TENANT_HAS_MAX_RUNNING == 2 &&
                   TENANT_HAS_MAX_QUEUED == 4 && TENANT_HAS_STATE == 8,
               "patch_fields is in this order");

static int change_tenant(struct api_request *r, struct jobs_error *err) {
    struct tenant_entry entry = {.name = r->tenant};
    int rc = read_patch(r, &entry.settings, err);
    if (rc < 0)
        return rc;
    rc = tenant_apply(r->db, &entry, 1, TENANT_CHANGE, false, NULL, NULL, err);
    audit_note(r, "tenant", r->tenant, NULL, buf_get(&r->body), rc, err);
    return rc < 0 ? rc : get_tenant(r, err);
}

/* ---- classes and instances ---- */

static void add_class(void *arg, const struct store_class *class) {
    struct api_request *r = arg;
    element(&r->out);
    json_text(&r->out, "class_name", class->class_name);
    json_text(&r->out, "datasource", r->datasource_name);
    json_integer(&r->out, "instances", class->instances);
    json_text(&r->out, "lane", class->lane);
    if (class->max_running >= 0)
        json_integer(&r->out, "max_running", class->max_running);
    json_boolean(&r->out, "paused", class->paused);
    json_end(&r->out);
}

static void add_instance(void *arg, const struct store_instance *instance) {
    struct api_request *r = arg;
    element(&r->out);
    json_text(&r->out, "id", instance->id);
    json_text(&r->out, "datasource", r->datasource_name);
    json_text(&r->out, "name", instance->name);
    json_text(&r->out, "state", instance->lost ? "LOST" : instance->connected ? "UP" : "AWAY");
    json_text(&r->out, "host", instance->host);
    json_integer(&r->out, "pid", instance->pid);
    json_text(&r->out, "version", instance->version);
    json_integer(&r->out, "running", instance->running);
    json_integer(&r->out, "pool_size", instance->pool_size);
    json_integer(&r->out, "classes", instance->classes);
    json_integer(&r->out, "heartbeat", instance->heartbeat);
    json_date(&r->out, "started_date", instance->started_date);
    json_end(&r->out);
}

static int list_classes(struct api_request *r, struct jobs_error *err) {
    if (r->first)
        buf_text(&r->out, "{\"classes\":[");
    int rc = store_classes(r->db, add_class, r, err);
    if (rc == 0 && r->last)
        buf_text(&r->out, "]}");
    return rc;
}

static int list_instances(struct api_request *r, struct jobs_error *err) {
    if (r->first)
        buf_text(&r->out, "{\"instances\":[");
    int rc = store_instances(r->db, add_instance, r, err);
    if (rc == 0 && r->last)
        buf_text(&r->out, "]}");
    return rc;
}

static const struct api_route routes[] = {
    {"GET", "/api/v1/tenants", API_VIEWER, API_EVERY, .handle = list_tenants, .query = list_query},
    {"GET", "/api/v1/tenants/{tenant}", API_VIEWER, API_TENANT, .handle = get_tenant},
    {"PATCH", "/api/v1/tenants/{tenant}", API_ADMIN, API_TENANT, .all_tenants = true, .body = true,
     .handle = change_tenant},
    {"GET", "/api/v1/classes", API_VIEWER, API_EVERY, .handle = list_classes},
    {"GET", "/api/v1/instances", API_ADMIN, API_EVERY, .all_tenants = true,
     .handle = list_instances},
    {.method = NULL},
};
const struct api_part api_part_overview = {.routes = routes};
