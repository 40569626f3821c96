/* The relay's thread. */
#include "module/service/relay_private.h"

#include "module/base/error.h"
#include "module/base/mem.h"
#include "module/service/exchanges.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { REFUSED_MS = 60000, TIMEOUT_MS = 5000, MOST_WAIT_MS = 1000 };
#define STALL_MOST (160 * CLOCK_SECOND)
#define UNWILLING (3 * CLOCK_SECOND) /* for so long another instance may try */

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* Nothing is confirmed for too long. A broker that is merely slow gets more time at every turn. */
bool relay_is_stalled(struct relay *relay, int64_t now) {
    if (relay->under_way == 0 || relay->stalled || now - relay->progress_at < relay->stall_wait)
        return relay->stalled;
    log_warning(relay->log, "datasource %s: the broker has confirmed nothing for %lld s",
                relay->datasource, (long long)(relay->stall_wait / CLOCK_SECOND));
    relay->stalled = true;
    relay->stall_wait = least(2 * relay->stall_wait, STALL_MOST);
    return true;
}

/* Tells whether the lease would be better with another instance. */
static void judge(struct relay *relay, int64_t now) {
    bool trouble = !relay->bus || bus_is_blocked(relay->bus) || relay_is_stalled(relay, now);
    atomic_store(&relay->unwilling_until, trouble ? now + UNWILLING : 0);
}

/* Milliseconds until there is something to do but for what the broker or a note brings. */
int relay_wait_ms(const struct relay *relay, int64_t now, int64_t next_due) {
    if (relay_can_publish(relay) || (relay->bus && bus_wants_read(relay->bus)))
        return 0;
    int64_t until = least(now + MOST_WAIT_MS * CLOCK_MS, next_due);
    if (!relay->bus)
        until = least(until, relay->next_connect);
    else if (!relay->top->sql)
        until = least(until, relay->top->next_open);
    else if (relay_has_room(relay) && !bus_is_blocked(relay->bus))
        until = least(until, relay->next_read);
    if (relay->top->sql && relay->hand.done_count > 0)
        until = least(until, relay->next_delete);
    return until <= now ? 0 : (int)((until - now + CLOCK_MS - 1) / CLOCK_MS);
}

static void wait_for_something(const struct relay *relay, int timeout_ms) {
    struct pollfd fds[] = {{.fd = relay->wake_fd, .events = POLLIN},
                           {.fd = relay->bus ? bus_fd(relay->bus) : -1, .events = POLLIN}};
    poll(fds, 2, timeout_ms);
    uint64_t notes;
    if (fds[0].revents && read(relay->wake_fd, &notes, sizeof notes) < 0)
        return; /* somebody else's EAGAIN: it is not empty for us alone */
}

static void turn(struct relay *relay) {
    int64_t now = clock_now();
    if (relay_has_lines(relay)) {
        relay_turn_lines(relay);
        return;
    }
    relay_connect(relay, now);
    if (relay->bus) {
        relay_open(relay, now);
        int64_t next_due = hand_wake(&relay->hand, now);
        if (!bus_is_blocked(relay->bus))
            relay_read(relay, now);
        relay_publish(relay);
        relay_delete(relay, clock_now());
        atomic_store(&relay->in_hand, relay->hand.events);
        wait_for_something(relay, relay_wait_ms(relay, clock_now(), next_due));
    } else {
        relay_delete(relay, now);
        wait_for_something(relay, relay_wait_ms(relay, now, INT64_MAX));
    }
    if (relay->bus)
        relay_listen(relay, 0);
    judge(relay, clock_now());
}

/* Sends no more. Confirms on their way are waited for, so that fewer events are sent again by
 * the next holder. */
static void release(struct relay *relay) {
    int64_t until = clock_now() + CLOCK_SECOND;
    relay_end_lines(relay, until);
    while (relay->bus && relay->under_way > 0 && clock_now() < until)
        relay_listen(relay, 20);
    relay_delete(relay, INT64_MAX);
    relay_disconnect(relay);
    hand_clear(&relay->hand);
    sql_close(relay->sql);
    relay->sql = NULL;
    relay->next_connect = relay->next_open = relay->next_read = relay->next_delete = 0;
    relay->next_split = relay->next_look = 0;
}

static void *run(void *arg) {
    struct relay *relay = arg;
    while (!atomic_load(&relay->stopping)) {
        if (atomic_load(&relay->held) && relay->amqp_url[0]) {
            turn(relay);
            continue;
        }
        if (relay->bus || relay->sql)
            release(relay);
        relay->next_connect = relay->next_open = 0;
        wait_for_something(relay, -1);
    }
    release(relay);
    return NULL;
}

static void note(struct relay *relay) {
    const uint64_t one = 1;
    if (write(relay->wake_fd, &one, sizeof one) < 0)
        return; /* the counter is full: it is readable, which is all that matters */
}

void relay_hold(struct relay *relay, bool held) {
    if (atomic_exchange(&relay->held, held) != held)
        note(relay);
}

/* A note that has not been read yet is enough. */
void relay_wake(struct relay *relay) {
    if (atomic_load(&relay->held) && !atomic_exchange(&relay->woken, true))
        note(relay);
}

bool relay_wants_lease(const struct relay *relay) {
    return clock_now() >= atomic_load(&relay->unwilling_until);
}

void relay_get_stats(const struct relay *relay, struct relay_stats *ret) {
    *ret = (struct relay_stats){
        .published = atomic_load(&relay->published),
        .confirmed = atomic_load(&relay->confirmed),
        .refused = atomic_load(&relay->refused),
        .resent = atomic_load(&relay->resent),
        .dropped = atomic_load(&relay->dropped),
        .unreadable = atomic_load(&relay->unreadable),
        .in_hand = atomic_load(&relay->in_hand),
        .connected = atomic_load(&relay->connected),
        .held = atomic_load(&relay->held),
    };
}

static void take_options(struct relay *relay, const struct relay_options *options) {
    relay->log = options->log;
    relay->datasource = mem_text(options->datasource);
    relay->service = mem_text(options->service);
    relay->amqp_url = mem_text(options->amqp_url ? options->amqp_url : "");
    relay->exchange = exchange_name(options->service, "events");
    relay->log_queue = options->log_queue;
    relay->vhosts = options->vhosts;
    relay->refused_ms = options->refused_ms > 0 ? options->refused_ms : REFUSED_MS;
    relay->url = mem_text(options->sql.url);
    relay->schema = mem_text(options->sql.schema);
    relay->application_name = mem_text(options->sql.application_name);
    relay->sql_options = options->sql;
    relay->sql_options.url = relay->url;
    relay->sql_options.schema = relay->schema;
    relay->sql_options.application_name = relay->application_name;
    relay->sql_options.timeout = relay->sql_options.connect_timeout = TIMEOUT_MS;
    relay->sql_options.lock_timeout = 0;
}

void relay_init(struct relay *relay, const struct relay *top) {
    hand_init(&relay->hand);
    floor_init(&relay->floor, relay->tenant != NULL);
    relay_sweep_init(&relay->sweep);
    relay->lines_high = INT64_MIN;
    relay->slots = mem_zero(relay->slot_count, sizeof(struct relay_chain *));
    relay->oldest = relay->row_size = 1;
    relay->connect_wait = CLOCK_SECOND;
    relay->stall_wait = RELAY_STALL;
    if (top == relay)
        return;
    relay->log = top->log;
    relay->service = mem_text(top->service);
    relay->amqp_url = mem_text(top->amqp_url);
    relay->exchange = mem_text(top->exchange);
    relay->log_queue = top->log_queue;
    relay->refused_ms = top->refused_ms;
    relay->wake_fd = -1;
}

void relay_done(struct relay *relay) {
    hand_clear(&relay->hand);
    floor_done(&relay->floor);
    table_done(&relay->lines, NULL);
    if (relay->wake_fd >= 0)
        close(relay->wake_fd);
    buf_done(&relay->key);
    buf_done(&relay->id);
    buf_done(&relay->body);
    buf_done(&relay->list);
    buf_done(&relay->lasts);
    buf_done(&relay->trace);
    free(relay->slots);
    free(relay->datasource);
    free(relay->service);
    free(relay->amqp_url);
    free(relay->exchange);
    free(relay->url);
    free(relay->schema);
    free(relay->application_name);
    free(relay->tenant);
    free(relay->vhost);
    free(relay);
}

static int start_thread(struct relay *relay) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&relay->thread, NULL, run, relay);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!failed)
        pthread_setname_np(relay->thread, "jobs-relay");
    return failed;
}

int relay_start(const struct relay_options *options, struct relay **ret, struct jobs_error *err) {
    struct relay *relay = MEM_NEW(struct relay);
    relay->top = relay;
    relay->slot_count = RELAY_SLOTS;
    relay->window = RELAY_WINDOW;
    relay->wanted = RELAY_WANTED;
    relay->most_bytes = RELAY_BYTES;
    take_options(relay, options);
    relay_init(relay, relay);
    relay->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (relay->wake_fd < 0 || start_thread(relay) != 0) {
        relay_done(relay);
        return error_set(err, JOBS_ENOMEM,
                         "the relay cannot be started: no thread or descriptor left");
    }
    *ret = relay;
    return 0;
}

void relay_stop(struct relay *relay) {
    if (!relay)
        return;
    atomic_store(&relay->stopping, true);
    note(relay);
    pthread_join(relay->thread, NULL);
    relay_done(relay);
}
