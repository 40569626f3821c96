#include "module/api/feeds.h"

#include "module/api/server.h"
#include "module/base/error.h"
#include "module/base/mem.h"
#include "module/base/table.h"
#include "module/service/exchanges.h"
#include "tenant/rights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FEEDS_MOST = 200
}; /* of tenants: each has two threads and, while it is listened to, three
                              connections */

struct place {
    struct feed *feed;
    unsigned taken;
};

struct feeds {
    struct api *api;
    bool vhosts;
    pthread_mutex_t lock;
    struct table places;     /* by tenant; "" alone without vhosts */
    struct feed_stats ended; /* the counters of feeds that have been stopped */
};

static int start_feed(const struct feeds *feeds, const char *tenant, struct feed **ret,
                      struct jobs_error *err) {
    const struct config *config = api_config(feeds->api);
    char vhost[TENANT_VHOST_SIZE], key[80];
    struct feed_options options = {.log = api_log(feeds->api),
                                   .service = config_text(config, "jobs.service"),
                                   .amqp_url = config_text(config, "jobs.amqp.url"),
                                   .declare_progress = exchanges_declare_progress};
    if (feeds->vhosts) {
        tenant_vhost_name(options.service, tenant, vhost);
        snprintf(key, sizeof key, "%s.#", tenant);
        options.vhost = vhost;
        options.progress_key = key;
    }
    return feed_start(&options, ret, err);
}

static void stop_place(struct place *place) {
    if (place)
        feed_stop(place->feed);
    free(place);
}

/* What only grows goes on growing when a feed ends. */
static void add_counters(struct feed_stats *to, const struct feed_stats *one) {
    to->events += one->events;
    to->progress += one->progress;
    to->sent += one->sent;
    to->cut += one->cut;
    to->gaps += one->gaps;
}

/* One that nobody listens to leaves the table. NULL: there is none. Under the lock. */
static struct place *take_idle(struct feeds *feeds) {
    const char *tenant;
    void *value;
    for (size_t at = 0; table_next(&feeds->places, &at, &tenant, &value);) {
        const struct place *place = value;
        struct feed_stats stats;
        feed_get_stats(place->feed, &stats);
        if (place->taken > 0 || stats.listeners > 0)
            continue;
        add_counters(&feeds->ended, &stats);
        return table_take(&feeds->places, tenant);
    }
    return NULL;
}

/* Under the lock. `ret_idle`: one that had to make room, to be stopped without the lock. */
static int find(struct feeds *feeds, const char *tenant, struct place **ret,
                struct place **ret_idle, struct jobs_error *err) {
    struct feed *feed;
    if ((*ret = table_get(&feeds->places, tenant)))
        return 0;
    if (feeds->places.count >= FEEDS_MOST && !(*ret_idle = take_idle(feeds)))
        return error_set(
            err, API_EAWAY,
            "the events of %d other tenants are being listened to: try again later, or "
            "another instance",
            FEEDS_MOST);
    int rc = start_feed(feeds, tenant, &feed, err);
    if (rc < 0)
        return rc;
    *ret = MEM_NEW(struct place);
    (*ret)->feed = feed;
    table_put(&feeds->places, tenant, *ret);
    return 0;
}

int feeds_take(struct feeds *feeds, const char *tenant, struct feed **ret, struct jobs_error *err) {
    struct place *place, *idle = NULL;
    if (!feeds)
        return error_set(err, API_EAWAY,
                         "there are no live events without jobs.amqp.url and jobs.amqp.log.age");
    if (feeds->vhosts && !*tenant)
        return error_set(err, API_EAWAY,
                         "with jobs.amqp.vhost.mode=tenant each tenant's events are in a virtual "
                         "host of its own: ask for those of a tenant, "
                         "/api/v1/tenants/{tenant}/events");
    pthread_mutex_lock(&feeds->lock);
    int rc = find(feeds, feeds->vhosts ? tenant : "", &place, &idle, err);
    if (rc == 0) {
        place->taken++;
        *ret = place->feed;
    }
    pthread_mutex_unlock(&feeds->lock);
    stop_place(idle);
    return rc;
}

void feeds_give_back(struct feeds *feeds, const char *tenant) {
    pthread_mutex_lock(&feeds->lock);
    struct place *place = table_get(&feeds->places, feeds->vhosts ? tenant : "");
    place->taken--;
    pthread_mutex_unlock(&feeds->lock);
}

void feeds_get_stats(struct feeds *feeds, struct feed_stats *ret) {
    bool any = false, all = true;
    void *value;
    pthread_mutex_lock(&feeds->lock);
    *ret = feeds->ended;
    for (size_t at = 0; table_next(&feeds->places, &at, NULL, &value);) {
        struct feed_stats one;
        feed_get_stats(((struct place *)value)->feed, &one);
        add_counters(ret, &one);
        ret->listeners += one.listeners;
        ret->replaying += one.replaying;
        any |= one.connected;
        all &= one.connected || one.listeners == 0;
    }
    pthread_mutex_unlock(&feeds->lock);
    ret->connected = any && all;
}

int feeds_start(struct api *api, struct feeds **ret, struct jobs_error *err) {
    const struct config *config = api_config(api);
    struct feed *feed;
    *ret = NULL;
    if (!config_text(config, "jobs.amqp.url")[0] ||
        config_integer(config, "jobs.amqp.log.age") <= 0)
        return 0;
    struct feeds *feeds = MEM_NEW(struct feeds);
    feeds->api = api;
    feeds->vhosts = strcmp(config_text(config, "jobs.amqp.vhost.mode"), "tenant") == 0;
    pthread_mutex_init(&feeds->lock, NULL);
    int rc = feeds->vhosts ? 0 : feeds_take(feeds, "", &feed, err);
    if (rc < 0) {
        feeds_stop(feeds);
        return rc;
    }
    *ret = feeds;
    return 0;
}

void feeds_stop(struct feeds *feeds) {
    const char *tenant;
    void *value;
    if (!feeds)
        return;
    for (size_t at = 0; table_next(&feeds->places, &at, &tenant, &value);)
        stop_place(value);
    table_done(&feeds->places, NULL);
    pthread_mutex_destroy(&feeds->lock);
    free(feeds);
}
