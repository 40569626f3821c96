/* jobctl tenant create, set, defaults, apply: settings of tenants. */
#include "module/base/error.h"
#include "module/base/mem.h"
#include "module/cli/print.h"
#include "module/cli/verb_tenant.h"
#include "tenant/settings.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- options ---- */

static int read_limit(struct cli *cli, const char *option, unsigned bit,
                      struct tenant_settings *settings, int64_t *ret) {
    const char *text = cli_text(cli, option);
    if (!text)
        return EXIT_OK;
    settings->given |= bit;
    *ret = -1;
    return strcmp(text, "none") == 0 ? EXIT_OK : cli_integer(cli, option, 0, INT32_MAX, ret);
}

static int read_state(struct cli *cli, struct tenant_settings *settings) {
    const char *text = cli_text(cli, "state");
    for (int i = TENANT_ACTIVE; text && i <= TENANT_MAINTENANCE; i++)
        if (strcmp(text, tenant_state_name((enum tenant_state)i)) == 0) {
            settings->state = (enum tenant_state)i;
            settings->given |= TENANT_HAS_STATE;
            return EXIT_OK;
        }
    return text ? cli_misuse(cli, "--state %.80s: it is ACTIVE, PAUSED or MAINTENANCE", text)
                : EXIT_OK;
}

/* --weight, --max-running, --max-queued and, if the verb has it, --state. */
static int read_settings(struct cli *cli, bool with_state, struct tenant_settings *settings) {
    int64_t weight = 0;
    int status = cli_integer(cli, "weight", 1, 1000, &weight);
    settings->weight = (unsigned)weight;
    settings->given = weight ? TENANT_HAS_WEIGHT : 0;
    if (!status)
        status = read_limit(cli, "max-running", TENANT_HAS_MAX_RUNNING, settings,
                            &settings->max_running);
    if (!status)
        status =
            read_limit(cli, "max-queued", TENANT_HAS_MAX_QUEUED, settings, &settings->max_queued);
    return status || !with_state ? status : read_state(cli, settings);
}

/* ---- create, set ---- */

static int apply_one(struct cli *cli, const struct tenant_settings *settings,
                     enum tenant_mode mode) {
    struct jobs_error err;
    struct tenant_entry entry = {cli->command.arguments[0], *settings};
    int status = cli_connect(cli);
    if (!status && tenant_apply(&cli->store, &entry, 1, mode, false, NULL, NULL, &err) < 0)
        status = cli_fail(&err);
    return status;
}

int cli_tenant_create(struct cli *cli) {
    struct tenant_settings settings = {0};
    int status = read_settings(cli, true, &settings);
    return status ? status : apply_one(cli, &settings, TENANT_CREATE);
}

int verb_tenant_set(struct cli *cli) {
    struct tenant_settings settings = {0};
    int status = read_settings(cli, true, &settings);
    if (!status && !settings.given)
        status = cli_misuse(cli, "what shall be changed? Give --weight, --max-running, "
                                 "--max-queued or --state");
    return status ? status : apply_one(cli, &settings, TENANT_CHANGE);
}

/* ---- defaults ---- */

static void print_limit(struct cli *cli, struct buf *out, const char *name, int64_t limit) {
    if (cli->json && limit >= 0)
        json_integer(out, name, limit);
    else if (!cli->json && limit >= 0)
        buf_format(out, "%s %" PRId64 "\n", name, limit);
    else if (!cli->json)
        buf_format(out, "%s none\n", name);
}

int verb_tenant_defaults(struct cli *cli) {
    struct jobs_error err;
    struct buf out = {0};
    struct tenant_settings settings = {0}, now;
    int status = read_settings(cli, false, &settings);
    if (!status)
        status = cli_connect(cli);
    if (status)
        return status;
    if (tenant_defaults(&cli->store, &settings, &now, &err) < 0)
        return cli_fail(&err);
    if (cli->json)
        json_begin(&out);
    print_limit(cli, &out, "weight", now.weight);
    print_limit(cli, &out, "max_running", now.max_running);
    print_limit(cli, &out, "max_queued", now.max_queued);
    if (cli->json) {
        json_end(&out);
        buf_char(&out, '\n');
    }
    status = print_flush(&out);
    buf_done(&out);
    return status;
}

/* ---- apply ---- */

static char *read_all(const char *path, struct jobs_error *err) {
    struct buf text = {0};
    char chunk[16384];
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    if (!file) {
        error_set(err, JOBS_EINVAL, "%s: %s", path, strerror(errno));
        return NULL;
    }
    for (size_t n; (n = fread(chunk, 1, sizeof chunk, file)) > 0;)
        buf_add(&text, chunk, n);
    bool failed = ferror(file);
    if (file != stdin)
        fclose(file);
    if (failed || (text.length && memchr(text.data, 0, text.length))) {
        error_set(err, JOBS_EINVAL, "%s cannot be read as text", path);
        buf_done(&text);
        return NULL;
    }
    return buf_take(&text);
}

static void print_mistake(void *arg, size_t line, const char *tenant, const char *why) {
    const char *path = arg;
    if (*tenant)
        cli_note("%s, line %zu: tenant \"%s\": %s", path, line, tenant, why);
    else
        cli_note("%s, line %zu: %s", path, line, why);
}

struct applying {
    struct cli *cli;
    struct buf out;
    int64_t n[3]; /* by outcome */
    bool quiet;   /* the rehearsal */
};

static void print_outcome(void *arg, const char *name, enum tenant_outcome outcome) {
    static const char *const words[] = {"created", "changed", "left"};
    struct applying *applying = arg;
    if (applying->quiet)
        return;
    applying->n[outcome]++;
    if (applying->cli->json) {
        json_begin(&applying->out);
        json_text(&applying->out, "tenant", name);
        json_text(&applying->out, "outcome", words[outcome]);
        json_end(&applying->out);
        buf_char(&applying->out, '\n');
    } else if (outcome != TENANT_LEFT) {
        buf_format(&applying->out, "%s %s\n", words[outcome], name);
    }
}

/* The entries of one datasource, on its connection. */
static int apply_group(struct applying *applying, const struct tenant_file *file,
                       const char *datasource, bool dry) {
    struct jobs_error err;
    struct job_info_service store;
    size_t n = 0;
    struct tenant_entry *entries = mem_zero(file->count, sizeof *entries);
    for (size_t i = 0; i < file->count; i++)
        if (strcmp(file->entries[i].datasource, datasource) == 0)
            entries[n++] = (struct tenant_entry){file->entries[i].name, file->entries[i].settings};
    int status = cli_connect_to(applying->cli, datasource, &store);
    if (!status &&
        tenant_apply(&store, entries, n, TENANT_BOTH, dry, print_outcome, applying, &err) < 0) {
        if (*datasource)
            error_prefix(&err, "datasource %s", datasource);
        status = cli_fail(&err);
    }
    free(entries);
    return status;
}

/* Each datasource that is named, once. */
static int apply_groups(struct applying *applying, const struct tenant_file *file, bool dry) {
    int status = EXIT_OK;
    for (size_t i = 0; !status && i < file->count; i++) {
        bool first = true;
        for (size_t k = 0; k < i; k++)
            first &= strcmp(file->entries[k].datasource, file->entries[i].datasource) != 0;
        if (first)
            status = apply_group(applying, file, file->entries[i].datasource, dry);
    }
    return status;
}

/* Two datasources may not have one tenant: nobody could say whose jobs are meant. */
static int check_elsewhere(struct cli *cli, const struct tenant_file *file) {
    struct jobs_error err;
    size_t count = cli->config ? config_datasource_count(cli->config) : 0;
    int status = EXIT_OK;
    for (size_t d = 0; !status && count > 1 && d < count; d++) {
        const char *name = config_datasource_name(cli->config, d);
        struct job_info_service store;
        status = cli_connect_to(cli, name, &store);
        for (size_t i = 0; !status && i < file->count; i++) {
            struct tenant tenant;
            const struct tenant_file_entry *entry = &file->entries[i];
            const char *own = *entry->datasource ? entry->datasource : cli_text(cli, "datasource");
            if (own && strcmp(own, name) == 0)
                continue;
            int rc = tenant_get(&store, entry->name, &tenant, &err);
            if (rc == 0)
                error_set(&err, JOBS_EREFUSED,
                          "line %zu: tenant \"%s\" lives in datasource %s: `jobctl tenant move` "
                          "moves it",
                          entry->line, entry->name, name);
            if (rc != JOBS_ENOENT)
                status = cli_fail(&err);
        }
    }
    return status;
}

static int apply_file(struct cli *cli, const struct tenant_file *file) {
    struct applying applying = {.cli = cli, .quiet = true};
    bool dry = cli_has(cli, "dry-run");
    /* A rehearsal first: what one datasource would refuse is not applied to the others. */
    int status = apply_groups(&applying, file, true);
    if (!status)
        status = check_elsewhere(cli, file);
    applying.quiet = false;
    if (!status)
        status = apply_groups(&applying, file, dry);
    int flushed = print_flush(&applying.out);
    buf_done(&applying.out);
    if (!status)
        cli_note("%s%" PRId64 " created, %" PRId64 " changed, %" PRId64 " left as they are",
                 dry ? "nothing is done; it would be " : "", applying.n[TENANT_CREATED],
                 applying.n[TENANT_CHANGED], applying.n[TENANT_LEFT]);
    return status ? status : flushed;
}

int verb_tenant_apply(struct cli *cli) {
    struct jobs_error err;
    struct tenant_file file;
    const char *path = cli->command.arguments[0];
    char *text = read_all(path, &err);
    if (!text)
        return cli_fail(&err);
    int status = EXIT_OK;
    if (tenant_file_read(text, print_mistake, (void *)(uintptr_t)path, &file, &err) < 0) {
        error_prefix(&err, "%s", path);
        status = cli_fail(&err);
    } else {
        status = apply_file(cli, &file);
        tenant_file_done(&file);
    }
    free(text);
    return status;
}
