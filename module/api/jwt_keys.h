/* Keys for the signatures of JWTs: from a PEM file, a JWKS file or, for HS256, the secret itself. */
#ifndef API_JWT_KEYS_H
#define API_JWT_KEYS_H
#include "module/jobs.h"

#include <jwt.h>

enum { JWT_KEYS_MOST = 16 };
struct jwt_key {
    char *kid;  /* "": none */
    char *data; /* PEM of a public key, or a secret */
    size_t length;
};
struct jwt_keys {
    size_t count;
    struct jwt_key keys[JWT_KEYS_MOST];
};
/* Keys of another kind than the algorithm needs, and too weak ones, are an error in a PEM file and
 * passed over in a JWKS file. JOBS_ECONFIG: none is left, or the file cannot be read. */
int jwt_keys_read(const char *path, jwt_alg_t algorithm, struct jwt_keys *ret,
                  struct jobs_error *err);
void jwt_keys_done(struct jwt_keys *keys);
#endif
