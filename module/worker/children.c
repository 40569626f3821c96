#include "module/worker/children.h"

#include "module/base/error.h"
#include "module/base/mem.h"
#include "module/worker/cgroup_base.h"
#include "module/worker/child.h"
#include "module/worker/program.h"
#include "module/worker/words.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KIND_DEFAULT = -1, KIND_THREAD, KIND_PROCESS, KIND_PROGRAM };

struct children {
    struct classes *classes;
    const struct config *config;
    const struct log *log;
    struct spawner *spawner;  /* made with the first class that needs it; owned by `classes` */
    struct idle_watch *watch; /* likewise */
    char *warned;             /* the class that was warned of last */
    int rc;                   /* of the callbacks: the first failure counts */
    struct jobs_error *err;
};

static int kind_of(const struct children *c, const char *class_name) {
    return (int)config_class_integer(c->config, class_name, "kind", KIND_DEFAULT);
}

static void free_spawner(void *spawner) { spawner_free(spawner); }

/* *ret: caller frees; NULL: nowhere. */
static int find_cgroup(struct children *c, char **ret, struct jobs_error *err) {
    struct buf said = {0};
    int rc = cgroup_base_find(NULL, config_text(c->config, "jobs.cgroup"), ret, &said, err);
    if (said.length > 0)
        log_info(c->log, "%s", buf_get(&said));
    buf_done(&said);
    return rc;
}

static int need_spawner(struct children *c, struct jobs_error *err) {
    char *cgroup = NULL;
    if (c->spawner)
        return 0;
    int rc = find_cgroup(c, &cgroup, err);
    if (rc == 0)
        rc = spawner_new(config_text(c->config, "jobs.libexec.dir"), cgroup, &c->spawner, err);
    free(cgroup);
    if (rc < 0)
        return rc;
    c->watch = idle_watch_new();
    classes_own(c->classes, c->spawner, free_spawner);
    classes_own(c->classes, c->watch, idle_watch_free);
    return 0;
}

/* Takes argv over. */
static int new_class(struct children *c, const char *name, bool host, char **argv,
                     struct child_class **ret, struct jobs_error *err) {
    struct child_settings settings;
    int rc = need_spawner(c, err);
    if (rc < 0) {
        words_free(argv);
        return rc;
    }
    rc = child_settings_read(&settings, c->config, name, host, argv, err);
    if (rc == 0)
        *ret = child_class_new(&settings, c->spawner, c->watch);
    return rc;
}

/* ---- programs ---- */

static int add_program(struct children *c, const char *name, char **argv, const char *origin,
                       struct jobs_error *err) {
    const struct job_class class = JOB_CLASS(.name = name, .run = program_class_run);
    struct child_class *shared = NULL;
    int rc = new_class(c, name, false, argv, &shared, err);
    if (rc < 0)
        return rc;
    /* The name must live as long as the class: the settings have a copy. */
    struct job_class own = class;
    own.name = shared->settings.class_name;
    rc = classes_add_bound(c->classes, &own, origin, shared, child_class_free, err);
    if (rc < 0)
        child_class_free(shared);
    return rc;
}

/* By name: $0 of the shell's own messages is the class. */
static char **shell_command(const char *name, const char *command) {
    char **argv = mem_zero(5, sizeof *argv);
    argv[0] = mem_text("/bin/sh");
    argv[1] = mem_text("-c");
    argv[2] = mem_text(command);
    argv[3] = mem_text(name);
    return argv;
}

/* The words of a command; for a shell that is one. */
static int split_command(const struct children *c, const char *name, const char *command,
                         char ***ret, struct jobs_error *err) {
    if (config_class_integer(c->config, name, "shell", false)) {
        *ret = shell_command(name, command);
        return 0;
    }
    int rc = words_split(command, ret, err);
    if (rc < 0 || (*ret)[0][0] == '/')
        return rc;
    error_set(err, JOBS_ECONFIG,
              "\"%s\" is no absolute path (for a shell's command set "
              "jobs.class.%s.shell=true)",
              (*ret)[0], name);
    words_free(*ret);
    return JOBS_ECONFIG;
}

static int add_command(struct children *c, const char *name, const char *command,
                       struct jobs_error *err) {
    char **argv;
    int kind = kind_of(c, name);
    const struct class_entry *there = classes_find(c->classes, name);
    if (there)
        return error_set(err, JOBS_ECONFIG,
                         "jobs.class.%s.command: there is a class of that name already, by %s",
                         name, there->origin);
    if (kind == KIND_THREAD || kind == KIND_PROCESS)
        return error_set(err, JOBS_ECONFIG,
                         "jobs.class.%s.kind: a class with a command is a program", name);
    int rc = split_command(c, name, command, &argv, err);
    if (rc < 0) {
        error_prefix(err, "jobs.class.%s.command", name);
        return rc;
    }
    if (access(argv[0], X_OK) != 0)
        log_warning(c->log, "class %s: %s cannot be executed: %s; its jobs will fail", name,
                    argv[0], strerror(errno));
    return add_program(c, name, argv, "jobs.class.….command", err);
}

static void each_command(void *arg, const char *name, const char *command) {
    struct children *c = arg;
    if (c->rc == 0)
        c->rc = add_command(c, name, command, c->err);
}

/* NULL: it is one; else why it is none, and what to do. */
static const char *no_program(const char *path, const char *name) {
    struct stat status;
    if (stat(path, &status) < 0)
        return strerror(errno);
    if (!S_ISREG(status.st_mode))
        return "no file";
    if (access(path, X_OK) != 0)
        return "not executable (chmod +x)";
    return class_name_is_valid(name) ? NULL : "its name is no class name";
}

/* Kits and data may lie beside programs: that is said to who asks, and to jobs of that name. */
static void not_a_program(struct children *c, const char *path, const char *name, const char *why) {
    struct buf text = {0};
    buf_format(&text, "%s is no class: %s", path, why);
    log_write(c->log, LOG_LEVEL_DEBUG, "%s", buf_get(&text));
    classes_refuse(c->classes, name, buf_get(&text));
    buf_done(&text);
}

static int add_file(struct children *c, const char *dir, const char *name, struct jobs_error *err) {
    struct buf path = {0};
    buf_format(&path, "%s/%s", dir, name);
    const char *why = no_program(buf_get(&path), name);
    int kind = why ? KIND_DEFAULT : kind_of(c, name), rc = 0;
    if (why)
        not_a_program(c, buf_get(&path), name, why);
    else if (config_class_text(c->config, name, "command"))
        log_write(c->log, LOG_LEVEL_DEBUG, "%s: jobs.class.%s.command stands for it",
                  buf_get(&path), name);
    else if (kind == KIND_THREAD || kind == KIND_PROCESS)
        rc = error_set(err, JOBS_ECONFIG, "jobs.class.%s.kind: %s is a program", name,
                       buf_get(&path));
    else {
        char **argv = mem_zero(2, sizeof *argv);
        argv[0] = mem_text(buf_get(&path));
        rc = add_program(c, name, argv, buf_get(&path), err);
    }
    buf_done(&path);
    return rc;
}

static int is_candidate(const struct dirent *entry) {
    size_t length = strlen(entry->d_name);
    return entry->d_name[0] != '.' &&
           !(length > 3 && strcmp(entry->d_name + length - 3, ".so") == 0);
}

static int by_name(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int add_directory(struct children *c, const char *dir, struct jobs_error *err) {
    struct dirent **entries;
    if (!dir || !*dir)
        return 0;
    char *path = realpath(dir, NULL);
    int n = path ? scandir(path, &entries, is_candidate, by_name) : -1, rc = 0;
    if (n < 0)
        rc = error_set(err, JOBS_ECONFIG, "class directory %s: %s", dir, strerror(errno));
    for (int i = 0; i < n; i++) {
        struct jobs_error why;
        int one = rc == 0 ? add_file(c, path, entries[i]->d_name, &why) : 0;
        if (one == JOBS_ECONFIG) { /* a key is wrong */
            rc = one;
            if (err)
                *err = why;
        } else if (one < 0) { /* the file is: the others are not its fault */
            log_error(c->log, "%s", why.text);
        }
        free(entries[i]);
    }
    if (n >= 0)
        free(entries);
    free(path);
    return rc;
}

/* ---- C classes in hosts ---- */

/* jobs-host FILE CLASS ROOT */
static int host_command(const struct children *c, const struct class_entry *entry, char ***ret,
                        struct jobs_error *err) {
    bool built_in = strcmp(entry->origin, "built in") == 0;
    char *file = built_in ? mem_text("") : NULL, *host;
    if (!built_in && strchr(entry->origin, '/'))
        file = realpath(entry->origin, NULL);
    if (!file)
        return error_set(err, JOBS_ECONFIG,
                         "class %s (%s) is of kind process, which a class linked into the program "
                         "cannot be: build it as a shared object into jobs.classes.dir, or set "
                         "jobs.class.%s.kind=thread",
                         entry->class->name, entry->origin, entry->class->name);
    int rc = helper_find(config_text(c->config, "jobs.libexec.dir"), "jobs-host", &host, err);
    if (rc < 0) {
        free(file);
        return rc;
    }
    const char *root = config_class_text(c->config, entry->class->name, "root");
    char **argv = mem_zero(5, sizeof *argv);
    argv[0] = host;
    argv[1] = file;
    argv[2] = mem_text(entry->class->name);
    argv[3] = mem_text(root);
    *ret = argv;
    return 0;
}

static int adopt(struct children *c, const struct class_entry *entry, struct jobs_error *err) {
    const char *name = entry->class->name;
    int kind = kind_of(c, name);
    char **argv = NULL;
    struct child_class *shared = NULL;
    if (entry->class->run == program_class_run || entry->class->run == host_run)
        return 0;
    if (kind == KIND_PROGRAM)
        return error_set(err, JOBS_ECONFIG,
                         "jobs.class.%s.kind: program, but %s (%s) is a C class: thread or process",
                         name, name, entry->origin);
    if (kind == KIND_THREAD || (kind == KIND_DEFAULT && entry->class->kind == JOB_THREAD))
        return 0;
    int rc = host_command(c, entry, &argv, err);
    if (rc == 0)
        rc = new_class(c, name, true, argv, &shared, err);
    return rc < 0 ? rc : classes_rebind(c->classes, name, host_run, shared, child_class_free, err);
}

static int adopt_all(struct children *c, struct jobs_error *err) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < classes_count(c->classes); i++)
        rc = adopt(c, classes_at(c->classes, i), err);
    return rc;
}

/* ---- keys that do nothing ---- */

static void each_kind(void *arg, const char *name, const char *kind) {
    struct children *c = arg;
    if (c->rc == 0 && strcmp(kind, "program") == 0 && !classes_find(c->classes, name))
        c->rc = error_set(c->err, JOBS_ECONFIG,
                          "jobs.class.%s.kind: program, but there is no executable %s in "
                          "jobs.classes.dir and no jobs.class.%s.command",
                          name, name, name);
}

static void each_shell(void *arg, const char *name, const char *shell) {
    struct children *c = arg;
    (void)shell;
    if (c->rc == 0 && config_class_integer(c->config, name, "shell", false) &&
        !config_class_text(c->config, name, "command"))
        c->rc =
            error_set(c->err, JOBS_ECONFIG,
                      "jobs.class.%s.shell: there is no jobs.class.%s.command for it", name, name);
}

/* Settings of a class that is not there: of another instance's, or misspelt. */
static void each_class_key(void *arg, const char *name, const char *value) {
    struct children *c = arg;
    (void)value;
    if (classes_find(c->classes, name) || (c->warned && strcmp(c->warned, name) == 0))
        return;
    size_t count = classes_count(c->classes);
    const char *why = classes_why_not(c->classes, name), **names = mem_zero(count, sizeof *names);
    for (size_t i = 0; i < count; i++)
        names[i] = classes_at(c->classes, i)->class->name;
    char *similar = classes_similar(names, count, name);
    log_warning(c->log, "jobs.class.%s.… has no effect: there is no such class here%s%s%s%s", name,
                why ? ": " : "", why ? why : "", *similar ? "; similar: " : "", similar);
    free(similar);
    free(names);
    free(c->warned);
    c->warned = mem_text(name);
}

static void warn_of_thread_limits(const struct children *c) {
    static const char *const keys[] = {"memory", "cpu", "files", "nice", "user", "jobs", "idle"};
    for (size_t i = 0; i < classes_count(c->classes); i++) {
        const struct job_class *class = classes_at(c->classes, i)->class;
        if (class->run == program_class_run || class->run == host_run)
            continue;
        for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
            if (config_class_text(c->config, class->name, keys[k]))
                log_warning(c->log,
                            "jobs.class.%s.%s has no effect: the class runs on a thread, set "
                            "jobs.class.%s.kind=process",
                            class->name, keys[k], class->name);
    }
}

int children_add(struct classes *classes, const struct config *config, const char *dir,
                 const struct log *log, struct jobs_error *err) {
    struct children c = {.classes = classes, .config = config, .log = log, .err = err};
    int rc = adopt_all(&c, err);
    if (rc == 0)
        rc = add_directory(&c, dir, err);
    if (rc == 0) {
        config_classes_with(config, "command", each_command, &c);
        config_classes_with(config, "kind", each_kind, &c);
        config_classes_with(config, "shell", each_shell, &c);
        rc = c.rc;
    }
    if (rc == 0) {
        warn_of_thread_limits(&c);
        config_classes_with(config, NULL, each_class_key, &c);
    }
    free(c.warned);
    return rc;
}

void children_prepare(const struct classes *classes) {
    for (size_t i = 0; i < classes_count(classes); i++) {
        const struct class_entry *entry = classes_at(classes, i);
        bool child = entry->class->run == program_class_run || entry->class->run == host_run;
        struct child_class *shared = child ? entry->shared : NULL;
        struct jobs_error ignored;
        if (shared && shared->settings.jobs > 1)
            child_prepare(shared, &ignored);
    }
}
