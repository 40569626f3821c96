/* Which classes run in children, and what they need for it. */
#ifndef WORKER_CHILDREN_H
#define WORKER_CHILDREN_H
#include "module/base/config.h"
#include "module/base/log.h"
#include "module/job/classes.h"

/* To be called once, when all C classes have been added and before classes_open.
 * Adds a class for every executable file of `dir` (NULL or "": none) that is no shared object, and
 * for every jobs.class.<name>.command; lets classes of kind process run in a host. What this needs
 * lives until classes_free, which ends all children. Keys that make no sense together are
 * JOBS_ECONFIG: a command for a C class, a user without being root, a kind program without a
 * program, a linked class of kind process. A file of `dir` that cannot be a class is logged.
 *
 * Nothing is started yet. `config` and `log` must live as long as `classes`. */
int children_add(struct classes *classes, const struct config *config, const char *dir,
                 const struct log *log, struct jobs_error *err);

/* Starts one child of each class whose children stay, to wait for its first job. Trouble is no
 * error here: the first job will say it. */
void children_prepare(const struct classes *classes);
#endif
