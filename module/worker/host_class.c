/* A C class of kind process, from the service's side: its runs are orders to a child host. */
#include "module/base/mem.h"
#include "module/worker/frame.h"
#include "module/worker/program.h"
#include "module/worker/run_object.h"
#include "module/worker/talk.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct hosted {
    struct talk talk; /* first */
    struct buf came;  /* frames, the last one not yet whole */
    int code;
    bool confused; /* what came was no frame */
};

/* Static text of an error kind that a host named. */
static const char *known_kind(const char *kind) {
    static const char *const kinds[] = {"ERROR", "RESULT", "PARAMETER", "CLASS", "TIMEOUT"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kind, kinds[i]) == 0)
            return kinds[i];
    return "ERROR";
}

static void take_outcome(struct hosted *h, const struct frame *frame) {
    struct job *job = h->talk.job;
    struct host_outcome o;
    const char *texts[4]; /* error kind, error, result, result class name */
    if (!frame_read(frame, &o, sizeof o, texts, 4)) {
        h->confused = true;
        return;
    }
    h->talk.over = true;
    switch ((enum run_end)o.end) {
    case RUN_SUCCEEDED:
        h->code = job_succeed_as(job, o.has_result_class_name ? texts[3] : NULL,
                                 o.has_result ? texts[2] : NULL);
        return;
    case RUN_SNOOZED: h->code = job_snooze(job, o.delay); return;
    case RUN_ABORTED: h->code = job_aborted(job); return;
    case RUN_RETRY_IN: h->code = job_retry_in(job, o.delay, "%s", texts[1]); return;
    case RUN_FAILED:
    case RUN_FAILED_FOR_GOOD:
        h->code = run_fail_kind(job, (enum run_end)o.end, known_kind(texts[0]), "%s", texts[1]);
        return;
    }
    h->confused = true;
}

static void take_frame(struct hosted *h, const struct frame *frame) {
    struct host_progress progress;
    struct host_log log;
    const char *text;
    if (frame->type == FRAME_PROGRESS && frame_read(frame, &progress, sizeof progress, NULL, 0))
        run_set_progress(h->talk.job, progress.count, progress.done);
    else if (frame->type == FRAME_LOG && frame_read(frame, &log, sizeof log, &text, 1))
        job_log(h->talk.job, log.level, "%s", text);
    else if (frame->type == FRAME_OUTCOME)
        take_outcome(h, frame);
    else
        h->confused = true;
}

/* A class that writes into the pipes of its host makes them unreadable: that child is no use. */
static void on_answers(struct talk *talk, const char *bytes, size_t length) {
    struct hosted *h = (struct hosted *)(void *)talk;
    struct frame frame;
    size_t at = 0;
    long size = 0;
    buf_add(&h->came, bytes, length);
    while (!h->confused && !talk->over &&
           (size = frame_get(h->came.data + at, h->came.length - at, &frame)) > 0) {
        take_frame(h, &frame);
        at += (size_t)size;
    }
    h->confused = h->confused || size < 0;
    talk->over = talk->over || h->confused;
    memmove(h->came.data, h->came.data + at, h->came.length - at);
    h->came.length -= at;
}

static void control(const struct talk *talk, bool stop) {
    struct host_control c = {.stop = stop, .job = talk->child->jobs};
    ssize_t n = write(talk->child->control, &c, sizeof c); /* full: it is not listening anyway */
    (void)n;
}

static void on_stop(struct talk *talk) { control(talk, true); }
static void on_pause(struct talk *talk) { control(talk, false); }

static int code_of(struct hosted *h) {
    const struct child *c = h->talk.child;
    struct job *job = h->talk.job;
    if (h->confused)
        return run_fail_kind(job, RUN_FAILED, "CRASH",
                             "its host sent what is no answer: does the class write to descriptors "
                             "that are not its own?");
    if (h->talk.over)
        return h->code;
    if (c->ended && c->report.event == SPAWN_FAILED)
        return run_fail_kind(job, RUN_FAILED, "CLASS", "%s cannot be started: %s: %s",
                             c->class->settings.argv[0], c->report.step, strerror(c->report.code));
    char *how = talk_how_it_ended(&h->talk);
    bool cannot_load =
        c->ended && WIFEXITED(c->report.code) && WEXITSTATUS(c->report.code) == HOST_EXIT_CLASS;
    int code =
        run_fail_kind(job, RUN_FAILED, cannot_load ? "CLASS" : "CRASH", "%s%s",
                      cannot_load ? "the class cannot be loaded in a child host: " : "", how);
    free(how);
    return code;
}

static void make_order(struct buf *order, const struct job *job) {
    struct host_order head = {.attempt = job->attempt, .version = job->version};
    const char *const texts[] = {job->id,
                                 job->tenant,
                                 job->class_name,
                                 job->parameters_text,
                                 job->traceparent,
                                 job_workspace(job),
                                 NULL};
    frame_put(order, FRAME_ORDER, &head, sizeof head, texts);
}

/* True: the order was not taken, try another host. */
static bool talk_about(struct job *job, struct child *child, const struct buf *order,
                       int *ret_code) {
    struct hosted h = {.talk = {.job = job,
                                .child = child,
                                .send = order->data,
                                .send_length = order->length,
                                .on_answers = on_answers,
                                .on_stop = on_stop,
                                .on_pause = on_pause}};
    talk_run(&h.talk);
    bool again = talk_was_not_read(&h.talk);
    if (!again)
        *ret_code = code_of(&h);
    if (h.talk.over && !h.confused && h.came.length == 0)
        child_give_back(child);
    else
        child_discard(child);
    buf_done(&h.came);
    return again;
}

int host_run(struct job *job) {
    struct child_class *class = job_shared(job);
    struct jobs_error err = {0};
    struct child *child;
    struct buf order = {0};
    bool again = false;
    int code = 0;
    if (child_lend_workspace(class, job, &err) < 0)
        return run_fail_kind(job, RUN_FAILED, "WORKSPACE", "%s", err.text);
    make_order(&order, job);
    do {
        if (child_take(class, again, NULL, NULL, &child, &err) < 0)
            code = run_fail_kind(job, RUN_FAILED, "CLASS", "%s", err.text), again = false;
        else
            again = talk_about(job, child, &order, &code);
    } while (again);
    buf_done(&order);
    return code;
}
