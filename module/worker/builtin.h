/* The classes that every jobsd brings along. They do small but real work and are examples of how a
 * class is written. */
#ifndef WORKER_BUILTIN_H
#define WORKER_BUILTIN_H
#include "module/job/classes.h"

/* Adds noop, sleep and fail; sha256-manifest and file-stats each with a root directory of its own,
 * below which alone they read. A root NULL or "": that class is not offered. JOBS_ECONFIG: a root
 * is no directory. */
int builtin_add(struct classes *classes, const char *sha256_root, const char *file_stats_root,
                struct jobs_error *err);

/* The classes, one file each. The last two need a struct root (module/worker/root.h) as
 * job_shared(). */
extern const struct job_class class_noop, class_sleep, class_fail, class_sha256_manifest,
    class_file_stats;
#endif
