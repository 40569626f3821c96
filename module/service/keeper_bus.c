/* The keeper and its broker: the queue of commands and its bindings. */
#include "module/service/keeper_private.h"

#include "module/base/error.h"
#include "module/service/exchanges.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PREFETCH = 64, BODY_MAX = 65536 };
#define CONNECT_WAIT_LEAST CLOCK_SECOND
#define CONNECT_WAIT_MOST (5 * CLOCK_SECOND)
#define REFUSAL_WAIT (10 * CLOCK_SECOND)

void keeper_disconnect(struct keeper *keeper) {
    opening_cancel(&keeper->opening);
    bus_close(keeper->bus);
    keeper->bus = NULL;
    for (struct list *link; (link = list_pop_front(&keeper->commands));)
        command_free(LIST_ENTRY(link, struct command, link));
    keeper_forget_bindings(keeper);
    keeper->restart = keeper->homeless = false;
    atomic_store(&keeper->consuming, false);
}

/* Logs the first failure in a row, and a refusal also when it follows a loss. */
void keeper_lose(struct keeper *keeper, const struct jobs_error *why) {
    bool refusal = why->code == BUS_EREFUSED;
    bool hangs = keeper->tenant && why->code == JOBS_ETIMEOUT; /* others want to connect as well */
    if (!keeper->bus_down || (refusal && !keeper->refusal))
        log_write(keeper->log, refusal ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING,
                  "datasource %s%s%s: no commands are taken: %s", keeper->datasource,
                  keeper->tenant ? ", tenant " : "", keeper->tenant ? keeper->tenant : "",
                  why->text);
    keeper->bus_down = true;
    keeper->refusal = refusal;
    keeper_disconnect(keeper);
    keeper->next_connect = clock_now() + (refusal || hangs ? REFUSAL_WAIT : keeper->connect_wait);
    keeper->connect_wait *= 2;
    if (keeper->connect_wait > CONNECT_WAIT_MOST)
        keeper->connect_wait = CONNECT_WAIT_MOST;
}

static int bind_queue(const struct keeper *keeper, struct bus *bus, const char *tenant, bool bound,
                      struct jobs_error *err) {
    char key[80];
    snprintf(key, sizeof key, "%s.stop", tenant);
    return bound ? bus_bind(bus, keeper->queue, keeper->commands_exchange, key, err)
                 : bus_unbind(bus, keeper->queue, keeper->commands_exchange, key, err);
}

/* One tenant's binding. *ret_gone: the tenant is not there any more, and nothing is bound. */
static int settle_binding(struct keeper *keeper, const char *name, struct keeper_tenant *tenant,
                          bool *ret_gone, struct jobs_error *err) {
    int rc = 0;
    if (!keeper->bound_as_only && tenant->seen != tenant->bound)
        rc = bind_queue(keeper, keeper->bus, name, tenant->seen, err);
    if (rc == 0)
        tenant->bound = tenant->seen;
    *ret_gone = rc == 0 && !tenant->seen;
    return rc;
}

void keeper_bind(struct keeper *keeper) {
    if (!keeper->bus || !keeper->bindings_due)
        return;
    const char *name;
    void *value;
    struct jobs_error err;
    for (size_t at = 0; table_next(&keeper->tenants, &at, &name, &value);) {
        bool gone;
        struct keeper_tenant *tenant = value;
        if (settle_binding(keeper, name, tenant, &gone, &err) < 0) {
            keeper_lose(keeper, &err);
            return;
        }
        if (gone) {
            table_take(&keeper->tenants, name);
            free(tenant->user);
            free(tenant);
        }
    }
    keeper->bindings_due = false;
}

/* On any thread: touches nothing of the keeper's but what connecting is about. */
static int connect_bus(void *arg, struct bus **ret, struct jobs_error *err) {
    struct keeper *keeper = arg;
    struct bus *bus = NULL;
    char name[200];
    snprintf(name, sizeof name, "%s keeper of %s", keeper->service, keeper->datasource);
    struct bus_options options = {.url = keeper->amqp_url,
                                  .vhost = keeper->vhost,
                                  .name = name,
                                  .timeout = 5000,
                                  .confirms = true,
                                  .max_length = BODY_MAX};
    int rc = bus_open(&options, &bus, err);
    if (rc == 0)
        rc = exchanges_declare(bus, keeper->service, err);
    if (rc == 0)
        rc = bus_declare_queue(bus, keeper->queue, BUS_DURABLE, NULL, 0, NULL, err);
    /* The binding of a time when this was the only datasource would take others' commands. */
    keeper->bound_as_only = atomic_load(&keeper->only_datasource);
    if (rc == 0)
        rc = keeper->tenant ? bind_queue(keeper, bus, keeper->tenant, true, err)
                            : bind_queue(keeper, bus, "*", keeper->bound_as_only, err);
    if (rc == 0)
        rc = bus_consume(bus, keeper->queue, PREFETCH, 0, NULL, NULL, err);
    if (rc == 0)
        *ret = bus;
    else
        bus_close(bus);
    return rc;
}

/* False: not yet. */
static bool connect_line(struct keeper *line, int *ret_rc, struct jobs_error *err) {
    if (!line->opening.begun &&
        !opening_begin(&line->opening, connect_bus, line, &line->top->openings, line->top->wake_fd))
        return false;
    return opening_take(&line->opening, ret_rc, &line->bus, err);
}

void keeper_connect(struct keeper *keeper, int64_t now) {
    struct jobs_error err;
    int rc;
    if (keeper->bus && keeper->bound_as_only != atomic_load(&keeper->only_datasource))
        keeper_disconnect(keeper); /* what is not acknowledged comes again */
    if (keeper->bus || !keeper->amqp_url[0] || !keeper->top->looked_at ||
        now < keeper->next_connect)
        return;
    if (!keeper->tenant)
        rc = connect_bus(keeper, &keeper->bus, &err);
    else if (!connect_line(keeper, &rc, &err))
        return;
    if (rc < 0) {
        keeper_lose(keeper, &err);
        return;
    }
    if (keeper->bus_down)
        log_info(keeper->log, "datasource %s: commands are taken again", keeper->datasource);
    keeper->bus_down = keeper->refusal = false;
    keeper_forget_bindings(keeper);
    atomic_store(&keeper->consuming, true);
}

static void delivered(void *arg, const struct bus_delivery *delivery) {
    struct keeper *keeper = arg;
    keeper->connect_wait = CONNECT_WAIT_LEAST;
    list_push_back(&keeper->commands, &command_new(delivery)->link);
}

static void confirmed(void *arg, uint64_t tag, enum bus_outcome outcome) {
    if (outcome != BUS_UNKNOWN)
        keeper_buried(arg, tag, outcome == BUS_ACK);
}

/* The return comes before the confirm of its message, which is positive all the same. */
static void returned(void *arg, const struct bus_delivery *message, int code, const char *text) {
    struct keeper *keeper = arg;
    if (!message->exchange || strcmp(message->exchange, keeper->dead_exchange) != 0) {
        log_debug(keeper->log, "datasource %s: an answer found no queue: %d %s", keeper->datasource,
                  code, text);
        return;
    }
    keeper->homeless = true;
    keeper_postpone_burials(keeper);
}

static void cancelled(void *arg, const char *consumer_tag) {
    (void)consumer_tag;
    struct keeper *keeper = arg;
    keeper->restart = true;
}

void keeper_listen(struct keeper *keeper) {
    struct bus_handlers handlers = {.arg = keeper,
                                    .delivered = delivered,
                                    .confirmed = confirmed,
                                    .returned = returned,
                                    .cancelled = cancelled};
    struct jobs_error err;
    int rc = bus_poll(keeper->bus, 0, &handlers, &err);
    if (rc == 0 && keeper->restart)
        rc = error_set(&err, BUS_ECHANNEL, "queue %s was deleted", keeper->queue);
    if (rc == 0 && keeper->homeless) {
        rc = exchanges_declare(keeper->bus, keeper->service, &err);
        keeper->homeless = false;
    }
    if (rc < 0)
        keeper_lose(keeper, &err);
}
