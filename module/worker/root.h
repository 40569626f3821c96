/* A directory below which a class may read, and nowhere else. Never changes once made: every thread
 * may use it. */
#ifndef WORKER_ROOT_H
#define WORKER_ROOT_H
#include "module/jobs.h"

struct root;

/* JOBS_ECONFIG: no directory. */
int root_new(const char *path, struct root **ret, struct jobs_error *err);
void root_free(void *root); /* takes void *, as classes_add_bound does; NULL is fine */
const char *root_path(const struct root *root); /* absolute, without links */

/* Opens the directory `path`, absolute or relative to the root. Links on the way are followed as
 * long as they stay below the root. *ret_path (if wanted) is its absolute path, caller frees.
 * Returns a descriptor, caller closes, or JOBS_EINVAL: one text whether it is outside, is no
 * directory or is not there, for nobody shall learn what exists elsewhere. */
int root_open_directory(const struct root *root, const char *path, char **ret_path,
                        struct jobs_error *err);
#endif
