/* A connection to a broker that is made on a thread of its own, so that one that hangs holds up
 * nobody else's. One thread begins, takes and cancels it. */
#ifndef SERVICE_OPENING_H
#define SERVICE_OPENING_H
#include "amqp/bus.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

enum { OPENINGS_MOST = 32 }; /* at a time, of those that share a count */

/* Makes the connection, with all that it needs before its use; ret_bus is set on success only. */
typedef int opening_make(void *arg, struct bus **ret_bus, struct jobs_error *err);

struct opening { /* zeroed: none is under way */
    bool begun;
    size_t *count; /* of those under way */
    int note_fd;   /* eventfd: told when it is over */
    opening_make *make;
    void *arg;
    pthread_t thread;
    atomic_bool over;
    int rc; /* from here on what came of it */
    struct bus *bus;
    struct jobs_error err;
};

/* Begins one: make(arg) alone uses what it uses until it has been taken. False: as many as may be
 * are under way. */
bool opening_begin(struct opening *opening, opening_make *make, void *arg, size_t *count,
                   int note_fd);
/* False: it is under way still. *ret_rc, *ret_bus and *err are what make gave; nothing is under way
 * any more. */
bool opening_take(struct opening *opening, int *ret_rc, struct bus **ret_bus,
                  struct jobs_error *err);
/* Waits for it, as long as make takes, and closes what it made. Nothing under way: returns. */
void opening_cancel(struct opening *opening);
#endif
