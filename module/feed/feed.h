/* The feed: live events for many listeners (browsers, microservices) from one reader of the log
 * "<service>.events.log" and one of the exchange "<service>.progress".
 *
 * Each event of the log has an offset. A listener that comes back with the last one that it has
 * seen goes on behind it, without a gap and without one twice: from the ring of the latest events in
 * memory, or else by a reader of its own place in the log until the ring is reached. While the broker
 * is away listeners stay; what was published meanwhile follows when it is back.
 *
 *   feed thread    the live reader, the ring, the groups of listeners with the same filter
 *   replay thread  up to 4 readers of the past, each for all who want about the same place
 *
 * The past is given as fast as it is taken, a quarter of FEED_SINK_LIMIT ahead; a listener that is live
 * and lets a whole one wait is cut.
 *
 * Nothing is read while there is no listener (and for a minute before that). */
#ifndef FEED_FEED_H
#define FEED_FEED_H
#include "module/base/log.h"
#include "module/feed/event.h"

struct feed;

/* A listener as the feed sees it. The feed's threads call; one at a time for each sink. */
struct feed_sink {
    void *arg;
    /* Takes all of it or nothing, without waiting. False: it is gone, or too slow. */
    bool (*write)(void *arg, const char *data, size_t length);
    size_t (*pending)(void *arg); /* bytes that wait to be sent */
    /* The last call: it is gone, too slow, or the feed ends. */
    void (*close)(void *arg);
    int64_t until; /* clock_now() at which it is ended, within about a second; 0: never */
};
#define FEED_SINK_LIMIT ((size_t)1 << 20) /* what a sink should hold before it gives up */

struct feed_options {
    const struct log *log; /* outlives the feed */
    /* Copied. vhost: where the log is, instead of the URL's; NULL: that. progress_key: what of the
     * progress is wanted; NULL: all. */
    const char *service, *amqp_url, *vhost, *progress_key;
    /* Makes sure that "<service>.progress" is there. NULL: no progress. */
    int (*declare_progress)(struct bus *bus, const char *service, struct jobs_error *err);
    size_t ring_events, ring_bytes; /* 0: 20,000 and 16 MiB */
};

/* Needs no broker to be there. */
int feed_start(const struct feed_options *options, struct feed **ret, struct jobs_error *err);
/* Closes all sinks. A broker that hangs at that moment may hold it for some seconds. NULL is fine. */
void feed_stop(struct feed *feed);

/* `after`: the offset of the last event that was seen; negative: from now on. The sink is the feed's
 * until it is closed. What is written begins with a comment at once. One that is ended at its time is
 * told its place first, so that who comes back misses nothing. Any thread. */
void feed_listen(struct feed *feed, const struct feed_filter *filter, int64_t after,
                 const struct feed_sink *sink);

struct feed_stats {
    uint64_t listeners, replaying; /* now; replaying is part of it */
    uint64_t events, progress;     /* read since start */
    uint64_t sent;                 /* events given to listeners, each counted */
    uint64_t cut;                  /* listeners that were too slow or gone */
    uint64_t gaps;                 /* listeners that were told of a gap */
    bool connected;                /* the live reader is at the end of the log */
};
void feed_get_stats(struct feed *feed, struct feed_stats *ret);
#endif
