/* A temporary directory and small files in it, for tests. Every call checks itself with cmocka. */
#ifndef TESTS_UNIT_TEMPORARY_H
#define TESTS_UNIT_TEMPORARY_H
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/unit.h"

/* Makes it and enters its path, absolute and without links. */
static inline void temporary_make(char path[static 256]) {
    const char *base = getenv("TMPDIR");
    char template[200];
    snprintf(template, sizeof template, "%s/jobs-test-XXXXXX", base && *base ? base : "/tmp");
    assert_non_null(mkdtemp(template));
    char *real = realpath(template, NULL);
    assert_non_null(real);
    assert_true(strlen(real) < 256);
    strcpy(path, real);
    free(real);
}

static inline void temporary_directory(const char *base, const char *name) {
    int fd = open(base, O_RDONLY | O_DIRECTORY);
    assert_true(fd >= 0);
    assert_int_equal(mkdirat(fd, name, 0700), 0);
    close(fd);
}

static inline void temporary_file(const char *base, const char *name, const char *text,
                                  size_t length) {
    int directory = open(base, O_RDONLY | O_DIRECTORY);
    assert_true(directory >= 0);
    int fd = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, length), (ssize_t)length);
    close(fd);
    close(directory);
}

static inline void temporary_link(const char *base, const char *name, const char *to) {
    int fd = open(base, O_RDONLY | O_DIRECTORY);
    assert_true(fd >= 0);
    assert_int_equal(symlinkat(to, fd, name), 0);
    close(fd);
}

static inline int temporary_exists(const char *base, const char *name) {
    char path[600];
    struct stat status;
    snprintf(path, sizeof path, "%s%s%s", base, *name ? "/" : "", name);
    return lstat(path, &status) == 0;
}
#endif
