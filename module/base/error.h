/* Errors: one code and one sentence, made where it failed and passed up untouched. */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H
#include "module/jobs.h"

#include <stdarg.h>

/* Fills `err` (may be NULL) with code and text, sqlstate empty. Returns `code`, so that callers can
 * `return error_set(err, JOBS_EINVAL, "…")`. Text over the buffer is cut at a UTF-8 boundary. */
int error_set(struct jobs_error *err, int code, const char *format, ...) JOBS_PRINTF(3, 4);

/* The same with a SQLSTATE (five characters or NULL). */
int error_set_sql(struct jobs_error *err, int code, const char *sqlstate, const char *format, ...)
    JOBS_PRINTF(4, 5);

/* Puts "<prefix>: " before the text that is there: who or what it failed for. Returns err's code. */
int error_prefix(struct jobs_error *err, const char *format, ...) JOBS_PRINTF(2, 3);

/* "JOBS_EDB" for -5, … ; "JOBS_E?" for what is none. Static text. */
const char *error_name(int code);
#endif
