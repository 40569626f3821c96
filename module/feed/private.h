/* Inside of the feed. */
#ifndef FEED_PRIVATE_H
#define FEED_PRIVATE_H
#include "amqp/stream.h"
#include "module/base/list.h"
#include "module/base/table.h"
#include "module/feed/feed.h"
#include "module/feed/ring.h"

#include <pthread.h>
#include <stdatomic.h>

#define FEED_BEAT_SECONDS 15 /* a comment to those who got nothing else */
#define FEED_MESSAGE_MAX ((size_t)1 << 18)
/* Of the past a client is given so much ahead of what it has taken. A sink has room for more, and
 * for the longest event. */
#define FEED_AHEAD (FEED_SINK_LIMIT / 4)
#define FEED_LOOK (20 * CLOCK_MS) /* whether those that are full have room again */

/* Belongs to one thread at a time: the feed's or the replay's, or to the mail between them. */
struct listener {
    struct list link;
    struct feed_sink sink;
    struct feed_filter filter;
    struct group *group; /* while it is live */
    int64_t next;        /* offset that it wants next; -1: from now on */
    int64_t joined;      /* microseconds since 1970 */
    int64_t joined_at;   /* clock_now() */
    int64_t ahead_since; /* clock_now(), in feed.ahead */
    int64_t wrote_at;    /* clock_now() */
    struct buf batch;    /* of the past: not yet given to it */
    bool over;           /* its time is up: it is not cut, but ended */
};

/* Live listeners with the same filter: what they get is put together once. */
struct group {
    struct list link;  /* in audience.groups */
    struct list dirty; /* in feed.dirty while there is a batch */
    struct list listeners;
    struct audience *audience;
    struct feed_filter filter;
    char *key;
    struct buf batch; /* not yet given to them */
    size_t batched;   /* events in it */
};

struct audience { /* the groups of one tenant's events, or of all tenants' */
    char tenant[64];
    struct list groups;
};

struct mail {
    pthread_mutex_t lock;
    struct list listeners;
    int fd; /* eventfd: something is there */
};

struct source {
    struct bus_stream *stream;
    bool at_last; /* opened at the last block: where the log ends is found out */
    bool behind;  /* that block begins after what is wanted next: to be opened there */
    bool settled; /* it is known that everything there was has been read */
    int64_t seen; /* highest offset since it was opened; -1: none */
    int64_t opened_at, heard_at, settled_at, next_try;
    bool complained;
    struct bus *progress;
    int64_t next_progress_try;
};

struct feed {
    /* Never change after start. */
    const struct log *log;
    char *service, *amqp_url, *queue, *progress_exchange;
    char *vhost; /* NULL: the URL's */
    char *progress_key;
    int (*declare_progress)(struct bus *bus, const char *service, struct jobs_error *err);
    pthread_t thread, replay_thread;

    /* Any thread. */
    atomic_bool stopping, connected;
    atomic_llong ring_from, ring_next; /* as in the ring */
    atomic_ullong listeners, replaying, events, progress, sent, cut, gaps;
    struct mail arriving, to_replay;

    /* The feed's thread only. */
    struct source source;
    struct feed_ring ring;
    struct table groups;    /* by key of filter: struct group */
    struct table audiences; /* by tenant, "" for all: struct audience */
    struct list dirty;      /* group.dirty */
    struct list waiting;    /* listeners: it is not known yet where the log ends */
    struct list ahead;      /* listeners that want what has not come yet */
    struct list behind;     /* listeners that the ring has more for than they take now */
    int64_t flushed_at, beat_at, empty_since;
    size_t live; /* listeners in groups */

    /* The replay's thread only: replay.c. */
    struct list pending; /* listeners that wait for a reader: who waits longest is first */
    struct list full;    /* listeners that take no more now; they have no reader */
    struct list readers;
};

/* mail.c */
int mail_init(struct mail *mail);
void mail_done(struct mail *mail);
void mail_put(struct mail *mail, struct listener *listener);
void mail_ring(struct mail *mail);
/* Moves all of it to `ret` and forgets the note at the descriptor. */
void mail_take(struct mail *mail, struct list *ret);

/* listener.c */
bool listener_write(struct listener *listener, const char *data, size_t length);
/* What its batch holds. */
bool listener_write_batch(struct listener *listener);
/* It has been given enough for now; what its batch holds counts. */
bool listener_is_full(const struct listener *listener);
/* Closes and frees it; it is in no list. `cut`: it did not keep up, or is gone. */
void listener_close(struct feed *feed, struct listener *listener, bool cut);
/* "event: gap": what lies between was not kept. It goes on at `next`; -1: not known where. */
bool listener_tell_gap(struct feed *feed, struct listener *listener, int64_t next);
/* Its time is up: it is told that it has seen what lies before `next` and is to be closed. */
bool listener_is_over(struct listener *listener, int64_t next, int64_t now);
/* Writes `text`, a comment, if it got nothing for a while. */
bool listener_beat(struct listener *listener, const char *text, int64_t now);

/* fan.c: the feed's thread */
/* Puts a listener where it belongs by what the ring and the source know. */
void fan_admit(struct feed *feed, struct listener *listener);
/* Looks again at those that wait for the source, for what has not come yet, or for room. */
void fan_look_again(struct feed *feed);
void fan_event(struct feed *feed, const struct feed_event *event);
/* Every live listener misses what lies between these offsets; `to` -1: it is not known where the
 * log goes on. */
void fan_gap(struct feed *feed, int64_t from, int64_t to);
/* Gives the batches to the listeners. */
void fan_flush(struct feed *feed);
void fan_beat(struct feed *feed, int64_t now);
void fan_close(struct feed *feed);
/* When the batches are due, clock_now(); INT64_MAX: there is nothing. */
int64_t fan_due(const struct feed *feed);

/* source.c: the feed's thread */
void source_work(struct feed *feed, int64_t now);
void source_close(struct feed *feed);
void source_progress_work(struct feed *feed, int64_t now);
void source_progress_close(struct feed *feed);

/* replay.c */
void *replay_main(void *arg);
#endif
