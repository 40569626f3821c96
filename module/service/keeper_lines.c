/* With a virtual host per tenant: a connection for the commands of each tenant. A virtual host that
 * refuses or hangs is tried again and keeps nobody else's commands waiting. */
#include "module/service/keeper_private.h"

#include "module/base/mem.h"
#include "tenant/rights.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LISTEN_WAIT CLOCK_SECOND      /* heartbeats */
#define OPENING_WAIT (100 * CLOCK_MS) /* others connect: as many as may at a time */

static struct keeper *line_new(struct keeper *top, const char *tenant) {
    struct keeper *line = MEM_NEW(struct keeper);
    char vhost[TENANT_VHOST_SIZE];
    tenant_vhost_name(top->service, tenant, vhost);
    line->top = top;
    line->tenant = mem_text(tenant);
    line->vhost = mem_text(vhost);
    line->log = top->log;
    line->datasource = top->datasource;
    line->service = top->service;
    line->amqp_url = top->amqp_url;
    line->queue = top->queue;
    line->commands_exchange = top->commands_exchange;
    line->dead_exchange = top->dead_exchange;
    line->trust = COMMAND_TRUST_VHOST;
    line->connect_wait = CLOCK_SECOND;
    line->wake_fd = -1;
    list_init(&line->commands);
    return line;
}

static void line_free(struct keeper *line) {
    keeper_disconnect(line);
    table_take(&line->top->lines, line->tenant);
    free(line->tenant);
    free(line->vhost);
    free(line);
}

/* A line for each tenant that is there, and no other. */
static void follow_tenants(struct keeper *top) {
    const char *name;
    void *value;
    for (size_t at = 0; table_next(&top->tenants, &at, &name, &value);)
        if (((struct keeper_tenant *)value)->seen && !table_get(&top->lines, name))
            table_put(&top->lines, name, line_new(top, name));
    for (size_t at = 0; table_next(&top->lines, &at, &name, &value);) {
        const struct keeper_tenant *tenant = table_get(&top->tenants, name);
        if (!tenant || !tenant->seen)
            line_free(value);
    }
}

/* Of one without a connection. One that is being made leaves a note. */
static int64_t next_try(const struct keeper *line, int64_t now) {
    if (line->opening.begun)
        return INT64_MAX;
    return line->next_connect > now ? line->next_connect : now + OPENING_WAIT;
}

int64_t keeper_turn_lines(struct keeper *top, int64_t now) {
    int64_t next = INT64_MAX;
    size_t connected = 0;
    const char *name;
    void *value;
    if (!top->sql || !top->looked_at || !top->amqp_url[0])
        return next;
    follow_tenants(top);
    for (size_t at = 0; table_next(&top->lines, &at, &name, &value);) {
        struct keeper *line = value;
        keeper_connect(line, now);
        int64_t due = keeper_work(line, clock_now());
        if (!top->sql) /* and so are the lines */
            return INT64_MAX;
        due = line->bus ? due : next_try(line, now);
        if (line->bus && bus_wants_read(line->bus))
            due = now;
        next = due < next ? due : next;
        connected += line->bus != NULL;
    }
    atomic_store(&top->consuming, connected > 0);
    return next;
}

void keeper_wait_lines(struct keeper *top, int timeout_ms) {
    struct pollfd *fds = mem_zero(top->lines.count + 1, sizeof *fds);
    const char *name;
    void *value;
    size_t n = 0;
    fds[n++] = (struct pollfd){.fd = top->wake_fd, .events = POLLIN};
    for (size_t at = 0; table_next(&top->lines, &at, &name, &value); n++) {
        struct keeper *line = value;
        fds[n] = (struct pollfd){.fd = line->bus ? bus_fd(line->bus) : -1, .events = POLLIN};
    }
    poll(fds, n, timeout_ms);
    uint64_t notes;
    if (fds[0].revents && read(top->wake_fd, &notes, sizeof notes) < 0)
        notes = 0; /* nothing else reads it, so this does not happen */
    int64_t now = clock_now();
    n = 1;
    for (size_t at = 0; table_next(&top->lines, &at, &name, &value); n++) {
        struct keeper *line = value;
        if (!line->bus ||
            !(fds[n].revents || bus_wants_read(line->bus) || now - line->listened_at > LISTEN_WAIT))
            continue;
        line->listened_at = now;
        keeper_listen(line);
    }
    free(fds);
}

void keeper_disconnect_lines(struct keeper *top) {
    const char *name;
    void *value;
    for (size_t at = 0; table_next(&top->lines, &at, &name, &value);)
        keeper_disconnect(value);
}

void keeper_end_lines(struct keeper *top) {
    const char *name;
    void *value;
    for (size_t at = 0; table_next(&top->lines, &at, &name, &value);)
        line_free(value);
    table_done(&top->lines, NULL);
}
