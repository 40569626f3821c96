/* API tokens and the audit log of a datasource. As store.h: on the caller's connection, in its
 * transaction; rows come through callbacks and are valid during the call; dates in microseconds
 * since 1970, 0 = none. */
#ifndef STORE_ACCESS_H
#define STORE_ACCESS_H
#include "module/store/store.h"

struct store_token {
    const char *id, *name, *tenant, *role; /* tenant NULL: all */
    int64_t created_date, expiration_date, revoked_date, last_used_date;
};
/* The token with that hash (sha256 of the secret, 64 hex digits), if it counts now; calls `row` and
 * notes that it was used. JOBS_ENOENT: there is none. */
int store_token_find(const struct job_info_service *s, const char *hash,
                     void (*row)(void *arg, const struct store_token *token), void *arg,
                     struct jobs_error *err);
/* Makes one. `token`: name, tenant (NULL: all), role, expiration_date are read. ret_secret is shown
 * to nobody again. JOBS_ENOENT: no such tenant; JOBS_EINVAL: name or role, or it expires in the past. */
enum { STORE_SECRET = 56 };
int store_token_create(const struct job_info_service *s, const struct store_token *token,
                       struct job_uuid *ret_id, char ret_secret[STORE_SECRET],
                       struct jobs_error *err);
/* Of a tenant (NULL: all), the latest first. */
int store_tokens(const struct job_info_service *s, const char *tenant,
                 void (*row)(void *arg, const struct store_token *token), void *arg,
                 struct jobs_error *err);
/* `tenant` NULL: of any. JOBS_ENOENT: there is none. */
int store_token_revoke(const struct job_info_service *s, const char *tenant, const char *id,
                       struct jobs_error *err);
/* sha256 of a secret in hex. */
void store_token_hash(const char *secret, char ret[65]);

struct store_audit {
    int64_t id, date;                   /* given by the database */
    const char *who, *address, *action; /* address NULL: not over the network */
    const char *tenant, *job;           /* NULL: not about one */
    int64_t count;                      /* of jobs; 0: not about several */
    const char *outcome, *detail;       /* "ok" or the code of the error; NULL */
};
int store_audit_add(const struct job_info_service *s, const struct store_audit *entry,
                    struct jobs_error *err);
/* The latest first; tenant and job NULL: all; before 0: from the end. */
int store_audits(const struct job_info_service *s, const char *tenant, const char *job,
                 int64_t before, int64_t limit,
                 void (*row)(void *arg, const struct store_audit *entry), void *arg,
                 struct jobs_error *err);
#endif
