/* JSON Web Tokens of an identity provider, as jobs.api.jwt.* says. Any thread. */
#ifndef API_JWT_CHECK_H
#define API_JWT_CHECK_H
#include "module/api/api.h"
#include "module/base/config.h"

struct jwt_check;

/* *ret is NULL when jobs.api.jwt.key is empty. JOBS_ECONFIG: the file, or what is missing. */
int jwt_check_new(const struct config *config, struct jwt_check **ret, struct jobs_error *err);
void jwt_check_free(struct jwt_check *check); /* NULL is fine */

/* Signature by a key of ours with exactly the algorithm that is configured; issuer, audience, expiry
 * (which must be there), not before; tenant and role. *ret_expires: microseconds since 1970.
 * API_EUNAUTHORIZED says which of them is wrong. */
int jwt_check_token(const struct jwt_check *check, const char *token, struct api_identity *ret,
                    int64_t *ret_expires, struct jobs_error *err);
#endif
