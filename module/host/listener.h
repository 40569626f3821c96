/* The thread of a host that hears what is said about the running job: stop, and how far is it? */
#ifndef HOST_LISTENER_H
#define HOST_LISTENER_H
#include "module/worker/run.h"

#include <pthread.h>

struct host {
    pthread_mutex_t lock; /* for all below, and for writing a frame */
    struct job *job;      /* the one that runs, NULL: none */
    uint32_t number;      /* of the last job begun, from 1 */
    uint32_t stopped;     /* the greatest number that a stop was meant for */
    int64_t count, done;  /* as last told */
};

/* Starts the thread; it ends with the process. False: it cannot be started. */
bool listener_start(struct host *host);
/* The running job's progress, if it moved since it was last told. Lock held. */
void host_tell_progress(struct host *host);
/* Writes all of it; the process ends when nobody reads any more. Lock held. */
void host_write(const void *bytes, size_t length);
#endif
