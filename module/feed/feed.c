#include "module/feed/feed.h"

#include "module/base/clock.h"
#include "module/base/error.h"
#include "module/base/mem.h"
#include "module/feed/private.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RING_EVENTS 20000
#define RING_BYTES ((size_t)16 << 20)
#define KEEP_READING (60 * CLOCK_SECOND) /* after the last listener has left */
#define BEAT CLOCK_SECOND

/* ---- the feed's thread ---- */

static void take_arriving(struct feed *feed) {
    struct list arriving;
    list_init(&arriving);
    mail_take(&feed->arriving, &arriving);
    for (struct list *p; (p = list_pop_front(&arriving));)
        fan_admit(feed, LIST_ENTRY(p, struct listener, link));
}

/* Without listeners nothing is read; what was read is forgotten. */
static bool is_needed(struct feed *feed, int64_t now) {
    if (atomic_load(&feed->listeners) > 0)
        feed->empty_since = 0;
    else if (feed->empty_since == 0)
        feed->empty_since = now;
    bool needed = feed->source.stream
                      ? feed->empty_since == 0 || now - feed->empty_since < KEEP_READING
                      : feed->empty_since == 0;
    if (!needed) {
        source_close(feed);
        source_progress_close(feed);
        ring_clear(&feed->ring);
    }
    return needed;
}

static void turn(struct feed *feed, int64_t now) {
    take_arriving(feed);
    if (is_needed(feed, now)) {
        source_work(feed, now);
        source_progress_work(feed, now);
    }
    atomic_store(&feed->ring_from, feed->ring.from);
    atomic_store(&feed->ring_next, feed->ring.next);
    fan_look_again(feed);
    if (clock_now() >= fan_due(feed))
        fan_flush(feed);
    if (now - feed->beat_at >= BEAT) {
        feed->beat_at = now;
        fan_beat(feed, now);
    }
}

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

static int wait_ms(const struct feed *feed) {
    const struct source *source = &feed->source;
    int64_t now = clock_now(), until = least(now + BEAT, fan_due(feed));
    if ((source->stream && bus_stream_wants_read(source->stream)) ||
        (source->progress && bus_wants_read(source->progress)))
        return 0;
    if (atomic_load(&feed->listeners) == 0 && !source->stream)
        return -1;
    if (!list_empty(&feed->behind))
        until = least(until, now + FEED_LOOK);
    if (!source->stream)
        until = least(until, source->next_try);
    else if (!source->settled)
        until = least(until, now + 50 * CLOCK_MS);
    return until <= now ? 0 : (int)((until - now + CLOCK_MS - 1) / CLOCK_MS);
}

static void *feed_main(void *arg) {
    struct feed *feed = arg;
    const struct source *source = &feed->source;
    while (!atomic_load(&feed->stopping)) {
        turn(feed, clock_now());
        struct pollfd fds[] = {{.fd = feed->arriving.fd, .events = POLLIN},
                               {.fd = source->stream ? bus_stream_fd(source->stream) : -1,
                                .events = POLLIN},
                               {.fd = source->progress ? bus_fd(source->progress) : -1,
                                .events = POLLIN}};
        poll(fds, 3, wait_ms(feed));
    }
    source_close(feed);
    source_progress_close(feed);
    return NULL;
}

/* ---- any thread ---- */

void feed_listen(struct feed *feed, const struct feed_filter *filter, int64_t after,
                 const struct feed_sink *sink) {
    struct listener *listener = MEM_NEW(struct listener);
    *listener = (struct listener){.sink = *sink, .filter = *filter};
    listener->next = after < 0 ? -1 : after == INT64_MAX ? INT64_MAX : after + 1;
    listener->joined = clock_date();
    listener->joined_at = clock_now();
    atomic_fetch_add(&feed->listeners, 1);
    if (listener_write(listener, ":\n\n", 3))
        mail_put(&feed->arriving, listener);
    else
        listener_close(feed, listener, true);
}

void feed_get_stats(struct feed *feed, struct feed_stats *ret) {
    *ret = (struct feed_stats){.listeners = atomic_load(&feed->listeners),
                               .replaying = atomic_load(&feed->replaying),
                               .events = atomic_load(&feed->events),
                               .progress = atomic_load(&feed->progress),
                               .sent = atomic_load(&feed->sent),
                               .cut = atomic_load(&feed->cut),
                               .gaps = atomic_load(&feed->gaps),
                               .connected = atomic_load(&feed->connected)};
}

/* ---- life ---- */

static char *name_of(const char *service, const char *what) {
    struct buf name = {0};
    buf_format(&name, "%s.%s", service, what);
    return buf_take(&name);
}

static void feed_free(struct feed *feed) {
    mail_done(&feed->arriving);
    mail_done(&feed->to_replay);
    ring_done(&feed->ring);
    free(feed->service);
    free(feed->amqp_url);
    free(feed->queue);
    free(feed->progress_exchange);
    free(feed->progress_key);
    free(feed->vhost);
    free(feed);
}

static int start_threads(struct feed *feed) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* threads inherit it */
    int failed = pthread_create(&feed->thread, NULL, feed_main, feed);
    if (!failed && (failed = pthread_create(&feed->replay_thread, NULL, replay_main, feed))) {
        atomic_store(&feed->stopping, true);
        mail_ring(&feed->arriving);
        pthread_join(feed->thread, NULL);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed)
        return failed;
    pthread_setname_np(feed->thread, "jobs-feed");
    pthread_setname_np(feed->replay_thread, "jobs-replay");
    return 0;
}

int feed_start(const struct feed_options *options, struct feed **ret, struct jobs_error *err) {
    struct feed *feed = MEM_NEW(struct feed);
    feed->log = options->log;
    feed->declare_progress = options->declare_progress;
    feed->service = mem_text(options->service);
    feed->amqp_url = mem_text(options->amqp_url);
    feed->vhost = options->vhost ? mem_text(options->vhost) : NULL;
    feed->progress_key = mem_text(options->progress_key ? options->progress_key : "#");
    feed->queue = name_of(options->service, "events.log");
    feed->progress_exchange = name_of(options->service, "progress");
    ring_init(&feed->ring, options->ring_events ? options->ring_events : RING_EVENTS,
              options->ring_bytes ? options->ring_bytes : RING_BYTES);
    atomic_store(&feed->ring_from, -1);
    atomic_store(&feed->ring_next, -1);
    list_init(&feed->dirty), list_init(&feed->waiting), list_init(&feed->ahead);
    list_init(&feed->behind), list_init(&feed->pending), list_init(&feed->full);
    list_init(&feed->readers);
    bool failed = mail_init(&feed->arriving) < 0;
    failed |= mail_init(&feed->to_replay) < 0;
    if (failed || start_threads(feed) != 0) {
        feed_free(feed);
        return error_set(err, JOBS_ENOMEM,
                         "the feed of live events cannot be started: no thread or descriptor left");
    }
    *ret = feed;
    return 0;
}

void feed_stop(struct feed *feed) {
    if (!feed)
        return;
    atomic_store(&feed->stopping, true);
    mail_ring(&feed->arriving);
    mail_ring(&feed->to_replay);
    pthread_join(feed->thread, NULL);
    pthread_join(feed->replay_thread, NULL);
    take_arriving(feed); /* what the replay gave back last; nobody else is here any more */
    fan_close(feed);
    struct list rest;
    list_init(&rest);
    mail_take(&feed->to_replay, &rest);
    for (struct list *p; (p = list_pop_front(&rest));)
        listener_close(feed, LIST_ENTRY(p, struct listener, link), false);
    feed_free(feed);
}
