/* The private directory of a run: <base>/<tenant>/<jobId>/<version>, mode 0700. Every step below
 * the base is taken with *at() calls that follow no symbolic link, so that nothing a job left
 * behind leads outside. */
#ifndef WORKER_WORKSPACE_H
#define WORKER_WORKSPACE_H
#include "module/jobs.h"

/* Makes it, and the base if only that is missing; what an earlier run of the same version left is
 * removed first. *ret_path is absolute; caller frees. JOBS_EINVAL: tenant or id is no plain file
 * name; JOBS_ECONFIG: the system refused (the text names the path). */
int workspace_make(const char *base, const char *tenant, const char *id, unsigned version,
                   char **ret_path, struct jobs_error *err);

/* Gives a workspace that was made to another user, who may then pass (not list) the directories above
 * it up to the base. For root. JOBS_ECONFIG: the system refused. */
int workspace_lend(const char *base, const char *tenant, const char *id, unsigned version,
                   unsigned uid, unsigned gid, struct jobs_error *err);

/* Removes it with all that is inside, and the job's directory if that is empty then. None there: 0.
 * Also read-only and very deep directories go; links are removed, not followed. */
int workspace_remove(const char *base, const char *tenant, const char *id, unsigned version,
                     struct jobs_error *err);
#endif
