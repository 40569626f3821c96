/* The log of one service: a level and a sink. Nothing global: several services may live in a process.
 * Libraries return errors; who handles an error for good logs it, once. Every thread may log. */
#ifndef BASE_LOG_H
#define BASE_LOG_H
#include "module/jobs.h"

#include <stdatomic.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

struct log {
    atomic_int level; /* enum log_level: more detailed ones are dropped; may change under way */
    void (*sink)(void *arg, int level, const char *tenant, const char *id, const char *text);
    void *arg;
};

void log_write(const struct log *log, enum log_level level, const char *format, ...)
    JOBS_PRINTF(3, 4);
/* About one tenant and, if id is not NULL, one job. */
void log_about(const struct log *log, enum log_level level, const char *tenant, const char *id,
               const char *format, ...) JOBS_PRINTF(5, 6);

/* Sinks for `arg` = NULL: one line to stderr as text ("WARNING [tenant/id] text", with time unless
 * JOURNAL_STREAM is set) or as a JSON object. */
void log_text_sink(void *arg, int level, const char *tenant, const char *id, const char *text);
void log_json_sink(void *arg, int level, const char *tenant, const char *id, const char *text);

const char *log_level_name(int level); /* "error", … */

#define log_error(log, ...) log_write(log, LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(log, ...) log_write(log, LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(log, ...) log_write(log, LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(log, ...) log_write(log, LOG_LEVEL_DEBUG, __VA_ARGS__)
#endif
