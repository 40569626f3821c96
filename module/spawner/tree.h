/* The processes below one: read from /proc. */
#ifndef SPAWNER_TREE_H
#define SPAWNER_TREE_H
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Calls visit for every child of `pid`, of whatever thread of it. What comes or goes meanwhile may
 * be missed: look again. */
void tree_children(pid_t pid, void (*visit)(void *arg, pid_t child), void *arg);

/* Sends SIGKILL to the children of the calling process, in passes, and reaps them, until none is
 * left: what loses its parent comes to the caller, who is a subreaper. False: some are still there
 * after `most` ms (a process of another user, one the kernel does not let go). */
bool tree_kill_all(int64_t most);

/* Bytes that all processes below the caller have for themselves: resident pages of no file. */
int64_t tree_memory(void);
int64_t tree_now(void); /* ms, monotonic */
#endif
