/* The tick: the one transaction in which a dispatcher talks to its datasource. Dispatcher thread
 * only. */
#ifndef SERVICE_TICK_H
#define SERVICE_TICK_H
#include "module/service/datasource.h"

/* A tick of at most this many ends, starts, claims, … each: batches of 200 to 500 were fastest
 * (measured). */
#define TICK_BATCH 500

struct tick;
struct tick *tick_new(struct datasource *ds);
void tick_free(struct tick *tick);

/* Names of all statements a tick may use, for sql_prepare. */
extern const char *const tick_statements[];
extern const size_t tick_statement_count;

/* When to look for the work of others again, clock_now(). */
int64_t tick_next_look(const struct datasource *ds);

/* Puts together all that is due. False: nothing is. */
bool tick_build(struct tick *tick);
/* Sends it and applies the answers. On failure nothing of it counts (JOBS_EUNSURE: not known) and
 * what it was to tell is told again by the next one. */
int tick_send(struct tick *tick, struct jobs_error *err);
/* The step that failed was told to write ends that hold a bad value, or took too long over them:
 * narrows the next tick down to find the one, refuses its value or sets it aside. False: the failure
 * has another reason. */
bool tick_narrow(struct tick *tick, const struct jobs_error *err);
#endif
