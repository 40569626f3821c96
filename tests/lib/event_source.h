/* For tests of live events: publishes status changes as the relay does, and listens to a feed with
 * sinks that remember what they got. Include cmocka's friends and cmocka.h as well. */
#ifndef TESTS_LIB_EVENT_SOURCE_H
#define TESTS_LIB_EVENT_SOURCE_H
#include "amqp/bus.h"
#include "module/feed/feed.h"

/* ---- publishing ---- */
struct event_source {
    struct bus *bus;
    char service[100], exchange[200], queue[200];
    const char *url;
    int64_t published; /* status changes: the number of the next one */
};
/* Declares exchanges and log for a new service name (NULL) or this one. */
void event_source_open(struct event_source *source, const char *url, const char *service);
void event_source_close(struct event_source *source);
/* `count` changes of one job each; waits until the broker has them all. `related_id` may be NULL. */
void event_source_publish(struct event_source *source, const char *tenant, const char *class_name,
                          enum job_status status, const char *related_id, int count);
/* The id of the job of a change: by its number. */
void event_source_id(int64_t number, char ret[37]);

/* ---- listening ---- */
struct ear;
/* `after` as in feed_listen; `filter` NULL: everything of all tenants, no progress. */
struct ear *ear_listen(struct feed *feed, const struct feed_filter *filter, int64_t after);
/* A client that takes nothing by itself: what is written waits for it, up to FEED_SINK_LIMIT. */
struct ear *ear_listen_slowly(struct feed *feed, const struct feed_filter *filter, int64_t after);
/* It takes so many bytes of what waits. */
void ear_take(struct ear *ear, size_t bytes);
/* A sink that takes no more than so many bytes from now on (0: all). */
void ear_limit(struct ear *ear, size_t bytes);
struct ear_counts {
    size_t events;       /* status changes */
    int64_t first, last; /* their numbers, -1: none */
    bool disordered;     /* a number not above the last one: twice, or out of order */
    size_t missing;      /* numbers between those seen that were left out */
    size_t gaps, progress, comments;
    int64_t id; /* the last id told, also without an event: for a reconnect. -1: none */
    bool closed;
    size_t waiting, waited_most; /* bytes, of a slow one */
};
struct ear_counts ear_get(struct ear *ear);
/* Counts one block of lines of a stream, without the empty line at its end. */
void event_source_take(struct ear_counts *counts, const char *block);
/* Until it has so many events, or was closed; false after `timeout` ms (times test_time_factor). */
bool ear_wait(struct ear *ear, size_t events, int64_t timeout);
/* The client goes: the next write fails. Waits until the feed has closed it; frees it. */
void ear_free(struct ear *ear);
#endif
