/* Asking one server whether it is there, on a thread of its own. */
#ifndef SERVICE_HEALTH_ASK_H
#define SERVICE_HEALTH_ASK_H
#include "module/jobs.h"

struct asker;

/* Starts the thread, which puts the question when somebody asks: it may block for 2 s (and name
 * resolution). `state` is the question's to keep a connection in between; question(arg, state,
 * NULL) closes it. NULL: there is no thread left. */
struct asker *asker_new(int (*question)(void *arg, void **state, struct jobs_error *err),
                        void *arg);
void asker_free(struct asker *asker); /* NULL is fine */
/* An answer is wanted to a question that was put a second ago or later. Does not wait. Returns what
 * asker_wait is to be given. */
int64_t asker_ask(struct asker *asker);
/* Waits for it until `deadline`, clock_now(). JOBS_ETIMEOUT: none by then. */
int asker_wait(struct asker *asker, int64_t asked, int64_t deadline, struct jobs_error *err);
#endif
