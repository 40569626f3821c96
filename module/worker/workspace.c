#include "module/worker/workspace.h"

#include "module/base/buf.h"
#include "module/base/error.h"
#include "module/worker/remove_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OPEN_DIRECTORY (O_RDONLY | O_DIRECTORY | O_CLOEXEC)
/* Another run of the tenant may remove the empty directory of tenant or job between our mkdir and
 * open. */
#define ROUNDS 100

static bool is_plain(const char *name) {
    return *name && !strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static int refused(const char *base, const char *tenant, const char *id, const char *what,
                   struct jobs_error *err) {
    return error_set(err, JOBS_ECONFIG, "workspace %s/%s/%s: cannot %s: %s", base, tenant, id, what,
                     strerror(errno));
}

/* The directory `name` in `parent`, made if `make`; no link of that name. Closes parent. */
static int step(int parent, const char *name, bool make) {
    int fd = -1;
    if (!make || mkdirat(parent, name, 0700) == 0 || errno == EEXIST)
        fd = openat(parent, name, OPEN_DIRECTORY | O_NOFOLLOW);
    int saved = errno;
    close(parent);
    errno = saved;
    return fd;
}

static int open_base(const char *base, bool make) {
    if (make && mkdir(base, 0700) < 0 && errno != EEXIST)
        return -1;
    return open(base, OPEN_DIRECTORY);
}

/* <base>/<tenant>/<id>, or -1 with errno. */
static int open_job(const char *base, const char *tenant, const char *id, bool make) {
    int fd = open_base(base, make);
    if (fd >= 0)
        fd = step(fd, tenant, make);
    return fd < 0 ? fd : step(fd, id, make);
}

static int make_last(const char *base, const char *tenant, const char *id, const char *version) {
    int rc = -1;
    for (int round = 0; rc < 0 && round < ROUNDS; round++) {
        int job = open_job(base, tenant, id, true);
        if (job >= 0)
            rc = mkdirat(job, version, 0700);
        if (rc < 0 && job >= 0 && errno == EEXIST)
            rc = remove_tree(job, version) < 0 ? -1 : mkdirat(job, version, 0700);
        int saved = errno;
        if (job >= 0)
            close(job);
        errno = saved;
        if (rc < 0 && errno != ENOENT)
            break;
    }
    return rc;
}

int workspace_make(const char *base, const char *tenant, const char *id, unsigned version,
                   char **ret_path, struct jobs_error *err) {
    char number[16];
    snprintf(number, sizeof number, "%u", version);
    if (!is_plain(tenant) || !is_plain(id))
        return error_set(err, JOBS_EINVAL, "workspace: tenant and job id must be plain names");
    if (make_last(base, tenant, id, number) < 0)
        return refused(base, tenant, id, "make it", err);
    char *absolute = realpath(base, NULL);
    if (!absolute)
        return refused(base, tenant, id, "resolve the base", err);
    struct buf path = {0};
    buf_format(&path, "%s/%s/%s/%s", strcmp(absolute, "/") == 0 ? "" : absolute, tenant, id,
               number);
    free(absolute);
    *ret_path = buf_take(&path);
    return 0;
}

static bool open_way(int fd) {
    struct stat status;
    return fstat(fd, &status) == 0 && fchmod(fd, (status.st_mode & 07777) | 0011) == 0;
}

int workspace_lend(const char *base, const char *tenant, const char *id, unsigned version,
                   unsigned uid, unsigned gid, struct jobs_error *err) {
    char number[16];
    const char *const names[] = {tenant, id};
    snprintf(number, sizeof number, "%u", version);
    int fd = open_base(base, false);
    bool done = fd >= 0 && open_way(fd);
    for (size_t i = 0; done && i < 2; i++) {
        fd = step(fd, names[i], false);
        done = fd >= 0 && open_way(fd);
    }
    done = done && fchownat(fd, number, (uid_t)uid, (gid_t)gid, AT_SYMLINK_NOFOLLOW) == 0;
    int saved = errno;
    if (fd >= 0)
        close(fd);
    errno = saved;
    return done ? 0 : refused(base, tenant, id, "give it to the user of the class", err);
}

/* The job's directory goes with its last workspace, the tenant's with its last job: nothing is left
 * of a tenant that is removed. */
static void remove_empty(const char *base, const char *tenant, const char *id) {
    int root = open_base(base, false);
    int fd = root < 0 ? -1 : openat(root, tenant, OPEN_DIRECTORY | O_NOFOLLOW);
    if (fd >= 0) {
        unlinkat(fd, id, AT_REMOVEDIR); /* not empty: another version is at work */
        close(fd);
        unlinkat(root, tenant, AT_REMOVEDIR);
    }
    if (root >= 0)
        close(root);
}

int workspace_remove(const char *base, const char *tenant, const char *id, unsigned version,
                     struct jobs_error *err) {
    char number[16];
    snprintf(number, sizeof number, "%u", version);
    if (!is_plain(tenant) || !is_plain(id))
        return error_set(err, JOBS_EINVAL, "workspace: tenant and job id must be plain names");
    int job = open_job(base, tenant, id, false);
    if (job < 0)
        return errno == ENOENT ? 0 : refused(base, tenant, id, "open it", err);
    int rc = remove_tree(job, number);
    int saved = errno;
    close(job);
    errno = saved;
    if (rc < 0)
        return refused(base, tenant, id, "remove it", err);
    remove_empty(base, tenant, id);
    return 0;
}
