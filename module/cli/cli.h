/* One call of jobctl: its command line, configuration, connections and ways to print. Data goes to
 * stdout, messages to stderr. One thread. */
#ifndef CLI_CLI_H
#define CLI_CLI_H
#include "module/base/config.h"
#include "module/cli/verb.h"
#include "module/jobs.h"

#include <stdio.h>

struct bus;
struct remote;

struct cli {
    struct command_line command;
    struct config *config;         /* NULL: not loaded yet */
    struct job_info_service store; /* db NULL: not connected yet */
    char *schema;                  /* what store.schema points at, if it was asked for */
    struct remote *remote;         /* instead of store, for --url http://… */
    struct cli_store {             /* of cli_connect_to */
        char *name, *schema;
        struct pg_conn *db;
    } * stores;
    size_t store_count;
    bool json, colours;
};

/* ---- Messages and exit status ---- */
/* "jobctl: <text>" to stderr; returns the status that fits the error. */
int cli_fail(const struct jobs_error *err);
int cli_status_of(int code);
int cli_misuse(const struct cli *cli, const char *format, ...) JOBS_PRINTF(2, 3); /* EXIT_USAGE */
void cli_note(const char *format, ...) JOBS_PRINTF(1, 2);

/* ---- Options ---- */
bool cli_has(const struct cli *cli, const char *option);
const char *cli_text(const struct cli *cli, const char *option); /* NULL: not given */
/* These write *ret when the option is given and right; EXIT_USAGE (with its message) when it is
 * wrong. Durations: ms. */
int cli_integer(const struct cli *cli, const char *option, int64_t low, int64_t high, int64_t *ret);
int cli_duration(const struct cli *cli, const char *option, int64_t *ret);
/* --tenant or JOBS_TENANT; EXIT_USAGE when neither is there. */
int cli_tenant(const struct cli *cli, const char **ret);
/* All arguments must be uuids. */
int cli_check_ids(const struct cli *cli);
/* Adds the bits 1 << JOB_… of every --status. */
int cli_statuses(const struct cli *cli, unsigned *ret);
/* --status, --class, --owner, … of verbs that have them. `filter` gets texts of the command line.
 */
int cli_filter(const struct cli *cli, int64_t limit_most, struct job_info_filter *filter);
/* Adds the JSON object of -p and --parameters. */
int cli_parameters(const struct cli *cli, struct buf *out);

/* ---- Connections; once made they stay until the end. EXIT_OK or a status with its message printed
 * ---- */
int cli_configure(struct cli *cli);
/* The URL and schema of the datasource that is meant. Caller frees both. */
int cli_datasource(struct cli *cli, char **ret_url, char **ret_schema);
/* To the database; for verbs with WITH_HTTP also to a jobsd's interface (source.h). */
int cli_connect(struct cli *cli);
/* Connects to the datasource of that name ("" : as cli_connect), one connection each. */
int cli_connect_to(struct cli *cli, const char *datasource, struct job_info_service *ret);
/* A broker connection of the caller's; close with bus_close. */
int cli_open_bus(struct cli *cli, struct bus **ret);
/* The same for a tenant that is not --tenant. */
int cli_open_tenant_bus(struct cli *cli, const char *tenant, struct bus **ret);
/* jobs.service */
const char *cli_service(struct cli *cli);

void cli_done(struct cli *cli);
#endif
