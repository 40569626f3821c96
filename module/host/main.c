/* jobs-host: a child that runs the jobs of one C class, one after another, for a JobService.
 * Started by the library; not for use by hand.
 *
 *     jobs-host FILE CLASS [ROOT]
 *
 * FILE is the shared object, "" for a built-in class; ROOT is for those that read files. Orders
 * come on descriptor 3 and go on until its end, answers go to 4, and what concerns the running job
 * comes on 5 (module/worker/frame.h). */
#include "module/base/error.h"
#include "module/host/listener.h"
#include "module/job/classes.h"
#include "module/worker/builtin.h"
#include "module/worker/frame.h"
#include "module/worker/loader.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int refuse(const char *text) {
    fprintf(stderr, "%s\n", text);
    return HOST_EXIT_CLASS;
}

/* ---- orders ---- */

/* Reads until a whole frame is there; false: the end. `in` keeps what came behind it. */
static bool next_order(struct buf *in, struct frame *ret, size_t *used) {
    char bytes[65536];
    memmove(in->data ? in->data : bytes, in->data ? in->data + *used : bytes, in->length - *used);
    in->length -= *used;
    *used = 0;
    for (;;) {
        long size = in->length > 0 ? frame_get(in->data, in->length, ret) : 0;
        if (size > 0) {
            *used = (size_t)size;
            return ret->type == FRAME_ORDER;
        }
        ssize_t n = size < 0 ? 0 : read(HOST_ORDERS_FD, bytes, sizeof bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        buf_add(in, bytes, (size_t)n);
    }
}

static void on_log(void *arg, const struct job *job, int level, const char *text) {
    struct host *host = arg;
    struct host_log head = {.level = level};
    struct buf out = {0};
    (void)job;
    frame_put(&out, FRAME_LOG, &head, sizeof head, (const char *const[]){text, NULL});
    pthread_mutex_lock(&host->lock);
    host_write(out.data, out.length);
    pthread_mutex_unlock(&host->lock);
    buf_done(&out);
}

static const char *or_empty(const char *text) { return text ? text : ""; }

/* Lock held. */
static void tell_outcome(const struct job *job) {
    const struct run_outcome *o = run_outcome(job);
    struct host_outcome head = {.end = (int32_t)o->end,
                                .delay = o->delay,
                                .has_error = o->error != NULL,
                                .has_result = o->result != NULL,
                                .has_result_class_name = o->result_class_name != NULL};
    struct buf out = {0};
    const char *const texts[] = {or_empty(o->error_kind), or_empty(o->error), or_empty(o->result),
                                 or_empty(o->result_class_name), NULL};
    frame_put(&out, FRAME_OUTCOME, &head, sizeof head, texts);
    host_write(out.data, out.length);
    buf_done(&out);
}

static void enter(struct host *host, struct job *job) {
    pthread_mutex_lock(&host->lock);
    host->job = job;
    host->number++;
    host->count = 100;
    host->done = 0;
    if (host->stopped >= host->number)
        run_stop(job, RUN_STOP_SHUTDOWN);
    pthread_mutex_unlock(&host->lock);
}

static void leave(struct host *host, const struct job *job) {
    fflush(stdout); /* so that it belongs to this job */
    pthread_mutex_lock(&host->lock);
    host_tell_progress(host);
    host->job = NULL;
    tell_outcome(job);
    pthread_mutex_unlock(&host->lock);
}

static bool run_one(struct host *host, const struct class_entry *entry, const struct frame *frame) {
    struct host_order head;
    const char *texts[6]; /* id, tenant, class name, parameters, traceparent, workspace */
    if (!frame_read(frame, &head, sizeof head, texts, 6))
        return false;
    struct run_order order = {.id = texts[0],
                              .tenant = texts[1],
                              .class_name = texts[2],
                              .parameters = texts[3],
                              .traceparent = texts[4],
                              .attempt = head.attempt,
                              .version = head.version};
    const char *workspace = texts[5];
    struct job *job = run_new(&order, entry->class, entry->shared);
    run_set_log(job, on_log, host);
    if (chdir(*workspace ? workspace : "/") < 0)
        fprintf(stderr, "chdir %s: %s\n", workspace, strerror(errno));
    enter(host, job);
    run_call(job, workspace);
    leave(host, job);
    run_free(job);
    return true;
}

static void serve(struct host *host, const struct class_entry *entry) {
    struct buf in = {0};
    struct frame frame;
    size_t used = 0;
    if (!listener_start(host))
        exit(refuse("no thread is to be had"));
    while (next_order(&in, &frame, &used) && run_one(host, entry, &frame))
        ;
    buf_done(&in);
}

/* ---- the class ---- */

static int load(struct classes *classes, const char *file, const char *name, const char *root,
                struct jobs_error *err) {
    bool manifest = strcmp(name, "sha256-manifest") == 0, stats = strcmp(name, "file-stats") == 0;
    return *file ? loader_add_file(classes, file, NULL, err)
                 : builtin_add(classes, manifest ? root : NULL, stats ? root : NULL, err);
}

int main(int argc, char **argv) {
    struct host host = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct jobs_error err = {0};
    if (argc < 3 || fcntl(HOST_CONTROL_FD, F_GETFD) < 0)
        return refuse("jobs-host: started by the Jobs library, not by hand");
    for (int fd = HOST_ORDERS_FD; fd <= HOST_CONTROL_FD; fd++)
        fcntl(fd, F_SETFD, FD_CLOEXEC);
    signal(SIGPIPE, SIG_IGN);
    struct classes *classes = classes_new();
    int rc = load(classes, argv[1], argv[2], argc > 3 ? argv[3] : NULL, &err);
    const struct class_entry *entry = classes_find(classes, argv[2]);
    int status = EXIT_SUCCESS;
    if (!entry)
        status = refuse(rc < 0 ? err.text : "the file has no such class (any more)");
    else if (classes_open_one(classes, argv[2], &err) < 0)
        status = refuse(err.text);
    else
        serve(&host, entry);
    classes_free(classes);
    fflush(NULL);
    _exit(status); /* the listener still uses `host` */
}
