/* The job classes that a process offers, by name. No I/O. Filled at start by one thread, then
 * read-only and so free to read from every thread. */
#ifndef JOB_CLASSES_H
#define JOB_CLASSES_H
#include "module/jobs.h"

struct classes;
struct classes *classes_new(void);
/* Calls close() of the opened ones, frees what was bound, then releases what is owned (shared
 * objects last: close() may be code of theirs). NULL is fine. */
void classes_free(struct classes *classes);

struct class_entry {
    const struct job_class *class; /* our copy, all fields: those it was built without are zero */
    const char *origin;            /* where it came from: "built in", a path */
    void *shared;                  /* what open() made or what it was bound to; NULL if nothing */
};

/* Adds a copy of the class as far as class->size goes; texts, parameters and functions stay the
 * class's and must live as long as `classes`. `origin` is copied. JOBS_EINVAL: a size of no
 * release, bad name, no run, bad parameter table, name taken (the text names both origins). */
int classes_add(struct classes *classes, const struct job_class *class, const char *origin,
                struct jobs_error *err);

/* The same for a class that is made with its data instead of opening it (class->open must be NULL):
 * job_shared() gives `shared`, classes_free calls free_shared(shared) if that is not NULL. On
 * failure `shared` stays the caller's. */
int classes_add_bound(struct classes *classes, const struct job_class *class, const char *origin,
                      void *shared, void (*free_shared)(void *shared), struct jobs_error *err);

/* Lets another function run the class, with other data in place of what it had (freed) or would
 * open: its open and close are not called in this process. Before classes_open. JOBS_ENOENT: there
 * is none of that name; `shared` stays the caller's. */
int classes_rebind(struct classes *classes, const char *name, int (*run)(struct job *job),
                   void *shared, void (*free_shared)(void *shared), struct jobs_error *err);

/* Notes why there is no class `name` though somebody meant there to be one: what its jobs are told.
 * The first reason stays. */
void classes_refuse(struct classes *classes, const char *name, const char *why);
/* NULL: nobody knows of such a class. Lives as long as `classes`. */
const char *classes_why_not(const struct classes *classes, const char *name);

/* Hands over something the classes need while they live: release(thing) is the last act of
 * classes_free. */
void classes_own(struct classes *classes, void *thing, void (*release)(void *thing));

/* Entries stay where they are until classes_free or a failed classes_open. */
/* NULL: none of that name. */
const struct class_entry *classes_find(const struct classes *classes, const char *name);
size_t classes_count(const struct classes *classes);
const struct class_entry *classes_at(const struct classes *classes, size_t i); /* sorted by name */

/* Calls open() of every class that has one, once. A class whose open fails is refused and removed;
 * the text of the first failure comes in err and the return value is its code (JOBS_EINVAL if it gave none),
 * the others stay usable. */
int classes_open(struct classes *classes, struct jobs_error *err);

/* The same for one class alone; one that cannot be opened stays. JOBS_ENOENT: none of that name. */
int classes_open_one(struct classes *classes, const char *name, struct jobs_error *err);

/* Up to three different names similar to `name` of names[0..n), nearest first, as "a, b"; "" when none is
 * near. Caller frees. */
char *classes_similar(const char *const *names, size_t n, const char *name);

/* Class name [A-Za-z0-9][A-Za-z0-9_.-]{0,127} */
bool class_name_is_valid(const char *name);
#endif
