#include "module/cli/subscription.h"

#include "module/base/buf.h"
#include "module/base/mem.h"

#include <stdlib.h>
#include <string.h>

#define STREAM_BYTES ((int64_t)1 << 30)
#define STREAM_SEGMENT ((int64_t)64 << 20)

/* Of a stream the age of what was read counts too; other queues lose what nobody took. */
static size_t arguments_of(const struct store_subscription *what, char age[32],
                           struct bus_argument ret[4]) {
    bool stream = strcmp(what->kind, "stream") == 0;
    size_t n = 0;
    ret[n++] = (struct bus_argument){"x-queue-type", what->kind, 0};
    if (what->ttl && stream) {
        snprintf(age, 32, "%llds", (long long)((what->ttl + 999) / 1000));
        ret[n++] = (struct bus_argument){"x-max-age", age, 0};
    } else if (what->ttl) {
        ret[n++] = (struct bus_argument){"x-message-ttl", NULL, what->ttl};
    }
    if (stream) {
        ret[n++] = (struct bus_argument){"x-max-length-bytes", NULL, STREAM_BYTES};
        ret[n++] = (struct bus_argument){"x-stream-max-segment-size-bytes", NULL, STREAM_SEGMENT};
    } else if (what->most) {
        ret[n++] = (struct bus_argument){"x-max-length", NULL, what->most};
    }
    return n;
}

static bool has_key(const struct store_subscription *what, const char *key) {
    for (size_t i = 0; i < what->key_count; i++)
        if (strcmp(what->keys[i], key) == 0)
            return true;
    return false;
}

static int bind_all(struct bus *bus, const char *exchange, const struct store_subscription *what,
                    char *const *before, size_t before_count, struct jobs_error *err) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < what->key_count; i++)
        rc = bus_bind(bus, what->name, exchange, what->keys[i], err);
    for (size_t i = 0; rc == 0 && i < before_count; i++)
        if (!has_key(what, before[i]))
            rc = bus_unbind(bus, what->name, exchange, before[i], err);
    return rc;
}

int subscription_declare(struct bus *bus, const char *service,
                         const struct store_subscription *what, char *const *before,
                         size_t before_count, struct jobs_error *err) {
    struct bus_argument arguments[4];
    char age[32];
    size_t count = arguments_of(what, age, arguments);
    struct buf exchange = {0};
    buf_format(&exchange, "%s.events", service);
    /* a tenant's user may not declare it: then it must be there */
    int rc = bus_declare_exchange(bus, buf_get(&exchange), "topic", BUS_DURABLE, NULL, err);
    if (rc == BUS_EREFUSED && bus_reply_code(bus) == 403)
        rc = bus_declare_exchange(bus, buf_get(&exchange), "topic", BUS_DURABLE | BUS_PASSIVE, NULL,
                                  err);
    if (rc == 0)
        rc = bus_declare_queue(bus, what->name, BUS_DURABLE, arguments, count, NULL, err);
    if (rc == 0)
        rc = bind_all(bus, buf_get(&exchange), what, before, before_count, err);
    buf_done(&exchange);
    return rc;
}

/* ---- the removal of a tenant ---- */

static void add_name(void *arg, const struct store_subscription *what) {
    struct subscription_queues *queues = arg;
    queues->names = mem_grow(queues->names, queues->count + 1, sizeof *queues->names);
    queues->names[queues->count++] = mem_text(what->name);
}

int subscription_queues_find(struct cli *cli, const char *tenant, struct subscription_queues *ret) {
    struct jobs_error err;
    *ret = (struct subscription_queues){0};
    int status = EXIT_OK;
    if (store_subscriptions(&cli->store, tenant, add_name, ret, &err) < 0)
        status = cli_fail(&err);
    else if (ret->count > 0)
        status = cli_open_tenant_bus(cli, tenant, &ret->bus);
    if (status)
        subscription_queues_end(ret, false);
    return status;
}

int subscription_queues_end(struct subscription_queues *queues, bool gone) {
    int status = EXIT_OK;
    for (size_t i = 0; i < queues->count; i++) {
        struct jobs_error err;
        if (gone && bus_delete_queue(queues->bus, queues->names[i], &err) < 0) {
            cli_note("the queue %s is still there, delete it: %s", queues->names[i], err.text);
            status = EXIT_FAILED;
        }
        free(queues->names[i]);
    }
    free(queues->names);
    bus_close(queues->bus);
    *queues = (struct subscription_queues){0};
    return status;
}
