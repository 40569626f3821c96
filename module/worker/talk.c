#include "module/worker/talk.h"

#include "module/base/clock.h"
#include "module/base/mem.h"
#include "module/worker/run_object.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PIECE ((size_t)64 << 10)
#define PAUSE (250 * CLOCK_MS)
#define GRACE (SPAWN_GRACE_MS * CLOCK_MS)
#define LAST_WORDS CLOCK_SECOND         /* of a host, from SIGTERM to SIGKILL */
#define KEEPER_MOST (20 * CLOCK_SECOND) /* for the keeper's report after SIGKILL */
#define STDERR_SHOWN 4096               /* bytes in an error's text */

/* ---- what comes and goes ---- */

static void send_more(struct talk *t) {
    struct child *c = t->child;
    while (t->sent < t->send_length) {
        ssize_t n = write(c->input, t->send + t->sent, t->send_length - t->sent);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n < 0) { /* it does not want to read; that alone is no failure */
            t->sent = t->send_length;
            return;
        }
        t->sent += (size_t)n;
        t->written += (size_t)n;
    }
    if (t->close_input)
        child_close(&c->input);
}

/* One piece; false: nothing there now. Closes the descriptor at its end. */
static bool take_piece(struct talk *t, int *fd) {
    char bytes[PIECE];
    struct child *c = t->child;
    ssize_t n = *fd >= 0 ? read(*fd, bytes, sizeof bytes) : -1;
    if (n == 0 || (n < 0 && *fd >= 0 && errno != EAGAIN && errno != EINTR))
        child_close(fd);
    if (n <= 0)
        return false;
    if (fd == &c->answers) {
        t->heard = true;
        t->on_answers(t, bytes, (size_t)n);
        return true;
    }
    bool errors = fd == &c->errors;
    tail_add(errors ? &t->job->errors : &t->job->output, bytes, (size_t)n);
    if (!errors && t->on_output)
        t->on_output(t, bytes, (size_t)n);
    return true;
}

/* All that is in the pipes: with nobody left to write they hold no more than the kernel gave
 * them. */
static void drain(struct talk *t) {
    int *const fds[] = {&t->child->answers, &t->child->output, &t->child->errors};
    for (size_t i = 0; i < 3; i++)
        for (int pieces = 0; pieces < 64 && take_piece(t, fds[i]); pieces++)
            ;
}

/* ---- the ladder ---- */

/* ask ─ 5 s ─► SIGTERM ─ 1 s ─► SIGKILL of all ─ 20 s ─► without the keeper's word
 * A program is asked by the SIGTERM. */
static void climb(struct talk *t, int64_t now) {
    enum { ASK, TERMINATE, KILL, GIVE_UP };
    switch (t->rung++) {
    case ASK:
        t->stopping = true;
        t->rung_at = now + GRACE;
        if (t->on_stop) {
            t->on_stop(t);
            return;
        }
        t->rung = KILL;
        child_order(t->child, SPAWN_TERMINATE, 0);
        return;
    case TERMINATE:
        child_order(t->child, SPAWN_TERMINATE, 0);
        t->rung_at = now + LAST_WORDS;
        return;
    case KILL:
        job_log(t->job, LOG_LEVEL_WARNING,
                "it does not stop within %d s of being asked: killed with all it started",
                SPAWN_GRACE_MS / 1000);
        child_order(t->child, SPAWN_KILL, 0);
        t->rung_at = now + KEEPER_MOST;
        return;
    default: t->child->lost = true;
    }
}

static void keep_time(struct talk *t) {
    int64_t now = clock_now();
    if (t->rung == 0 ? job_is_stopped(t->job) : now >= t->rung_at)
        climb(t, now);
    if (t->on_pause && now >= t->pause_at) {
        t->pause_at = now + PAUSE;
        t->on_pause(t);
    }
}

static int64_t wait_of(const struct talk *t) {
    int64_t now = clock_now(), until = t->on_pause ? t->pause_at : INT64_MAX;
    if (t->rung > 0 && t->rung_at < until)
        until = t->rung_at;
    if (until == INT64_MAX)
        return -1;
    return until > now ? until - now : 0;
}

/* ---- the loop ---- */

static void wait_and_take(struct talk *t) {
    struct child *c = t->child;
    struct pollfd fds[] = {
        {.fd = c->line, .events = POLLIN},
        {.fd = c->answers, .events = POLLIN},
        {.fd = c->output, .events = POLLIN},
        {.fd = c->errors, .events = POLLIN},
        {.fd = t->sent < t->send_length ? c->input : -1, .events = POLLOUT},
        {.fd = t->rung == 0 ? job_stop_fd(t->job) : -1, .events = POLLIN},
    };
    int64_t wait = wait_of(t);
    struct timespec timeout = {wait / CLOCK_SECOND, wait % CLOCK_SECOND * 1000};
    if (ppoll(fds, sizeof fds / sizeof *fds, wait < 0 ? NULL : &timeout, NULL) <= 0)
        return;
    if (fds[4].revents)
        send_more(t);
    if (fds[1].revents)
        take_piece(t, &c->answers);
    if (fds[2].revents)
        take_piece(t, &c->output);
    if (fds[3].revents)
        take_piece(t, &c->errors);
    if (fds[0].revents)
        child_look(c);
}

/* A pipe whose reader has gone must not end the program that embeds us. */
struct pipe_guard {
    sigset_t before, pipe;
    bool was_pending;
};

static void guard_pipes(struct pipe_guard *g) {
    sigset_t pending;
    sigemptyset(&g->pipe);
    sigaddset(&g->pipe, SIGPIPE);
    sigpending(&pending);
    g->was_pending = sigismember(&pending, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &g->pipe, &g->before);
}

static void unguard_pipes(struct pipe_guard *g) {
    static const struct timespec now;
    if (sigismember(&g->before, SIGPIPE))
        return;
    if (!g->was_pending)
        while (sigtimedwait(&g->pipe, NULL, &now) < 0 && errno == EINTR)
            ;
    pthread_sigmask(SIG_SETMASK, &g->before, NULL);
}

void talk_run(struct talk *t) {
    struct child *c = t->child;
    struct pipe_guard guard;
    guard_pipes(&guard);
    t->pause_at = clock_now() + PAUSE;
    send_more(t);
    while (!t->over && !c->ended && !c->lost) {
        wait_and_take(t);
        keep_time(t);
    }
    drain(t);
    unguard_pipes(&guard);
}

/* ---- how a child ended ---- */

bool talk_was_not_read(const struct talk *t) {
    const struct child *c = t->child;
    int unread = 0;
    return c->jobs > 1 && c->ended && !t->heard && !t->stopping && c->input >= 0 &&
           ioctl(c->input, FIONREAD, &unread) == 0 && (size_t)unread == t->written;
}

/* "512 MiB", "90 s": what was too little. False: it went for no limit. */
static bool add_limit(struct buf *text, const struct spawn_report *r,
                      const struct child_settings *s) {
    if (r->over == SPAWN_OVER_MEMORY)
        buf_format(text, "killed at its memory limit of %.0f MiB (OOM): jobs.class.%s.memory",
                   (double)s->head.memory / (1 << 20), s->class_name);
    else if (r->over == SPAWN_OVER_HOST)
        buf_text(text,
                 "killed by the kernel because the host, or what the service may have of it, "
                 "ran out of memory (OOM): a memory limit for greedy classes spares the others");
    else if (r->over == SPAWN_OVER_CPU || (WIFSIGNALED(r->code) && WTERMSIG(r->code) == SIGXCPU))
        buf_format(text, "killed at its processor time limit of %lld s: jobs.class.%s.cpu",
                   (long long)s->cpu, s->class_name);
    else
        return false;
    return true;
}

static void add_signal(struct buf *text, int number) {
    const char *name = sigabbrev_np(number), *meaning = sigdescr_np(number);
    buf_format(text, "killed by signal %d", number);
    if (name)
        buf_format(text, " (SIG%s%s%s)", name, meaning ? ", " : "", meaning ? meaning : "");
}

char *talk_how_it_ended(const struct talk *t) {
    const struct spawn_report *r = &t->child->report;
    struct buf text = {0};
    if (t->child->lost)
        buf_text(&text, "its keeper process was killed, and the child with it");
    else if (add_limit(&text, r, &t->child->class->settings))
        ;
    else if (WIFSIGNALED(r->code))
        add_signal(&text, WTERMSIG(r->code));
    else
        buf_format(&text, "exit code %d", WEXITSTATUS(r->code));
    if (!t->child->lost)
        buf_format(&text, "; peak memory %.1f MiB, processor time %.2f s",
                   (double)r->peak_kib / 1024, (double)r->cpu_us / 1e6);
    if (t->job->errors.total > 0) {
        buf_text(&text, "; stderr:\n");
        tail_get(&t->job->errors, STDERR_SHOWN, &text);
        while (text.data[text.length - 1] == '\n')
            text.data[--text.length] = '\0';
    }
    return buf_take(&text);
}
