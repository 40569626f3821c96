/* jobctl token create, list, revoke; jobctl audit: who may use the HTTP interface, and who did what
 * with it. */
#include "module/base/text.h"
#include "module/cli/print.h"
#include "module/store/access.h"

#include <stdlib.h>
#include <unistd.h>

struct listing {
    struct print_table *table;
    struct buf out; /* JSON, when there is no table */
};

static int begin(struct cli *cli, struct listing *listing, const char *headings) {
    int status = cli_connect(cli);
    *listing = (struct listing){0};
    if (!status && !cli->json)
        listing->table = table_new(headings);
    return status;
}

static int end(struct cli *cli, struct listing *listing, int rc, const struct jobs_error *err) {
    int status = rc < 0 ? cli_fail(err) : EXIT_OK;
    if (listing->table)
        table_print(listing->table, cli, &listing->out);
    if (!status)
        status = print_flush(&listing->out);
    buf_done(&listing->out);
    return status;
}

static const char *tenant_or_all(const struct cli *cli) {
    const char *tenant = cli_text(cli, "tenant"), *otherwise = getenv("JOBS_TENANT");
    return tenant ? tenant : otherwise && *otherwise ? otherwise : NULL;
}

/* Whoever uses jobctl is known to the system, and to PostgreSQL's own log. */
static void note(struct cli *cli, const char *action, const char *tenant, const char *detail) {
    struct jobs_error err;
    char who[100];
    snprintf(who, sizeof who, "jobctl:uid %ld", (long)getuid());
    struct store_audit entry = {
        .who = who, .action = action, .tenant = tenant, .detail = detail, .outcome = "ok"};
    if (store_audit_add(&cli->store, &entry, &err) < 0)
        cli_note("it is done, but not in the audit log: %s", err.text);
}

/* ---- tokens ---- */

static int print_secret(struct cli *cli, const char *id, const char *secret) {
    struct buf out = {0};
    if (cli->json) {
        json_begin(&out);
        json_text(&out, "id", id);
        json_text(&out, "token", secret);
        json_end(&out);
    } else {
        buf_text(&out, secret);
        if (isatty(STDERR_FILENO))
            cli_note("token %s; it is shown this once", id);
    }
    buf_char(&out, '\n');
    int status = print_flush(&out);
    buf_done(&out);
    return status;
}

int verb_token_create(struct cli *cli) {
    struct jobs_error err;
    struct store_token token = {.name = cli->command.arguments[0],
                                .tenant = tenant_or_all(cli),
                                .role = cli_text(cli, "role")};
    const char *expires = cli_text(cli, "expires");
    char secret[STORE_SECRET];
    struct job_uuid id;
    if (cli_has(cli, "all-tenants")) {
        if (cli_text(cli, "tenant"))
            return cli_misuse(cli, "--tenant and --all-tenants do not go together");
        token.tenant = NULL;
    } else if (!token.tenant) {
        return cli_misuse(cli, "for whom? Name the tenant: -t TENANT, or give --all-tenants");
    }
    if (!token.role)
        return cli_misuse(cli, "--role is missing: viewer, operator or admin");
    int status = cli_connect(cli);
    if (status)
        return status;
    if (expires && store_date(&cli->store, expires, &token.expiration_date, &err) < 0)
        return cli_misuse(cli, "--expires %.80s: it is no date", expires);
    if (store_token_create(&cli->store, &token, &id, secret, &err) < 0)
        return err.code == JOBS_EINVAL ? cli_misuse(cli, "%s", err.text) : cli_fail(&err);
    note(cli, "token", token.tenant, id.text);
    return print_secret(cli, id.text, secret);
}

static void add_token(void *arg, const struct store_token *token) {
    struct listing *listing = arg;
    if (listing->table) {
        table_add(listing->table, token->id);
        table_add(listing->table, token->name);
        table_add(listing->table, token->tenant ? token->tenant : "(all)");
        table_add(listing->table, token->role);
        table_add_date(listing->table, token->created_date);
        table_add_date(listing->table, token->last_used_date);
        table_add_date(listing->table, token->expiration_date);
        table_add_date(listing->table, token->revoked_date);
        return;
    }
    json_begin(&listing->out);
    json_text(&listing->out, "id", token->id);
    json_text(&listing->out, "name", token->name);
    json_text(&listing->out, "tenant", token->tenant);
    json_text(&listing->out, "role", token->role);
    json_date(&listing->out, "created_date", token->created_date);
    json_date(&listing->out, "last_used_date", token->last_used_date);
    json_date(&listing->out, "expiration_date", token->expiration_date);
    json_date(&listing->out, "revoked_date", token->revoked_date);
    json_end(&listing->out);
    buf_char(&listing->out, '\n');
}

int verb_token_list(struct cli *cli) {
    struct jobs_error err;
    struct listing listing;
    int status = begin(cli, &listing, "ID|NAME|TENANT|ROLE|CREATED|LAST USED|EXPIRES|REVOKED");
    if (status)
        return status;
    int rc = store_tokens(&cli->store, tenant_or_all(cli), add_token, &listing, &err);
    return end(cli, &listing, rc, &err);
}

int verb_token_revoke(struct cli *cli) {
    struct jobs_error err;
    const char *id = cli->command.arguments[0];
    if (!text_is_uuid(id))
        return cli_misuse(cli, "\"%.80s\" is no id of a token: see `jobctl token list`", id);
    int status = cli_connect(cli);
    if (status)
        return status;
    if (store_token_revoke(&cli->store, tenant_or_all(cli), id, &err) < 0)
        return cli_fail(&err);
    note(cli, "revoke", tenant_or_all(cli), id);
    return EXIT_OK;
}

/* ---- the audit log ---- */

static void add_entry(void *arg, const struct store_audit *entry) {
    struct listing *listing = arg;
    if (listing->table) {
        table_add_date(listing->table, entry->date);
        table_add(listing->table, entry->who);
        table_add(listing->table, entry->address);
        table_add(listing->table, entry->action);
        table_add(listing->table, entry->tenant);
        table_add(listing->table, entry->job);
        table_add_integer(listing->table, entry->count ? entry->count : entry->job ? 1 : 0);
        table_add(listing->table, entry->outcome);
        table_add(listing->table, entry->detail);
        return;
    }
    json_begin(&listing->out);
    json_integer(&listing->out, "id", entry->id);
    json_date(&listing->out, "date", entry->date);
    json_text(&listing->out, "who", entry->who);
    json_text(&listing->out, "address", entry->address);
    json_text(&listing->out, "action", entry->action);
    json_text(&listing->out, "tenant", entry->tenant);
    json_text(&listing->out, "job", entry->job);
    if (entry->count)
        json_integer(&listing->out, "count", entry->count);
    json_text(&listing->out, "outcome", entry->outcome);
    json_text(&listing->out, "detail", entry->detail);
    json_end(&listing->out);
    buf_char(&listing->out, '\n');
}

int verb_audit(struct cli *cli) {
    struct jobs_error err;
    struct listing listing;
    int64_t limit = 100, before = 0;
    const char *job = cli_text(cli, "job");
    int status = cli_integer(cli, "limit", 1, 1000, &limit);
    if (!status)
        status = cli_integer(cli, "before", 1, INT64_MAX, &before);
    if (!status && job && !text_is_uuid(job))
        status = cli_misuse(cli, "--job %.80s: it is a job id (a uuid)", job);
    if (!status)
        status = begin(cli, &listing, "DATE|WHO|FROM|ACTION|TENANT|JOB|>JOBS|OUTCOME|DETAIL");
    if (status)
        return status;
    int rc = store_audits(&cli->store, tenant_or_all(cli), job, before, limit, add_entry, &listing,
                          &err);
    return end(cli, &listing, rc, &err);
}
