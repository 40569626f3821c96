#include "module/worker/root.h"

#include "module/base/buf.h"
#include "module/base/error.h"
#include "module/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OPEN_STEP (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

struct root {
    int fd;
    char *path; /* "" for "/", so that path + "/" + … fits both */
};

int root_new(const char *path, struct root **ret, struct jobs_error *err) {
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    char *real = fd >= 0 ? realpath(path, NULL) : NULL;
    if (!real) {
        error_set(err, JOBS_ECONFIG, "root directory %s: %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return JOBS_ECONFIG;
    }
    if (strcmp(real, "/") == 0)
        real[0] = '\0';
    struct root *root = mem_alloc(sizeof *root);
    *root = (struct root){fd, real};
    *ret = root;
    return 0;
}

void root_free(void *root) {
    struct root *r = root;
    if (!r)
        return;
    close(r->fd);
    free(r->path);
    free(r);
}

const char *root_path(const struct root *root) { return *root->path ? root->path : "/"; }

static bool has_dot_dot(const char *path) {
    for (const char *p = path; (p = strstr(p, "..")) != NULL; p += 2)
        if ((p == path || p[-1] == '/') && (p[2] == '/' || p[2] == '\0'))
            return true;
    return false;
}

/* What follows the root in an absolute path: "" or "/…"; NULL: it is not below. */
static const char *below(const struct root *root, const char *path) {
    size_t length = strlen(root->path);
    if (strncmp(path, root->path, length) != 0 || (path[length] != '/' && path[length] != '\0'))
        return NULL;
    return path + length;
}

/* The path without links if it is below the root, else NULL. */
static char *resolve(const struct root *root, const char *path) {
    if (has_dot_dot(path) || (path[0] == '/' && !below(root, path)))
        return NULL;
    struct buf joined = {0};
    if (path[0] != '/')
        buf_text(&joined, root->path), buf_char(&joined, '/');
    buf_text(&joined, path);
    char *real = realpath(buf_get(&joined), NULL);
    buf_done(&joined);
    if (real && !below(root, real)) {
        free(real);
        real = NULL;
    }
    return real;
}

/* Step by step, following no link: what realpath saw may have been exchanged since. */
static int open_below(const struct root *root, const char *rest) {
    int fd = openat(root->fd, ".", OPEN_STEP);
    char *copy = mem_text(rest), *save = NULL;
    for (char *name = strtok_r(copy, "/", &save); name && fd >= 0;
         name = strtok_r(NULL, "/", &save)) {
        int next = openat(fd, name, OPEN_STEP);
        close(fd);
        fd = next;
    }
    free(copy);
    return fd;
}

int root_open_directory(const struct root *root, const char *path, char **ret_path,
                        struct jobs_error *err) {
    char *real = resolve(root, path);
    int fd = real ? open_below(root, below(root, real)) : -1;
    if (fd < 0) {
        free(real);
        return error_set(err, JOBS_EINVAL, "path '%s' is no readable directory below %s", path,
                         root_path(root));
    }
    if (ret_path)
        *ret_path = real;
    else
        free(real);
    return fd;
}
