#include "module/feed/ring.h"

#include "module/base/mem.h"

#include <stdlib.h>

void ring_init(struct feed_ring *ring, size_t events_most, size_t bytes_most) {
    *ring = (struct feed_ring){.capacity = events_most, .bytes_most = bytes_most};
    ring->events = mem_zero(events_most, sizeof(struct feed_event *));
    ring->from = ring->next = -1;
}

static void forget_first(struct feed_ring *ring) {
    struct feed_event *event = ring->events[ring->first];
    ring->first = (ring->first + 1) % ring->capacity;
    ring->count--;
    ring->bytes -= sizeof *event + event->length;
    ring->from = event->offset + 1;
    free(event);
}

void ring_clear(struct feed_ring *ring) {
    while (ring->count > 0)
        forget_first(ring);
    ring->from = ring->next = -1;
}

void ring_done(struct feed_ring *ring) {
    ring_clear(ring);
    free(ring->events);
    ring->events = NULL;
}

void ring_add(struct feed_ring *ring, int64_t offset, struct feed_event *event) {
    if (ring->from < 0)
        ring->from = offset;
    ring->next = offset + 1;
    if (!event)
        return;
    if (ring->count == ring->capacity)
        forget_first(ring);
    ring->events[(ring->first + ring->count++) % ring->capacity] = event;
    ring->bytes += sizeof *event + event->length;
    while (ring->bytes > ring->bytes_most && ring->count > 1)
        forget_first(ring);
}

const struct feed_event *ring_at(const struct feed_ring *ring, size_t i) {
    return ring->events[(ring->first + i) % ring->capacity];
}

size_t ring_find(const struct feed_ring *ring, int64_t offset) {
    size_t low = 0, high = ring->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (ring_at(ring, middle)->offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}
