/* Removes a directory with all that is inside. */
#ifndef WORKER_REMOVE_TREE_H
#define WORKER_REMOVE_TREE_H

/* Removes `name` (one component, of any type) of the directory `parent`. Follows no symbolic link,
 * makes directories writable that are not, needs a fixed number of descriptors however deep the
 * tree is. Returns 0, also when there is none, or -1 with errno. */
int remove_tree(int parent, const char *name);
#endif
