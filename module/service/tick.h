/* The tick: the one transaction in which a dispatcher talks to its datasource. Dispatcher thread
 * only. */
#ifndef SERVICE_TICK_H
#define SERVICE_TICK_H
#include "module/service/datasource.h"

/* A tick of at most this many ends, starts, claims, … each: batches of 200 to 500 were fastest
 * (measured). */
#define TICK_BATCH 500

#define TICK_TIMEOUT 10000 /* ms for one tick */

struct tick;
struct tick *tick_new(struct datasource *ds);
void tick_free(struct tick *tick);

/* A tick does all there is to do, or, while a datasource has two sessions for it, one part. */
enum tick_part {
    TICK_CHOOSES = 1, /* claims, timers, looks */
    TICK_RECORDS = 2  /* starts, ends, progress, receipts */
};
#define TICK_WHOLE (TICK_CHOOSES | TICK_RECORDS)

/* Names of all statements a tick may use, for sql_prepare; the first `tick_recording_count` are all
 * that one uses which only records. */
extern const char *const tick_statements[];
extern const size_t tick_statement_count, tick_recording_count;

/* When to look for the work of others again, clock_now(). */
int64_t tick_next_look(const struct datasource *ds);

/* Puts together all of these parts that is due. False: nothing is. */
bool tick_build(struct tick *tick, unsigned parts);
/* Sends it on that session. */
int tick_send(struct tick *tick, struct sql *session, struct jobs_error *err);
/* Receives what has come of the answers: 1 while something is missing; 0: it is committed, and what it
 * told is applied. On failure nothing of it counts (JOBS_EUNSURE: not known) and what it was to tell
 * is told again by the next one. `err`: as given to tick_send. */
int tick_receive(struct tick *tick, struct jobs_error *err);
/* Makes live jobs of what the last claim brought. To be called after each receive, before anything else but the
 * build and the send of the next tick. */
void tick_take(struct tick *tick);
/* When the slots that are kept for what it claims and starts are let go, if it is still under way then;
 * INT64_MAX: they are. What it brings then has no slot and waits for one. */
int64_t tick_lets_go_at(const struct tick *tick);
void tick_let_go(struct tick *tick);
/* Its session is given up while it is under way: as a failure. */
void tick_abandon(struct tick *tick);
/* The step that failed was told to write ends that hold a bad value, or took too long over them:
 * narrows the next tick down to find the one, refuses its value or sets it aside. False: the failure
 * has another reason. */
bool tick_narrow(struct tick *tick, const struct jobs_error *err);
#endif
