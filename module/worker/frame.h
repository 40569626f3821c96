/* Messages between a slot's thread and a child host, on pipes: a type, a length, that many bytes.
 * Both ends are of one release and one host, so structs travel as they are in memory. */
#ifndef WORKER_FRAME_H
#define WORKER_FRAME_H
#include "module/base/buf.h"

#define FRAME_MAX ((size_t)8 << 20)

enum {                      /* where a host finds its pipes */
       HOST_ORDERS_FD = 3,  /* FRAME_ORDER */
       HOST_ANSWERS_FD = 4, /* what comes back */
       HOST_CONTROL_FD = 5  /* struct host_control: while a job runs */
};

/* A host's exit code when it cannot load or open its class; stderr says why. */
enum { HOST_EXIT_CLASS = 66 };

enum frame_type {
    FRAME_ORDER,    /* struct host_order, then id, tenant, class name, parameters, traceparent and
                       workspace, each ending in NUL */
    FRAME_PROGRESS, /* struct host_progress */
    FRAME_LOG,      /* struct host_log, then the text */
    FRAME_OUTCOME   /* struct host_outcome, then error kind, error, result, result class name, each
                       ending in NUL; the last frame of a job */
};
struct frame_head {
    uint32_t type, length;
};
struct host_order {
    uint32_t attempt, version;
};
struct host_progress {
    int64_t count, done;
};
struct host_log {
    int32_t level;
};
struct host_outcome {
    int32_t end; /* enum run_end */
    int64_t delay;
    uint8_t has_error, has_result, has_result_class_name;
};
struct host_control {
    uint32_t stop; /* 1: stop the job that runs; 0: how far is it? */
    uint32_t job;  /* number of the job in this host, from 1: a late one is not for the next */
};

/* Appends a frame of a head struct and texts (last NULL) with their NULs. */
void frame_put(struct buf *out, enum frame_type type, const void *head, size_t head_length,
               const char *const *texts);

/* A frame that has come. */
struct frame {
    enum frame_type type;
    const char *bytes;
    size_t length;
};
/* The first whole frame of data[0..length); its size with its head, 0: not whole yet, -1: no frame
 * (type or length is none). */
long frame_get(const char *data, size_t length, struct frame *ret);
/* Copies the head struct and finds the texts behind it, exactly `count`. False: they are not
 * there. */
bool frame_read(const struct frame *frame, void *head, size_t head_length, const char **texts,
                size_t count);
#endif
