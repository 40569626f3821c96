/* Settings: one table of keys (name, type, default, range, reloadable, help); files, environment and "key=value" texts
 * are read against it. A loaded config never changes; reload makes a new one. */
#ifndef BASE_CONFIG_H
#define BASE_CONFIG_H
#include "module/base/buf.h"
#include "module/base/log.h"
#include "module/jobs.h"

struct config;

/* Later sources win: defaults, `file` (NULL: none), environment ("environ" style, NULL: none), `settings` ("key=value", last NULL; NULL: none).
 * JOBS_ECONFIG names file, line, key and what is allowed. Unknown environment variables that begin with JOBS_ are a warning on `log`,
 * as is, once each, a key without effect in this release. */
int config_load(const char *file, char *const *environment, const char *const *settings, const struct log *log,
                struct config **ret, struct jobs_error *err);
void config_free(struct config *config);

/* Readers of fixed keys; asking for a key that is not in the table is a bug (assert). Durations are in ms, sizes in bytes. */
const char *config_text(const struct config *config, const char *key);
int64_t config_integer(const struct config *config, const char *key);

/* jobs.datasource.<name>.url/.schema: names in alphabetical order. */
size_t config_datasource_count(const struct config *config);
const char *config_datasource_name(const struct config *config, size_t i);
const char *config_datasource_text(const struct config *config, size_t i, const char *suffix); /* "url" (of .url.file when given), "schema" */

/* jobs.class.<name>.<suffix>: NULL / `otherwise` when not set. "backoff" is read with the suffixes "backoff" (from) and "backoff.max". */
const char *config_class_text(const struct config *config, const char *class_name, const char *suffix);
int64_t config_class_integer(const struct config *config, const char *class_name, const char *suffix, int64_t otherwise);

/* Every key with its value, where it comes from (default, file:line, environment, setting), secrets masked. */
void config_print(const struct config *config, struct buf *out);
/* The commented sample file / the table of keys in Markdown, made from the same table. */
void config_sample(struct buf *out);
void config_manual(struct buf *out);
/* A copy of a URL or connection string with its password masked; caller frees. */
char *config_mask(const char *url);
#endif
