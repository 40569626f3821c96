/* The last steps before a child's own program begins. */
#ifndef SPAWNER_LAUNCH_H
#define SPAWNER_LAUNCH_H
#include "module/worker/cgroup.h"
#include "module/worker/spawn_wire.h"

struct launch {
    struct spawn_head head;
    const char *directory, *cgroup;
    char **argv, **environment;
    int fds[SPAWN_FDS_MAX]; /* the first is the line, the others become 0, 1, 2, … */
    size_t fd_count;
};

/* What went wrong, as launch_run writes it into the pipe. */
struct launch_failure {
    int code; /* errno */
    char step[24];
};

/* In the forked process: cgroup, session, signals, limits, user, descriptors, exec. Does not return;
 * a failure is written into the pipe, which exec closes. */
_Noreturn void launch_run(const struct launch *launch, const struct cgroup *cgroup,
                          int failure_pipe);
#endif
