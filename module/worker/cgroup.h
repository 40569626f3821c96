/* The cgroup (v2) of one child: a directory below the service's own, in which the kernel keeps its
 * memory within bounds, kills all of it at one instant, and knows what it used. For the keeper of
 * the child; the C library alone. Where a file or a controller is missing the call does without. */
#ifndef WORKER_CGROUP_H
#define WORKER_CGROUP_H
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct cgroup {
    int fd;       /* its directory, close-on-exec; -1: there is none, and every call does nothing */
    bool limited; /* the kernel holds the memory limit */
    char path[1024];
};

/* What all that ever ran in it used; 0: not known. */
struct cgroup_use {
    int64_t peak, cpu_us; /* bytes; microseconds of processor time */
    bool killed;          /* by the kernel, for want of memory */
    bool own_limit;       /* because of its own limit, not the host's or one further up */
};

/* Makes <base>/jobs-<pid of the caller>, with at most so many bytes of memory (0: no limit). `base` ""
 * or trouble: fd is -1. */
void cgroup_make(struct cgroup *ret, const char *base, int64_t memory);
/* As fork(), with the new process in the cgroup from its first instruction on where the kernel can do
 * that. The new process calls cgroup_enter before anything else. */
pid_t cgroup_fork(struct cgroup *cgroup);
/* Moves the calling process there unless it is. False, with errno: it is not there. */
bool cgroup_enter(const struct cgroup *cgroup);
/* SIGKILL for all in it. */
void cgroup_kill(const struct cgroup *cgroup);
void cgroup_read(const struct cgroup *cgroup, struct cgroup_use *ret);
/* Nothing of it may run any more. */
void cgroup_remove(struct cgroup *cgroup);

/* Kills and removes what keepers that are gone have left below `base`. */
void cgroup_sweep(const char *base);
/* Files of a cgroup: one write of the whole text; at most `size` - 1 bytes, ending in NUL (false: it
 * cannot be read). */
bool cgroup_write_file(int directory, const char *name, const char *text);
bool cgroup_read_file(int directory, const char *name, char *text, size_t size);
#endif
