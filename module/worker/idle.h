/* Ends children that have waited for a job longer than jobs.class.<name>.idle: a thread of its own,
 * started with the first child that waits. */
#ifndef WORKER_IDLE_H
#define WORKER_IDLE_H
#include <stdint.h>

struct child_class;
struct idle_watch;

struct idle_watch *idle_watch_new(void);
/* All classes must have been removed. `arg` is the watch, as classes_own gives it; NULL is fine. */
void idle_watch_free(void *arg);

void idle_watch_add(struct idle_watch *watch, struct child_class *class);
void idle_watch_remove(struct idle_watch *watch, struct child_class *class);
/* A child of an added class waits since now; without the class's lock. Costs one atomic read while
 * the watch looks sooner than `due` (clock_now()) anyway. */
void idle_watch_note(struct idle_watch *watch, int64_t due);
#endif
