/* The window of unconfirmed tags. The broker answers in any order, and an answer may be for all up
 * to a tag; here each tag is settled exactly once. Tags are 1, 2, 3, … */
#ifndef AMQP_WINDOW_H
#define AMQP_WINDOW_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct window {
    uint64_t first,
        last; /* oldest tag that may be open, newest given out; zeroed storage is an empty window */
    size_t open;            /* not yet settled */
    unsigned char *settled; /* ring: settled[tag % capacity] for first..last */
    size_t capacity;        /* power of two */
};

uint64_t window_add(struct window *window);
/* Settles `tag`, or with multiple every open one up to it, calling `each` (may be NULL) for those
 * that were open, in ascending order. `each` may add to the window. Unknown tags are ignored. */
void window_settle(struct window *window, uint64_t tag, bool multiple,
                   void (*each)(void *arg, uint64_t tag), void *arg);
void window_done(struct window *window);
#endif
