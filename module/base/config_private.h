/* Inside of a config: what config_read.c builds and config.c and config_print.c read. */
#ifndef BASE_CONFIG_PRIVATE_H
#define BASE_CONFIG_PRIVATE_H
#include "module/base/config.h"
#include "module/base/config_key.h"

/* The later wins. */
enum config_source { CONFIG_DEFAULT, CONFIG_FROM_FILE, CONFIG_ENVIRONMENT, CONFIG_SETTING };

struct config_entry {
    const struct config_key *key; /* the row of `name`, never one that stands for another */
    const struct config_key *via; /* the row that was used: an old name, a .file, or `key` */
    char *name;                   /* in full */
    char *value;
    int64_t numbers[2];
    enum config_source source;
    char *origin; /* "jobsd.properties:7", "environment JOBS_POOL_SIZE", "setting", "default" */
};

struct config {
    struct config_entry
        *entries; /* rows in the order of the table, then names with placeholders by name */
    size_t count;
    char **datasources; /* names in alphabetical order */
    size_t datasource_count;
};

struct config_entry *config_entry_find(const struct config *config, const char *name);
/* Adds an empty entry; earlier pointers to entries become invalid. */
struct config_entry *config_entry_add(struct config *config, const struct config_key *key,
                                      const char *name);
/* The order of `entries`, for qsort. */
int config_entry_compare(const void *a, const void *b);
/* Puts a value (copied) in place of the old one. */
void config_entry_fill(struct config_entry *entry, const struct config_key *via, const char *value,
                       const int64_t numbers[2], enum config_source source, const char *origin);

/* config_read.c: file, environment and settings (each may be NULL) over what is in `config`. */
int config_read_sources(struct config *config, const char *file, char *const *environment,
                        const char *const *settings, const struct log *log, struct jobs_error *err);
/* JOBS_ECONFIG "<origin>: <name>: ..." unless `value` is what `key` allows. */
int config_value_check(const char *origin, const char *name, const struct config_key *key,
                       const char *value, int64_t ret[2], struct jobs_error *err);
/* The whole file, up to `limit` bytes. 0 or an errno. */
int config_read_all(const char *path, size_t limit, struct buf *out);
#endif
