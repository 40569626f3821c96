#include "module/worker/workspace_base.h"

#include "module/base/error.h"
#include "module/base/mem.h"
#include "module/base/text.h"
#include "module/worker/remove_tree.h"
#include "module/worker/workspace.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define OPEN_DIRECTORY (O_RDONLY | O_DIRECTORY | O_CLOEXEC)
#define ROUNDS 1000 /* a sweep may come between making and holding */

/* ---- holding ---- */

static bool is_still_there(int fd, const char *path) {
    struct stat held, now;
    return fstat(fd, &held) == 0 && lstat(path, &now) == 0 && held.st_dev == now.st_dev &&
           held.st_ino == now.st_ino;
}

/* The descriptor; -1: somebody swept it away. A file system without locks has no sweeps either. */
static int hold(const char *path) {
    int fd = open(path, OPEN_DIRECTORY | O_NOFOLLOW);
    if (fd < 0)
        return -1;
    while (flock(fd, LOCK_SH) < 0 && errno == EINTR)
        ;
    if (is_still_there(fd, path))
        return fd;
    close(fd);
    errno = ENOENT;
    return -1;
}

int workspace_enter(const char *base, const char *tenant, const char *id, unsigned version,
                    char **ret_path, int *ret_hold, struct jobs_error *err) {
    for (int round = 0; round < ROUNDS; round++) {
        int rc = workspace_base_check(base, false, err);
        if (rc == JOBS_ENOENT)
            rc = workspace_base_check(base, true, err);
        if (rc == 0)
            rc = workspace_make(base, tenant, id, version, ret_path, err);
        if (rc < 0)
            return rc;
        *ret_hold = hold(*ret_path);
        if (*ret_hold >= 0)
            return 0;
        int why = errno;
        error_set(err, JOBS_ECONFIG, "workspace %s: cannot hold it: %s", *ret_path, strerror(why));
        free(*ret_path);
        *ret_path = NULL;
        if (why != ENOENT)
            break;
    }
    return JOBS_ECONFIG;
}

/* ---- the base ---- */

static int cannot(const char *base, const char *what, struct jobs_error *err) {
    return error_set(err, JOBS_ECONFIG, "jobs.workspace.dir %s: cannot %s: %s", base, what,
                     strerror(errno));
}

/* Everything above the last name may be passed, as classes with a user of their own need it. */
static int make_above(const char *base) {
    char *path = mem_text(base);
    int rc = 0;
    for (char *slash = strchr(path + 1, '/'); slash && rc == 0; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        rc = mkdir(path, 0755) < 0 && errno != EEXIST ? -1 : 0;
        *slash = '/';
    }
    int saved = errno;
    free(path);
    errno = saved;
    return rc;
}

static int judge(const char *base, const struct stat *status, struct jobs_error *err) {
    if (status->st_uid != geteuid() && status->st_uid != 0)
        return error_set(err, JOBS_ECONFIG,
                         "jobs.workspace.dir %s belongs to user %u: it must belong to the user who "
                         "runs this service (%u) or to root",
                         base, (unsigned)status->st_uid, (unsigned)geteuid());
    if ((status->st_mode & S_IWOTH) && !(status->st_mode & S_ISVTX))
        return error_set(err, JOBS_ECONFIG,
                         "jobs.workspace.dir %s can be written by everybody (mode %o): take that "
                         "away (chmod o-w) or set the sticky bit",
                         base, (unsigned)status->st_mode & 07777);
    return 0;
}

int workspace_base_check(const char *base, bool make, struct jobs_error *err) {
    struct stat status;
    if (make && (make_above(base) < 0 || (mkdir(base, 0700) < 0 && errno != EEXIST)))
        return cannot(base, "make it", err);
    if (stat(base, &status) < 0 && errno == ENOENT && !make)
        return error_set(err, JOBS_ENOENT, "jobs.workspace.dir %s is not there", base);
    int fd = open(base, OPEN_DIRECTORY);
    if (fd < 0 || fstat(fd, &status) < 0) {
        cannot(base, "use it", err);
        if (fd >= 0)
            close(fd);
        return JOBS_ECONFIG;
    }
    close(fd);
    return judge(base, &status, err);
}

int workspace_base_used(const char *base) {
    struct statvfs fs;
    char *path = mem_text(base);
    while (statvfs(path, &fs) < 0) {
        char *slash = errno == ENOENT ? strrchr(path, '/') : NULL;
        if (!slash || !path[1]) {
            free(path);
            return -1;
        }
        slash[slash == path] = '\0'; /* "/" stays */
    }
    free(path);
    unsigned long long used = fs.f_blocks - fs.f_bfree, all = used + fs.f_bavail;
    return all == 0 ? -1 : (int)((used * 100 + all - 1) / all);
}

/* ---- sweeping ---- */

struct sweep {
    size_t removed, failed;
};

/* Calls `each` with every directory in `fd` (links are none). Closes fd. */
static void walk(struct sweep *sweep, int fd,
                 void (*each)(struct sweep *sweep, int parent, const char *name)) {
    DIR *stream = fdopendir(fd);
    if (!stream) {
        close(fd);
        return;
    }
    for (struct dirent *entry; (entry = readdir(stream));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            each(sweep, dirfd(stream), entry->d_name);
    closedir(stream);
}

static void sweep_version(struct sweep *sweep, int job, const char *name) {
    if (name[strspn(name, "0123456789")] != '\0')
        return;
    int fd = openat(job, name, OPEN_DIRECTORY | O_NOFOLLOW);
    if (fd < 0) {
        sweep->failed += errno == EACCES;
        return;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
        bool gone = remove_tree(job, name) == 0;
        sweep->removed += gone;
        sweep->failed += !gone;
    }
    close(fd);
}

static void sweep_job(struct sweep *sweep, int tenant, const char *name) {
    int fd = text_is_uuid(name) ? openat(tenant, name, OPEN_DIRECTORY | O_NOFOLLOW) : -1;
    if (fd < 0)
        return;
    walk(sweep, fd, sweep_version);
    unlinkat(tenant, name, AT_REMOVEDIR); /* not empty: it stays */
}

static void sweep_tenant(struct sweep *sweep, int base, const char *name) {
    int fd = openat(base, name, OPEN_DIRECTORY | O_NOFOLLOW);
    if (fd < 0)
        return;
    walk(sweep, fd, sweep_job);
}

int workspace_base_sweep(const char *base, size_t *ret_removed, size_t *ret_failed,
                         struct jobs_error *err) {
    struct sweep sweep = {0};
    int fd = open(base, OPEN_DIRECTORY);
    if (fd < 0)
        return cannot(base, "read it", err);
    walk(&sweep, fd, sweep_tenant);
    *ret_removed = sweep.removed;
    *ret_failed = sweep.failed;
    return 0;
}
