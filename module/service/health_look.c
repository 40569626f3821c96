/* What is said about the parts of a service, from what it counts itself. */
#include "module/base/clock.h"
#include "module/base/mem.h"
#include "module/service/datasource.h"
#include "module/service/health_private.h"
#include "module/worker/workspace_base.h"

#include <stdio.h>
#include <string.h>

#define STANDSTILL (60 * CLOCK_SECOND) /* name resolution and connecting may take long */
#define LAG_MOST (60 * CLOCK_SECOND)
#define FRESH (30 * CLOCK_SECOND)

#define SAY(check, ...) snprintf((check)->detail, sizeof(check)->detail, __VA_ARGS__)

static int64_t seconds_since(int64_t then) { return (clock_now() - then) / CLOCK_SECOND; }

/* ---- ready ---- */

static void look_at_lag(struct datasource *ds, struct health_report *report) {
    struct figures_view view;
    figures_lock(keeper_figures(ds->keeper), FRESH, &view);
    int64_t rows = view.outbox_rows, age = view.outbox_at ? view.outbox_age : 0;
    figures_unlock(keeper_figures(ds->keeper));
    if (age > LAG_MOST)
        SAY(health_add(report, HEALTH_WARNING, "outbox", ds->name),
            "%lld rows of events wait, the oldest for %lld s", (long long)rows,
            (long long)(age / CLOCK_SECOND));
}

static void look_at_lost(struct datasource *ds, struct health_report *report) {
    if (atomic_load(&ds->lost))
        SAY(health_add(report, HEALTH_WARNING, "instance", ds->name),
            "declared lost by another instance; goes on under a new id");
}

static void look_at_quarantines(struct datasource *ds, struct health_report *report) {
    long long n = atomic_load(&ds->counters.quarantined);
    if (n > 0)
        SAY(health_add(report, HEALTH_WARNING, "quarantine", ds->name),
            "%lld classes are in quarantine, each for one tenant: their jobs wait (jobctl "
            "quarantine list)",
            n);
}

/* It answers; but does this instance work with it? */
static void look_at_sessions(struct datasource *ds, struct health_report *report) {
    int64_t control_at = atomic_load(&ds->control_at);
    if (atomic_load(&ds->counters.session_since) == 0)
        SAY(health_add(report, HEALTH_DOWN, "datasource", ds->name),
            "it answers, but this instance has no session with it yet");
    else if (control_at == 0 ||
             clock_now() - control_at >
                 config_integer(service_config(ds->service), "jobs.lease.ms") * CLOCK_MS)
        SAY(health_add(report, HEALTH_WARNING, "datasource", ds->name),
            "it answers, but has not confirmed this instance for a lease");
    else
        health_add(report, HEALTH_OK, "datasource", ds->name);
}

void health_look_at_datasource(struct datasource *ds, const struct jobs_error *why,
                               struct health_report *report) {
    if (why) {
        SAY(health_add(report, HEALTH_DOWN, "datasource", ds->name), "%s", why->text);
        return;
    }
    look_at_sessions(ds, report);
    look_at_lost(ds, report);
    look_at_quarantines(ds, report);
    look_at_lag(ds, report);
}

void health_look_at_broker(bool configured, const struct jobs_error *why,
                           struct health_report *report) {
    if (!configured)
        SAY(health_add(report, HEALTH_WARNING, "amqp", NULL),
            "jobs.amqp.url is empty: events are kept, not broadcast");
    else if (why)
        SAY(health_add(report, HEALTH_DOWN, "amqp", NULL), "%s", why->text);
    else
        health_add(report, HEALTH_OK, "amqp", NULL);
}

static void look_at_pool(struct job_service *service, struct health_report *report) {
    struct pool_stats pool;
    pool_get_stats(service->pool, &pool);
    struct health_check *check =
        health_add(report, pool.stuck > 0 ? HEALTH_WARNING : HEALTH_OK, "pool", NULL);
    if (pool.stuck > 0)
        SAY(check, "%zu of %zu slots are lost to runs that ignore their stop", pool.stuck,
            pool.slots);
}

static void look_at_workspace(struct job_service *service, struct health_report *report) {
    int64_t most = config_integer(service_config(service), "jobs.workspace.max.percent");
    int used = workspace_base_used(service->workspace_dir);
    bool full = most > 0 && used > most;
    struct health_check *check =
        health_add(report, full ? HEALTH_WARNING : HEALTH_OK, "workspace", NULL);
    if (full)
        SAY(check,
            "the file system of %s is %d %% full, above jobs.workspace.max.percent = %lld: no job "
            "that needs a workspace is chosen",
            service->workspace_dir, used, (long long)most);
}

static void look_at_stopping(struct job_service *service, struct health_report *report) {
    if (atomic_load(&service->stopping))
        SAY(health_add(report, HEALTH_DOWN, "service", NULL),
            "stopping: it chooses no more jobs, what runs may end");
}

void health_look_at_service(struct job_service *service, struct health_report *report) {
    look_at_stopping(service, report);
    look_at_pool(service, report);
    look_at_workspace(service, report);
}

/* ---- live ---- */

static void look_at_thread(struct datasource *ds, const char *thread, int64_t moved_at,
                           struct health_report *report) {
    int64_t lease = config_integer(service_config(ds->service), "jobs.lease.ms") * CLOCK_MS;
    int64_t most = 2 * lease > STANDSTILL ? 2 * lease : STANDSTILL;
    bool still = clock_now() - moved_at > most;
    struct health_check *check =
        health_add(report, still ? HEALTH_DOWN : HEALTH_OK, thread, ds->name);
    if (still)
        SAY(check, "has not come round for %lld s", (long long)seconds_since(moved_at));
}

void health_live(struct job_service *service, struct health_report *ret) {
    *ret = (struct health_report){0};
    for (size_t i = 0; i < service->datasource_count; i++) {
        struct datasource *ds = service->datasources[i];
        if (datasource_is_leaving(ds))
            continue;
        int64_t control = atomic_load(&ds->counters.control_moved_at);
        look_at_thread(ds, "dispatcher", atomic_load(&ds->alive_at), ret);
        look_at_thread(ds, "control", control ? control : service->started_at, ret);
    }
}

/* ---- one line ---- */

static void add_datasource(struct datasource *ds, struct buf *out) {
    struct relay_stats relay;
    struct figures_view view;
    relay_get_stats(ds->relay, &relay);
    figures_lock(keeper_figures(ds->keeper), FRESH, &view);
    int64_t lag = view.outbox_at ? view.outbox_age / CLOCK_SECOND : 0;
    figures_unlock(keeper_figures(ds->keeper));
    buf_format(out, "; %s: ", ds->name);
    if (atomic_load(&ds->counters.session_since) == 0)
        buf_text(out, "no session with the database");
    else
        buf_format(out, "%lld jobs at hand", (long long)atomic_load(&ds->counters.live));
    if (relay.held && !relay.connected)
        buf_text(out, ", no broker");
    if (lag > 5)
        buf_format(out, ", events %lld s behind", (long long)lag);
    if (atomic_load(&ds->counters.quarantined) > 0)
        buf_format(out, ", %lld in quarantine", (long long)atomic_load(&ds->counters.quarantined));
}

void health_line(struct job_service *service, struct buf *out) {
    struct pool_stats pool;
    pool_get_stats(service->pool, &pool);
    buf_format(out, "running %zu of %zu slots", pool.running, pool.slots);
    if (pool.stuck > 0)
        buf_format(out, ", %zu stuck", pool.stuck);
    size_t served = 0;
    for (size_t i = 0; i < service->datasource_count; i++)
        if (!datasource_is_leaving(service->datasources[i]) && served++ < 5)
            add_datasource(service->datasources[i], out);
    if (served > 5)
        buf_format(out, "; %zu more", served - 5);
}
