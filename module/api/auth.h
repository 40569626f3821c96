/* Who asks: API tokens, found in the datasources and remembered for a few seconds; JWT of an
 * identity provider; or nobody in particular (jobs.api.auth=none). Any thread. */
#ifndef API_AUTH_H
#define API_AUTH_H
#include "module/api/api.h"

struct auth;
struct sql_result;

int auth_new(struct api *api, struct auth **ret, struct jobs_error *err);
void auth_free(struct auth *auth); /* NULL is fine */
/* Reads keys again. What fails is logged, and the old keys stay. */
void auth_reload(struct auth *auth);

/* `authorization`: the header, NULL without. 0: *ret is who asks. API_LATER: an API token that is
 * not known here: ask the datasources for its hash (in ret_token). API_EUNAUTHORIZED: it does not
 * count. */
int auth_check(struct auth *auth, const char *authorization, struct api_identity *ret,
               char ret_token[65], struct jobs_error *err);
/* Asks a datasource. JOBS_ENOENT: not there. */
int auth_ask(struct auth *auth, const struct job_info_service *db, int datasource,
             const char *token, struct api_identity *ret, struct jobs_error *err);
/* No datasource knows it. */
void auth_note_unknown(struct auth *auth, const char *token);
/* Forgets what was remembered: a token was revoked. */
void auth_forget(struct auth *auth);
/* Takes one request from what the identity may do in a second. */
bool auth_within_rate(struct auth *auth, const struct api_identity *identity);

/* The datasource of a tenant as far as it is known, or API_ANY_DATASOURCE. */
int auth_tenant(struct auth *auth, const char *tenant);
void auth_note_tenant(struct auth *auth, const char *tenant, int datasource);
#endif
