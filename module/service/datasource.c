#include "module/service/datasource.h"

#include "module/base/clock.h"
#include "module/base/error.h"
#include "module/base/mem.h"
#include "module/service/control.h"
#include "module/service/dispatcher.h"
#include "module/service/quarantine.h"
#include "module/service/takeover.h"
#include "module/service/tick.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define FIRST_CONNECT 3000 /* ms: at start; afterwards it is tried for ever */

void datasource_wake(struct datasource *ds) {
    if (atomic_exchange(&ds->asleep, false)) {
        uint64_t one = 1;
        ssize_t ignored = write(ds->wake_fd, &one, sizeof one);
        (void)ignored;
    }
}

void datasource_nudge(struct datasource *ds) {
    atomic_store(&ds->nudged, true);
    datasource_wake(ds);
}

static void wake_control(struct datasource *ds) {
    uint64_t one = 1;
    ssize_t ignored = write(ds->control_fd, &one, sizeof one);
    (void)ignored;
}

void datasource_instance(struct datasource *ds, char ret_id[37]) {
    pthread_mutex_lock(&ds->instance_lock);
    memcpy(ret_id, ds->instance, 37);
    pthread_mutex_unlock(&ds->instance_lock);
}

struct sql_options datasource_sql_options(const struct datasource *ds,
                                          const char *application_name) {
    const char *newer = atomic_load(&ds->newer_url);
    return (struct sql_options){.url = newer ? newer : ds->url,
                                .schema = ds->schema,
                                .application_name = application_name};
}

/* ---- making the instance known ---- */

static void class_names(const struct classes *classes, struct buf *array) {
    sql_array_begin(array);
    for (size_t i = 0; i < classes_count(classes); i++)
        sql_array_text(array, classes_at(classes, i)->class->name);
    sql_array_end(array);
}

static int insert_instance(struct datasource *ds, struct sql *sql, const char *classes,
                           struct jobs_error *err) {
    struct job_service *service = ds->service;
    char id[37];
    datasource_instance(ds, id);
    struct sql_parameters p = {0};
    sql_add_text(&p, id);
    sql_add_text(&p, service->name);
    sql_add_text(&p, service->host);
    sql_add_integer(&p, getpid());
    sql_add_text(&p, JOBS_VERSION);
    sql_add_text(&p, classes);
    sql_add_integer(&p, (int64_t)pool_slots(service->pool));
    return sql_call(sql, "instance_insert", &p, SQL_NOTHING, NULL, err);
}

static int register_classes(struct datasource *ds, struct sql *sql, const char *classes,
                            struct jobs_error *err) {
    struct buf once = {0};
    sql_array_begin(&once);
    for (size_t i = 0; i < classes_count(ds->service->classes); i++)
        sql_array_boolean(&once, classes_at(ds->service->classes, i)->class->at_most_once);
    sql_array_end(&once);
    struct sql_parameters p = {0};
    sql_add_text(&p, classes);
    sql_add_text(&p, buf_get(&once));
    int rc = sql_call(sql, "class_register", &p, SQL_NOTHING, NULL, err);
    buf_done(&once);
    return rc;
}

/* A limit that is not configured here is left as it is. */
static bool add_limit(struct buf *array, const struct config *config, const char *class_name,
                      const char *suffix) {
    int64_t limit = config_class_integer(config, class_name, suffix, -1);
    if (limit < 0)
        sql_array_null(array);
    else
        sql_array_integer(array, limit);
    return limit >= 0;
}

static int set_limits(struct datasource *ds, struct sql *sql, const char *classes,
                      struct jobs_error *err) {
    struct buf in_all = {0}, per_tenant = {0};
    const struct config *config = service_config(ds->service);
    struct sql_parameters p = {0};
    bool any = false;
    sql_array_begin(&in_all), sql_array_begin(&per_tenant);
    for (size_t i = 0; i < classes_count(ds->service->classes); i++) {
        const char *name = classes_at(ds->service->classes, i)->class->name;
        any |= add_limit(&in_all, config, name, "max_running");
        any |= add_limit(&per_tenant, config, name, "max_running_per_tenant");
    }
    sql_array_end(&in_all), sql_array_end(&per_tenant);
    sql_add_text(&p, classes);
    sql_add_text(&p, buf_get(&in_all));
    sql_add_text(&p, buf_get(&per_tenant));
    int rc = any ? sql_call(sql, "class_limits", &p, SQL_ROWS, NULL, err) : 0;
    buf_done(&in_all);
    buf_done(&per_tenant);
    return rc;
}

int datasource_introduce(struct datasource *ds, struct sql *sql, struct jobs_error *err) {
    if (ds->introduced) /* only this thread writes it */
        return 0;
    int rc = ds->migrate ? sql_migrate(sql, NULL, NULL, err) : 0;
    if (rc == 0)
        rc = sql_schema_check(sql, err);
    if (rc < 0)
        return rc;
    struct buf classes = {0};
    class_names(ds->service->classes, &classes);
    rc = insert_instance(ds, sql, buf_get(&classes), err);
    if (rc == 0)
        rc = register_classes(ds, sql, buf_get(&classes), err);
    if (rc == 0)
        rc = set_limits(ds, sql, buf_get(&classes), err);
    buf_done(&classes);
    if (rc < 0)
        return rc;
    pthread_mutex_lock(&ds->instance_lock);
    ds->introduced = true;
    pthread_mutex_unlock(&ds->instance_lock);
    wake_control(ds);
    return 0;
}

struct share *datasource_see(struct datasource *ds, const char *lane, const struct sql_result *rows,
                             size_t row) {
    struct share *share =
        shares_find(&ds->shares, lane, sql_get(rows, row, sql_column(rows, "tenant")));
    shares_set_weight(&ds->shares, share,
                      (int)sql_get_integer(rows, row, sql_column(rows, "weight"), 1));
    shares_set_limit(&ds->shares, share,
                     sql_get_integer(rows, row, sql_column(rows, "max_running"), -1));
    shares_set_hungry(&ds->shares, share, !sql_get_boolean(rows, row, sql_column(rows, "paused")));
    return share;
}

void datasource_say_goodbye(struct datasource *ds, struct sql *sql) {
    struct jobs_error err;
    struct sql_parameters p = {0};
    char id[37];
    datasource_instance(ds, id);
    sql_add_text(&p, id);
    if (sql_call(sql, "instance_delete", &p, SQL_NOTHING, NULL, &err) < 0)
        log_warning(&ds->service->log, "datasource %s: %s", ds->name, err.text);
}

/* Introduced, and then another datasource could not be used. */
static void take_back(struct datasource *ds) {
    struct sql_options options = datasource_sql_options(ds, "jobs start");
    options.connect_timeout = FIRST_CONNECT;
    struct sql *sql;
    if (sql_open(&options, &sql, NULL) < 0)
        return; /* an instance that never beats is swept as a lost one */
    datasource_say_goodbye(ds, sql);
    sql_close(sql);
}

/* What can be known at start is said at start; a server that does not answer is no reason not to.
 */
static int first_contact(struct datasource *ds, struct jobs_error *err) {
    struct sql_options options = datasource_sql_options(ds, "jobs start");
    options.connect_timeout = FIRST_CONNECT;
    struct sql *sql;
    int rc = sql_open(&options, &sql, err);
    if (rc == 0) {
        rc = datasource_introduce(ds, sql, err);
        sql_close(sql);
    }
    if (rc == 0 || rc == JOBS_ECONFIG || rc == JOBS_ESCHEMA) {
        error_prefix(rc ? err : NULL, "datasource %s", ds->name);
        return rc;
    }
    log_error(&ds->service->log, "datasource %s: %s (tried again until it answers)", ds->name,
              err->text);
    return 0;
}

/* ---- life ---- */

static struct datasource *datasource_make(struct job_service *service, const struct config *config,
                                          size_t at, const char *instance) {
    struct datasource *ds = MEM_NEW(struct datasource);
    ds->service = service;
    ds->name = mem_text(config_datasource_name(config, at));
    ds->url = mem_text(config_datasource_text(config, at, "url"));
    ds->schema = mem_text(config_datasource_text(config, at, "schema"));
    ds->migrate = strcmp(config_text(config, "jobs.migrate"), "auto") == 0;
    ds->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    ds->control_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&ds->instance_lock, NULL);
    pthread_mutex_init(&ds->inbox_lock, NULL);
    memcpy(ds->instance, instance, sizeof ds->instance);
    list_init(&ds->started), list_init(&ds->ended), list_init(&ds->suspects);
    for (int i = 0; i < LIVE_STATES; i++)
        list_init(&ds->lives[i]);
    receipts_init(&ds->receipts);
    shares_init(&ds->shares);
    ds->next_timer = INT64_MAX;
    ds->tick_time = (double)CLOCK_MS;
    ds->loaded_at = INT64_MIN / 2;
    ds->run_time = (double)CLOCK_SECOND; /* no prefetch until runs are seen to be short */
    ds->end_limit = TICK_BATCH;
    atomic_store(&ds->alive_at, clock_now());
    return ds;
}

void datasource_free(struct datasource *ds) {
    for (size_t i = 0; i < ds->lane_count; i++)
        free(ds->lanes[i]);
    free(ds->lanes);
    for (int i = 0; i < LIVE_STATES; i++)
        LIST_EACH (&ds->lives[i], p)
            live_free(LIST_ENTRY(p, struct live, link));
    takeover_done(ds);
    quarantine_done(ds);
    table_done(&ds->by_id, NULL);
    table_done(&ds->class_settings, free);
    receipts_done(&ds->receipts);
    shares_done(&ds->shares);
    pthread_mutex_destroy(&ds->instance_lock);
    pthread_mutex_destroy(&ds->inbox_lock);
    close(ds->wake_fd);
    close(ds->control_fd);
    free(ds->name);
    free(ds->url);
    free(atomic_load(&ds->newer_url));
    free(ds->schema);
    free(ds);
}

static int start_relay(struct datasource *ds, const struct config *config, struct jobs_error *err) {
    const char *amqp_url = config_text(config, "jobs.amqp.url"),
               *service = config_text(config, "jobs.service");
    struct relay_options relay = {.log = &ds->service->log,
                                  .datasource = ds->name,
                                  .service = service,
                                  .amqp_url = amqp_url,
                                  .sql = datasource_sql_options(ds, "jobs relay"),
                                  .vhosts = strcmp(config_text(config, "jobs.amqp.vhost.mode"),
                                                   "tenant") == 0,
                                  .log_queue = {config_integer(config, "jobs.amqp.log.age"),
                                                config_integer(config, "jobs.amqp.log.size")},
                                  .refused_ms = config_integer(config, "jobs.amqp.refused.ms")};
    relay.sql.fenced_plans = true;
    int rc = relay_start(&relay, &ds->relay, err);
    if (rc < 0)
        return rc;
    const char *trust = config_text(config, "jobs.amqp.commands.trust");
    struct keeper_options keeper = {
        .log = &ds->service->log,
        .datasource = ds->name,
        .service = service,
        .amqp_url = amqp_url,
        .sql = datasource_sql_options(ds, "jobs keeper"),
        .trust = strcmp(trust, "vhost") == 0 ? COMMAND_TRUST_VHOST : COMMAND_TRUST_USER_ID,
        .vhosts = relay.vhosts,
        .only_datasource = config_datasource_count(config) == 1,
        .succeeded_days = config_integer(config, "jobs.retention.succeeded.days"),
        .audit_days = config_integer(config, "jobs.api.audit.days"),
        .failed_days = config_integer(config, "jobs.retention.failed.days"),
        .metrics_tenants = (size_t)config_integer(config, "jobs.metrics.tenants")};
    keeper.sql.fenced_plans = true;
    return keeper_start(&keeper, &ds->keeper, err);
}

static int start_threads(struct datasource *ds, struct jobs_error *err) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all,
                    &before); /* threads inherit it: signals belong to the program */
    int failed = pthread_create(&ds->dispatcher_thread, NULL, dispatcher_main, ds);
    if (!failed && (failed = pthread_create(&ds->control_thread, NULL, control_main, ds))) {
        atomic_store(&ds->quitting, true);
        pthread_join(ds->dispatcher_thread, NULL);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed)
        return error_set(err, JOBS_ENOMEM, "datasource %s: no thread: %s", ds->name,
                         strerror(failed));
    pthread_setname_np(ds->dispatcher_thread, "jobs-tick");
    pthread_setname_np(ds->control_thread, "jobs-control");
    return 0;
}

int datasource_new(struct job_service *service, const struct config *config, size_t i,
                   const char *instance, struct datasource **ret, struct jobs_error *err) {
    struct jobs_error own;
    struct datasource *ds = datasource_make(service, config, i, instance);
    int rc = first_contact(ds, err ? err : &own);
    if (rc == 0)
        rc = start_relay(ds, config, err);
    if (rc < 0) {
        datasource_stop(ds);
        datasource_free(ds);
        return rc;
    }
    *ret = ds;
    return 0;
}

int datasource_run(struct datasource *ds, struct jobs_error *err) {
    int rc = start_threads(ds, err);
    ds->running = rc == 0;
    return rc;
}

void datasource_drain(struct datasource *ds) {
    atomic_store(&ds->draining, true);
    datasource_nudge(ds);
}

void datasource_stop_runs(struct datasource *ds) {
    atomic_store(&ds->stop_runs, true);
    datasource_nudge(ds);
}

void datasource_reload(struct datasource *ds) {
    atomic_store(&ds->reloaded, true);
    datasource_nudge(ds);
}

bool datasource_is_drained(const struct datasource *ds) { return atomic_load(&ds->drained); }

void datasource_leave(struct datasource *ds) {
    atomic_store(&ds->leaving, true);
    datasource_drain(ds);
}

bool datasource_is_leaving(const struct datasource *ds) { return atomic_load(&ds->leaving); }

static void join_threads(struct datasource *ds) {
    atomic_store(&ds->quitting, true);
    datasource_nudge(ds);
    wake_control(ds);
    pthread_join(ds->dispatcher_thread, NULL);
    pthread_join(ds->control_thread, NULL);
    ds->running = ds->introduced = false;
    atomic_store(&ds->waits, false);
}

void datasource_retire(struct datasource *ds) {
    join_threads(ds);
    relay_hold(ds->relay, false);
    keeper_hold(ds->keeper, false);
}

void datasource_stop(struct datasource *ds) {
    if (ds->running)
        join_threads(ds);
    else if (ds->introduced)
        take_back(ds);
    keeper_stop(ds->keeper);
    relay_stop(ds->relay);
}
