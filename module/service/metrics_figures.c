/* What the keeper knows about a whole datasource. */
#include "module/base/clock.h"
#include "module/base/prometheus.h"
#include "module/service/datasource.h"
#include "module/service/metrics_private.h"

#define FRESH (30 * CLOCK_SECOND)

/* The families come one after another, so each goes through all datasources. */
static void each(struct job_service *service, struct buf *out, const char *name,
                 void (*write)(struct buf *out, const char *name, const char *datasource,
                               const struct figures_view *view)) {
    for (size_t i = 0; i < service->datasource_count; i++) {
        struct datasource *ds = service->datasources[i];
        struct figures_view view;
        if (datasource_is_leaving(ds))
            continue;
        figures_lock(keeper_figures(ds->keeper), FRESH, &view);
        write(out, name, ds->name, &view);
        figures_unlock(keeper_figures(ds->keeper));
    }
}

static void write_stored(struct buf *out, const char *name, const char *datasource,
                         const struct figures_view *view) {
    const struct sql_result *rows = view->counts;
    for (size_t i = 0; rows && i < sql_count(rows); i++) {
        const struct prometheus_label labels[] = {
            {"datasource", datasource},
            {"tenant", sql_get(rows, i, sql_column(rows, "tenant"))},
            {"class", sql_get(rows, i, sql_column(rows, "class_name"))},
            {"status", sql_get(rows, i, sql_column(rows, "status"))}};
        prometheus_sample(out, &(struct prometheus_series){name, labels, 4}, PROMETHEUS_PLAIN,
                          sql_get_integer(rows, i, sql_column(rows, "n"), 0));
    }
}

static void write_ages(struct buf *out, const char *name, const char *datasource,
                       const struct figures_view *view) {
    const struct sql_result *rows = view->ages;
    int64_t older = rows ? clock_now() - view->counts_at : 0;
    for (size_t i = 0; rows && i < sql_count(rows); i++) {
        const struct prometheus_label labels[] = {{"datasource", datasource},
                                                  {"tenant",
                                                   sql_get(rows, i, sql_column(rows, "tenant"))}};
        prometheus_sample(out, &(struct prometheus_series){name, labels, 2}, PROMETHEUS_MICRO,
                          sql_get_integer(rows, i, sql_column(rows, "age"), 0) + older);
    }
}

static void write_outbox(struct buf *out, const char *name, const char *datasource,
                         const struct figures_view *view) {
    const struct prometheus_label label = {"datasource", datasource};
    if (view->outbox_at)
        prometheus_sample(out, &(struct prometheus_series){name, &label, 1}, PROMETHEUS_PLAIN,
                          view->outbox_rows);
}

static void write_lag(struct buf *out, const char *name, const char *datasource,
                      const struct figures_view *view) {
    const struct prometheus_label label = {"datasource", datasource};
    if (view->outbox_at)
        prometheus_sample(out, &(struct prometheus_series){name, &label, 1}, PROMETHEUS_MICRO,
                          view->outbox_age);
}

void metrics_write_figures(struct job_service *service, struct buf *out) {
    prometheus_family(
        out, "jobs_stored", "gauge",
        "Jobs by tenant, class and status. Tenants and classes beyond the busiest are "
        "summed as _other.");
    each(service, out, "jobs_stored", write_stored);
    prometheus_family(out, "jobs_queue_age_seconds", "gauge",
                      "Since when the tenant's oldest QUEUED job waits.");
    each(service, out, "jobs_queue_age_seconds", write_ages);
    prometheus_family(out, "jobs_outbox_rows", "gauge",
                      "Rows of status changes not yet broadcast; beyond 1000 an estimate.");
    each(service, out, "jobs_outbox_rows", write_outbox);
    prometheus_family(out, "jobs_relay_lag_seconds", "gauge",
                      "Age of the oldest status change not yet broadcast.");
    each(service, out, "jobs_relay_lag_seconds", write_lag);
}
