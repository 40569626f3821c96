/* Classes that run in children, for tests without servers: a directory of scripts, run one by one. Include cmocka's
 * friends and cmocka.h as well: what goes wrong fails the test. */
#ifndef TESTS_LIB_CHILDREN_H
#define TESTS_LIB_CHILDREN_H
#include "module/job/classes.h"
#include "module/worker/run.h"

/* A new directory for class files; removed by children_down. */
const char *children_directory(void);
/* Writes an executable file of that name into it: `text` should begin with #!/bin/sh. */
void children_script(const char *name, const char *text);
/* Removes the directory and ends what is loaded. */
void children_down(void);

/* Loads the built-in classes, the C classes of `plugin` (a shared object, NULL: none) and the scripts, with settings
 * "key=value" (last NULL). Fails the test if that does not work. */
void children_load(const char *plugin, ...) __attribute__((sentinel));
/* The same; gives the error back. */
int children_try(const char *plugin, const char *const *settings, struct jobs_error *err);
/* The same with one class that is linked into the program. */
int children_try_linked(const struct job_class *class, struct jobs_error *err);
/* Ends it: no child is left. */
void children_unload(void);
/* Has the log of the classes a line with that text? */
bool children_said(const char *text);

/* Runs one job to its end, with a timeout in ms (0: none). Free with run_free. */
struct job *children_run(const char *class_name, const char *parameters, int64_t timeout);
/* A run that is not begun, for run_execute on another thread. */
struct job *children_job(const char *class_name, const char *parameters, int64_t timeout);
/* Runs and checks the end: kind and part of the error (NULL: none), the result (NULL: none). */
void children_expect(const char *class_name, const char *parameters, int64_t timeout,
                     enum run_end end, const char *kind, const char *error, const char *result);

/* Runs `count` jobs on a pool and waits for all: jobs per second. Every `every`th one (0: none) has the parameters
 * `others`. *ret_failed: how many did not succeed. */
double children_run_many(const char *class_name, const char *parameters, size_t slots, int count,
                         int every, const char *others, int *ret_failed);

/* How many processes are alive that were started for the process `owner`: spawner, keepers, children and whatever
 * these started. */
size_t children_alive(int owner);
/* Waits until there are none; else fails. */
void children_wait_none(int owner);
size_t children_descriptors(void); /* open in this process */
#endif
