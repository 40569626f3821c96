/* The service's side of the spawner (jobs-spawner): started on first use, started again when it has
 * gone. Any thread may start children; none of them forks. */
#ifndef WORKER_SPAWNER_H
#define WORKER_SPAWNER_H
#include "module/jobs.h"

struct spawner;

/* `directory`: where jobs-spawner and jobs-host are, see helper_find; NULL: looked for. `cgroup`:
 * where cgroups of children are made (cgroup_base.h), NULL: nowhere. JOBS_ECONFIG: the spawner is not
 * there. Starts nothing yet. */
int spawner_new(const char *directory, const char *cgroup, struct spawner **ret,
                struct jobs_error *err);
const char *spawner_cgroup(const struct spawner *spawner); /* "": nowhere */
/* Ends it and waits until everything that it started is gone (at most 20 s). NULL is fine. */
void spawner_free(struct spawner *spawner);
/* Hands the packet (spawn_pack) and the descriptors over, which stay the caller's as well.
 * JOBS_ECONFIG: the spawner cannot be started. */
int spawner_send(struct spawner *spawner, const void *packet, size_t length, const int *fds,
                 size_t fd_count, struct jobs_error *err);

/* Path of an executable of the project, caller frees: in `directory` if that is given, else beside
 * the running program, beside libjobs, where the build or the installation has put it. JOBS_ECONFIG:
 * nowhere; the text names the places and the key jobs.libexec.dir. */
int helper_find(const char *directory, const char *name, char **ret, struct jobs_error *err);
#endif
