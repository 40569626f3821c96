/* Where the library's own executables are: jobs-spawner and jobs-host. */
#include "module/base/buf.h"
#include "module/base/error.h"
#include "module/base/mem.h"
#include "module/worker/spawner.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Cuts the last part off a path; false: there was none. */
static bool to_directory(char *path) {
    char *slash = strrchr(path, '/');
    if (!slash)
        return false;
    slash[slash == path] = '\0';
    return true;
}

static bool program_directory(char path[PATH_MAX]) {
    ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 1);
    path[n > 0 ? n : 0] = '\0';
    return n > 0 && to_directory(path);
}

static bool library_directory(char path[PATH_MAX]) {
    static const char here;
    Dl_info info;
    return dladdr(&here, &info) != 0 && info.dli_fname && realpath(info.dli_fname, path) &&
           to_directory(path);
}

/* The path if it is an executable, else NULL; every place that was tried is noted. */
static char *try(struct buf *tried, const char *directory, const char *below, const char *name) {
    struct buf path = {0};
    buf_format(&path, "%s%s/%s", directory, below, name);
    if (access(buf_get(&path), X_OK) == 0)
        return buf_take(&path);
    buf_format(tried, "%s%s%s", tried->length ? ", " : "", directory, below);
    buf_done(&path);
    return NULL;
}

/* In a build: <build>/bin; installed: bin/../libexec/jobs or lib/<machine>/../../libexec/jobs. */
static char *search(struct buf *tried, const char *name) {
    static const char *const below[] = {"", "/../bin", "/../libexec/jobs", "/../../libexec/jobs"};
    char path[PATH_MAX];
    char *found = NULL;
    size_t places = sizeof below / sizeof *below;
    if (program_directory(path))
        for (size_t i = 0; !found && i < places; i++)
            found = try(tried, path, below[i], name);
    if (!found && library_directory(path))
        for (size_t i = 1; !found && i < places; i++)
            found = try(tried, path, below[i], name);
    return found ? found : try(tried, JOBS_LIBEXEC_DIR, "", name);
}

int helper_find(const char *directory, const char *name, char **ret, struct jobs_error *err) {
    struct buf tried = {0};
    char *found = directory && *directory ? try(&tried, directory, "", name) : search(&tried, name);
    if (found)
        *ret = found;
    else
        error_set(err, JOBS_ECONFIG,
                  "the executable %s is not in %s: set jobs.libexec.dir to where it is", name,
                  buf_get(&tried));
    buf_done(&tried);
    return found ? 0 : JOBS_ECONFIG;
}
