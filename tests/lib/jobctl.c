#include "tests/lib/jobctl.h"

#include "module/base/buf.h"
#include "tests/lib/program.h"

#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void jobctl_use(const char *bin) {
    struct buf path = {0};
    buf_format(&path, "%s:%s", bin, getenv("PATH") ? getenv("PATH") : "/usr/bin:/bin");
    setenv("PATH", buf_get(&path), 1);
    buf_done(&path);
    static const char *const names[] = {"JOBS_TENANT", "JOBS_DATASOURCE_MAIN_URL", "JOBS_AMQP_URL",
                                        "JOBS_SERVICE", "NO_COLOR"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unsetenv(names[i]);
}

static __attribute__((format(printf, 2, 0))) char *run(int status, const char *format,
                                                       const char *more, va_list args) {
    char *arguments, *output;
    struct buf command = {0};
    if (vasprintf(&arguments, format, args) < 0)
        program_give_up("out of memory");
    buf_format(&command, "jobctl %s%s", arguments, more);
    int got = program_run((const char *const[]){"sh", "-c", buf_get(&command), NULL}, &output);
    if (got != status)
        program_give_up("%s: exit status %d, not %d: %s", buf_get(&command), got, status, output);
    size_t length = strlen(output);
    if (length > 0 && output[length - 1] == '\n')
        output[length - 1] = '\0';
    buf_done(&command);
    free(arguments);
    return output;
}

char *jobctl(int status, const char *format, ...) {
    va_list args;
    va_start(args, format);
    char *output = run(status, format, "", args);
    va_end(args);
    return output;
}

void jobctl_says(int status, const char *part, const char *format, ...) {
    va_list args;
    va_start(args, format);
    char *output = run(status, format, "", args);
    va_end(args);
    if (!strstr(output, part))
        program_give_up("jobctl %s: \"%s\" is not in: %s", format, part, output);
    free(output);
}

static void check_line(const char *line, const char *member) {
    enum json_tokener_error error;
    json_object *object = json_tokener_parse_verbose(line, &error);
    if (!json_object_is_type(object, json_type_object))
        program_give_up("no JSON object: %s", line);
    if (member && !strstr(line, member))
        program_give_up("%s is not in: %s", member, line);
    json_object_put(object);
}

int jobctl_lines(const char *member, const char *format, ...) {
    va_list args;
    va_start(args, format);
    char *output = run(0, format, " --json", args), *rest = output, *line;
    va_end(args);
    int lines = 0;
    while ((line = strsep(&rest, "\n")))
        if (*line)
            check_line(line, member), lines++;
    free(output);
    return lines;
}
