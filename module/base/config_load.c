/* Loading: defaults, then the sources, then what can only be known once all of them were read. */
#include "module/base/config.h"
#include "module/base/config_private.h"
#include "module/base/error.h"
#include "module/base/mem.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SECRET_LIMIT = 65536 };

static void read_defaults(struct config *config) {
    char host[256] = "";
    if (gethostname(host, sizeof host - 1) || !*host)
        strcpy(host, "localhost");
    host[128] = '\0'; /* longest jobs.instance.name */
    for (size_t i = 0; i < config_key_count; i++) {
        const struct config_key *key = &config_keys[i];
        if (key->stands_for || config_key_is_template(key))
            continue;
        const char *value = key->flags & CONFIG_HOST_NAME ? host : key->otherwise;
        int64_t numbers[2] = {0, 0};
        config_value_read(key, value, numbers);
        config_entry_fill(config_entry_add(config, key, key->name), key, value, numbers,
                          CONFIG_DEFAULT, "default");
    }
}

/* Puts the content of the file in place of its name. */
static int read_secret(struct config_entry *entry, struct jobs_error *err) {
    struct buf text = {0}, origin = {0};
    buf_format(&origin, "%s, %s", entry->origin, entry->value);
    int failed = config_read_all(entry->value, SECRET_LIMIT, &text);
    const char *content = buf_get(&text);
    size_t length = text.length;
    while (length > 0 && (isspace((unsigned char)content[length - 1])))
        length--;
    char *value = mem_text_n(content, length);
    int64_t numbers[2];
    int code =
        failed ? error_set(err, JOBS_ECONFIG, "%s: %s.file: cannot read %s: %s", entry->origin,
                           entry->name, entry->value, strerrordesc_np(failed))
               : config_value_check(buf_get(&origin), entry->name, entry->key, value, numbers, err);
    if (code == 0)
        config_entry_fill(entry, entry->via, value, numbers, entry->source, buf_get(&origin));
    free(value);
    buf_done(&text);
    buf_done(&origin);
    return code;
}

static int read_secrets(struct config *config, struct jobs_error *err) {
    for (size_t i = 0; i < config->count; i++)
        if (config->entries[i].via->type == CONFIG_FILE && read_secret(&config->entries[i], err))
            return JOBS_ECONFIG;
    return 0;
}

/* "main" of "jobs.datasource.main.url", or NULL. Caller frees. */
static char *datasource_of(const struct config_entry *entry, const char *row) {
    struct config_names names;
    if (strcmp(entry->key->name, row) != 0 || !config_key_find(entry->name, false, &names))
        return NULL;
    return mem_text_n(names.text[0], names.length[0]);
}

static void add_schema(struct config *config, const char *name) {
    struct buf full = {0};
    buf_format(&full, "jobs.datasource.%s.schema", name);
    if (!config_entry_find(config, buf_get(&full))) {
        const struct config_key *key = config_key_named("jobs.datasource.<name>.schema");
        struct config_entry *entry = config_entry_add(config, key, buf_get(&full));
        config_entry_fill(entry, key, key->otherwise, (int64_t[2]){0, 0}, CONFIG_DEFAULT,
                          "default");
    }
    buf_done(&full);
}

static int compare_names(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void list_datasources(struct config *config) {
    for (size_t i = 0; i < config->count; i++) {
        char *name = datasource_of(&config->entries[i], "jobs.datasource.<name>.url");
        if (!name)
            continue;
        config->datasources =
            mem_grow(config->datasources, config->datasource_count + 1, sizeof(char *));
        config->datasources[config->datasource_count++] = name;
    }
    if (config->datasource_count > 0)
        qsort(config->datasources, config->datasource_count, sizeof(char *), compare_names);
    for (size_t i = 0; i < config->datasource_count; i++)
        add_schema(config, config->datasources[i]);
}

static int check_schemas(const struct config *config, struct jobs_error *err) {
    int code = 0;
    for (size_t i = 0; i < config->count && code == 0; i++) {
        const struct config_entry *entry = &config->entries[i];
        char *name = datasource_of(entry, "jobs.datasource.<name>.schema");
        bool found = !name;
        for (size_t j = 0; j < config->datasource_count && !found; j++)
            found = strcmp(config->datasources[j], name) == 0;
        if (!found)
            code =
                error_set(err, JOBS_ECONFIG, "%s: %s: datasource %s has no jobs.datasource.%s.url",
                          entry->origin, entry->name, name, name);
        free(name);
    }
    return code;
}

static int finish(struct config *config, struct jobs_error *err) {
    if (read_secrets(config, err))
        return JOBS_ECONFIG;
    list_datasources(config);
    qsort(config->entries, config->count, sizeof *config->entries, config_entry_compare);
    return check_schemas(config, err);
}

int config_load(const char *file, char *const *environment, const char *const *settings,
                const struct log *log, struct config **ret, struct jobs_error *err) {
    struct config *config = MEM_NEW(struct config);
    read_defaults(config);
    int code = config_read_sources(config, file, environment, settings, log, err);
    if (code == 0)
        code = finish(config, err);
    if (code) {
        config_free(config);
        return code;
    }
    *ret = config;
    return 0;
}
