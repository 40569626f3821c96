#include "module/service/datasources.h"

#include "module/base/clock.h"
#include "module/base/error.h"
#include "module/base/mem.h"
#include "module/base/uuid.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define UNHEARD_MOST \
    (10 * CLOCK_SECOND) /* to write the last ends once every run was told to stop */
#define LOOK_MS 20

/* ---- start ---- */

static void append(struct job_service *service, struct datasource *ds) {
    size_t n = atomic_load(&service->datasource_count);
    service->datasources[n] = ds;
    atomic_store(&service->datasource_count, n + 1);
}

int datasources_start(struct job_service *service, struct jobs_error *err) {
    const struct config *config = service->config;
    size_t n = config_datasource_count(config);
    service->datasources = mem_zero(DATASOURCES_EVER, sizeof(struct datasource *));
    for (size_t i = 0; i < n; i++) {
        struct datasource *ds;
        int rc = datasource_new(service, config, i, service->instance, &ds, err);
        if (rc < 0)
            return rc;
        append(service, ds);
    }
    int rc = 0; /* every one of them can be used: now they may claim */
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = datasource_run(service->datasources[i], err);
    return rc;
}

/* ---- reload ---- */

static bool is_place_of(const struct datasource *ds, const struct config *config, size_t i) {
    return strcmp(ds->name, config_datasource_name(config, i)) == 0 &&
           strcmp(ds->url, config_datasource_text(config, i, "url")) == 0 &&
           strcmp(ds->schema, config_datasource_text(config, i, "schema")) == 0;
}

static bool is_served(const struct job_service *service, const struct config *config, size_t i) {
    for (size_t k = 0; k < service->datasource_count; k++)
        if (!datasource_is_leaving(service->datasources[k]) &&
            is_place_of(service->datasources[k], config, i))
            return true;
    return false;
}

static bool is_configured(const struct datasource *ds, const struct config *config) {
    for (size_t i = 0; i < config_datasource_count(config); i++)
        if (is_place_of(ds, config, i))
            return true;
    return false;
}

int datasources_prepare(struct job_service *service, const struct config *next,
                        struct datasources_change *ret, struct jobs_error *err) {
    size_t n = config_datasource_count(next);
    *ret = (struct datasources_change){.added = mem_zero(n + 1, sizeof(struct datasource *))};
    for (size_t i = 0; i < n; i++) {
        char instance[37];
        if (is_served(service, next, i))
            continue;
        uuid_random(instance);
        int rc = service->datasource_count + ret->count < DATASOURCES_EVER
                     ? datasource_new(service, next, i, instance, &ret->added[ret->count], err)
                     : error_set(err, JOBS_ECONFIG,
                                 "datasources have been changed %d times: restart the service",
                                 DATASOURCES_EVER);
        if (rc < 0) {
            datasources_give_up(ret);
            return rc;
        }
        ret->count++;
    }
    return 0;
}

void datasources_give_up(struct datasources_change *change) {
    for (size_t i = 0; i < change->count; i++) {
        datasource_stop(change->added[i]);
        datasource_free(change->added[i]);
    }
    free(change->added);
    *change = (struct datasources_change){0};
}

/* ---- leaving ---- */

static bool wait_drained(const struct datasource *ds, int64_t most) {
    int64_t until = clock_now() + most;
    while (!datasource_is_drained(ds) && clock_now() < until &&
           !atomic_load(&ds->service->stopping))
        poll(NULL, 0, LOOK_MS);
    return datasource_is_drained(ds);
}

/* A thread of its own, joined at the end of the service; when that comes first, the service goes on
 * with it. */
static void *leave(void *arg) {
    struct datasource *ds = arg;
    struct job_service *service = ds->service;
    int64_t grace = config_integer(service_config(service), "jobs.shutdown.grace.ms") * CLOCK_MS;
    bool drained = wait_drained(ds, grace);
    if (!drained && !atomic_load(&service->stopping)) {
        datasource_stop_runs(ds);
        drained = wait_drained(ds, UNHEARD_MOST);
    }
    if (atomic_load(&service->stopping))
        return NULL;
    datasource_retire(ds);
    if (drained)
        log_info(&service->log, "datasource %s: what ran there has ended, it is let go", ds->name);
    else
        log_warning(&service->log,
                    "datasource %s: let go although ends of runs could not be written there; who "
                    "serves it takes these jobs over",
                    ds->name);
    return NULL;
}

static void begin_to_leave(struct datasource *ds) {
    sigset_t all, before;
    datasource_leave(ds);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    ds->has_leave_thread = pthread_create(&ds->leave_thread, NULL, leave, ds) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!ds->has_leave_thread) /* it drains all the same; its sessions stay to the end */
        log_warning(&ds->service->log, "datasource %s: no thread to let it go", ds->name);
}

/* The same database at another address? Then what still runs can be written there. */
static void follow(struct datasource *old, const struct datasource *ds) {
    struct sql_options options = datasource_sql_options(ds, "jobs reload");
    struct sql_parameters p = {0};
    struct sql_result *row;
    struct sql *sql;
    char instance[37];
    options.connect_timeout = options.timeout = 3000;
    datasource_instance(old, instance);
    if (strcmp(old->name, ds->name) != 0 || strcmp(old->schema, ds->schema) != 0 ||
        sql_open(&options, &sql, NULL) < 0)
        return;
    sql_add_text(&p, instance);
    if (sql_call(sql, "instance_known", &p, SQL_AT_MOST_ONE, &row, NULL) == 0) {
        if (sql_count(row) == 1 && !atomic_load(&old->newer_url)) /* read by threads: set once */
            atomic_store(&old->newer_url, mem_text(ds->url));
        sql_result_free(row);
    }
    sql_close(sql);
}

static void leave_old(struct job_service *service, const struct datasources_change *change) {
    const struct config *config = service_config(service);
    for (size_t i = 0; i < service->datasource_count; i++) {
        struct datasource *ds = service->datasources[i];
        bool configured = is_configured(ds, config);
        keeper_set_only(ds->keeper, config_datasource_count(config) == 1);
        if (configured || datasource_is_leaving(ds))
            continue;
        for (size_t k = 0; k < change->count; k++)
            follow(ds, change->added[k]);
        log_info(&service->log, "datasource %s: left; nothing more is chosen there", ds->name);
        begin_to_leave(ds);
    }
}

void datasources_carry_out(struct job_service *service, struct datasources_change *change) {
    struct jobs_error err;
    leave_old(service, change);
    for (size_t i = 0; i < change->count; i++) {
        struct datasource *ds = change->added[i];
        append(service, ds);
        if (datasource_run(ds, &err) < 0)
            log_error(&service->log, "%s", err.text);
        else
            log_info(&service->log, "datasource %s: served from now on", ds->name);
    }
    free(change->added);
    *change = (struct datasources_change){0};
}

/* ---- stop ---- */

void datasources_drain(struct job_service *service) {
    atomic_store(&service->stopping, true);
    for (size_t i = 0; i < service->datasource_count; i++) {
        struct datasource *ds = service->datasources[i];
        if (ds->has_leave_thread)
            pthread_join(ds->leave_thread, NULL);
        ds->has_leave_thread = false;
        datasource_drain(ds);
    }
}

void datasources_stop_runs(struct job_service *service) {
    for (size_t i = 0; i < service->datasource_count; i++)
        datasource_stop_runs(service->datasources[i]);
}

bool datasources_are_drained(const struct job_service *service) {
    for (size_t i = 0; i < service->datasource_count; i++)
        if (service->datasources[i]->running && !datasource_is_drained(service->datasources[i]))
            return false;
    return true;
}

void datasources_stop(struct job_service *service) {
    for (size_t i = 0; i < service->datasource_count; i++)
        datasource_stop(service->datasources[i]);
}

void datasources_free(struct job_service *service) {
    for (size_t i = 0; i < service->datasource_count; i++)
        datasource_free(service->datasources[i]);
    free(service->datasources);
}
