#include "module/service/opening.h"

#include <string.h>
#include <unistd.h>

static void *run(void *arg) {
    struct opening *opening = arg;
    const uint64_t one = 1;
    opening->rc = opening->make(opening->arg, &opening->bus, &opening->err);
    int fd = opening->note_fd;
    atomic_store(&opening->over, true); /* it may be gone from here on, once it is joined */
    if (write(fd, &one, sizeof one) < 0)
        return NULL; /* the counter is full: it is readable, which is all that matters */
    return NULL;
}

bool opening_begin(struct opening *opening, opening_make *make, void *arg, size_t *count,
                   int note_fd) {
    if (*count >= OPENINGS_MOST)
        return false;
    memset(opening, 0, sizeof *opening);
    opening->count = count;
    opening->note_fd = note_fd;
    opening->make = make;
    opening->arg = arg;
    if (pthread_create(&opening->thread, NULL, run, opening) != 0)
        return false; /* so many threads already: later */
    opening->begun = true;
    ++*count;
    return true;
}

static void join(struct opening *opening) {
    pthread_join(opening->thread, NULL);
    opening->begun = false;
    --*opening->count;
}

bool opening_take(struct opening *opening, int *ret_rc, struct bus **ret_bus,
                  struct jobs_error *err) {
    if (!atomic_load(&opening->over))
        return false;
    join(opening);
    *ret_rc = opening->rc;
    *ret_bus = opening->bus;
    *err = opening->err;
    return true;
}

void opening_cancel(struct opening *opening) {
    if (!opening->begun)
        return;
    join(opening);
    bus_close(opening->bus);
    opening->bus = NULL;
}
