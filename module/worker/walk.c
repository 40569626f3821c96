#include "module/worker/walk.h"

#include "module/base/buf.h"
#include "module/base/error.h"
#include "module/base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEPTH_MAX 200 /* a descriptor is open per level */

struct names {
    char **names;
    size_t count;
};

struct state {
    const struct walk *walk;
    struct buf path;
};

static void names_done(struct names *names) {
    for (size_t i = 0; i < names->count; i++)
        free(names->names[i]);
    free(names->names);
}

static int compare(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int unreadable(const struct state *state, struct jobs_error *err) {
    return error_set(err, JOBS_EINVAL, "cannot read directory '%s': %s",
                     state->path.length ? buf_get(&state->path) : ".", strerror(errno));
}

static void add_name(struct names *names, const char *name) {
    if ((names->count & (names->count - 1)) == 0)
        names->names = mem_grow(names->names, names->count ? names->count * 2 : 1, sizeof(char *));
    names->names[names->count++] = mem_text(name);
}

/* All names of the directory but . and .., sorted. The caller's descriptor is left as it is. */
static int read_names(const struct state *state, int directory, struct names *ret,
                      struct jobs_error *err) {
    int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;
    if (!stream)
        return unreadable(state, err);
    struct dirent *entry;
    while (errno = 0, (entry = readdir(stream)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            add_name(ret, entry->d_name);
    int rc = errno == 0 ? 0 : unreadable(state, err);
    closedir(stream);
    if (ret->count > 1)
        qsort(ret->names, ret->count, sizeof(char *), compare);
    return rc;
}

static int walk_directory(struct state *state, int directory, unsigned depth,
                          struct jobs_error *err);

static int descend(struct state *state, const struct walk_entry *entry, struct jobs_error *err) {
    if (entry->depth + 1 >= DEPTH_MAX)
        return error_set(err, JOBS_EINVAL, "directories are nested more than %d deep", DEPTH_MAX);
    int fd = openat(entry->parent, entry->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : unreadable(state, err);
    int rc = walk_directory(state, fd, entry->depth + 1, err);
    close(fd);
    return rc;
}

static int meet(struct state *state, int directory, const char *name, unsigned depth,
                struct jobs_error *err) {
    size_t before = state->path.length;
    if (before > 0)
        buf_char(&state->path, '/');
    buf_text(&state->path, name);
    struct walk_entry entry = {.path = buf_get(&state->path),
                               .name = name,
                               .parent = directory,
                               .depth = depth};
    int rc = 0;
    if (fstatat(directory, name, &entry.status, AT_SYMLINK_NOFOLLOW) == 0) {
        rc = state->walk->visit(state->walk->arg, &entry, err);
        if (rc == 0 && S_ISDIR(entry.status.st_mode))
            rc = descend(state, &entry, err);
    } else if (errno != ENOENT) {
        rc = error_set(err, JOBS_EINVAL, "cannot look at '%s': %s", entry.path, strerror(errno));
    }
    state->path.length = before;
    state->path.data[before] = '\0';
    return rc;
}

static int walk_directory(struct state *state, int directory, unsigned depth,
                          struct jobs_error *err) {
    struct names names = {0};
    int rc = read_names(state, directory, &names, err);
    if (rc == 0 && depth == 0 && state->walk->begin)
        state->walk->begin(state->walk->arg, names.count);
    for (size_t i = 0; rc == 0 && i < names.count; i++)
        rc = meet(state, directory, names.names[i], depth, err);
    names_done(&names);
    return rc;
}

int walk_below(int directory, const struct walk *walk, struct jobs_error *err) {
    struct state state = {.walk = walk};
    int rc = walk_directory(&state, directory, 0, err);
    buf_done(&state.path);
    return rc;
}
