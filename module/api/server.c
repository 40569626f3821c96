/* Start and stop of the server, and its clock: what is looked at every now and then. */
#include "module/api/server.h"

#include "module/api/auth.h"
#include "module/api/request.h"
#include "module/base/clock.h"
#include "module/base/error.h"
#include "module/base/mem.h"
#include "module/service/datasource.h"
#include "module/service/service.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { TICK = 250 /* ms */, FRONT_SESSIONS = 2 /* one commits while the other reads */ };
#define TRY_AGAIN (5 * CLOCK_SECOND)
#define LAST_MOST (5 * CLOCK_SECOND) /* for the answers under way at the end */

const struct config *api_config(const struct api *api) { return service_config(api->service); }
struct job_service *api_service(const struct api *api) {
    return api->service;
}
const struct log *api_log(const struct api *api) { return api->log; }
size_t api_datasource_count(const struct api *api) { return api->database_count; }

const char *api_datasource_name(const struct api *api, size_t i) {
    return database_name(api->databases[i]);
}

void api_submit_task(struct api *api, size_t datasource, struct api_task *task) {
    struct database **databases = task->quick ? api->fronts : api->databases;
    database_submit(databases[datasource], task);
}

void *api_part_state(const struct api *api, const struct api_part *part) {
    for (size_t i = 0; api_parts[i]; i++)
        if (api_parts[i] == part)
            return api->states[i];
    return NULL;
}

void api_url(struct api *api, char *ret, size_t size) {
    ret[0] = '\0';
    if (!api)
        return;
    pthread_mutex_lock(&api->lock);
    snprintf(ret, size, "%s", api->url);
    pthread_mutex_unlock(&api->lock);
}

/* ---- the clock ---- */

static void try_to_listen(struct api *api) {
    struct jobs_error err;
    int rc = listen_begin(api, &err);
    if (rc == 0) {
        log_info(api->log, "api: %s", api->url);
        return;
    }
    if (!api->complained)
        log_warning(api->log, "%s; tried again every %d s", err.text,
                    (int)(TRY_AGAIN / CLOCK_SECOND));
    api->complained = true;
    api->next_try = clock_now() + TRY_AGAIN;
}

static void *clock_main(void *arg) {
    struct api *api = arg;
    int64_t slow = config_integer(api_config(api), "jobs.api.timeout") * CLOCK_MS;
    struct pollfd quit = {.fd = api->quit_fd, .events = POLLIN};
    while (poll(&quit, 1, TICK) <= 0) {
        if (!api->daemon && clock_now() >= api->next_try)
            try_to_listen(api);
        peers_close_slow(&api->peers, slow);
        for (size_t i = 0; i < api->database_count; i++) {
            database_watch(api->databases[i]);
            database_watch(api->fronts[i]);
        }
    }
    return NULL;
}

int api_thread(pthread_t *ret, void *(*run)(void *arg), void *arg, struct jobs_error *err) {
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int rc = pthread_create(ret, NULL, run, arg);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return rc == 0 ? 0 : error_set(err, JOBS_ENOMEM, "api: no thread: %s", strerrordesc_np(rc));
}

/* ---- start ---- */

/* A whole file; NULL when `path` is empty. */
static int read_file(const char *path, char **ret, struct jobs_error *err) {
    struct buf text = {0};
    char chunk[4096];
    if (!path[0])
        return 0;
    FILE *file = fopen(path, "re");
    if (!file)
        return error_set(err, JOBS_ECONFIG, "%.300s: %s", path, strerrordesc_np(errno));
    for (size_t n; (n = fread(chunk, 1, sizeof chunk, file)) > 0 && text.length < (1 << 20);)
        buf_add(&text, chunk, n);
    fclose(file);
    *ret = buf_take(&text);
    return 0;
}

static int read_tls(struct api *api, struct jobs_error *err) {
    const struct config *config = api_config(api);
    const char *certificate = config_text(config, "jobs.api.tls.certificate");
    const char *key = config_text(config, "jobs.api.tls.key");
    if (!certificate[0] != !key[0])
        return error_set(err, JOBS_ECONFIG,
                         "jobs.api.tls.certificate and jobs.api.tls.key go together");
    int rc = read_file(certificate, &api->certificate, err);
    return rc < 0 ? rc : read_file(key, &api->key, err);
}

static int read_listen(struct api *api, struct jobs_error *err) {
    const char *listen = config_text(api_config(api), "jobs.api.listen");
    int rc = listen_address(listen, &api->host, &api->port, &api->loopback, err);
    if (rc < 0)
        return rc;
    bool none = strcmp(config_text(api_config(api), "jobs.api.auth"), "none") == 0;
    if (none && !api->loopback)
        return error_set(err, JOBS_ECONFIG,
                         "jobs.api.auth = none goes with a loopback address only, not %.200s",
                         listen);
    return 0;
}

static void open_databases(struct api *api) {
    struct job_service *service = api->service;
    api->databases = mem_zero(service->datasource_count, sizeof(struct database *));
    api->fronts = mem_zero(service->datasource_count, sizeof(struct database *));
    for (size_t i = 0; i < service->datasource_count; i++) {
        struct database_options options = {.name = service->datasources[i]->name,
                                           .url = service->datasources[i]->url,
                                           .schema = service->datasources[i]->schema,
                                           .sessions = (int)config_integer(api_config(api),
                                                                           "jobs.api.sessions"),
                                           .log = api->log};
        api->databases[i] = database_new(&options);
        options.sessions = FRONT_SESSIONS;
        api->fronts[i] = database_new(&options);
        api->database_count++;
    }
}

static int start_parts(struct api *api, struct jobs_error *err) {
    size_t n = 0;
    while (api_parts[n])
        n++;
    api->states = mem_zero(n + 1, sizeof(void *));
    for (; api->part_count < n; api->part_count++) {
        const struct api_part *part = api_parts[api->part_count];
        int rc = part->start ? part->start(api, &api->states[api->part_count], err) : 0;
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int start(struct api *api, struct jobs_error *err) {
    int rc = read_listen(api, err);
    if (rc == 0)
        rc = read_tls(api, err);
    if (rc == 0)
        rc = auth_new(api, &api->auth, err);
    if (rc < 0)
        return rc;
    open_databases(api);
    rc = start_parts(api, err);
    if (rc < 0)
        return rc;
    try_to_listen(api);
    return api_thread(&api->clock_thread, clock_main, api, err);
}

/* ---- stop ---- */

static void wait_for_answers(struct api *api, int64_t most) {
    int64_t until = clock_now() + most;
    while (atomic_load(&api->in_hand) > 0 && clock_now() < until)
        poll(NULL, 0, 2);
}

static void stop_clock(struct api *api) {
    eventfd_write(api->quit_fd, 1);
    pthread_join(api->clock_thread, NULL);
}

static void api_free(struct api *api) {
    for (size_t i = 0; i < api->database_count; i++) {
        database_stop(api->fronts[i]);    /* what goes on to another one is answered there */
        database_stop(api->databases[i]); /* answers what waits; no handler is called any more */
    }
    for (size_t i = api->part_count; i-- > 0;)
        if (api_parts[i]->stop)
            api_parts[i]->stop(api->states[i]);
    if (api->daemon) {
        wait_for_answers(api, INT64_MAX / 2); /* libmicrohttpd ends no connection that sleeps */
        poll(NULL, 0, 20);                    /* the last answers are sent */
        MHD_stop_daemon(api->daemon);
    }
    for (size_t i = 0; i < api->database_count; i++) {
        database_free(api->databases[i]);
        database_free(api->fronts[i]);
    }
    auth_free(api->auth);
    peers_done(&api->peers);
    pthread_mutex_destroy(&api->lock);
    close(api->quit_fd);
    free(api->databases);
    free(api->fronts);
    free(api->states);
    free(api->host);
    free(api->port);
    free(api->certificate);
    free(api->key);
    free(api);
}

int api_start(struct job_service *service, struct api **ret, struct jobs_error *err) {
    *ret = NULL;
    if (!config_text(service_config(service), "jobs.api.listen")[0])
        return 0;
    struct api *api = MEM_NEW(struct api);
    api->service = service;
    api->log = &service->log;
    pthread_mutex_init(&api->lock, NULL);
    peers_init(&api->peers);
    api->quit_fd = eventfd(0, EFD_CLOEXEC);
    int rc = start(api, err);
    if (rc < 0)
        api_free(api);
    else
        *ret = api;
    return rc;
}

void api_reload(struct api *api) {
    if (api)
        auth_reload(api->auth);
}

void api_stop(struct api *api) {
    if (!api)
        return;
    atomic_store(&api->stopping, true);
    stop_clock(api);
    wait_for_answers(api, LAST_MOST / 5);
    api_free(api);
}
