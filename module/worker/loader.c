#include "module/worker/loader.h"

#include "module/base/buf.h"
#include "module/base/error.h"
#include "module/base/mem.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A file of another making may have a job_classes that never ends. */
#define CLASSES_MAX 1000

static void unload(void *handle) { dlclose(handle); }

/* What is wrong is reported to a log, or kept as the first error; and to the jobs of that name. */
struct complaints {
    struct classes *classes;
    const struct log *log; /* NULL: err */
    struct jobs_error *err;
    int first;
};

/* "…/invoice.so" is meant to be class invoice. */
static void refuse(struct classes *classes, const char *path, const char *why) {
    const char *slash = strrchr(path, '/'), *file = slash ? slash + 1 : path;
    size_t length = strlen(file);
    char *name =
        mem_text_n(file, length > 3 && strcmp(file + length - 3, ".so") == 0 ? length - 3 : length);
    classes_refuse(classes, name, why);
    free(name);
}

static void complain(struct complaints *c, const char *path, const struct jobs_error *what) {
    refuse(c->classes, path, what->text);
    if (c->log)
        log_error(c->log, "%s", what->text);
    else if (c->first == 0 && c->err)
        *c->err = *what;
    c->first = c->first ? c->first : what->code;
}

static size_t add_all(struct classes *classes, const struct job_class *const *exported,
                      const char *path, struct complaints *complaints) {
    struct jobs_error err = {0};
    size_t added = 0, i = 0;
    for (; exported[i] && i < CLASSES_MAX; i++)
        if (classes_add(classes, exported[i], path, &err) == 0)
            added++;
        else
            complain(complaints, path, &err);
    if (i == 0) {
        error_set(&err, JOBS_EINVAL, "%s: its job_classes is empty", path);
        complain(complaints, path, &err);
    }
    return added;
}

/* Everything is bound at once (RTLD_NOW): a missing function shall show here, not in a run. */
static size_t load(struct classes *classes, const char *path, struct complaints *complaints) {
    struct jobs_error err = {0};
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        const char *why = dlerror();
        error_set(&err, JOBS_EINVAL, "%s cannot be loaded: %s", path,
                  why ? why : "no reason given");
        complain(complaints, path, &err);
        return 0;
    }
    const struct job_class *const *exported = dlsym(handle, "job_classes");
    size_t added = 0;
    if (exported) {
        added = add_all(classes, exported, path, complaints);
    } else {
        error_set(&err, JOBS_EINVAL, "%s exports no job_classes: is JOB_CLASSES(…) missing?", path);
        complain(complaints, path, &err);
    }
    if (added > 0)
        classes_own(classes, handle, unload);
    else
        unload(handle);
    return added;
}

int loader_add_file(struct classes *classes, const char *path, size_t *ret_added,
                    struct jobs_error *err) {
    struct complaints complaints = {.classes = classes, .err = err};
    size_t added = load(classes, path, &complaints);
    if (ret_added)
        *ret_added = added;
    return complaints.first;
}

static int is_shared_object(const struct dirent *entry) {
    size_t length = strlen(entry->d_name);
    return length > 3 && entry->d_name[0] != '.' && strcmp(entry->d_name + length - 3, ".so") == 0;
}

/* By bytes: alphasort() would follow the locale. */
static int by_name(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

int loader_add_directory(struct classes *classes, const char *dir, const struct log *log,
                         struct jobs_error *err) {
    if (!dir || !*dir)
        return 0;
    struct dirent **entries;
    int n = scandir(dir, &entries, is_shared_object, by_name);
    if (n < 0)
        return error_set(err, JOBS_ECONFIG, "class directory %s: %s", dir, strerror(errno));
    static const struct log silent;
    struct complaints complaints = {.classes = classes, .log = log ? log : &silent};
    for (int i = 0; i < n; i++) {
        struct buf path = {0};
        /* With a slash in it, or dlopen would search the system's directories. */
        buf_format(&path, "%s%s/%s", strchr(dir, '/') ? "" : "./", dir, entries[i]->d_name);
        load(classes, buf_get(&path), &complaints);
        buf_done(&path);
        free(entries[i]);
    }
    free(entries);
    return 0;
}
