/* The keeper of one child: a process between spawner and child that never runs foreign code. It is
 * the subreaper of all that the child starts, so whatever that does (setsid too) stays below the
 * keeper, and the keeper ends only when nothing is left. */
#ifndef SPAWNER_KEEPER_H
#define SPAWNER_KEEPER_H
#include "module/spawner/launch.h"

/* In the forked process: starts the child and stays until it and all below it have ended, or the
 * line or the process behind `daemon_fd` (a pidfd, -1: none) has: then all is killed. */
_Noreturn void keeper_run(const struct launch *launch, int daemon_fd);
#endif
