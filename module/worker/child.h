/* A child as its slot's thread sees it: the line to its keeper and the pipes to the child; and the
 * children of one class that wait for their next job. */
#ifndef WORKER_CHILD_H
#define WORKER_CHILD_H
#include "module/base/list.h"
#include "module/base/log.h"
#include "module/worker/child_settings.h"
#include "module/worker/idle.h"
#include "module/worker/spawner.h"

#include <pthread.h>

/* job_shared() of a class that runs in children. */
struct child_class {
    struct child_settings settings;
    struct spawner *spawner;  /* all classes' */
    struct idle_watch *watch; /* likewise */
    struct list link;         /* the watch's */
    pthread_mutex_t lock;
    struct list idle; /* of child.link, the one that worked last first */
};

/* Belongs to one thread at a time. All descriptors are ours, close-on-exec, non-blocking; -1:
 * closed. */
struct child {
    struct list link;
    struct child_class *class;
    int line, input, answers, output, errors, control;
    unsigned jobs;              /* begun, this one included */
    int64_t idle_since;         /* clock_now(), of one that waits */
    bool ended;                 /* nothing of it runs any more: `report` says how it was */
    bool lost;                  /* its keeper went without a report */
    struct spawn_report report; /* once ended */
};

/* Takes `settings` over. */
struct child_class *child_class_new(const struct child_settings *settings, struct spawner *spawner,
                                    struct idle_watch *watch);
/* Lets the idle ones go. No run may be under way. Takes void *, as classes_add_bound does. */
void child_class_free(void *arg);

/* One that waits, or a new one (`fresh`: in any case). `directory` and `more` (names and values, last
 * NULL; see child_environment) are for a new one. */
int child_take(struct child_class *class, bool fresh, const char *directory,
               const char *const *more, struct child **ret, struct jobs_error *err);
/* Starts one that waits for the first job, if none does. */
int child_prepare(struct child_class *class, struct jobs_error *err);
/* Before child_take: the user that children run as gets the run's workspace, if there is one. */
int child_lend_workspace(const struct child_class *class, const struct job *job,
                         struct jobs_error *err);
/* It may take another job; it goes politely if it has had its number. */
void child_give_back(struct child *child);
/* It and all it started are killed, unless it has ended. */
void child_discard(struct child *child);
/* Lets those go that wait since `now` - idle or longer; when the next one is due, INT64_MAX: none. */
int64_t child_class_end_idle(struct child_class *class, int64_t now);
/* An order to the keeper. The child may have ended: then it does nothing. */
void child_order(const struct child *child, enum spawn_verb verb, int64_t value);
/* Reads the keeper's report if there is one: sets ended, lost. */
void child_look(struct child *child);
void child_close(int *fd);
#endif
