/* The direction of the architecture: every #include "…" of every folder is an arrow that is allowed
 * below. */
#include "module/base/buf.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Folder and the folders it may include from, besides itself, module/base and module/jobs.h. */
static const struct {
    const char *folder;
    const char *may[12];
} arrows[] = {
    {"module/base", {NULL}},
    {"module/job", {NULL}},
    {"module/store", {"module/job", "sql"}},
    {"module/worker", {"module/job"}},
    {"module/spawner", {"module/worker"}}, /* what they say to each other */
    {"module/host", {"module/job", "module/worker"}},
    {"module/service", {"module/job", "module/store", "module/worker", "tenant", "amqp", "sql"}},
    {"module/feed", {"module/job", "amqp"}},
    {"module/api",
     {"module/job", "module/feed", "module/service", "module/store", "tenant", "amqp"}},
    {"module/cli", /* api: its readers of JSON and dates */
     {"module/api", "module/job", "module/store", "module/worker", "amqp",
      "tenant"}}, /* worker: run */
    {"module/daemon",
     {"module/job", "module/store", "module/worker", "module/service", "module/api", "tenant",
      "amqp", "sql"}},
    {"tenant", {"module/store", "sql"}}, /* a removal stops what lives */
    {"amqp", {NULL}},
    {"sql", {NULL}},
};
#define FOLDERS (sizeof arrows / sizeof *arrows)

static bool is_allowed(size_t folder, const char *target, size_t length) {
    const char *from = arrows[folder].folder;
    if (strlen(from) == length && strncmp(from, target, length) == 0)
        return true;
    if (length == strlen("module/base") && strncmp(target, "module/base", length) == 0)
        return true;
    for (const char *const *may = arrows[folder].may; *may; may++)
        if (strlen(*may) == length && strncmp(*may, target, length) == 0)
            return true;
    return false;
}

/* "x/y.h" of a line `#include "x/y.h"`, else NULL; changes the line. */
static char *included(char *line) {
    char *p = line + strspn(line, " \t");
    if (*p++ != '#')
        return NULL;
    p += strspn(p, " \t");
    if (strncmp(p, "include", 7) != 0)
        return NULL;
    p += 7 + strspn(p + 7, " \t");
    char *end = *p == '"' ? strchr(p + 1, '"') : NULL;
    if (!end)
        return NULL;
    *end = '\0';
    return p + 1;
}

/* Adds a line to `wrong` for each include of the file that is no allowed arrow. Returns the
 * includes seen. */
static size_t check_file(size_t folder, const char *path, struct buf *wrong) {
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    char line[512];
    size_t seen = 0;
    while (fgets(line, sizeof line, file)) {
        char *target = included(line);
        if (!target)
            continue;
        seen++;
        const char *slash = strrchr(target, '/');
        size_t length = slash ? (size_t)(slash - target) : 0;
        if (strcmp(target, "module/jobs.h") != 0 && !is_allowed(folder, target, length))
            buf_format(wrong, "%s includes %s\n", path, target);
    }
    fclose(file);
    return seen;
}

static size_t check_folder(size_t folder, struct buf *wrong) {
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", SOURCE_DIR, arrows[folder].folder);
    DIR *dir = opendir(path);
    if (!dir)
        return 0; /* a folder of a later release */
    size_t seen = 0;
    for (struct dirent *entry; (entry = readdir(dir));) {
        const char *dot = strrchr(entry->d_name, '.');
        if (!dot || (strcmp(dot, ".c") != 0 && strcmp(dot, ".h") != 0))
            continue;
        snprintf(path, sizeof path, "%s/%s/%s", SOURCE_DIR, arrows[folder].folder, entry->d_name);
        seen += check_file(folder, path, wrong);
    }
    closedir(dir);
    return seen;
}

static void every_include_is_an_allowed_arrow(void **state) {
    (void)state;
    struct buf wrong = {0};
    size_t seen = 0;
    for (size_t i = 0; i < FOLDERS; i++)
        seen += check_folder(i, &wrong);
    assert_true(seen > 20); /* it did read the tree */
    if (wrong.length > 0)
        print_error("%s", buf_get(&wrong));
    assert_int_equal(wrong.length, 0);
    buf_done(&wrong);
}

/* A new folder with code must be given its arrows here. */
static void every_folder_of_module_is_known(void **state) {
    (void)state;
    DIR *dir = opendir(SOURCE_DIR "/module");
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));) {
        char name[300];
        snprintf(name, sizeof name, "module/%s", entry->d_name);
        bool known = entry->d_type != DT_DIR || entry->d_name[0] == '.';
        for (size_t i = 0; i < FOLDERS && !known; i++)
            known = strcmp(arrows[i].folder, name) == 0;
        if (!known)
            print_error("%s has no arrows in test_arrows.c\n", name);
        assert_true(known);
    }
    closedir(dir);
}

static size_t folder_of(const char *name) {
    size_t i = 0;
    while (strcmp(arrows[i].folder, name) != 0)
        i++;
    return i;
}

static void forbidden_arrows_are_seen(void **state) {
    (void)state;
    assert_false(is_allowed(folder_of("amqp"), "module/job", strlen("module/job")));
    assert_false(is_allowed(folder_of("module/worker"), "sql", strlen("sql")));
    assert_false(is_allowed(folder_of("module/store"), "", 0)); /* "buf.h": not from the root */
    assert_true(is_allowed(folder_of("module/store"), "sql", strlen("sql")));
    char line[] = "#  include \t\"amqp/bus.h\" // bus", other[] = "#include <amqp.h>";
    assert_string_equal(included(line), "amqp/bus.h");
    assert_null(included(other));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_include_is_an_allowed_arrow),
        cmocka_unit_test(every_folder_of_module_is_known),
        cmocka_unit_test(forbidden_arrows_are_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
