/* How the children of one class are started: command, limits, user, environment, as configured.
 * Never changes once read. */
#ifndef WORKER_CHILD_SETTINGS_H
#define WORKER_CHILD_SETTINGS_H
#include "module/base/config.h"
#include "module/worker/spawn_wire.h"

struct child_settings {
    char *class_name;
    bool host;   /* a host for a C class; else a program */
    char **argv; /* last NULL */
    char **variables;
    size_t variable_count; /* configured ones first, as "NAME=value" */
    char *home, *user;     /* of `user`, or of this process; may be NULL */
    unsigned jobs;         /* a child stays for that many, one after another */
    int64_t cpu;           /* seconds per job, 0 = no limit */
    int64_t idle;          /* µs that a child waits for a job before it is let go, 0 = for ever */
    struct spawn_head head;
};

/* `argv` becomes the settings' (words_free), also on failure. `config` NULL: nothing is configured.
 * JOBS_ECONFIG: a user that is not known or, without being root, not ours. */
int child_settings_read(struct child_settings *ret, const struct config *config,
                        const char *class_name, bool host, char **argv, struct jobs_error *err);
void child_settings_done(struct child_settings *settings);

/* The environment of a child, last NULL, words_free: PATH, HOME, LANG, TZ, JOBS_CLASS, the
 * configured ones, and `more` (last NULL, may be NULL). A configured name is not given twice. */
char **child_environment(const struct child_settings *settings, const char *const *more);
#endif
