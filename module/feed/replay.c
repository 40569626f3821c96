/* Listeners that want what the ring does not have any more: readers of the past, each for all that
 * want about the same place, until the ring is reached.
 *
 * Nobody is cut for taking little, and nobody keeps others out. A listener that is full leaves its
 * reader and waits aside until it has room; a reader waits for it a little, so that it need not be
 * opened for each piece. While others wait for a reader, those who have one take turns with them. */
#include "module/base/clock.h"
#include "module/base/mem.h"
#include "module/feed/private.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

enum { READERS = 4, PREFETCH = 64, TIMEOUT_MS = 5000, TOGETHER = 5000 };
#define LEAVES_AT (FEED_SINK_LIMIT / 2) /* bytes: also if the rest of its reader goes on */
#define TURN (CLOCK_SECOND / 2)         /* while others wait */
#define PATIENCE (2 * FEED_LOOK)        /* with one that is full, while others want to go on */
#define PAUSE_MOST (4 * CLOCK_SECOND)   /* a reader must be polled by then */
#define SILENCE (5 * CLOCK_SECOND)      /* nothing is there any more */
#define TRY_AGAIN CLOCK_SECOND

struct reader {
    struct list link; /* in feed.readers */
    struct bus_stream *stream;
    struct list listeners;
    struct feed *feed;
    int64_t next;  /* offset that comes next */
    bool compared; /* the log still had what came before it */
    int64_t heard_at, paused_since;
    int64_t began_at; /* clock_now() at its first event; 0: none yet */
};

static void reader_free(struct reader *reader, struct list *ret_listeners) {
    list_move_all(ret_listeners, &reader->listeners);
    list_remove(&reader->link);
    bus_stream_close(reader->stream);
    free(reader);
}

static void cut(struct feed *feed, struct listener *listener) {
    list_remove(&listener->link);
    atomic_fetch_sub(&feed->replaying, 1);
    listener_close(feed, listener, true);
}

/* ---- beginning ---- */

static size_t reader_count(const struct feed *feed) {
    size_t n = 0;
    LIST_EACH (&feed->readers, p)
        n++;
    return n;
}

static struct reader *find_reader(struct feed *feed, int64_t next) {
    LIST_EACH (&feed->readers, p) {
        struct reader *reader = LIST_ENTRY(p, struct reader, link);
        if (reader->next <= next && next - reader->next <= TOGETHER)
            return reader;
    }
    return NULL;
}

static struct reader *open_reader(struct feed *feed, int64_t next) {
    char name[200];
    struct jobs_error err;
    snprintf(name, sizeof name, "%s past events", feed->service);
    struct bus_stream_options options = {.url = feed->amqp_url,
                                         .vhost = feed->vhost,
                                         .name = name,
                                         .timeout = TIMEOUT_MS,
                                         .max_length = FEED_MESSAGE_MAX,
                                         .queue = feed->queue,
                                         .start = BUS_STREAM_OFFSET,
                                         .value = next > 0 ? next - 1 : 0,
                                         .prefetch = PREFETCH};
    struct bus_stream *stream;
    if (bus_stream_open(&options, &stream, NULL, &err) < 0)
        return NULL; /* the live reader tells of it */
    struct reader *reader = MEM_NEW(struct reader);
    *reader = (struct reader){.stream = stream, .feed = feed, .next = next, .compared = next == 0};
    reader->heard_at = clock_now();
    list_init(&reader->listeners);
    list_push_back(&feed->readers, &reader->link);
    return reader;
}

static void join(struct reader *reader, struct listener *listener) {
    list_remove(&listener->link);
    list_push_back(&reader->listeners, &listener->link);
}

/* Where a reader for the first one begins: there, or a little before, if others want that. */
static int64_t place_of(const struct feed *feed, int64_t first) {
    int64_t place = first;
    LIST_EACH (&feed->pending, p) {
        int64_t next = LIST_ENTRY(p, struct listener, link)->next;
        if (next < place && first - next <= TOGETHER)
            place = next;
    }
    return place;
}

static void join_those_near(struct feed *feed) {
    LIST_EACH (&feed->pending, p) {
        struct listener *listener = LIST_ENTRY(p, struct listener, link);
        struct reader *reader = find_reader(feed, listener->next);
        if (reader)
            join(reader, listener);
    }
}

/* False: the broker is away. */
static bool begin(struct feed *feed) {
    join_those_near(feed);
    while (!list_empty(&feed->pending) && reader_count(feed) < READERS) {
        int64_t first = LIST_ENTRY(feed->pending.next, struct listener, link)->next;
        if (!open_reader(feed, place_of(feed, first)))
            return false;
        join_those_near(feed);
    }
    return true;
}

static void set_aside(struct feed *feed, struct listener *listener) {
    if (!listener_write_batch(listener)) {
        cut(feed, listener);
        return;
    }
    list_remove(&listener->link);
    list_push_back(&feed->full, &listener->link);
}

static void take_back_from_aside(struct feed *feed) {
    LIST_EACH (&feed->full, p)
        if (!listener_is_full(LIST_ENTRY(p, struct listener, link))) {
            list_remove(p);
            list_push_back(&feed->pending, p);
        }
}

/* ---- reading ---- */

/* A reader begins at the event before the one that is wanted, which was seen: when that is not there
 * any more, others may have gone with it. (Offsets have holes: nothing is to be seen from those.) */
static void compare(struct reader *reader, int64_t offset) {
    reader->compared = true;
    LIST_EACH (&reader->listeners, p) {
        struct listener *listener = LIST_ENTRY(p, struct listener, link);
        if (offset >= listener->next && !listener_tell_gap(reader->feed, listener, offset))
            cut(reader->feed, listener);
    }
}

static size_t held(const struct listener *listener) {
    return listener->sink.pending(listener->sink.arg) + listener->batch.length;
}

/* One that holds much leaves before the event: it goes on from there. */
static void give(struct reader *reader, struct listener *listener, int64_t offset,
                 const struct feed_event *event) {
    bool takes = event && feed_filter_takes(&listener->filter, event);
    if (takes && held(listener) > LEAVES_AT) {
        set_aside(reader->feed, listener);
        return;
    }
    listener->next = offset + 1;
    if (!takes)
        return;
    buf_add(&listener->batch, event->text, event->length);
    atomic_fetch_add_explicit(&reader->feed->sent, 1, memory_order_relaxed);
}

static void take(void *arg, const struct bus_delivery *message) {
    struct reader *reader = arg;
    int64_t offset = message->stream_offset;
    if (!reader->began_at)
        reader->began_at = clock_now();
    if (!reader->compared)
        compare(reader, offset);
    struct feed_event *event = feed_event_read(message, offset);
    LIST_EACH (&reader->listeners, p) {
        struct listener *listener = LIST_ENTRY(p, struct listener, link);
        if (offset >= listener->next)
            give(reader, listener, offset, event);
    }
    free(event);
}

/* Waits for those that are full, for so long that it hinders nobody. True: not now. */
static bool pauses(struct reader *reader, int64_t now) {
    struct feed *feed = reader->feed;
    size_t full = 0, all = 0;
    LIST_EACH (&reader->listeners, p) {
        all++;
        full += listener_is_full(LIST_ENTRY(p, struct listener, link));
    }
    if (full == 0) {
        reader->paused_since = 0;
        return false;
    }
    if (!reader->paused_since)
        reader->paused_since = now;
    reader->heard_at = now; /* nobody listened */
    bool hinders = full < all || !list_empty(&feed->pending);
    if (now - reader->paused_since < (hinders ? PATIENCE : PAUSE_MOST))
        return true;
    LIST_EACH (&reader->listeners, p)
        if (listener_is_full(LIST_ENTRY(p, struct listener, link)))
            set_aside(feed, LIST_ENTRY(p, struct listener, link));
    reader->paused_since = 0;
    return true;
}

/* Back to the feed's thread, which has the rest in its ring. */
static void hand_over(struct feed *feed, struct listener *listener) {
    list_remove(&listener->link);
    buf_done(&listener->batch);
    atomic_fetch_sub(&feed->replaying, 1);
    mail_put(&feed->arriving, listener);
}

static void pass_on(struct reader *reader, bool silent) {
    struct feed *feed = reader->feed;
    int64_t from = atomic_load(&feed->ring_from);
    LIST_EACH (&reader->listeners, p) {
        struct listener *listener = LIST_ENTRY(p, struct listener, link);
        bool open = listener_write_batch(listener);
        if (open && silent && listener->next < from) /* forgotten by the log, to the last one */
            open = listener_tell_gap(feed, listener, from);
        if (!open)
            cut(feed, listener);
        else if (silent || (from >= 0 && listener->next >= from))
            hand_over(feed, listener);
    }
}

/* The first in the list has been open for the longest time. */
static void give_way(struct feed *feed, int64_t now) {
    if (list_empty(&feed->pending) || reader_count(feed) < READERS)
        return;
    LIST_EACH (&feed->readers, p) {
        struct reader *reader = LIST_ENTRY(p, struct reader, link);
        if (reader->began_at && now - reader->began_at > TURN) {
            reader_free(reader, &feed->pending);
            return;
        }
    }
}

/* False: its connection is lost. */
static bool work(struct reader *reader) {
    struct jobs_error err;
    if (pauses(reader, clock_now()))
        return true;
    int n = bus_stream_poll(reader->stream, 0, take, reader, &err);
    if (n < 0)
        return false;
    if (n > 0)
        reader->heard_at = clock_now();
    if (bus_stream_next(reader->stream) >= 0)
        reader->next = bus_stream_next(reader->stream);
    pass_on(reader, clock_now() - reader->heard_at > SILENCE);
    return true;
}

/* ---- the thread ---- */

static void beat(struct feed *feed, struct list *list, int64_t now) {
    LIST_EACH (list, p) {
        struct listener *listener = LIST_ENTRY(p, struct listener, link);
        if (listener_is_over(listener, listener->next, now) ||
            !listener_beat(listener, ":\n\n", now))
            cut(feed, listener);
    }
}

static void wait_for_something(struct feed *feed) {
    struct pollfd fds[READERS + 1] = {{.fd = feed->to_replay.fd, .events = POLLIN}};
    nfds_t n = 1;
    const int look = (int)(FEED_LOOK / CLOCK_MS);
    bool idle = list_empty(&feed->pending) && list_empty(&feed->readers);
    int timeout = !list_empty(&feed->full) ? look : idle ? -1 : 1000;
    /* The analyzer does not see that a reader that was freed is no longer in the list. */
    LIST_EACH (&feed->readers, p) { /* NOLINT(clang-analyzer-unix.Malloc) */
        const struct reader *reader = LIST_ENTRY(p, struct reader, link);
        if (reader->paused_since)
            timeout = timeout == 0 ? 0 : look;
        else if (bus_stream_wants_read(reader->stream))
            timeout = 0;
        else
            fds[n++] = (struct pollfd){.fd = bus_stream_fd(reader->stream), .events = POLLIN};
    }
    poll(fds, n, timeout);
}

static void turn(struct feed *feed, int64_t *next_try) {
    int64_t now = clock_now();
    mail_take(&feed->to_replay, &feed->pending);
    take_back_from_aside(feed);
    if (now >= *next_try && !begin(feed))
        *next_try = now + TRY_AGAIN;
    LIST_EACH (&feed->readers, p) {
        struct reader *reader = LIST_ENTRY(p, struct reader, link);
        bool fine = work(reader);
        beat(feed, &reader->listeners, now);
        if (!fine)
            *next_try = now + TRY_AGAIN;
        if (!fine || list_empty(&reader->listeners))
            reader_free(reader, &feed->pending);
    }
    give_way(feed, now);
    beat(feed, &feed->pending, now);
    beat(feed, &feed->full, now);
}

void *replay_main(void *arg) {
    struct feed *feed = arg;
    int64_t next_try = 0;
    while (!atomic_load(&feed->stopping)) {
        turn(feed, &next_try);
        wait_for_something(feed);
    }
    LIST_EACH (&feed->readers, p)
        reader_free(LIST_ENTRY(p, struct reader, link), &feed->pending);
    mail_take(&feed->to_replay, &feed->pending);
    list_move_all(&feed->pending, &feed->full);
    for (struct list *p; (p = list_pop_front(&feed->pending));)
        listener_close(feed, LIST_ENTRY(p, struct listener, link), false);
    return NULL;
}
