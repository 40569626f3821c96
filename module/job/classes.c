#include "module/job/classes.h"

#include "module/base/buf.h"
#include "module/base/error.h"
#include "module/base/mem.h"
#include "module/base/text.h"

#include <stdlib.h>
#include <string.h>

/* A struct smaller than that of the first release, or larger than any release will be, is no struct
 * job_class. */
#define SIZE_MIN_EVER (offsetof(struct job_class, backoff_max) + sizeof(int64_t))
#define SIZE_MAX_EVER 4096
#define NAME_MAX_LENGTH 128

struct member {
    struct class_entry entry; /* entry.class points to `class`, entry.origin to `origin` */
    struct job_class class;
    void (*free_shared)(void *shared);
    bool opened;
    char origin[];
};

struct owned {
    void *thing;
    void (*release)(void *thing);
};

struct refused {
    char *name, *why;
};

struct classes {
    struct member **members; /* sorted by name */
    size_t count;
    struct owned *owned;
    size_t owned_count;
    struct refused *refused;
    size_t refused_count;
};

struct classes *classes_new(void) {
    return MEM_NEW(struct classes);
}

static void member_free(struct member *member) {
    void *shared = member->entry.shared;
    if (member->opened && member->class.close)
        member->class.close(shared);
    if (member->free_shared)
        member->free_shared(shared);
    free(member);
}

void classes_free(struct classes *classes) {
    if (!classes)
        return;
    for (size_t i = classes->count; i-- > 0;)
        member_free(classes->members[i]);
    for (size_t i = classes->owned_count; i-- > 0;)
        classes->owned[i].release(classes->owned[i].thing);
    for (size_t i = 0; i < classes->refused_count; i++)
        free(classes->refused[i].name), free(classes->refused[i].why);
    free(classes->refused);
    free(classes->members);
    free(classes->owned);
    free(classes);
}

void classes_own(struct classes *classes, void *thing, void (*release)(void *thing)) {
    classes->owned = mem_grow(classes->owned, classes->owned_count + 1, sizeof *classes->owned);
    classes->owned[classes->owned_count++] = (struct owned){thing, release};
}

const char *classes_why_not(const struct classes *classes, const char *name) {
    for (size_t i = 0; i < classes->refused_count; i++)
        if (strcmp(classes->refused[i].name, name) == 0)
            return classes->refused[i].why;
    return NULL;
}

void classes_refuse(struct classes *classes, const char *name, const char *why) {
    if (classes_why_not(classes, name))
        return;
    classes->refused =
        mem_grow(classes->refused, classes->refused_count + 1, sizeof *classes->refused);
    classes->refused[classes->refused_count++] = (struct refused){mem_text(name), mem_text(why)};
}

bool class_name_is_valid(const char *name) {
    static const char first[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    static const char later[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
    if (!name || name[0] == '\0' || !strchr(first, name[0]))
        return false;
    size_t length = strnlen(name, NAME_MAX_LENGTH + 1);
    return length <= NAME_MAX_LENGTH && strspn(name, later) == length;
}

/* Where `name` is, or where it belongs. */
static size_t place_of(const struct classes *classes, const char *name, bool *ret_there) {
    size_t low = 0, high = classes->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(classes->members[middle]->class.name, name);
        if (order == 0) {
            *ret_there = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *ret_there = false;
    return low;
}

const struct class_entry *classes_find(const struct classes *classes, const char *name) {
    bool there;
    size_t i = place_of(classes, name, &there);
    return there ? &classes->members[i]->entry : NULL;
}

size_t classes_count(const struct classes *classes) { return classes->count; }

const struct class_entry *classes_at(const struct classes *classes, size_t i) {
    return &classes->members[i]->entry;
}

static int check_parameters(const struct job_class *class, const char *origin,
                            struct jobs_error *err) {
    const struct job_parameter *first = class->parameters;
    for (const struct job_parameter *p = first; p && p->name; p++) {
        if ((unsigned)p->type > JOB_JSON)
            return error_set(err, JOBS_EINVAL, "class %s (%s): parameter '%s' has no valid type",
                             class->name, origin, p->name);
        for (const struct job_parameter *q = first; q < p; q++)
            if (strcmp(p->name, q->name) == 0)
                return error_set(err, JOBS_EINVAL,
                                 "class %s (%s): parameter '%s' is declared twice", class->name,
                                 origin, p->name);
    }
    return 0;
}

static int check_class(const struct job_class *class, const char *origin, struct jobs_error *err) {
    if (class->size < SIZE_MIN_EVER || class->size > SIZE_MAX_EVER)
        return error_set(err, JOBS_EINVAL,
                         "%s: a class struct of %zu bytes is of no release (this one has %zu): "
                         "use JOB_CLASS and build it again",
                         origin, class->size, sizeof *class);
    if (!class_name_is_valid(class->name)) {
        char *name =
            class->name ? text_clean(class->name, strlen(class->name), 200) : mem_text("(none)");
        error_set(err, JOBS_EINVAL,
                  "%s: bad class name '%s': [A-Za-z0-9][A-Za-z0-9_.-]*, at most %d characters",
                  origin, name, NAME_MAX_LENGTH);
        free(name);
        return JOBS_EINVAL;
    }
    if (!class->run)
        return error_set(err, JOBS_EINVAL, "class %s (%s) has no run function", class->name,
                         origin);
    if (class->kind != JOB_THREAD && class->kind != JOB_PROCESS)
        return error_set(err, JOBS_EINVAL, "class %s (%s) has no valid kind", class->name, origin);
    return check_parameters(class, origin, err);
}

static struct member *member_new(const struct job_class *class, const char *origin) {
    size_t length = strlen(origin) + 1;
    struct member *member = mem_zero(1, sizeof *member + length);
    size_t known = class->size < sizeof member->class ? class->size : sizeof member->class;
    memcpy(&member->class, class, known);
    memcpy(member->origin, origin, length);
    member->class.size = sizeof member->class; /* the rest is zero, thus readable */
    member->entry.class = &member->class;
    member->entry.origin = member->origin;
    return member;
}

int classes_add_bound(struct classes *classes, const struct job_class *class, const char *origin,
                      void *shared, void (*free_shared)(void *shared), struct jobs_error *err) {
    int rc = check_class(class, origin, err);
    if (rc < 0)
        return rc;
    if ((shared || free_shared) && class->open)
        return error_set(err, JOBS_EINVAL, "class %s (%s) is bound to data and has open as well",
                         class->name, origin);
    bool there;
    size_t at = place_of(classes, class->name, &there);
    if (there)
        return error_set(err, JOBS_EINVAL, "class name %s of %s is taken already, by %s",
                         class->name, origin, classes->members[at]->origin);
    struct member *member = member_new(class, origin);
    member->entry.shared = shared;
    member->free_shared = free_shared;
    classes->members = mem_grow(classes->members, classes->count + 1, sizeof(struct member *));
    memmove(classes->members + at + 1, classes->members + at,
            (classes->count - at) * sizeof(struct member *));
    classes->members[at] = member;
    classes->count++;
    return 0;
}

int classes_add(struct classes *classes, const struct job_class *class, const char *origin,
                struct jobs_error *err) {
    return classes_add_bound(classes, class, origin, NULL, NULL, err);
}

static struct member *find_member(const struct classes *classes, const char *name,
                                  struct jobs_error *err) {
    bool there;
    size_t at = place_of(classes, name, &there);
    if (!there)
        error_set(err, JOBS_ENOENT, "there is no class %s", name);
    return there ? classes->members[at] : NULL;
}

int classes_rebind(struct classes *classes, const char *name, int (*run)(struct job *job),
                   void *shared, void (*free_shared)(void *shared), struct jobs_error *err) {
    struct member *member = find_member(classes, name, err);
    if (!member)
        return JOBS_ENOENT;
    if (member->free_shared)
        member->free_shared(member->entry.shared);
    member->class.run = run;
    member->class.open = NULL;
    member->class.close = NULL;
    member->entry.shared = shared;
    member->free_shared = free_shared;
    return 0;
}

/* open() may leave its error empty: who reads the text must learn at least which class it was. */
static int open_member(struct member *member, struct jobs_error *err) {
    struct jobs_error own = {0};
    void *shared = NULL;
    if (member->class.open(&shared, &own) == 0) {
        member->entry.shared = shared;
        member->opened = true;
        return 0;
    }
    return error_set(err, own.code < 0 ? own.code : JOBS_EINVAL, "class %s (%s): open failed: %s",
                     member->class.name, member->origin,
                     own.text[0] ? own.text : "it gave no reason");
}

int classes_open(struct classes *classes, struct jobs_error *err) {
    int first = 0;
    size_t kept = 0;
    for (size_t i = 0; i < classes->count; i++) {
        struct member *member = classes->members[i];
        struct jobs_error why;
        int rc = member->class.open && !member->opened ? open_member(member, &why) : 0;
        if (rc == 0) {
            classes->members[kept++] = member;
            continue;
        }
        classes_refuse(classes, member->class.name, why.text);
        if (first == 0 && err)
            *err = why;
        first = first ? first : rc;
        member_free(member);
    }
    classes->count = kept;
    return first;
}

static bool is_among(const char *const *names, size_t n, const char *name) {
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

int classes_open_one(struct classes *classes, const char *name, struct jobs_error *err) {
    struct member *member = find_member(classes, name, err);
    if (!member)
        return JOBS_ENOENT;
    return member->class.open && !member->opened ? open_member(member, err) : 0;
}

char *classes_similar(const char *const *names, size_t n, const char *name) {
    const char *best[3] = {0};
    size_t distance[3] = {0}, found = 0, near = (strlen(name) + 2) / 3;
    for (size_t i = 0; i < n; i++) {
        size_t d = text_distance(names[i], name), at = found;
        if (d > near || is_among(best, found, names[i]))
            continue;
        while (at > 0 && distance[at - 1] > d)
            at--;
        if (at == 3)
            continue;
        found = found < 3 ? found + 1 : 3;
        for (size_t j = found - 1; j > at; j--)
            best[j] = best[j - 1], distance[j] = distance[j - 1];
        best[at] = names[i], distance[at] = d;
    }
    struct buf text = {0};
    for (size_t i = 0; i < found; i++)
        buf_text(&text, i ? ", " : ""), buf_text(&text, best[i]);
    return buf_take(&text);
}
