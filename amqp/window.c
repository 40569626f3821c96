#include "amqp/window.h"

#include "module/base/mem.h"

#include <stdlib.h>

static void grow(struct window *window) {
    size_t capacity = window->capacity ? window->capacity * 2 : 256;
    unsigned char *settled = mem_zero(capacity, 1);
    for (uint64_t tag = window->first; tag <= window->last; tag++)
        settled[tag & (capacity - 1)] = window->settled[tag & (window->capacity - 1)];
    free(window->settled);
    window->settled = settled;
    window->capacity = capacity;
}

uint64_t window_add(struct window *window) {
    if (window->first == 0)
        window->first = 1;
    if (window->last + 1 - window->first >= window->capacity)
        grow(window);
    window->last++;
    window->settled[window->last & (window->capacity - 1)] = 0;
    window->open++;
    return window->last;
}

/* Returns whether it was open. */
static bool close_one(struct window *window, uint64_t tag) {
    unsigned char *settled = &window->settled[tag & (window->capacity - 1)];
    if (*settled)
        return false;
    *settled = 1;
    window->open--;
    while (window->first <= window->last && window->settled[window->first & (window->capacity - 1)])
        window->first++;
    return true;
}

void window_settle(struct window *window, uint64_t tag, bool multiple,
                   void (*each)(void *arg, uint64_t tag), void *arg) {
    if (tag > window->last || window->first == 0)
        return;
    for (uint64_t at = multiple ? window->first : tag; at <= tag; at++)
        if (at >= window->first && close_one(window, at) && each)
            each(arg, at);
}

void window_done(struct window *window) {
    free(window->settled);
    *window = (struct window){0};
}
