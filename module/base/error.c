#include "module/base/error.h"

#include "module/base/text.h"

#include <stdio.h>
#include <string.h>

static JOBS_PRINTF(4, 0) void fill(struct jobs_error *err, int code, const char *sqlstate,
                                   const char *format, va_list args) {
    if (!err)
        return;
    err->code = code;
    snprintf(err->sqlstate, sizeof err->sqlstate, "%s", sqlstate ? sqlstate : "");
    vsnprintf(err->text, sizeof err->text, format, args);
    text_cut(err->text, sizeof err->text - 1);
}

int error_set(struct jobs_error *err, int code, const char *format, ...) {
    va_list args;
    va_start(args, format);
    fill(err, code, NULL, format, args);
    va_end(args);
    return code;
}

int error_set_sql(struct jobs_error *err, int code, const char *sqlstate, const char *format, ...) {
    va_list args;
    va_start(args, format);
    fill(err, code, sqlstate, format, args);
    va_end(args);
    return code;
}

int error_prefix(struct jobs_error *err, const char *format, ...) {
    if (!err)
        return 0;
    char old[sizeof err->text], prefix[256];
    memcpy(old, err->text, sizeof old);
    va_list args;
    va_start(args, format);
    vsnprintf(prefix, sizeof prefix, format, args);
    va_end(args);
    size_t n = (size_t)snprintf(err->text, sizeof err->text, "%s: ", prefix);
    size_t room = sizeof err->text - 1 - n, length = strnlen(old, sizeof old);
    memcpy(err->text + n, old, length < room ? length : room);
    err->text[n + (length < room ? length : room)] = '\0';
    text_cut(err->text, sizeof err->text - 1);
    return err->code;
}

const char *error_name(int code) {
    static const char *const names[] = {"ok",           "JOBS_EINVAL",
                                        "JOBS_ENOENT",  "JOBS_EREFUSED",
                                        "JOBS_ESTATUS", "JOBS_EDB",
                                        "JOBS_EUNSURE", "JOBS_ETIMEOUT",
                                        "JOBS_ESCHEMA", "JOBS_ECONFIG",
                                        "JOBS_ENOMEM"};
    return code <= 0 && code >= JOBS_ENOMEM ? names[-code] : "JOBS_E?";
}
