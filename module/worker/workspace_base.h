/* The directory below which workspaces are made, and those that nobody needs any more.
 *
 * A run holds a shared flock on its workspace for as long as it goes on; the kernel drops it with
 * the process, whatever ends it. So what can be locked exclusively belongs to no live process of
 * this host, and two services with one base never remove each other's. Where the file system has no
 * such locks nothing is swept. */
#ifndef WORKER_WORKSPACE_BASE_H
#define WORKER_WORKSPACE_BASE_H
#include "module/jobs.h"

/* workspace_make, and holds it: *ret_hold is a descriptor to close once it was removed. */
int workspace_enter(const char *base, const char *tenant, const char *id, unsigned version,
                    char **ret_path, int *ret_hold, struct jobs_error *err);

/* Makes the base with the directories above it if `make`, and looks whether it can be trusted: a
 * directory of this user or of root in which others cannot exchange what is ours. JOBS_ENOENT: it
 * is not there (and `make` is not set); JOBS_ECONFIG: it cannot be used, the text says why. */
int workspace_base_check(const char *base, bool make, struct jobs_error *err);

/* Removes <base>/<tenant>/<jobId>/<version> of runs that are over, and directories that are empty
 * then; touches nothing of another shape. *ret_removed, *ret_failed: how many, how many could not
 * be removed. */
int workspace_base_sweep(const char *base, size_t *ret_removed, size_t *ret_failed,
                         struct jobs_error *err);

/* Per cent in use of the file system of the base (or of the nearest directory above it that is
 * there), rounded up as df does; -1: not known. */
int workspace_base_used(const char *base);
#endif
