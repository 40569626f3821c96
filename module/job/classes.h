/* The job classes that a process offers, by name. No I/O. Filled at start, read-only while threads use it. */
#ifndef JOB_CLASSES_H
#define JOB_CLASSES_H
#include "module/jobs.h"

struct classes;
struct classes *classes_new(void);
void classes_free(struct classes *classes); /* calls close() of those opened */

/* Adds a class (kept by reference). JOBS_EINVAL: bad name, no run, size smaller than the first release's struct,
 * name taken (text names both origins). `origin`: where it came from ("built in", a path), copied. */
int classes_add(struct classes *classes, const struct job_class *class, const char *origin, struct jobs_error *err);

struct class_entry {
    const struct job_class *class; /* fields beyond class->size must not be read: use the class_… getters below */
    const char *origin;
    void *shared;                  /* what open() made, once classes_open was called */
};
const struct class_entry *classes_find(const struct classes *classes, const char *name); /* NULL: none */
size_t classes_count(const struct classes *classes);
const struct class_entry *classes_at(const struct classes *classes, size_t i); /* sorted by name */

/* Calls open() of every class once. A class whose open fails is removed; the text of the first failure comes in err
 * and the return value is its code, the others stay usable. */
int classes_open(struct classes *classes, struct jobs_error *err);

/* Up to three names similar to `name` of names[0..n), as "a, b"; "" when none is near. Caller frees. */
char *classes_similar(const char *const *names, size_t n, const char *name);

/* Class name [A-Za-z0-9][A-Za-z0-9_.-]{0,127} */
bool class_name_is_valid(const char *name);
#endif
