/* The talk of a slot's thread with a child about one job: writes the job, takes in what comes from
 * its pipes, climbs the ladder of a stop. Always ends. */
#ifndef WORKER_TALK_H
#define WORKER_TALK_H
#include "module/worker/child.h"
#include "module/worker/run.h"

struct talk {
    struct job *job;
    struct child *child;
    const char *send; /* to the child's input */
    size_t send_length;
    bool close_input; /* once all is sent */
    /* What came from the answers, or stdout (NULL: nobody wants to know). Sets `over` when the job
     * has ended though the child goes on. */
    void (*on_answers)(struct talk *talk, const char *bytes, size_t length);
    void (*on_output)(struct talk *talk, const char *bytes, size_t length);
    /* The first rung: asks the child to stop. NULL: SIGTERM does. */
    void (*on_stop)(struct talk *talk);
    /* Every 250 ms (NULL: never). */
    void (*on_pause)(struct talk *talk);
    bool over;

    /* talk_run's. */
    size_t sent;    /* of `send`; all of it once the child does not read any more */
    size_t written; /* really */
    bool heard;     /* something came from the answers */
    bool stopping;  /* the child was told: it is not to be used again */
    int rung;
    int64_t rung_at, pause_at; /* clock_now() */
};

/* Returns when the job is over, or the child has ended (child->ended, or ->lost) and all it wrote
 * has been taken in. */
void talk_run(struct talk *talk);

/* The child had stayed from earlier jobs and went before it read a byte of this one, which may
 * therefore be given to another. */
bool talk_was_not_read(const struct talk *talk);

/* "exit code 3", "killed by signal 11 (SIGSEGV)", …, with peak memory and processor time where
 * these say something, then the tail of stderr. Caller frees. */
char *talk_how_it_ended(const struct talk *talk);
#endif
