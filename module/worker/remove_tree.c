#include "module/worker/remove_tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* One descriptor per level is open on the way down. What lies deeper is moved up to the top
 * directory and met there again, so that a tree of any depth goes. */
#define DEPTH_MAX 16

struct removal {
    int top;
    unsigned long moved; /* number of directories moved up, for their names */
};

static int remove_inside(struct removal *r, int directory, int depth);

/* Opens a directory so that its entries can be read and removed. */
static int open_for_removal(int parent, const char *name) {
    int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int fd = openat(parent, name, flags);
    if (fd < 0 && errno == EACCES && fchmodat(parent, name, 0700, 0) == 0)
        fd = openat(parent, name, flags);
    if (fd >= 0)
        fchmod(fd, 0700); /* if it is not ours, the first unlink tells */
    return fd;
}

/* A name that is taken there is tried no second time; an empty directory's is as good. */
static int move_up(struct removal *r, int parent, const char *name) {
    for (;;) {
        char fresh[40];
        snprintf(fresh, sizeof fresh, "moved-up-%lu", r->moved++);
        if (renameat(parent, name, r->top, fresh) == 0)
            return 0;
        if (errno != EEXIST && errno != ENOTEMPTY && errno != ENOTDIR)
            return -1;
    }
}

static int remove_entry(struct removal *r, int parent, const char *name, int depth) {
    if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return -1;
    if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
        return 0;
    if (errno != ENOTEMPTY && errno != EEXIST)
        return -1;
    if (depth >= DEPTH_MAX)
        return move_up(r, parent, name);
    int fd = open_for_removal(parent, name);
    if (fd < 0)
        return errno == ENOENT ? 0 : -1;
    int rc = remove_inside(r, fd, depth + 1); /* closes fd */
    if (rc == 0 && unlinkat(parent, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
        rc = -1;
    return rc;
}

/* One pass over the entries. *ret_any: there were some. */
static int remove_pass(struct removal *r, DIR *stream, int depth, bool *ret_any) {
    *ret_any = false;
    for (;;) {
        errno = 0;
        struct dirent *entry = readdir(stream);
        if (!entry)
            return errno == 0 ? 0 : -1;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        *ret_any = true;
        if (remove_entry(r, dirfd(stream), entry->d_name, depth) < 0)
            return -1;
    }
}

/* Passes until one finds nothing: a directory that changes while it is read may hide entries.
 * Closes `directory`. */
static int remove_inside(struct removal *r, int directory, int depth) {
    DIR *stream = fdopendir(directory);
    if (!stream) {
        close(directory);
        return -1;
    }
    bool any = true;
    int rc = 0;
    while (rc == 0 && any) {
        rewinddir(stream);
        rc = remove_pass(r, stream, depth, &any);
    }
    int saved = errno;
    closedir(stream);
    errno = saved;
    return rc;
}

int remove_tree(int parent, const char *name) {
    if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return -1;
    int top = open_for_removal(parent, name);
    if (top < 0)
        return errno == ENOENT ? 0 : -1;
    struct removal r = {.top = top};
    if (remove_inside(&r, top, 0) < 0)
        return -1;
    return unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT ? 0 : -1;
}
