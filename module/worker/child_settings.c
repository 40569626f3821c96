#include "module/worker/child_settings.h"

#include "module/base/clock.h"
#include "module/base/error.h"
#include "module/base/mem.h"
#include "module/worker/words.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HOST_JOBS 1000 /* of one host before a new one takes its place, unless configured */
#define IDLE_MS 60000  /* that a child waits for a job, unless configured */

static void add_variable(char ***list, size_t *count, const char *name, const char *value) {
    struct buf text = {0};
    buf_format(&text, "%s=%s", name, value);
    *list = mem_grow(*list, *count + 2, sizeof **list);
    (*list)[(*count)++] = buf_take(&text);
    (*list)[*count] = NULL;
}

static void add_configured(void *arg, const char *name, const char *value) {
    struct child_settings *s = arg;
    add_variable(&s->variables, &s->variable_count, name, value);
}

/* The entry of a user by name or number; its texts in `texts` (caller frees). */
static int find_user(const char *name, struct passwd *ret, char **texts, struct jobs_error *err) {
    struct passwd *found = NULL;
    char *end;
    size_t room = 16384;
    *texts = mem_alloc(room);
    int rc = getpwnam_r(name, ret, *texts, room, &found);
    unsigned long number = strtoul(name, &end, 10);
    if (!found && *name && !*end)
        rc = getpwuid_r((uid_t)number, ret, *texts, room, &found);
    if (found)
        return 0;
    free(*texts);
    *texts = NULL;
    return error_set(err, JOBS_ECONFIG, "there is no user %s%s%s", name, rc ? ": " : "",
                     rc ? strerror(rc) : "");
}

static void set_user(struct child_settings *s, const struct passwd *user) {
    gid_t groups[SPAWN_GROUPS_MAX];
    int count = SPAWN_GROUPS_MAX;
    if (getgrouplist(user->pw_name, user->pw_gid, groups, &count) < 0)
        count = SPAWN_GROUPS_MAX; /* as many as there is room for */
    s->head.set_user = 1;
    s->head.uid = user->pw_uid;
    s->head.gid = user->pw_gid;
    s->head.group_count = (uint32_t)count;
    for (int i = 0; i < count; i++)
        s->head.groups[i] = groups[i];
}

static int read_user(struct child_settings *s, const char *name, struct jobs_error *err) {
    struct passwd user;
    char *texts;
    if (!name || !*name) {
        const char *home = getenv("HOME");
        s->home = mem_text(home);
        return 0;
    }
    int rc = find_user(name, &user, &texts, err);
    if (rc < 0)
        return rc;
    if (geteuid() == 0)
        set_user(s, &user);
    else if (user.pw_uid != geteuid())
        rc = error_set(err, JOBS_ECONFIG,
                       "only root can run children as user %s: start the service "
                       "as root or leave the key out",
                       name);
    s->home = mem_text(user.pw_dir);
    s->user = mem_text(user.pw_name);
    free(texts);
    return rc;
}

int child_settings_read(struct child_settings *ret, const struct config *config,
                        const char *class_name, bool host, char **argv, struct jobs_error *err) {
    struct child_settings s = {.class_name = mem_text(class_name), .host = host, .argv = argv};
    int64_t jobs = host ? HOST_JOBS : 1, nice = INT64_MIN, idle = IDLE_MS;
    const char *user = NULL;
    if (config) {
        config_class_variables(config, class_name, add_configured, &s);
        jobs = config_class_integer(config, class_name, "jobs", jobs);
        nice = config_class_integer(config, class_name, "nice", nice);
        idle = config_class_integer(config, class_name, "idle", idle);
        user = config_class_text(config, class_name, "user");
        s.cpu = (config_class_integer(config, class_name, "cpu", 0) + 999) / 1000;
        s.head.files = config_class_integer(config, class_name, "files", 0);
        s.head.memory = config_class_integer(config, class_name, "memory", 0);
    }
    s.jobs = (unsigned)jobs;
    s.idle = idle * CLOCK_MS;
    s.head.cpu = s.cpu;
    s.head.set_nice = nice != INT64_MIN;
    s.head.nice = s.head.set_nice ? (int32_t)nice : 0;
    int rc = read_user(&s, user, err);
    if (rc == 0 && s.head.set_nice && nice < 0 && geteuid() != 0)
        rc = error_set(err, JOBS_ECONFIG, "only root can give children niceness %d", (int)nice);
    if (rc < 0) {
        error_prefix(err, "class %s", class_name);
        child_settings_done(&s);
        return rc;
    }
    *ret = s;
    return 0;
}

void child_settings_done(struct child_settings *s) {
    free(s->class_name);
    words_free(s->argv);
    words_free(s->variables);
    free(s->home);
    free(s->user);
}

static bool has(char *const *list, size_t count, const char *name) {
    size_t length = strlen(name);
    for (size_t i = 0; i < count; i++)
        if (strncmp(list[i], name, length) == 0 && list[i][length] == '=')
            return true;
    return false;
}

char **child_environment(const struct child_settings *s, const char *const *more) {
    const char *lang = getenv("LANG"), *tz = getenv("TZ");
    const char *const own[][2] = {{"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:"
                                           "/sbin:/bin"},
                                  {"HOME", s->home ? s->home : "/"},
                                  {"USER", s->user},
                                  {"LOGNAME", s->user},
                                  {"LANG", lang ? lang : "C.UTF-8"},
                                  {"TZ", tz},
                                  {"JOBS_CLASS", s->class_name}};
    char **list = mem_zero(1, sizeof *list);
    size_t count = 0;
    for (size_t i = 0; i < s->variable_count; i++) {
        list = mem_grow(list, count + 2, sizeof *list);
        list[count++] = mem_text(s->variables[i]);
        list[count] = NULL;
    }
    size_t configured = count;
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (own[i][1] && !has(list, configured, own[i][0]))
            add_variable(&list, &count, own[i][0], own[i][1]);
    for (; more && *more; more += 2)
        if (!has(list, configured, more[0]))
            add_variable(&list, &count, more[0], more[1]);
    return list;
}
