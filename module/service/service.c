#include "module/service/service.h"

#include "module/base/buf.h"
#include "module/base/clock.h"
#include "module/base/error.h"
#include "module/base/mem.h"
#include "module/base/uuid.h"
#include "module/service/datasources.h"
#include "module/service/health.h"
#include "module/worker/builtin.h"
#include "module/worker/children.h"
#include "module/worker/loader.h"
#include "module/worker/workspace_base.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define UNHEARD_MOST 10000 /* ms to write the last ends once every run was told to stop */

const struct config *service_config(struct job_service *service) {
    pthread_mutex_lock(&service->config_lock);
    const struct config *config = service->config;
    pthread_mutex_unlock(&service->config_lock);
    return config;
}

static void set_config(struct job_service *service, const struct config *config) {
    pthread_mutex_lock(&service->config_lock);
    if (service->config) {
        size_t n = service->old_config_count + 1;
        service->old_configs = mem_grow(service->old_configs, n, sizeof *service->old_configs);
        service->old_configs[n - 1] = service->config;
        service->old_config_count = n;
    }
    service->config = config;
    pthread_mutex_unlock(&service->config_lock);
}

/* ---- options of the caller, copied: a reload reads them again ---- */

static char **copy_texts(const char *const *texts) {
    size_t n = 0;
    while (texts && texts[n])
        n++;
    char **copy = mem_zero(n + 1, sizeof *copy);
    for (size_t i = 0; i < n; i++)
        copy[i] = mem_text(texts[i]);
    return copy;
}

static void copy_options(struct job_service *service, const struct job_service_options *options) {
    service->options = *options;
    service->options.file = mem_text(options->file);
    service->options.settings = (const char *const *)copy_texts(options->settings);
    service->options.classes = NULL;
}

static void options_done(struct job_service_options *options) {
    char **settings = (char **)(uintptr_t)options->settings;
    for (size_t i = 0; settings && settings[i]; i++)
        free(settings[i]);
    free(settings);
    free((char *)(uintptr_t)options->file);
}

static int load_config(struct job_service *service, struct config **ret, struct jobs_error *err) {
    int rc = config_load(service->options.file, environ, service->options.settings, &service->log,
                         ret, err);
    if (rc < 0)
        return rc;
    rc = config_need_datasource(*ret, err);
    if (rc < 0)
        config_free(*ret);
    return rc;
}

static void set_log(struct job_service *service, const struct job_service_options *options) {
    bool json = strcmp(config_text(service->config, "jobs.log.format"), "json") == 0;
    service->log.sink = options->log ? options->log : json ? log_json_sink : log_text_sink;
    service->log.arg = options->arg;
    atomic_store(&service->log.level, (int)config_integer(service->config, "jobs.log.level"));
}

/* ---- classes ---- */

static int add_own_classes(struct job_service *service, const struct job_class *const *own,
                           struct jobs_error *err) {
    for (; own && *own; own++) {
        int rc = classes_add(service->classes, *own, "linked", err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int load_classes(struct job_service *service, const struct job_class *const *own,
                        struct jobs_error *err) {
    const struct config *config = service->config;
    service->classes = classes_new();
    int rc = builtin_add(service->classes, config_class_text(config, "sha256-manifest", "root"),
                         config_class_text(config, "file-stats", "root"), err);
    if (rc == 0)
        rc = add_own_classes(service, own, err);
    if (rc == 0)
        rc = loader_add_directory(service->classes, config_text(config, "jobs.classes.dir"),
                                  &service->log, err);
    if (rc == 0)
        rc = children_add(service->classes, config, config_text(config, "jobs.classes.dir"),
                          &service->log, err);
    if (rc < 0)
        return rc;
    struct jobs_error closed;
    if (classes_open(service->classes, &closed) < 0)
        log_error(&service->log, "a class is not offered: %s", closed.text);
    children_prepare(service->classes);
    return 0;
}

/* ---- start ---- */

static void name_service(struct job_service *service) {
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    service->host = mem_text(host);
    service->name = mem_text(config_text(service->config, "jobs.instance.name"));
    service->workspace_dir = mem_text(config_text(service->config, "jobs.workspace.dir"));
    uuid_random(service->instance);
    service->started_at = clock_now();
}

static bool needs_workspaces(const struct job_service *service) {
    bool needed = false;
    for (size_t i = 0; i < classes_count(service->classes); i++) {
        const struct job_class *class = classes_at(service->classes, i)->class;
        needed |= config_class_integer(service->config, class->name, "workspace",
                                       class->need_workspace) > 0;
    }
    return needed;
}

/* What earlier processes left there goes before anything new is made. */
static int prepare_workspaces(struct job_service *service, struct jobs_error *err) {
    size_t removed = 0, failed = 0;
    bool needed = needs_workspaces(service);
    struct jobs_error why;
    int rc = workspace_base_check(service->workspace_dir, needed, &why);
    if (rc == 0)
        rc = workspace_base_sweep(service->workspace_dir, &removed, &failed, &why);
    if (rc < 0 && needed)
        return error_set(err, rc, "%s", why.text);
    if (rc < 0 && rc != JOBS_ENOENT)
        log_warning(&service->log, "%s (no class needs it so far)", why.text);
    if (removed > 0)
        log_info(&service->log, "%s: %zu workspaces that were left behind are removed",
                 service->workspace_dir, removed);
    if (failed > 0)
        log_warning(&service->log, "%s: %zu workspaces that were left behind cannot be removed",
                    service->workspace_dir, failed);
    return 0;
}

/* The pool goes before the datasources: its threads may still be on their way back from telling one
 * that a run has ended. */
static void service_free(struct job_service *service) {
    health_free(service->health);
    datasources_stop(service);
    pool_free(service->pool);
    progress_stop(service->progress);
    datasources_free(service);
    classes_free(service->classes);
    for (size_t i = 0; i < service->old_config_count; i++)
        config_free((struct config *)(uintptr_t)service->old_configs[i]);
    free(service->old_configs);
    config_free((struct config *)(uintptr_t)service->config);
    pthread_mutex_destroy(&service->config_lock);
    options_done(&service->options);
    free(service->name);
    free(service->host);
    free(service->workspace_dir);
    free(service);
}

static int start_progress(struct job_service *service, struct jobs_error *err) {
    const char *url = config_text(service->config, "jobs.amqp.url");
    if (!*url) {
        log_warning(&service->log, "jobs.amqp.url is empty: status changes are kept, not "
                                   "broadcast, until there is a broker");
        return 0;
    }
    struct progress_options options = {.log = &service->log,
                                       .service = config_text(service->config, "jobs.service"),
                                       .amqp_url = url};
    return progress_start(&options, &service->progress, err);
}

static int start(struct job_service *service, const struct job_service_options *options,
                 struct jobs_error *err) {
    struct config *config;
    int rc = load_config(service, &config, err);
    if (rc < 0)
        return rc;
    set_config(service, config);
    set_log(service, options);
    name_service(service);
    rc = load_classes(service, options->classes, err);
    if (rc == 0)
        rc = prepare_workspaces(service, err);
    if (rc == 0)
        rc = pool_new((size_t)config_integer(config, "jobs.pool.size"), &service->pool, err);
    if (rc < 0)
        return rc;
    rc = start_progress(service, err);
    if (rc == 0)
        rc = datasources_start(service, err);
    if (rc == 0)
        service->health = health_new(service);
    return rc;
}

static void say_hello(const struct job_service *service) {
    struct buf names = {0};
    for (size_t i = 0; i < classes_count(service->classes); i++)
        buf_format(&names, "%s%s", i ? ", " : "", classes_at(service->classes, i)->class->name);
    log_info(&service->log, "instance %s of service %s: %zu slots, datasources: %zu, classes: %s",
             service->name, config_text(service->config, "jobs.service"), pool_slots(service->pool),
             service->datasource_count, buf_get(&names));
    buf_done(&names);
}

int service_open(const struct job_service_options *options, struct job_service **ret,
                 struct jobs_error *err) {
    if (!options || !ret || options->size < sizeof *options)
        return error_set(
            err, JOBS_EINVAL,
            "job_service_start: options->size must be sizeof(struct job_service_options)");
    struct job_service *service = MEM_NEW(struct job_service);
    pthread_mutex_init(&service->config_lock, NULL);
    copy_options(service, options);
    atomic_store(&service->log.level, LOG_LEVEL_INFO);
    service->log.sink = options->log ? options->log : log_text_sink;
    service->log.arg = options->arg;
    int rc = start(service, options, err);
    if (rc < 0) {
        service_free(service);
        return rc;
    }
    say_hello(service);
    *ret = service;
    return 0;
}

/* ---- reload ---- */

int service_reread(struct job_service *service, struct jobs_error *err) {
    struct config *next;
    int rc = load_config(service, &next, err);
    if (rc < 0)
        return rc;
    struct datasources_change change;
    rc = datasources_prepare(service, next, &change, err);
    if (rc == 0) {
        rc = pool_resize(service->pool, (size_t)config_integer(next, "jobs.pool.size"), err);
        if (rc < 0)
            datasources_give_up(&change);
    }
    if (rc < 0) {
        config_free(next);
        return rc;
    }
    set_config(service, next);
    atomic_store(&service->log.level, (int)config_integer(next, "jobs.log.level"));
    for (size_t i = 0; i < service->datasource_count; i++)
        datasource_reload(service->datasources[i]);
    datasources_carry_out(service, &change);
    return 0;
}

/* ---- stop ---- */

static bool wait_drained(const struct job_service *service, int64_t most) {
    int64_t until = clock_now() + most * CLOCK_MS;
    while (!datasources_are_drained(service)) {
        if (clock_now() >= until)
            return false;
        poll(NULL, 0, 5);
    }
    return true;
}

int service_close(struct job_service *service, int64_t grace, struct jobs_error *err) {
    if (!service)
        return 0;
    if (grace < 0)
        grace = config_integer(service_config(service), "jobs.shutdown.grace.ms");
    datasources_drain(service);
    bool drained = wait_drained(service, grace);
    if (!drained) {
        datasources_stop_runs(service);
        drained = wait_drained(service, UNHEARD_MOST);
    }
    struct pool_stats stats;
    pool_get_stats(service->pool, &stats);
    if (!drained &&
        stats.running >
            0) /* a thread cannot be ended from outside: nothing it may touch is freed */
        return error_set(err, JOBS_ETIMEOUT,
                         "%zu runs do not stop: the process must end to end them", stats.running);
    service_free(service);
    return drained
               ? 0
               : error_set(err, JOBS_ETIMEOUT,
                           "not every end could be written: the database did not answer in time");
}
