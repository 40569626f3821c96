/* The relay and its broker. */
#include "module/service/relay_private.h"

#include "module/base/error.h"

#include "module/service/exchanges.h"

#include <stdio.h>
#include <string.h>

#define CONNECT_WAIT_LEAST CLOCK_SECOND
#define CONNECT_WAIT_MOST (5 * CLOCK_SECOND)
#define LOG_PATIENCE (60 * CLOCK_SECOND)
#define REFUSAL_WAIT \
    (10 * CLOCK_SECOND) /* wrong password, an exchange of another kind: somebody must act */

/* Once when it goes; a refusal also when it follows a loss. */
static void complain(struct relay *relay, const struct jobs_error *why) {
    bool refusal = why->code == BUS_EREFUSED;
    if (!relay->bus_down || (refusal && !relay->refusal))
        log_write(relay->log, refusal ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING,
                  "datasource %s: events wait in the outbox: %s", relay->datasource, why->text);
    relay->bus_down = true;
    relay->refusal = refusal;
}

static void wait_longer(struct relay *relay, const struct jobs_error *why) {
    int64_t wait = relay->connect_wait;
    bool hangs = relay->tenant && why->code == JOBS_ETIMEOUT; /* others want to connect as well */
    if (why->code == BUS_EREFUSED || hangs)
        wait = REFUSAL_WAIT;
    relay->next_connect = clock_now() + wait;
    relay->connect_wait =
        relay->connect_wait * 2 < CONNECT_WAIT_MOST ? relay->connect_wait * 2 : CONNECT_WAIT_MOST;
}

/* What was under way may or may not have arrived: all of it is read and sent again, oldest
 * first. */
void relay_disconnect(struct relay *relay) {
    atomic_fetch_add(&relay->top->resent, relay->under_way);
    opening_cancel(&relay->opening);
    bus_close(relay->bus);
    relay->bus = NULL;
    bool nothing = relay->tenant && relay->hand.events == 0;
    relay_forget(relay);
    memset(relay->slots, 0, relay->slot_count * sizeof *relay->slots);
    relay->under_way = 0;
    relay->oldest = 1;
    relay->newest = 0;
    relay->next_read = nothing ? INT64_MAX : 0;
    atomic_store(&relay->connected, false);
    atomic_store(&relay->in_hand, 0);
}

/* A connection that worked is made again at once. */
static void lose(struct relay *relay, const struct jobs_error *why) {
    complain(relay, why);
    relay_disconnect(relay);
    if (relay->proven) {
        relay->connect_wait = CONNECT_WAIT_LEAST;
        relay->next_connect = 0;
    } else {
        wait_longer(relay, why);
    }
}

/* The log is a durable queue whose process is not running: its broker has just come. What is
 * published until it runs is confirmed and not in the log. A log that does not come at all is given up
 * after a minute. */
static bool is_late(struct relay *relay) {
    int64_t now = clock_now();
    if (relay->log_awaited_since == 0)
        relay->log_awaited_since = now;
    return now - relay->log_awaited_since > LOG_PATIENCE;
}

static int not_yet(struct jobs_error *err) {
    error_prefix(err, "the log of events is not there yet");
    return err->code = BUS_ELOST;
}

/* Events go on without a log; said once. A broker that knows stream queues but has them switched
 * off ends the connection with 541 (or 540): the next one does not ask. */
static int declare_log(struct relay *relay, struct bus *bus, struct jobs_error *err) {
    if (relay->no_streams)
        return 0;
    int rc = exchanges_declare_log(bus, relay->service, &relay->log_queue, err);
    int code = rc < 0 ? bus_reply_code(bus) : 0;
    if (code == 404 && !is_late(relay))
        return not_yet(err);
    relay->log_awaited_since = 0;
    relay->no_streams = rc == BUS_ELOST && (code == 540 || code == 541);
    if (rc != BUS_EREFUSED && !relay->no_streams)
        return rc;
    if (!relay->log_refused)
        log_warning(relay->log, "datasource %s: there is no log of events as configured: %s%s",
                    relay->datasource, err->text,
                    code == 406 ? " (if it is there with another age or size: delete it, and it is "
                                  "made anew; what it holds is lost)"
                                : "");
    relay->log_refused = true;
    return rc == BUS_EREFUSED ? 0 : rc;
}

/* On any thread: touches nothing of the relay's but what connecting is about. */
static int connect_bus(void *arg, struct bus **ret, struct jobs_error *err) {
    struct relay *relay = arg;
    struct bus *bus = NULL;
    char name[200];
    snprintf(name, sizeof name, "%s relay of %s", relay->service, relay->datasource);
    struct bus_options options = {.url = relay->amqp_url,
                                  .vhost = relay->vhost,
                                  .name = name,
                                  .timeout = 5000,
                                  .confirms = true,
                                  .max_length = 1};
    int rc = bus_open(&options, &bus, err);
    if (rc == 0)
        rc = exchanges_declare(bus, relay->service, err);
    if (rc == 0)
        rc = declare_log(relay, bus, err);
    if (rc == 0)
        *ret = bus;
    else
        bus_close(bus);
    return rc;
}

/* False: not yet. */
static bool connect_line(struct relay *line, int *ret_rc, struct jobs_error *err) {
    if (!line->opening.begun &&
        !opening_begin(&line->opening, connect_bus, line, &line->top->openings, line->top->wake_fd))
        return false;
    return opening_take(&line->opening, ret_rc, &line->bus, err);
}

void relay_connect(struct relay *relay, int64_t now) {
    struct jobs_error err;
    int rc;
    if (relay->bus || now < relay->next_connect)
        return;
    if (!relay->tenant)
        rc = connect_bus(relay, &relay->bus, &err);
    else if (!connect_line(relay, &rc, &err))
        return;
    if (rc < 0) {
        complain(relay, &err);
        wait_longer(relay, &err);
        return;
    }
    relay->proven = relay->stalled = false;
    relay->connected_at = relay->progress_at = clock_now();
    atomic_store(&relay->connected, true);
}

/* A new connection gets one message until that is confirmed: a broker that blocks says so only to
 * those who publish, and what it then holds unread it would take twice. */
bool relay_can_publish(const struct relay *relay) {
    return relay->bus && !bus_is_blocked(relay->bus) && !list_empty(&relay->hand.ready) &&
           relay->under_way < (relay->proven ? relay->window : 1) &&
           relay->newest + 1 - relay->oldest < relay->slot_count;
}

static void remember(struct relay *relay, uint64_t tag, struct relay_chain *chain) {
    if (relay->under_way == 0) {
        relay->oldest = tag;
        relay->progress_at = clock_now();
    }
    relay->newest = tag;
    relay->slots[tag % relay->slot_count] = chain;
    relay->under_way++;
    atomic_fetch_add_explicit(&relay->top->published, 1, memory_order_relaxed);
    if (chain->refused_since)
        atomic_fetch_add_explicit(&relay->top->resent, 1, memory_order_relaxed);
}

/* The chain of a tag that was answered. */
static struct relay_chain *recall(struct relay *relay, uint64_t tag) {
    struct relay_chain *chain = relay->slots[tag % relay->slot_count];
    relay->slots[tag % relay->slot_count] = NULL;
    relay->under_way--;
    while (relay->oldest <= relay->newest && !relay->slots[relay->oldest % relay->slot_count])
        relay->oldest++;
    return chain;
}

static int send_event(struct relay *relay, const struct relay_event *event, uint64_t *ret_tag,
                      struct jobs_error *err) {
    struct job_event what;
    int rc = relay_event_get(event, relay->service, &what, err);
    if (rc == 0)
        rc = job_event_key(&what, &relay->key, err);
    if (rc == 0)
        rc = job_event_body(&what, &relay->body, err);
    if (rc < 0)
        return rc;
    job_event_id(&what, &relay->id);
    size_t trace_length;
    const char *trace = job_event_trace(&what, &trace_length);
    buf_clear(&relay->trace);
    if (trace)
        buf_add(&relay->trace, trace, trace_length);
    struct bus_header headers[] = {{"tenant", what.tenant},
                                   {"traceparent", buf_get(&relay->trace)}};
    struct bus_message message = {.exchange = relay->exchange,
                                  .routing_key = relay->key.data,
                                  .body = relay->body.data,
                                  .length = relay->body.length,
                                  .content_type = JOB_EVENT_CONTENT_TYPE,
                                  .message_id = relay->id.data,
                                  .persistent = true,
                                  .headers = headers,
                                  .header_count = trace ? 2 : 1};
    return bus_publish(relay->bus, &message, ret_tag, err);
}

static void skip(struct relay *relay, struct relay_chain *chain, const struct jobs_error *why) {
    const struct relay_event *event = hand_first(chain);
    log_about(relay->log, LOG_LEVEL_ERROR, relay_event_tenant(event), chain->id,
              "an event of outbox row %lld is skipped, it cannot be encoded: %s",
              (long long)event->row->id, why->text);
    atomic_fetch_add(&relay->top->unreadable, 1);
    hand_settle(&relay->hand, chain);
}

void relay_publish(struct relay *relay) {
    if (!relay_can_publish(relay))
        return;
    struct jobs_error err;
    int rc = 0;
    bus_batch_begin(relay->bus);
    for (int i = 0; i < RELAY_TURN && rc == 0 && relay_can_publish(relay); i++) {
        struct relay_chain *chain = hand_next(&relay->hand);
        uint64_t tag;
        rc = send_event(relay, hand_first(chain), &tag, &err);
        if (rc == JOBS_EINVAL) {
            skip(relay, chain, &err);
            rc = 0;
        } else if (rc == 0) {
            remember(relay, tag, chain);
        }
    }
    if (rc < 0)
        lose(relay, &err);
    else
        bus_batch_end(relay->bus);
}

static void refused(struct relay *relay, struct relay_chain *chain, int64_t now) {
    atomic_fetch_add(&relay->top->refused, 1);
    if (!chain->refused_since || now - chain->refused_since < relay->refused_ms * CLOCK_MS) {
        hand_refuse(&relay->hand, chain, now);
        return;
    }
    struct job_event what = {0};
    struct jobs_error ignored;
    const struct relay_event *event = hand_first(chain);
    relay_event_get(event, relay->service, &what, &ignored);
    log_about(relay->log, LOG_LEVEL_ERROR, relay_event_tenant(event), chain->id,
              "event %lld is dropped, a queue that is bound to %s has refused it for %lld ms",
              (long long)what.version, relay->exchange, (long long)relay->refused_ms);
    atomic_fetch_add(&relay->top->dropped, 1);
    hand_settle(&relay->hand, chain);
}

static void take_confirms(struct relay *relay) {
    relay->progress_at = clock_now();
    relay->proven = true;
    relay->stalled = false;
    relay->stall_wait = RELAY_STALL;
    if (relay->blocking)
        log_info(relay->log, "datasource %s: the broker no longer blocks", relay->datasource);
    relay->blocking = false;
}

static void confirmed(void *arg, uint64_t tag, enum bus_outcome outcome) {
    struct relay *relay = arg;
    if (outcome == BUS_UNKNOWN) /* relay_disconnect follows */
        return;
    struct relay_chain *chain = recall(relay, tag);
    take_confirms(relay);
    if (outcome == BUS_NACK) {
        refused(relay, chain, relay->progress_at);
        return;
    }
    atomic_fetch_add_explicit(&relay->top->confirmed, 1, memory_order_relaxed);
    hand_settle(&relay->hand, chain);
}

/* Each new connection is told: logged once. */
static void blocked(void *arg, bool is, const char *reason) {
    struct relay *relay = arg;
    if (is && !relay->blocking)
        log_warning(relay->log, "datasource %s: events wait in the outbox: the broker blocks (%s)",
                    relay->datasource, reason);
    relay->blocking = relay->blocking || is;
}

void relay_listen(struct relay *relay, int64_t timeout_ms) {
    struct bus_handlers handlers = {.arg = relay, .confirmed = confirmed, .blocked = blocked};
    struct jobs_error err;
    if (bus_poll(relay->bus, timeout_ms, &handlers, &err) < 0)
        lose(relay, &err);
    else if (relay->bus_down &&
             (relay->proven || clock_now() - relay->connected_at > 2 * CLOCK_SECOND)) {
        log_info(relay->log, "datasource %s: connected to the broker, events go on",
                 relay->datasource);
        relay->bus_down = relay->refusal = false;
        relay->connect_wait = CONNECT_WAIT_LEAST;
    }
}
