/* A walk over everything below a directory, in an order that depends on the names alone: each
 * directory's entries by their bytes, a directory before what is in it. Symbolic links are met, not
 * followed. */
#ifndef WORKER_WALK_H
#define WORKER_WALK_H
#include "module/jobs.h"

#include <sys/stat.h>

struct walk_entry {
    const char *path;   /* from the start, as "a/b" */
    const char *name;   /* its last part */
    int parent;         /* descriptor of the directory that `name` is in */
    unsigned depth;     /* 0: directly in the start */
    struct stat status; /* of the link itself if it is one */
};

struct walk {
    /* Anything but 0 ends the walk and is what walk_below returns. */
    int (*visit)(void *arg, const struct walk_entry *entry, struct jobs_error *err);
    /* If not NULL: how many entries the start has, called once before the first visit. */
    void (*begin)(void *arg, size_t entries);
    void *arg;
};

/* `directory` stays the caller's. Entries that vanish meanwhile are left out. A directory that
 * cannot be read, or one more than 200 deep, ends the walk: JOBS_EINVAL with a text. */
int walk_below(int directory, const struct walk *walk, struct jobs_error *err);
#endif
