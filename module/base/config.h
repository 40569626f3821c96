/* Settings: one table of keys (name, type, default, range, reloadable, help); files, environment
 * and "key=value" texts are read against it. A loaded config never changes, so every thread may
 * read it; reload makes a new one. Texts that are returned live as long as the config. */
#ifndef BASE_CONFIG_H
#define BASE_CONFIG_H
#include "module/base/buf.h"
#include "module/base/log.h"
#include "module/jobs.h"

struct config;

/* Later sources win: defaults, `file` (NULL: none), environment ("environ" style, NULL: none),
 * `settings` ("key=value", last NULL; NULL: none). JOBS_ECONFIG names file, line, key and what is
 * allowed. A key may stand once in a file; of two equal `settings` the later one wins. Unknown
 * environment variables that begin with JOBS_ are a warning on `log` (may be NULL). */
int config_load(const char *file, char *const *environment, const char *const *settings,
                const struct log *log, struct config **ret, struct jobs_error *err);
void config_free(struct config *config);

/* Readers of fixed keys; asking for a key that is not in the table is a bug (abort). Durations are
 * in ms, sizes in bytes, true is 1, a choice is its place in the list (jobs.log.level: enum
 * log_level). */
const char *config_text(const struct config *config, const char *key);
int64_t config_integer(const struct config *config, const char *key);

/* jobs.datasource.<name>.url/.schema: names in alphabetical order. Suffix "url" (read from
 * .url.file when that is given) or "schema". */
size_t config_datasource_count(const struct config *config);
const char *config_datasource_name(const struct config *config, size_t i);
const char *config_datasource_text(const struct config *config, size_t i, const char *suffix);
/* What jobsd needs beyond config_load: 1 to 100 datasources, else JOBS_ECONFIG. */
int config_need_datasource(const struct config *config, struct jobs_error *err);

/* jobs.class.<name>.<suffix>: NULL / `otherwise` when not set. "backoff" (a range such as 10s..15m)
 * is read as integers with the suffixes "backoff" (from) and "backoff.max" (to). */
const char *config_class_text(const struct config *config, const char *class_name,
                              const char *suffix);
int64_t config_class_integer(const struct config *config, const char *class_name,
                             const char *suffix, int64_t otherwise);

/* Calls `each` for every jobs.class.<name>.env.<NAME>; the texts live as long as the config. */
void config_class_variables(const struct config *config, const char *class_name,
                            void (*each)(void *arg, const char *name, const char *value),
                            void *arg);
/* Calls `each` for every class that has the suffix ("command"), with its value; suffix NULL: for
 * every key of every class, those of one class one after the other. The name is valid during the
 * call. */
void config_classes_with(const struct config *config, const char *suffix,
                         void (*each)(void *arg, const char *class_name, const char *value),
                         void *arg);

/* Calls `differs` for every key whose value is not the same in both, in the order of config_print,
 * and tells whether a running service can take the new value. Returns how many differ. */
size_t config_compare(const struct config *now, const struct config *next,
                      void (*differs)(void *arg, const char *key, bool reloadable), void *arg);
/* For a reload: logs each difference (no secrets), a warning for those that need a restart. */
void config_log_changes(const struct config *now, const struct config *next, const struct log *log);

/* Every key with its value and where it comes from (default, file:line, environment, setting),
 * secrets masked. */
void config_print(const struct config *config, struct buf *out);
/* The commented sample file / the manual in Markdown, made from the same table. */
void config_sample(struct buf *out);
void config_manual(struct buf *out);
/* A copy of a URL or connection string with its passwords as "***"; caller frees. */
char *config_mask(const char *url);
#endif
