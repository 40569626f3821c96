#include "module/base/buf.h"
#include "tests/bench/system.h"

#define ARGUMENTS_MAX 40

void daemon_start(const struct bench *bench, struct child *child, bool with_broker,
                  const char *const *settings) {
    char program[700], schema[100], service[100], url[600], amqp[600];
    static const char *const level = "jobs.log.level=error";
    child_beside(program, sizeof program, "jobsd");
    snprintf(schema, sizeof schema, "jobs.datasource.main.schema=%s", bench->schema);
    snprintf(service, sizeof service, "jobs.service=%s", bench->service);
    snprintf(url, sizeof url, "jobs.datasource.main.url=%s", bench->url);
    snprintf(amqp, sizeof amqp, "jobs.amqp.url=%s", with_broker ? bench->amqp_url : "");
    const char *own[] = {schema, service, url, amqp, level, NULL};
    char *argv[ARGUMENTS_MAX] = {program};
    static char set[] = "--set";
    size_t count = 1;
    for (const char *const *of = own; of; of = of == own + 5 ? settings : NULL)
        for (; *of && count < ARGUMENTS_MAX - 2; of++) {
            argv[count++] = set;
            argv[count++] = (char *)(uintptr_t)*of; /* execvp only reads it */
        }
    child_start(child, argv);
}
