/* Job classes from shared objects: files that export `job_classes`, as JOB_CLASSES of <jobs.h>
 * makes it. */
#ifndef WORKER_LOADER_H
#define WORKER_LOADER_H
#include "module/base/log.h"
#include "module/job/classes.h"

/* Adds the classes of one shared object; it stays loaded until classes_free. *ret_added (if wanted)
 * is how many were added, also on failure: a class that is refused does not keep the others out.
 * The error, the first one, names the file: JOBS_EINVAL. */
int loader_add_file(struct classes *classes, const char *path, size_t *ret_added,
                    struct jobs_error *err);

/* The same for every *.so of a directory, in the order of their names. What is wrong with a file or
 * one of its classes is logged as an error and the others are loaded. `dir` NULL or "": nothing to
 * do. JOBS_ECONFIG: the directory cannot be read. */
int loader_add_directory(struct classes *classes, const char *dir, const struct log *log,
                         struct jobs_error *err);
#endif
