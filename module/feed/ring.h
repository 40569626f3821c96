/* The latest events in memory, without gaps: who comes back soon is served from here. One thread. */
#ifndef FEED_RING_H
#define FEED_RING_H
#include "module/feed/event.h"

struct feed_ring {
    struct feed_event **events;
    size_t capacity, first, count;
    size_t bytes, bytes_most;
    int64_t from; /* every event of this offset and later ones is here; -1: nothing was ever read */
    int64_t next; /* offset that comes next */
};

void ring_init(struct feed_ring *ring, size_t events_most, size_t bytes_most);
void ring_done(struct feed_ring *ring);
/* Forgets all: what comes next may have any offset. */
void ring_clear(struct feed_ring *ring);
/* Takes the event (NULL: the message of that offset was none) over; the oldest may be forgotten. */
void ring_add(struct feed_ring *ring, int64_t offset, struct feed_event *event);
/* The i-th of those that are here, from the oldest. */
const struct feed_event *ring_at(const struct feed_ring *ring, size_t i);
/* Index of the first one with this offset or a later one. */
size_t ring_find(const struct feed_ring *ring, int64_t offset);
#endif
