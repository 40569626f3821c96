/* API tokens. A secret is "jobs_" and 256 random bits; what is stored is its hash, and nothing
 * slower than sha256 is needed for what nobody can guess. */
#include "module/base/clock.h"
#include "module/base/error.h"
#include "module/base/text.h"
#include "module/base/uuid.h"
#include "module/store/access.h"
#include "sql/sql.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

static int call(const struct job_info_service *s, const char *statement,
                const struct sql_parameters *p, struct sql_result **ret, struct jobs_error *err) {
    struct sql *sql;
    int rc = store_begin(s, &sql, err);
    if (rc < 0)
        return rc;
    rc = sql_call(sql, statement, p, SQL_ROWS, ret, err);
    sql_close(sql);
    return rc;
}

void store_token_hash(const char *secret, char ret[65]) {
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256((const unsigned char *)secret, strlen(secret), digest);
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(ret + 2 * i, 3, "%02x", digest[i]);
}

static int make_secret(char ret[STORE_SECRET], struct jobs_error *err) {
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned char bytes[43]; /* six bits of each count: 258 */
    if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
        return error_set(err, JOBS_ENOMEM, "the system gives no random numbers");
    char *p = stpcpy(ret, "jobs_");
    for (size_t i = 0; i < sizeof bytes; i++)
        *p++ = letters[bytes[i] & 63];
    *p = '\0';
    return 0;
}

/* Columns that a statement does not have are left out by `dates`. */
static void read_token(const struct sql_result *rows, size_t i, bool dates,
                       struct store_token *ret) {
    *ret =
        (struct store_token){.id = sql_get(rows, i, sql_column(rows, "id")),
                             .name = sql_get(rows, i, sql_column(rows, "name")),
                             .tenant = sql_get(rows, i, sql_column(rows, "tenant")),
                             .role = sql_get(rows, i, sql_column(rows, "role")),
                             .expiration_date =
                                 sql_get_integer(rows, i, sql_column(rows, "expiration_date"), 0)};
    if (!dates)
        return;
    ret->created_date = sql_get_integer(rows, i, sql_column(rows, "created_date"), 0);
    ret->revoked_date = sql_get_integer(rows, i, sql_column(rows, "revoked_date"), 0);
    ret->last_used_date = sql_get_integer(rows, i, sql_column(rows, "last_used_date"), 0);
}

int store_token_find(const struct job_info_service *s, const char *hash,
                     void (*row)(void *arg, const struct store_token *token), void *arg,
                     struct jobs_error *err) {
    struct sql_parameters p = {0};
    struct sql_result *rows;
    struct store_token token;
    sql_add_text(&p, hash);
    int rc = call(s, "token_find", &p, &rows, err);
    if (rc < 0)
        return rc;
    if (sql_count(rows) == 0) {
        rc = error_set(err, JOBS_ENOENT, "there is no such token");
    } else {
        read_token(rows, 0, false, &token);
        row(arg, &token);
    }
    sql_result_free(rows);
    return rc;
}

static int check(const struct store_token *token, struct jobs_error *err) {
    size_t length = token->name ? strlen(token->name) : 0;
    if (length < 1 || length > 255 || strpbrk(token->name, "\n\r\t"))
        return error_set(err, JOBS_EINVAL, "a token's name has 1 to 255 bytes, on one line");
    if (token->expiration_date && token->expiration_date <= clock_date())
        return error_set(err, JOBS_EINVAL, "a token that expires in the past is of no use");
    if (!token->role || (strcmp(token->role, "viewer") != 0 &&
                         strcmp(token->role, "operator") != 0 && strcmp(token->role, "admin") != 0))
        return error_set(err, JOBS_EINVAL, "a token's role is viewer, operator or admin");
    return 0;
}

int store_token_create(const struct job_info_service *s, const struct store_token *token,
                       struct job_uuid *ret_id, char ret_secret[STORE_SECRET],
                       struct jobs_error *err) {
    struct sql_parameters p = {0};
    struct sql_result *rows;
    char secret[STORE_SECRET], hash[65];
    struct job_uuid id;
    int rc = check(token, err);
    if (rc == 0)
        rc = make_secret(secret, err);
    if (rc < 0)
        return rc;
    uuid_random(id.text);
    store_token_hash(secret, hash);
    sql_add_text(&p, id.text);
    sql_add_text(&p, hash);
    sql_add_text(&p, token->name);
    sql_add_text(&p, token->tenant);
    sql_add_text(&p, token->role);
    if (token->expiration_date)
        sql_add_integer(&p, token->expiration_date);
    else
        sql_add_text(&p, NULL);
    rc = call(s, "token_create", &p, &rows, err);
    if (rc < 0)
        return rc;
    sql_result_free(rows);
    *ret_id = id;
    memcpy(ret_secret, secret, sizeof secret);
    return 0;
}

int store_tokens(const struct job_info_service *s, const char *tenant,
                 void (*row)(void *arg, const struct store_token *token), void *arg,
                 struct jobs_error *err) {
    struct sql_parameters p = {0};
    struct sql_result *rows;
    sql_add_text(&p, tenant);
    int rc = call(s, "token_list", &p, &rows, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < sql_count(rows); i++) {
        struct store_token token;
        read_token(rows, i, true, &token);
        row(arg, &token);
    }
    sql_result_free(rows);
    return 0;
}

int store_token_revoke(const struct job_info_service *s, const char *tenant, const char *id,
                       struct jobs_error *err) {
    struct sql_parameters p = {0};
    struct sql_result *rows;
    if (!text_is_uuid(id))
        return error_set(err, JOBS_EINVAL, "\"%.80s\" is no id of a token (a uuid)", id);
    sql_add_text(&p, id);
    sql_add_text(&p, tenant);
    int rc = call(s, "token_revoke", &p, &rows, err);
    if (rc < 0)
        return rc;
    if (sql_affected(rows) == 0)
        rc = error_set(err, JOBS_ENOENT, "there is no token %s", id);
    sql_result_free(rows);
    return rc;
}
