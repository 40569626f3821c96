/* file-stats: what is below a directory. Result:
 *
 *   {"path": "/srv/data", "files": 3, "directories": 1, "symlinks": 0, "other": 0, "bytes": 123,
 *    "largest": {"name": "sub/b.bin", "bytes": 100},
 *    "extensions": [{"extension": "bin", "files": 1, "bytes": 100}, …]}
 *
 * with the 20 extensions that take most bytes ("" are files without). `largest` is null when there
 * is no file. Names are for reading: bytes that are not UTF-8 show as U+FFFD. */
#include "module/base/buf.h"
#include "module/base/mem.h"
#include "module/base/table.h"
#include "module/base/text.h"
#include "module/worker/builtin.h"
#include "module/worker/root.h"
#include "module/worker/walk.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXTENSION_MAX ((size_t)32) /* what is longer after the last dot is no extension */
#define TABLE_TOP ((size_t)20)
#define STOPPED 1

struct extension {
    uint64_t files, bytes;
    char name[];
};

struct stats {
    struct job *job;
    uint64_t files, directories, symlinks, other, bytes, largest;
    char *largest_name;
    struct table extensions; /* name to struct extension */
};

static const char *extension_of(const char *name) {
    const char *dot = strrchr(name, '.');
    return dot && dot != name && strlen(dot + 1) <= EXTENSION_MAX ? dot + 1 : "";
}

static void add_extension(struct stats *s, const char *name, uint64_t bytes) {
    struct extension *e = table_get(&s->extensions, name);
    if (!e) {
        e = mem_zero(1, sizeof *e + strlen(name) + 1);
        strcpy(e->name, name);
        table_put(&s->extensions, name, e);
    }
    e->files++;
    e->bytes += bytes;
}

static void add_file(struct stats *s, const struct walk_entry *entry) {
    uint64_t bytes = (uint64_t)entry->status.st_size;
    s->files++;
    s->bytes += bytes;
    add_extension(s, extension_of(entry->name), bytes);
    if (!s->largest_name || bytes > s->largest) {
        free(s->largest_name);
        s->largest_name = mem_text(entry->path);
        s->largest = bytes;
    }
}

/* How much there is shows only at the end: the bar follows the entries of the start. */
static void begin(void *arg, size_t entries) {
    struct stats *s = arg;
    job_set_completion_count(s->job, (int64_t)entries);
}

static int visit(void *arg, const struct walk_entry *entry, struct jobs_error *err) {
    struct stats *s = arg;
    (void)err;
    if (job_is_stopped(s->job))
        return STOPPED;
    if (S_ISREG(entry->status.st_mode))
        add_file(s, entry);
    else if (S_ISDIR(entry->status.st_mode))
        s->directories++;
    else if (S_ISLNK(entry->status.st_mode))
        s->symlinks++;
    else
        s->other++;
    if (entry->depth == 0)
        job_advance_completion(s->job, 1);
    return 0;
}

/* Most bytes first, then by name. */
static int compare(const void *a, const void *b) {
    const struct extension *x = *(struct extension *const *)a, *y = *(struct extension *const *)b;
    return x->bytes != y->bytes ? (x->bytes < y->bytes ? 1 : -1) : strcmp(x->name, y->name);
}

static void put_text(struct buf *out, const char *text) {
    char *clean = text_clean(text, strlen(text), 3 * strlen(text) + 1);
    buf_json_string(out, clean);
    free(clean);
}

static void put_extensions(const struct stats *s, struct buf *out) {
    struct extension **all = mem_zero(s->extensions.count + 1, sizeof *all);
    size_t n = 0, at = 0;
    void *value;
    while (table_next(&s->extensions, &at, NULL, &value))
        all[n++] = value;
    qsort(all, n, sizeof *all, compare);
    for (size_t i = 0; i < n && i < TABLE_TOP; i++) {
        buf_text(out, i ? ",{\"extension\":" : "{\"extension\":");
        put_text(out, all[i]->name);
        buf_format(out, ",\"files\":%llu,\"bytes\":%llu}", (unsigned long long)all[i]->files,
                   (unsigned long long)all[i]->bytes);
    }
    free(all);
}

static int succeed(const struct stats *s, const char *path) {
    struct buf out = {0};
    buf_text(&out, "{\"path\":"), put_text(&out, path);
    buf_format(
        &out,
        ",\"files\":%llu,\"directories\":%llu,\"symlinks\":%llu,\"other\":%llu,\"bytes\":%llu",
        (unsigned long long)s->files, (unsigned long long)s->directories,
        (unsigned long long)s->symlinks, (unsigned long long)s->other,
        (unsigned long long)s->bytes);
    buf_text(&out, ",\"largest\":");
    if (s->largest_name) {
        buf_text(&out, "{\"name\":"), put_text(&out, s->largest_name);
        buf_format(&out, ",\"bytes\":%llu}", (unsigned long long)s->largest);
    } else {
        buf_text(&out, "null");
    }
    buf_text(&out, ",\"extensions\":["), put_extensions(s, &out), buf_text(&out, "]}");
    int code = job_succeed_as(s->job, "file-stats", buf_get(&out));
    buf_done(&out);
    return code;
}

static int run(struct job *job) {
    struct jobs_error err;
    char *path = NULL;
    int directory = root_open_directory(job_shared(job), job_string(job, "path", ""), &path, &err);
    if (directory < 0)
        return job_fail_for_good(job, "%s", err.text);
    struct stats s = {.job = job};
    struct walk walk = {.visit = visit, .begin = begin, .arg = &s};
    int rc = walk_below(directory, &walk, &err);
    int code = rc == STOPPED ? job_aborted(job)
               : rc < 0      ? job_fail(job, "%s", err.text)
                             : succeed(&s, path);
    table_done(&s.extensions, free);
    free(s.largest_name);
    free(path);
    close(directory);
    return code;
}

static const struct job_parameter parameters[] = {
    {.name = "path",
     .type = JOB_STRING,
     .help = "directory below the class's root, absolute or relative to it"},
    {.name = NULL},
};

const struct job_class class_file_stats =
    JOB_CLASS(.name = "file-stats", .run = run, .parameters = parameters);
