/* A loaded config: its entries, how they are read, how two of them differ. */
#include "module/base/config.h"
#include "module/base/config_private.h"
#include "module/base/error.h"
#include "module/base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DATASOURCES_MAX = 100 };

static const char datasource_prefix[] = "jobs.datasource.";

struct config_entry *config_entry_find(const struct config *config, const char *name) {
    for (size_t i = 0; i < config->count; i++)
        if (strcmp(config->entries[i].name, name) == 0)
            return &config->entries[i];
    return NULL;
}

struct config_entry *config_entry_add(struct config *config, const struct config_key *key,
                                      const char *name) {
    config->entries = mem_grow(config->entries, config->count + 1, sizeof *config->entries);
    struct config_entry *entry = &config->entries[config->count++];
    *entry = (struct config_entry){.key = key, .via = key, .name = mem_text(name)};
    return entry;
}

void config_entry_fill(struct config_entry *entry, const struct config_key *via, const char *value,
                       const int64_t numbers[2], enum config_source source, const char *origin) {
    free(entry->value);
    free(entry->origin);
    entry->via = via;
    entry->value = mem_text(value);
    entry->numbers[0] = numbers[0], entry->numbers[1] = numbers[1];
    entry->source = source;
    entry->origin = mem_text(origin);
}

int config_entry_compare(const void *a, const void *b) {
    const struct config_entry *x = a, *y = b;
    bool template = config_key_is_template(x->key);
    if (template != config_key_is_template(y->key))
        return template ? 1 : -1;
    if (template)
        return strcmp(x->name, y->name);
    return (x->key > y->key) - (x->key < y->key);
}

void config_free(struct config *config) {
    if (!config)
        return;
    for (size_t i = 0; i < config->count; i++) {
        free(config->entries[i].name);
        free(config->entries[i].value);
        free(config->entries[i].origin);
    }
    free(config->entries);
    for (size_t i = 0; i < config->datasource_count; i++)
        free(config->datasources[i]);
    free(config->datasources);
    free(config);
}

static const struct config_entry *fixed(const struct config *config, const char *key) {
    return config_entry_find(config, config_key_named(key)->name);
}

const char *config_text(const struct config *config, const char *key) {
    return fixed(config, key)->value;
}

int64_t config_integer(const struct config *config, const char *key) {
    return fixed(config, key)->numbers[0];
}

size_t config_datasource_count(const struct config *config) { return config->datasource_count; }

const char *config_datasource_name(const struct config *config, size_t i) {
    return config->datasources[i];
}

/* The entry "<prefix><name>.<suffix>", or NULL. */
static const struct config_entry *named(const struct config *config, const char *prefix,
                                        const char *name, const char *suffix) {
    struct buf full = {0};
    buf_format(&full, "%s%s.%s", prefix, name, suffix);
    const struct config_entry *entry = config_entry_find(config, buf_get(&full));
    buf_done(&full);
    return entry;
}

const char *config_datasource_text(const struct config *config, size_t i, const char *suffix) {
    const struct config_entry *entry =
        named(config, datasource_prefix, config->datasources[i], suffix);
    return entry ? entry->value : NULL;
}

int config_need_datasource(const struct config *config, struct jobs_error *err) {
    if (config->datasource_count == 0)
        return error_set(err, JOBS_ECONFIG,
                         "no datasource: set jobs.datasource.<name>.url (in the environment "
                         "JOBS_DATASOURCE_MAIN_URL for one called main)");
    if (config->datasource_count > DATASOURCES_MAX)
        return error_set(err, JOBS_ECONFIG, "%zu datasources: one instance takes up to %d",
                         config->datasource_count, DATASOURCES_MAX);
    return 0;
}

const char *config_class_text(const struct config *config, const char *class_name,
                              const char *suffix) {
    const struct config_entry *entry = named(config, "jobs.class.", class_name, suffix);
    return entry ? entry->value : NULL;
}

int64_t config_class_integer(const struct config *config, const char *class_name,
                             const char *suffix, int64_t otherwise) {
    bool second = strcmp(suffix, "backoff.max") == 0;
    const struct config_entry *entry =
        named(config, "jobs.class.", class_name, second ? "backoff" : suffix);
    return entry ? entry->numbers[second] : otherwise;
}

void config_class_variables(const struct config *config, const char *class_name,
                            void (*each)(void *arg, const char *name, const char *value),
                            void *arg) {
    struct buf prefix = {0};
    buf_format(&prefix, "jobs.class.%s.env.", class_name);
    for (size_t i = 0; i < config->count; i++) {
        const struct config_entry *e = &config->entries[i];
        if (strcmp(e->key->name, "jobs.class.<name>.env.<NAME>") == 0 &&
            strncmp(e->name, buf_get(&prefix), prefix.length) == 0)
            each(arg, e->name + prefix.length, e->value);
    }
    buf_done(&prefix);
}

void config_classes_with(const struct config *config, const char *suffix,
                         void (*each)(void *arg, const char *class_name, const char *value),
                         void *arg) {
    static const char template[] = "jobs.class.<name>.", head[] = "jobs.class.";
    for (size_t i = 0; i < config->count; i++) {
        const struct config_entry *e = &config->entries[i];
        const char *row = e->key->name + sizeof template - 1;
        if (strncmp(e->key->name, template, sizeof template - 1) != 0 ||
            (suffix && strcmp(row, suffix) != 0))
            continue;
        /* Class names hold dots, suffixes none, but for .env.NAME. */
        const char *name = e->name + sizeof head - 1, *end = strrchr(name, '.');
        if (strcmp(row, "env.<NAME>") == 0)
            end -= strlen(".env");
        char *copy = mem_text_n(name, (size_t)(end - name));
        each(arg, copy, e->value);
        free(copy);
    }
}

size_t config_compare(const struct config *now, const struct config *next,
                      void (*differs)(void *arg, const char *key, bool reloadable), void *arg) {
    size_t count = 0;
    for (size_t i = 0, j = 0; i < now->count || j < next->count;) {
        const struct config_entry *a = i < now->count ? &now->entries[i] : NULL;
        const struct config_entry *b = j < next->count ? &next->entries[j] : NULL;
        int order = !a ? 1 : !b ? -1 : config_entry_compare(a, b);
        i += order <= 0, j += order >= 0;
        if (order == 0 && strcmp(a->value, b->value) == 0)
            continue;
        const struct config_entry *one = order <= 0 ? a : b;
        differs(arg, one->name, one->key->flags & CONFIG_RELOADABLE);
        count++;
    }
    return count;
}

static void log_change(void *arg, const char *key, bool reloadable) {
    const struct log *log = arg;
    if (reloadable)
        log_info(log, "reload: %s has changed", key);
    else
        log_warning(log, "reload: %s has changed, which takes effect at the next start", key);
}

void config_log_changes(const struct config *now, const struct config *next,
                        const struct log *log) {
    struct log copy = *log;
    config_compare(now, next, log_change, &copy);
}
