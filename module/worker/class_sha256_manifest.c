/* sha256-manifest: hashes every regular file below a directory. Result:
 *
 *   {"path": "/srv/data", "files": 2, "bytes": 123, "sha256": {"a.txt": "<hex>", "sub/b": "<hex>"}}
 *
 * with names relative to the directory, in a stable order, and the values that sha256sum prints.
 * Symbolic links, devices, sockets and fifos are left out. A name that is not UTF-8 cannot stand in
 * JSON: such files are in a second object, "sha256_escaped" (only there when there are any), where
 * \xNN stands for a byte that is not UTF-8 and \\ for a backslash. A file that cannot be read fails
 * the job: a manifest with holes is worse than none. */
#include "module/base/buf.h"
#include "module/base/error.h"
#include "module/base/text.h"
#include "module/worker/builtin.h"
#include "module/worker/root.h"
#include "module/worker/run.h"
#include "module/worker/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNK ((size_t)128 << 10) /* read between two looks at the stop */
#define HEX_LENGTH 64
#define FRAME 200 /* bytes of the manifest around path and names, at most */
#define STOPPED 1 /* ends the walk: the run is asked to stop */

struct manifest {
    struct job *job;
    EVP_MD_CTX *digest;
    unsigned char *chunk;
    struct buf plain, escaped; /* members of the two objects */
    uint64_t files, bytes;
    size_t size; /* of the manifest to come, counted before anything is hashed */
};

static void add_escaped(struct buf *out, const char *name) {
    struct buf text = {0};
    for (size_t left = strlen(name); left > 0;) {
        size_t n = 1; /* the character here: as many bytes as make it well-formed */
        while (n < 4 && n < left && !text_is_utf8(name, n))
            n++;
        if (!text_is_utf8(name, n))
            n = 1, buf_format(&text, "\\x%02x", (unsigned char)*name);
        else if (*name == '\\')
            buf_text(&text, "\\\\");
        else
            buf_add(&text, name, n);
        name += n;
        left -= n;
    }
    buf_json_string(out, buf_get(&text));
    buf_done(&text);
}

static struct buf *add_name(struct manifest *m, const char *name) {
    bool utf8 = text_is_utf8(name, strlen(name));
    struct buf *out = utf8 ? &m->plain : &m->escaped;
    if (out->length > 0)
        buf_char(out, ',');
    if (utf8)
        buf_json_string(out, name);
    else
        add_escaped(out, name);
    return out;
}

/* First walk: how many files, and will the manifest fit into a result? */
static int count_file(void *arg, const struct walk_entry *entry, struct jobs_error *err) {
    struct manifest *m = arg;
    if (job_is_stopped(m->job))
        return STOPPED;
    if (!S_ISREG(entry->status.st_mode))
        return 0;
    struct buf *out = add_name(m, entry->path);
    m->size += out->length + sizeof ":\"\"," - 1 + HEX_LENGTH;
    buf_clear(out);
    m->files++;
    if (m->size + FRAME > RUN_RESULT_MAX)
        return error_set(err, JOBS_EINVAL,
                         "the manifest would be over the limit of a result (%zu bytes) from file "
                         "%llu on: choose a directory with fewer files",
                         RUN_RESULT_MAX, (unsigned long long)m->files);
    return 0;
}

static int hash_content(struct manifest *m, int fd, const char *path, struct jobs_error *err) {
    EVP_DigestInit_ex(m->digest, EVP_sha256(), NULL);
    for (;;) {
        if (job_is_stopped(m->job))
            return STOPPED;
        ssize_t n = read(fd, m->chunk, CHUNK);
        if (n == 0)
            return 0;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_set(err, JOBS_EINVAL, "cannot read '%s': %s", path, strerror(errno));
        EVP_DigestUpdate(m->digest, m->chunk, (size_t)n);
        m->bytes += (uint64_t)n;
    }
}

static void add_digest(struct manifest *m, const char *path) {
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    EVP_DigestFinal_ex(m->digest, sum, &length);
    struct buf *out = add_name(m, path);
    buf_text(out, ":\"");
    for (unsigned i = 0; i < length; i++)
        buf_format(out, "%02x", sum[i]);
    buf_char(out, '"');
}

/* Second walk. A file that vanished since its name was read is left out, as if the walk had come
 * later. */
static int hash_file(void *arg, const struct walk_entry *entry, struct jobs_error *err) {
    struct manifest *m = arg;
    if (!S_ISREG(entry->status.st_mode))
        return job_is_stopped(m->job) ? STOPPED : 0;
    /* Not blocking: it may have become a fifo. */
    int fd = openat(entry->parent, entry->name,
                    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return 0;
    if (fd < 0)
        return error_set(err, JOBS_EINVAL, "cannot open '%s': %s", entry->path, strerror(errno));
    struct stat now;
    int rc = 0;
    if (fstat(fd, &now) == 0 && S_ISREG(now.st_mode)) {
        rc = hash_content(m, fd, entry->path, err);
        if (rc == 0) {
            m->files++;
            add_digest(m, entry->path);
            job_advance_completion(m->job, 1);
        }
    }
    close(fd);
    return rc;
}

static int succeed(struct manifest *m, const char *path) {
    struct buf result = {0};
    char *clean = text_clean(path, strlen(path), 3 * strlen(path) + 1);
    buf_text(&result, "{\"path\":"), buf_json_string(&result, clean);
    free(clean);
    buf_format(&result, ",\"files\":%llu,\"bytes\":%llu,\"sha256\":{", (unsigned long long)m->files,
               (unsigned long long)m->bytes);
    buf_add(&result, buf_get(&m->plain), m->plain.length), buf_char(&result, '}');
    if (m->escaped.length > 0) {
        buf_text(&result, ",\"sha256_escaped\":{");
        buf_add(&result, buf_get(&m->escaped), m->escaped.length), buf_char(&result, '}');
    }
    buf_char(&result, '}');
    int code = job_succeed_as(m->job, "sha256-manifest", buf_get(&result));
    buf_done(&result);
    return code;
}

static int make(struct manifest *m, int directory, const char *path) {
    struct jobs_error err = {0};
    m->size = 3 * strlen(path) * 2;
    struct walk walk = {.visit = count_file, .arg = m};
    int rc = walk_below(directory, &walk, &err);
    if (rc == 0) {
        job_set_completion_count(m->job, (int64_t)m->files);
        m->files = 0;
        walk.visit = hash_file;
        rc = walk_below(directory, &walk, &err);
    }
    if (rc == STOPPED)
        return job_aborted(m->job);
    return rc < 0 ? job_fail(m->job, "%s", err.text) : succeed(m, path);
}

static int run(struct job *job) {
    struct jobs_error err;
    char *path = NULL;
    int directory = root_open_directory(job_shared(job), job_string(job, "path", ""), &path, &err);
    if (directory < 0)
        return job_fail_for_good(job, "%s", err.text);
    struct manifest m = {.job = job, .digest = EVP_MD_CTX_new(), .chunk = malloc(CHUNK)};
    int code = m.digest && m.chunk ? make(&m, directory, path) : job_fail(job, "out of memory");
    EVP_MD_CTX_free(m.digest);
    free(m.chunk);
    buf_done(&m.plain);
    buf_done(&m.escaped);
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

const struct job_class class_sha256_manifest =
    JOB_CLASS(.name = "sha256-manifest", .run = run, .parameters = parameters);
