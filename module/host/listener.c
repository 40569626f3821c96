#include "module/host/listener.h"

#include "module/worker/frame.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

void host_write(const void *bytes, size_t length) {
    const char *at = bytes;
    while (length > 0) {
        ssize_t n = write(HOST_ANSWERS_FD, at, length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            _exit(EXIT_FAILURE);
        at += n;
        length -= (size_t)n;
    }
}

void host_tell_progress(struct host *host) {
    struct host_progress now;
    struct buf out = {0};
    run_get_progress(host->job, &now.count, &now.done);
    if (now.count == host->count && now.done == host->done)
        return;
    host->count = now.count;
    host->done = now.done;
    frame_put(&out, FRAME_PROGRESS, &now, sizeof now, NULL);
    host_write(out.data, out.length);
    buf_done(&out);
}

static void hear(struct host *host, const struct host_control *said) {
    pthread_mutex_lock(&host->lock);
    if (said->stop && said->job > host->stopped)
        host->stopped = said->job; /* it may not have begun yet */
    if (host->job && host->number == said->job) {
        if (said->stop)
            run_stop(host->job, RUN_STOP_SHUTDOWN); /* the service knows the true reason */
        else
            host_tell_progress(host);
    }
    pthread_mutex_unlock(&host->lock);
}

static void *listen_main(void *arg) {
    struct host_control said;
    for (;;) { /* they are small: never written or read in parts */
        ssize_t n = read(HOST_CONTROL_FD, &said, sizeof said);
        if (n == (ssize_t)sizeof said)
            hear(arg, &said);
        else if (n >= 0 || errno != EINTR)
            return NULL;
    }
}

bool listener_start(struct host *host) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, listen_main, host) != 0)
        return false;
    pthread_detach(thread);
    return true;
}
