/* Where the cgroups of children are made: found once, at start. */
#ifndef WORKER_CGROUP_BASE_H
#define WORKER_CGROUP_BASE_H
#include "module/base/buf.h"
#include "module/jobs.h"

/* Tests put files of their own here; NULL: the host's. */
struct cgroup_host {
    const char *tree; /* /sys/fs/cgroup */
    const char *self; /* /proc/self/cgroup */
};

/* `setting`: jobs.cgroup.
 * off: none. auto: below the cgroup that this process is in, if that is version 2, was handed over
 * to us (systemd's Delegate=, a container's own, one that belongs to our user) with a memory
 * controller, and holds no other process. This process then moves into a leaf of it,
 * "jobs-service", as the kernel wants no process beside child cgroups.
 * A path: that directory, made for the children; this process stays where it is. JOBS_ECONFIG: it
 * is none that may be written.
 *
 * *ret_base: caller frees; NULL: children have no cgroups. `said` (may be NULL) gets a sentence for
 * the log. */
int cgroup_base_find(const struct cgroup_host *host, const char *setting, char **ret_base,
                     struct buf *said, struct jobs_error *err);
/* JOBS_ECONFIG: it is none of auto, off, a path. */
int cgroup_setting_check(const char *setting, struct jobs_error *err);
#endif
