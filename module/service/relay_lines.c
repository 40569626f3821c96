/* With a virtual host per tenant: lines, one for each tenant that has events. The outbox is split
 * by tenant into t_job_outbox_parked, and each line reads its part there, so that one virtual host
 * that refuses or hangs keeps nobody else's events waiting. A connection is opened on use, by a thread
 * of its own, and closed after a minute without. All lines share the relay's thread and session. */
#include "module/service/relay_private.h"

#include "module/base/mem.h"
#include "tenant/rights.h"

#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

enum { SLOTS = 1024, WINDOW = 400, WANTED = 800, BYTES = 4 << 20, SPLITS = 20, WAIT_MS = 1000 };
#define IDLE (60 * CLOCK_SECOND)
#define SPLIT_WAIT (250 * CLOCK_MS)
#define LOOK_WAIT (5 * CLOCK_SECOND) /* for what another relay has split */
#define LOOK_PART 50                 /* and for this part of the time at most: dead rows cost */
#define LISTEN_WAIT CLOCK_SECOND     /* heartbeats */
#define UNWILLING (3 * CLOCK_SECOND)
#define OPENING_WAIT (100 * CLOCK_MS) /* others connect: as many as may at a time */

bool relay_has_lines(const struct relay *top) { return top->vhosts || top->draining; }

static struct relay *line_new(struct relay *top, const char *tenant) {
    struct relay *line = MEM_NEW(struct relay);
    struct buf name = {0};
    line->top = top;
    line->tenant = mem_text(tenant);
    line->slot_count = SLOTS;
    line->window = WINDOW;
    line->wanted = WANTED;
    line->most_bytes = BYTES;
    relay_init(line, top);
    buf_format(&name, "%s (tenant %s)", top->datasource, tenant);
    line->datasource = buf_take(&name);
    if (top->vhosts) {
        char vhost[TENANT_VHOST_SIZE];
        tenant_vhost_name(top->service, tenant, vhost);
        line->vhost = mem_text(vhost);
    }
    return line;
}

static void line_has(struct relay *top, const char *tenant) {
    struct relay *line = table_get(&top->lines, tenant);
    if (!line) {
        line = line_new(top, tenant);
        table_put(&top->lines, line->tenant, line);
    }
    if (line->next_read == INT64_MAX)
        line->next_read = 0;
    line->busy_at = clock_now();
}

static bool line_wants(const struct relay *line) {
    return line->hand.events > 0 || line->next_read != INT64_MAX;
}

/* Lines that another mode left end when they are empty. */
static bool line_is_over(const struct relay *line, int64_t now) {
    return !line_wants(line) && line->hand.done_count == 0 &&
           (!line->top->vhosts || now - line->busy_at > IDLE);
}

/* Of one without a connection. One that is being made leaves a note. */
static int64_t next_try(const struct relay *line, int64_t now) {
    if (line->opening.begun || !line_wants(line))
        return INT64_MAX;
    return line->next_connect > now ? line->next_connect : now + OPENING_WAIT;
}

/* Returns when there is something to do for it. */
static int64_t line_turn(struct relay *line, int64_t now) {
    if (line_wants(line) || line->opening.begun)
        relay_connect(line, now);
    if (!line->bus) {
        relay_delete(line, now);
        return next_try(line, now);
    }
    int64_t next_due = hand_wake(&line->hand, now);
    if (!bus_is_blocked(line->bus))
        relay_read(line, now);
    relay_publish(line);
    relay_delete(line, clock_now());
    if (line_wants(line))
        line->busy_at = now;
    return now + relay_wait_ms(line, clock_now(), next_due) * CLOCK_MS;
}

/* Events may also be parked by another relay, or be taken away with their tenant. */
static void look(struct relay *top, int64_t now) {
    const char *tenant;
    void *value;
    for (size_t at = 0; table_next(&top->lines, &at, &tenant, &value);) {
        struct relay *line = value;
        if (!line->bus)
            line->next_read = INT64_MAX;
    }
    if (!relay_look(top, line_has))
        return;
    int64_t took = clock_now() - now;
    top->next_look = now + (took * LOOK_PART > LOOK_WAIT ? took * LOOK_PART : LOOK_WAIT);
    top->draining = top->draining && top->lines.count > 0;
}

static void split(struct relay *top, int64_t now) {
    if (!top->sql)
        return;
    if (now >= top->next_look)
        look(top, now);
    if (!top->vhosts || !top->sql ||
        (!atomic_exchange(&top->woken, false) && now < top->next_split))
        return;
    bool more = true;
    for (int i = 0; more && i < SPLITS; i++)
        more = relay_split(top, line_has);
    if (top->sql && !top->sql_down)
        top->next_split = more ? now : now + SPLIT_WAIT;
}

/* A broker that nobody reaches is better left to another instance; a virtual host that refuses is
 * its tenant's trouble. */
static void judge(struct relay *top, int64_t now) {
    const char *tenant;
    void *value;
    size_t lost = 0, good = 0, events = 0;
    for (size_t at = 0; table_next(&top->lines, &at, &tenant, &value);) {
        struct relay *line = value;
        if (line->bus && !bus_is_blocked(line->bus) && !relay_is_stalled(line, now))
            good++;
        else if (line_wants(line) && line->bus_down && !line->refusal)
            lost++;
        events += line->hand.events;
    }
    atomic_store(&top->in_hand, events);
    atomic_store(&top->connected, good > 0);
    atomic_store(&top->unwilling_until, lost > 0 && good == 0 ? now + UNWILLING : 0);
}

static void wait_for_lines(struct relay *top, int64_t until) {
    struct pollfd *fds = mem_zero(top->lines.count + 1, sizeof *fds);
    const char *tenant;
    void *value;
    size_t n = 0;
    fds[n++] = (struct pollfd){.fd = top->wake_fd, .events = POLLIN};
    for (size_t at = 0; table_next(&top->lines, &at, &tenant, &value); n++) {
        struct relay *line = value;
        fds[n] = (struct pollfd){.fd = line->bus ? bus_fd(line->bus) : -1, .events = POLLIN};
    }
    int64_t left = until - clock_now();
    poll(fds, n, left <= 0 ? 0 : (int)((left + CLOCK_MS - 1) / CLOCK_MS));
    uint64_t notes;
    if (fds[0].revents && read(top->wake_fd, &notes, sizeof notes) < 0)
        notes = 0; /* nothing else reads it, so this does not happen */
    int64_t now = clock_now();
    n = 1;
    for (size_t at = 0; table_next(&top->lines, &at, &tenant, &value); n++) {
        struct relay *line = value;
        if (!line->bus ||
            !(fds[n].revents || bus_wants_read(line->bus) || now - line->listened_at > LISTEN_WAIT))
            continue;
        line->listened_at = now;
        relay_listen(line, 0);
    }
    free(fds);
}

static void line_free(struct relay *top, struct relay *line) {
    relay_delete(line, INT64_MAX);
    table_take(&top->lines, line->tenant);
    relay_disconnect(line);
    relay_done(line);
}

void relay_turn_lines(struct relay *top) {
    int64_t now = clock_now(), until = now + WAIT_MS * CLOCK_MS;
    const char *tenant;
    void *value;
    relay_open(top, now);
    split(top, now);
    if (!relay_has_lines(top))
        return;
    for (size_t at = 0; table_next(&top->lines, &at, &tenant, &value);) {
        struct relay *line = value;
        int64_t next = line_turn(line, now);
        if (next < until)
            until = next;
        if (line_is_over(line, now))
            line_free(top, line);
    }
    if (!top->sql && top->next_open < until)
        until = top->next_open;
    if (top->sql && top->vhosts && top->next_split < until)
        until = top->next_split;
    if (top->draining && !top->vhosts && top->lines.count == 0)
        until = top->next_look = 0; /* is that all? */
    wait_for_lines(top, until);
    judge(top, clock_now());
}

void relay_end_lines(struct relay *top, int64_t until) {
    const char *tenant;
    void *value;
    for (size_t at = 0; table_next(&top->lines, &at, &tenant, &value);) {
        struct relay *line = value;
        while (line->bus && line->under_way > 0 && clock_now() < until)
            relay_listen(line, 20);
        relay_delete(line, INT64_MAX);
        relay_disconnect(line);
        hand_clear(&line->hand);
        line->next_read = INT64_MAX;
        line->next_delete = line->next_connect = 0;
        if (atomic_load(&top->stopping))
            line_free(top, line);
    }
}
