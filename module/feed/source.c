/* The live readers: the end of the log, and progress. */
#include "module/base/clock.h"
#include "module/feed/private.h"

#include <stdio.h>
#include <stdlib.h>

#define TRY_AGAIN CLOCK_SECOND
#define TRY_PROGRESS (5 * CLOCK_SECOND)
#define QUIET (CLOCK_SECOND / 4) /* a block of the log has come by then */
#define SETTLED CLOCK_SECOND     /* also where it is never quiet */
#define REMADE (3 * CLOCK_SECOND)
enum { TIMEOUT_MS = 5000 };

/* ---- the log ---- */

void source_close(struct feed *feed) {
    bus_stream_close(feed->source.stream);
    feed->source.stream = NULL;
    feed->source.settled = false;
    atomic_store(&feed->connected, false);
}

static void lose(struct feed *feed, const struct jobs_error *why) {
    if (!feed->source.complained)
        log_warning(feed->log, "live events wait: %s", why->text);
    feed->source.complained = true;
    source_close(feed);
    feed->source.next_try = clock_now() + TRY_AGAIN;
}

/* Opened at the last block, it is seen where the log ends. When that begins after what is wanted
 * next, it is opened at the last one that was read, to see that it goes on from there. */
static void open_stream(struct feed *feed, bool at_last) {
    struct source *source = &feed->source;
    char name[200];
    struct jobs_error err;
    snprintf(name, sizeof name, "%s live events", feed->service);
    struct bus_stream_options options = {.url = feed->amqp_url,
                                         .vhost = feed->vhost,
                                         .name = name,
                                         .timeout = TIMEOUT_MS,
                                         .max_length = FEED_MESSAGE_MAX,
                                         .queue = feed->queue,
                                         .start = at_last ? BUS_STREAM_LAST : BUS_STREAM_OFFSET,
                                         .value = at_last ? 0 : feed->ring.next - 1};
    if (bus_stream_open(&options, &source->stream, NULL, &err) < 0) {
        source->stream = NULL;
        lose(feed, &err);
        return;
    }
    if (source->complained)
        log_info(feed->log, "live events go on");
    source->complained = false;
    source->at_last = at_last;
    source->behind = false;
    source->seen = -1;
    source->opened_at = source->heard_at = clock_now();
}

static void take(void *arg, const struct bus_delivery *message) {
    struct feed *feed = arg;
    struct source *source = &feed->source;
    int64_t offset = message->stream_offset, wanted = feed->ring.next;
    bool begins = source->seen < 0;
    source->seen = offset;
    if (begins && wanted >= 0 && offset >= wanted && source->at_last)
        source->behind = true;
    if (source->behind || offset < wanted)
        return;
    if (begins && wanted > 0) {
        fan_gap(feed, wanted, offset); /* it was away for longer than the log keeps */
        ring_clear(&feed->ring);
    }
    struct feed_event *event = feed_event_read(message, offset);
    if (event)
        fan_event(feed, event);
    ring_add(&feed->ring, offset, event);
    atomic_fetch_add_explicit(&feed->events, 1, memory_order_relaxed);
}

/* The log ends before what has been read already: it was deleted and made anew. */
static bool is_remade(const struct feed *feed) {
    return feed->source.at_last && feed->ring.next >= 0 && feed->source.seen + 1 < feed->ring.next;
}

static void settle(struct feed *feed, int64_t now) {
    struct source *source = &feed->source;
    bool quiet = now - source->heard_at > QUIET,
         long_open = now - source->opened_at > SETTLED && feed->ring.next >= 0;
    if (source->settled || !(quiet || long_open))
        return;
    if (!is_remade(feed)) {
        source->settled = true;
        source->settled_at = now;
        atomic_store(&feed->connected, true);
    } else if (now - source->opened_at > REMADE) {
        log_warning(feed->log, "the queue %s was made anew: live events have a gap", feed->queue);
        fan_gap(feed, feed->ring.next, -1);
        ring_clear(&feed->ring);
        source_close(feed);
    }
}

void source_work(struct feed *feed, int64_t now) {
    struct source *source = &feed->source;
    struct jobs_error err;
    if (!source->stream && now >= source->next_try)
        open_stream(feed, true);
    if (!source->stream)
        return;
    int n = bus_stream_poll(source->stream, 0, take, feed, &err);
    if (n < 0) {
        lose(feed, &err);
        return;
    }
    if (n > 0)
        source->heard_at = clock_now();
    if (source->behind) {
        source_close(feed);
        open_stream(feed, false);
    } else {
        settle(feed, clock_now());
    }
}

/* ---- progress ---- */

void source_progress_close(struct feed *feed) {
    bus_close(feed->source.progress);
    feed->source.progress = NULL;
}

static int open_progress(struct feed *feed, struct bus *bus, struct jobs_error *err) {
    char queue[256];
    int rc = feed->declare_progress(bus, feed->service, err);
    if (rc == 0)
        rc = bus_declare_queue(bus, "", BUS_EXCLUSIVE | BUS_AUTO_DELETE, NULL, 0, queue, err);
    if (rc == 0)
        rc = bus_bind(bus, queue, feed->progress_exchange, feed->progress_key, err);
    if (rc == 0)
        rc = bus_consume(bus, queue, 0, BUS_NO_ACK | BUS_EXCLUSIVE, NULL, NULL, err);
    return rc;
}

/* What fails here is not told: the log's reader meets the same. */
static void connect_progress(struct feed *feed, int64_t now) {
    struct source *source = &feed->source;
    char name[200];
    snprintf(name, sizeof name, "%s live progress", feed->service);
    struct bus_options options = {.url = feed->amqp_url,
                                  .name = name,
                                  .timeout = TIMEOUT_MS,
                                  .max_length = FEED_MESSAGE_MAX};
    struct jobs_error err;
    source->next_progress_try = now + TRY_PROGRESS;
    if (bus_open(&options, &source->progress, &err) < 0)
        source->progress = NULL;
    else if (open_progress(feed, source->progress, &err) < 0)
        source_progress_close(feed);
}

static void take_progress(void *arg, const struct bus_delivery *message) {
    struct feed *feed = arg;
    struct feed_event *event = feed_progress_read(message);
    if (event) {
        fan_event(feed, event);
        atomic_fetch_add_explicit(&feed->progress, 1, memory_order_relaxed);
    }
    free(event);
}

/* Only beside a reader of the log: a broker that is away is asked once. */
void source_progress_work(struct feed *feed, int64_t now) {
    struct source *source = &feed->source;
    if (!source->progress && feed->declare_progress && source->stream &&
        now >= source->next_progress_try)
        connect_progress(feed, now);
    if (!source->progress)
        return;
    const struct bus_handlers handlers = {.arg = feed, .delivered = take_progress};
    struct jobs_error err;
    if (bus_poll(source->progress, 0, &handlers, &err) < 0)
        source_progress_close(feed);
}
