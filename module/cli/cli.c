#include "module/cli/cli.h"

#include "module/base/config_key.h"
#include "module/base/error.h"
#include "module/base/mem.h"
#include "module/base/text.h"
#include "module/cli/remote.h"
#include "module/job/status.h"

#include <errno.h>
#include <libpq-fe.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

int cli_status_of(int code) {
    switch (code) {
    case 0: return EXIT_OK;
    case JOBS_ENOENT: return EXIT_NOT_FOUND;
    case JOBS_ECONFIG: return EXIT_USAGE;
    default: return EXIT_FAILED;
    }
}

int cli_fail(const struct jobs_error *err) {
    struct buf text = {0};
    for (const char *p = err->text; *p; p++) /* it may hold what users wrote */
        buf_char(&text, (unsigned char)*p < ' ' || *p == 0x7f ? '?' : *p);
    /* The server only knows that a table is missing. */
    bool unmigrated = err->code == JOBS_ESCHEMA && err->sqlstate[0];
    fprintf(stderr, "jobctl: %s%s\n", buf_get(&text),
            unmigrated ? ": run `jobctl migrate`, or name the schema" : "");
    buf_done(&text);
    return cli_status_of(err->code);
}

static __attribute__((format(printf, 1, 0))) void say(const char *format, va_list args) {
    fputs("jobctl: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
}

int cli_misuse(const struct cli *cli, const char *format, ...) {
    va_list args;
    va_start(args, format);
    say(format, args);
    va_end(args);
    fprintf(stderr, "Try `jobctl %s --help`.\n", cli->command.verb->name);
    return EXIT_USAGE;
}

void cli_note(const char *format, ...) {
    va_list args;
    va_start(args, format);
    say(format, args);
    va_end(args);
}

bool cli_has(const struct cli *cli, const char *option) {
    return command_line_option(&cli->command, option);
}

const char *cli_text(const struct cli *cli, const char *option) {
    return command_line_option(&cli->command, option);
}

int cli_integer(const struct cli *cli, const char *option, int64_t low, int64_t high,
                int64_t *ret) {
    const char *text = cli_text(cli, option);
    if (!text)
        return EXIT_OK;
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno || end == text || *end || value < low || value > high)
        return cli_misuse(cli, "--%s %.80s: it is a whole number from %lld to %lld", option, text,
                          (long long)low, (long long)high);
    *ret = value;
    return EXIT_OK;
}

int cli_duration(const struct cli *cli, const char *option, int64_t *ret) {
    static const struct config_key duration = {.name = "duration",
                                               .type = CONFIG_DURATION,
                                               .high = INT64_C(365) * 24 * 3600 * 1000};
    const char *text = cli_text(cli, option);
    int64_t numbers[2];
    if (!text)
        return EXIT_OK;
    if (!config_value_read(&duration, text, numbers))
        return cli_misuse(cli, "--%s %.80s: it is a duration such as 500ms, 10s, 5m, 2h or 1d",
                          option, text);
    *ret = numbers[0];
    return EXIT_OK;
}

int cli_tenant(const struct cli *cli, const char **ret) {
    const char *tenant = cli_text(cli, "tenant");
    if (!tenant)
        tenant = getenv("JOBS_TENANT");
    if (!tenant || !*tenant)
        return cli_misuse(cli, "whose job? Name the tenant: -t TENANT, or set JOBS_TENANT");
    *ret = tenant;
    return EXIT_OK;
}

int cli_check_ids(const struct cli *cli) {
    for (size_t i = 0; i < cli->command.argument_count; i++)
        if (!text_is_uuid(cli->command.arguments[i]))
            return cli_misuse(cli, "\"%.80s\" is no job id (a uuid)", cli->command.arguments[i]);
    return EXIT_OK;
}

/* Adds the bits of "FAILED,ABORTED"; letters of either case. */
static int read_statuses(const struct cli *cli, const char *text, unsigned *statuses) {
    while (*text) {
        char name[16] = "";
        size_t length = strcspn(text, ",");
        for (size_t i = 0; i < length && i < sizeof name - 1; i++)
            name[i] = text[i] >= 'a' && text[i] <= 'z' ? (char)(text[i] - 'a' + 'A') : text[i];
        int status = length < sizeof name ? status_of_name(name) : -1;
        if (status < 0)
            return cli_misuse(cli,
                              "\"%.*s\" is no status: PENDING, QUEUED, TO_BE_RUN, RUNNING, "
                              "SUCCEEDED, FAILED, ABORTED",
                              (int)(length < 80 ? length : 80), text);
        *statuses |= 1u << status;
        text += length + (text[length] == ',');
    }
    return EXIT_OK;
}

int cli_statuses(const struct cli *cli, unsigned *ret) {
    int status = EXIT_OK;
    for (size_t i = 0; !status && i < cli->command.given_count; i++) {
        const struct given *given = &cli->command.given[i];
        if (strcmp(given->option->name, "status") == 0)
            status = read_statuses(cli, given->value, ret);
    }
    return status;
}

int cli_filter(const struct cli *cli, int64_t limit_most, struct job_info_filter *filter) {
    int64_t limit = 0;
    int status = cli_statuses(cli, &filter->statuses);
    if (status)
        return status;
    filter->class_name = cli_text(cli, "class");
    filter->owner = cli_text(cli, "owner");
    filter->related_type = cli_text(cli, "related-type");
    filter->related_id = cli_text(cli, "related-id");
    status = cli_integer(cli, "limit", 1, limit_most, &limit);
    filter->limit = (unsigned)limit;
    return status ? status : cli_tenant(cli, &filter->tenant);
}

void cli_done(struct cli *cli) {
    PQfinish(cli->store.db);
    for (size_t i = 0; i < cli->store_count; i++) {
        PQfinish(cli->stores[i].db);
        free(cli->stores[i].name);
        free(cli->stores[i].schema);
    }
    free(cli->stores);
    remote_free(cli->remote);
    free(cli->schema);
    config_free(cli->config);
    command_line_done(&cli->command);
}
