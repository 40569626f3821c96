#include "module/worker/cgroup_base.h"

#include "module/base/error.h"
#include "module/base/mem.h"
#include "module/worker/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define LEAF "jobs-service"

static const struct cgroup_host the_host = {"/sys/fs/cgroup", "/proc/self/cgroup"};

static bool has_word(const char *text, const char *word) {
    size_t length = strlen(word);
    for (const char *at = text; (at = strstr(at, word)) != NULL; at += length)
        if ((at == text || at[-1] == ' ') && (at[length] == ' ' || at[length] <= '\n'))
            return true;
    return false;
}

/* Lets cgroups below have the controllers that are there. False, with errno: memory is there, and
 * it cannot. *ret_memory: they have it. */
static bool enable(int base, bool *ret_memory) {
    char controllers[1024] = "", now[1024] = "", wanted[32];
    cgroup_read_file(base, "cgroup.controllers", controllers, sizeof controllers);
    cgroup_read_file(base, "cgroup.subtree_control", now, sizeof now);
    *ret_memory = has_word(controllers, "memory");
    if (!*ret_memory || has_word(now, "memory"))
        return true;
    snprintf(wanted, sizeof wanted, "+memory%s", has_word(controllers, "pids") ? " +pids" : "");
    return cgroup_write_file(base, "cgroup.subtree_control", wanted);
}

/* ---- a directory that was named ---- */

static int use_named(const char *path, char **ret_base, struct buf *said, struct jobs_error *err) {
    bool memory = false;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool good = fd >= 0 && faccessat(fd, "cgroup.procs", W_OK, AT_EACCESS) == 0 &&
                access(path, W_OK) == 0 && enable(fd, &memory);
    int error = errno;
    if (fd >= 0)
        close(fd);
    if (!good)
        return error_set(err, JOBS_ECONFIG,
                         "jobs.cgroup: %s cannot hold the cgroups of children: %s (it must be a "
                         "cgroup of version 2, without processes of its own, that this user may "
                         "write)",
                         path, strerror(error));
    *ret_base = mem_text(path);
    if (said)
        buf_format(said, "children run in cgroups below %s, %s", path,
                   memory ? "which hold them to their memory"
                          : "without a memory controller: their memory is watched");
    return 0;
}

/* ---- the one that we are in ---- */

/* "/system.slice/jobsd.service" of the line "0::/system.slice/jobsd.service", without our leaf. */
static char *own_path(const char *self) {
    char text[4096];
    if (!cgroup_read_file(AT_FDCWD, self, text, sizeof text))
        return NULL;
    char *line = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
    if (!line)
        return NULL;
    line += *line == '\n';
    line[strcspn(line, "\n")] = '\0';
    char *path = line + 3, *last = strrchr(path, '/');
    if (last && strcmp(last, "/" LEAF) == 0)
        *last = '\0';
    return mem_text(strcmp(path, "/") == 0 ? "" : path);
}

/* Was it given to us? systemd marks what it delegates; "" is the whole of a container's. */
static bool is_delegated(int fd, const char *path) {
    char mark[8];
    struct stat status;
    return !*path || fgetxattr(fd, "user.delegate", mark, sizeof mark) > 0 ||
           fgetxattr(fd, "trusted.delegate", mark, sizeof mark) > 0 ||
           (geteuid() != 0 && fstat(fd, &status) == 0 && status.st_uid == geteuid());
}

/* No process but this one is in it; none at all when we have moved into the leaf already. */
static bool is_alone(int fd) {
    char members[4096], *end;
    if (!cgroup_read_file(fd, "cgroup.procs", members, sizeof members))
        return false;
    return !*members ||
           (strtol(members, &end, 10) == getpid() && (!*end || strcmp(end, "\n") == 0));
}

static bool move_into(int base, const char *leaf) {
    char pid[24];
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    int fd = openat(base, leaf, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool moved = fd >= 0 && cgroup_write_file(fd, "cgroup.procs", pid);
    int error = errno;
    if (fd >= 0)
        close(fd);
    errno = error;
    return moved;
}

/* NULL: it is ours now, with its controllers; else why not. */
static const char *take_over(int fd, const char *path) {
    char controllers[1024] = "";
    bool memory;
    if (!cgroup_read_file(fd, "cgroup.controllers", controllers, sizeof controllers))
        return "there is no cgroup of version 2";
    if (!has_word(controllers, "memory"))
        return "it has no memory controller";
    if (!is_delegated(fd, path))
        return "it was not delegated to this service (Delegate=yes in its unit)";
    if (faccessat(fd, "cgroup.subtree_control", W_OK, AT_EACCESS) < 0)
        return "it may not be written (ProtectControlGroups=no in the unit?)";
    if (!is_alone(fd))
        return "other processes are in it";
    if ((mkdirat(fd, LEAF, 0755) < 0 && errno != EEXIST) || !move_into(fd, LEAF))
        return strerror(errno);
    if (enable(fd, &memory))
        return NULL;
    const char *why = strerror(errno);
    move_into(fd, ".");
    unlinkat(fd, LEAF, AT_REMOVEDIR);
    return why;
}

static void use_own(const struct cgroup_host *host, char **ret_base, struct buf *said) {
    char *path = own_path(host->self);
    struct buf base = {0};
    buf_format(&base, "%s%s", host->tree, path ? path : "");
    int fd = path ? open(buf_get(&base), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    const char *why = fd >= 0 ? take_over(fd, path) : "there is no cgroup of version 2";
    if (fd >= 0)
        close(fd);
    if (said && why)
        buf_format(said, "children get no cgroups of their own (%s%s%s): their memory is watched",
                   path ? buf_get(&base) : "", path ? ": " : "", why);
    else if (said)
        buf_format(said, "children run in cgroups below %s, which hold them to their memory",
                   buf_get(&base));
    if (!why)
        *ret_base = buf_take(&base);
    buf_done(&base);
    free(path);
}

int cgroup_setting_check(const char *setting, struct jobs_error *err) {
    if (setting[0] == '/' || strcmp(setting, "auto") == 0 || strcmp(setting, "off") == 0)
        return 0;
    return error_set(err, JOBS_ECONFIG,
                     "jobs.cgroup: \"%s\" is none of auto, off, an absolute path", setting);
}

int cgroup_base_find(const struct cgroup_host *host, const char *setting, char **ret_base,
                     struct buf *said, struct jobs_error *err) {
    char *base = NULL;
    int rc = cgroup_setting_check(setting, err);
    if (rc == 0 && setting[0] == '/')
        rc = use_named(setting, &base, said, err);
    else if (rc == 0 && strcmp(setting, "auto") == 0)
        use_own(host ? host : &the_host, &base, said);
    if (rc == 0 && base)
        cgroup_sweep(base);
    if (rc == 0)
        *ret_base = base;
    return rc;
}
