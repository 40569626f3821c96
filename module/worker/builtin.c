#include "module/worker/builtin.h"

#include "module/base/error.h"
#include "module/worker/root.h"

#define ORIGIN "built in"

static int add_with_root(struct classes *classes, const struct job_class *class, const char *path,
                         struct jobs_error *err) {
    struct root *root;
    if (!path || !*path)
        return 0;
    int rc = root_new(path, &root, err);
    if (rc < 0) {
        error_prefix(err, "class %s", class->name);
        return rc;
    }
    rc = classes_add_bound(classes, class, ORIGIN, root, root_free, err);
    if (rc < 0)
        root_free(root);
    return rc;
}

int builtin_add(struct classes *classes, const char *sha256_root, const char *file_stats_root,
                struct jobs_error *err) {
    static const struct job_class *const plain[] = {&class_noop, &class_sleep, &class_fail};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof plain / sizeof *plain; i++)
        rc = classes_add(classes, plain[i], ORIGIN, err);
    if (rc == 0)
        rc = add_with_root(classes, &class_sha256_manifest, sha256_root, err);
    if (rc == 0)
        rc = add_with_root(classes, &class_file_stats, file_stats_root, err);
    return rc;
}
