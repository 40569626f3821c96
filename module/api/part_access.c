/* Tokens and the audit log. A tenant's administrator sees and makes those of that tenant alone. */
#include "module/api/auth.h"
#include "module/api/json_read.h"
#include "module/api/keyset.h"
#include "module/api/parts.h"
#include "module/api/server.h"
#include "module/base/clock.h"
#include "module/base/error.h"
#include "module/base/mem.h"
#include "module/base/text.h"
#include "module/store/access.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *own_tenant(const struct api_request *r) {
    return r->identity.tenant[0] ? r->identity.tenant : NULL;
}

static void element(struct buf *out) {
    if (out->data[out->length - 1] != '[')
        buf_char(out, ',');
    json_begin(out);
}

void audit_note(struct api_request *r, const char *action, const char *tenant, const char *job,
                const char *detail, int rc, const struct jobs_error *err) {
    struct jobs_error failed;
    char cut[1000] = "";
    if (detail)
        snprintf(cut, sizeof cut, "%.*s", (int)sizeof cut - 1, detail);
    text_cut(cut, sizeof cut - 1);
    struct store_audit entry = {.who = r->identity.who,
                                .address = r->address,
                                .action = action,
                                .tenant = tenant,
                                .job = job,
                                .detail = detail ? cut : NULL,
                                .outcome = rc == 0            ? "ok"
                                           : err->sqlstate[0] ? err->sqlstate
                                                              : error_name(err->code)};
    if (store_audit_add(r->db, &entry, &failed) < 0)
        log_error(api_log(r->api), "api: %s by %s is not in the audit log: %s", action,
                  r->identity.who, failed.text);
}

/* ---- tokens ---- */

static const struct api_parameter tokens_query[] = {
    {.name = "limit", .type = API_INTEGER, .low = 1, .high = 1000},
    {.name = "cursor"},
    {.name = NULL},
};

static void write_token(const struct api_request *r, const struct store_token *token,
                        struct buf *out) {
    json_begin(out);
    json_text(out, "id", token->id);
    json_text(out, "name", token->name);
    json_text(out, "tenant", token->tenant);
    json_text(out, "role", token->role);
    json_text(out, "datasource", r->datasource_name);
    json_date(out, "created_date", token->created_date);
    json_date(out, "expiration_date", token->expiration_date);
    json_date(out, "revoked_date", token->revoked_date);
    json_date(out, "last_used_date", token->last_used_date);
    json_end(out);
}

/* The latest first: by what is left of all time. */
static void add_token(void *arg, const struct store_token *token) {
    struct api_request *r = arg;
    struct keyset *page = r->mine;
    struct buf text = {0};
    char key[80];
    snprintf(key, sizeof key, "%019" PRId64 ",%s", INT64_MAX - token->created_date, token->id);
    if (!keyset_wants(page, key))
        return;
    write_token(r, token, &text);
    keyset_add(page, key, &text);
}

static void tokens_free(void *mine) {
    keyset_done(mine);
    free(mine);
}

static void begin_tokens(struct api_request *r) {
    struct keyset *page = MEM_NEW(struct keyset);
    page->after = api_text(r, "cursor");
    page->limit = (size_t)api_integer(r, "limit", 100);
    r->mine = page;
    r->mine_done = tokens_free;
}

static int list_tokens(struct api_request *r, struct jobs_error *err) {
    if (r->first)
        begin_tokens(r);
    int rc = store_tokens(r->db, own_tenant(r), add_token, r, err);
    if (rc < 0 || !r->last)
        return rc;
    buf_text(&r->out, "{\"tokens\":");
    keyset_write(r->mine, &r->out);
    json_end(&r->out);
    return 0;
}

struct wanted {
    char *name, *tenant, *role;
    int64_t expires;
};
#define FIELD(member, how, ...) \
    { .name = #member, .type = how, .offset = offsetof(struct wanted, member), __VA_ARGS__ }
static const struct json_field token_fields[] = {
    FIELD(name, JSON_AS_TEXT, .required = true, .high = 255),
    FIELD(role, JSON_AS_TEXT, .required = true, .high = 10),
    FIELD(tenant, JSON_AS_TEXT, .high = 63),
    FIELD(expires, JSON_AS_DATE, .high = 0),
    {.name = NULL},
};

static int wrong(struct api_request *r, const char *field, struct jobs_error *err,
                 const char *text) {
    r->field = field;
    return error_set(err, JOBS_EINVAL, "%s %s", field, text);
}

static int check_wanted(struct api_request *r, struct wanted *wanted, struct jobs_error *err) {
    const char *own = own_tenant(r), *role = wanted->role;
    if (!wanted->name[0] || strpbrk(wanted->name, "\n\r\t"))
        return wrong(r, "name", err, "must be a text of one line");
    if (strcmp(role, "viewer") != 0 && strcmp(role, "operator") != 0 && strcmp(role, "admin") != 0)
        return wrong(r, "role", err, "must be viewer, operator or admin");
    if (wanted->expires && wanted->expires <= clock_date())
        return wrong(r, "expires", err, "is in the past");
    if (own && wanted->tenant && strcmp(own, wanted->tenant) != 0) {
        r->field = "tenant";
        return error_set_sql(err, JOBS_ENOENT, "JB001", "tenant '%.80s' is unknown here",
                             wanted->tenant);
    }
    if (own && !wanted->tenant)
        wanted->tenant = mem_text(own);
    return 0;
}

/* With a tenant that is not here the next datasource is asked. */
static int make_token(struct api_request *r, const struct wanted *wanted, struct jobs_error *err) {
    struct store_token token = {.name = wanted->name,
                                .tenant = wanted->tenant,
                                .role = wanted->role,
                                .expiration_date = wanted->expires};
    char secret[STORE_SECRET], where[100];
    struct job_uuid id;
    int rc = store_token_create(r->db, &token, &id, secret, err);
    if (rc == JOBS_ENOENT && !r->last)
        return rc;
    r->field = rc == JOBS_ENOENT ? "tenant" : NULL;
    audit_note(r, "token", wanted->tenant, NULL, rc == 0 ? id.text : wanted->name, rc, err);
    if (rc < 0)
        return rc;
    snprintf(where, sizeof where, "/api/v1/tokens/%s", id.text);
    api_add_header(r, "Location", where);
    r->status = 201;
    json_begin(&r->out);
    json_text(&r->out, "id", id.text);
    json_text(&r->out, "token", secret);
    json_text(&r->out, "datasource", r->datasource_name);
    json_end(&r->out);
    return 0;
}

static int create_token(struct api_request *r, struct jobs_error *err) {
    struct wanted wanted = {0};
    struct json_value value;
    unsigned given;
    int rc = json_read(buf_get(&r->body), r->body.length, &value, err);
    if (rc == 0)
        rc = json_fields_read(&value, token_fields, &wanted, &given, &r->field, err);
    if (rc == 0)
        rc = check_wanted(r, &wanted, err);
    if (rc == 0)
        rc = make_token(r, &wanted, err);
    json_fields_done(token_fields, &wanted);
    return rc;
}

static int revoke_token(struct api_request *r, struct jobs_error *err) {
    int rc = store_token_revoke(r->db, own_tenant(r), r->id, err);
    if (rc == JOBS_ENOENT && !r->last)
        return rc;
    audit_note(r, "revoke", own_tenant(r), NULL, r->id, rc, err);
    if (rc == 0) {
        auth_forget(r->api->auth);
        r->status = 204;
    }
    return rc;
}

/* ---- the audit log ---- */

struct page {
    struct api_request *r;
    int64_t count, last;
};

static void add_entry(void *arg, const struct store_audit *entry) {
    struct page *page = arg;
    struct buf *out = &page->r->out;
    element(out);
    json_integer(out, "id", entry->id);
    json_date(out, "date", entry->date);
    json_text(out, "who", entry->who);
    json_text(out, "address", entry->address);
    json_text(out, "action", entry->action);
    json_text(out, "tenant", entry->tenant);
    json_text(out, "job", entry->job);
    if (entry->count)
        json_integer(out, "count", entry->count);
    json_text(out, "outcome", entry->outcome);
    json_text(out, "detail", entry->detail);
    json_end(out);
    page->count++;
    page->last = entry->id;
}

static const struct api_parameter audit_query[] = {
    {.name = "tenant"},
    {.name = "job", .type = API_UUID},
    {.name = "limit", .type = API_INTEGER, .low = 1, .high = 1000},
    {.name = "cursor", .type = API_INTEGER, .low = 1, .high = INT64_MAX},
    {.name = NULL},
};

/* Pages go by the numbers of one datasource; with several, a page holds `limit` of each. */
static int list_audit(struct api_request *r, struct jobs_error *err) {
    int64_t limit = api_integer(r, "limit", 100);
    struct page page = {.r = r};
    const char *tenant = own_tenant(r) ? own_tenant(r) : api_text(r, "tenant");
    if (r->first)
        buf_text(&r->out, "{\"entries\":[");
    int rc = store_audits(r->db, tenant, api_text(r, "job"), api_integer(r, "cursor", 0), limit,
                          add_entry, &page, err);
    if (rc < 0 || !r->last)
        return rc;
    buf_char(&r->out, ']');
    if (page.count == limit)
        buf_format(&r->out, ",\"cursor\":\"%" PRId64 "\"", page.last);
    json_end(&r->out);
    return 0;
}

static const struct api_route routes[] = {
    {"GET", "/api/v1/tokens", API_ADMIN, API_EVERY, .handle = list_tokens, .query = tokens_query},
    {"POST", "/api/v1/tokens", API_ADMIN, API_FIND, .body = true, .handle = create_token},
    {"DELETE", "/api/v1/tokens/{id}", API_ADMIN, API_FIND, .handle = revoke_token},
    {"GET", "/api/v1/audit", API_ADMIN, API_EVERY, .handle = list_audit, .query = audit_query},
    {.method = NULL},
};
const struct api_part api_part_access = {.routes = routes};
