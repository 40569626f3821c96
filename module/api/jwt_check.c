#include "module/api/jwt_check.h"

#include "module/api/jwt_keys.h"
#include "module/base/error.h"
#include "module/base/mem.h"
#include "module/base/text.h"
#include "module/store/access.h"
#include "tenant/tenant.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct jwt_check {
    struct jwt_keys keys;
    jwt_alg_t algorithm;
    char *issuer, *audience, *tenant_claim, *role_claim;
};

int jwt_check_new(const struct config *config, struct jwt_check **ret, struct jobs_error *err) {
    const char *path = config_text(config, "jobs.api.jwt.key");
    const char *issuer = config_text(config, "jobs.api.jwt.issuer");
    const char *audience = config_text(config, "jobs.api.jwt.audience");
    *ret = NULL;
    if (!*path)
        return 0;
    if (!*issuer || !*audience)
        return error_set(
            err, JOBS_ECONFIG,
            "jobs.api.jwt.key needs jobs.api.jwt.issuer and jobs.api.jwt.audience too");
    struct jwt_check *check = MEM_NEW(struct jwt_check);
    check->algorithm = jwt_str_alg(config_text(config, "jobs.api.jwt.algorithm"));
    int rc = jwt_keys_read(path, check->algorithm, &check->keys, err);
    if (rc < 0) {
        free(check);
        return rc;
    }
    check->issuer = mem_text(issuer);
    check->audience = mem_text(audience);
    check->tenant_claim = mem_text(config_text(config, "jobs.api.jwt.tenant.claim"));
    check->role_claim = mem_text(config_text(config, "jobs.api.jwt.role.claim"));
    *ret = check;
    return 0;
}

void jwt_check_free(struct jwt_check *check) {
    if (!check)
        return;
    jwt_keys_done(&check->keys);
    free(check->issuer);
    free(check->audience);
    free(check->tenant_claim);
    free(check->role_claim);
    free(check);
}

static int bad(struct jobs_error *err, const char *text) {
    return error_set(err, API_EUNAUTHORIZED, "the JWT %s", text);
}

/* ---- the signature ---- */

/* The header is looked at before any key is used: a token may not choose its algorithm. */
static int read_header(const struct jwt_check *check, const char *token, char kid[200],
                       struct jobs_error *err) {
    jwt_t *jwt;
    if (jwt_decode(&jwt, token, NULL, 0) != 0)
        return bad(err, "is malformed");
    const char *name = jwt_get_header(jwt, "kid"), *alg = jwt_get_header(jwt, "alg");
    snprintf(kid, 200, "%s", name ? name : "");
    bool right = alg && strcmp(alg, jwt_alg_str(check->algorithm)) == 0;
    jwt_free(jwt);
    return right ? 0 : bad(err, "is not signed with the algorithm that is configured");
}

static jwt_t *verify(const struct jwt_check *check, const char *token, const char *kid) {
    for (size_t i = 0; i < check->keys.count; i++) {
        const struct jwt_key *key = &check->keys.keys[i];
        jwt_t *jwt;
        if (*kid && *key->kid && strcmp(kid, key->kid) != 0)
            continue;
        if (jwt_decode(&jwt, token, (const unsigned char *)key->data, (int)key->length) != 0)
            continue;
        if (jwt_get_alg(jwt) == check->algorithm)
            return jwt;
        jwt_free(jwt);
    }
    return NULL;
}

/* ---- the claims ---- */

static struct json_object *claim(struct json_object *claims, const char *name) {
    struct json_object *value = NULL;
    json_object_object_get_ex(claims, name, &value);
    return value;
}

/* Is it the text, or among the texts of an array? */
static bool holds(struct json_object *value, const char *text) {
    if (json_object_is_type(value, json_type_string))
        return strcmp(json_object_get_string(value), text) == 0;
    for (size_t i = 0;
         json_object_is_type(value, json_type_array) && i < json_object_array_length(value); i++) {
        struct json_object *one = json_object_array_get_idx(value, i);
        if (json_object_is_type(one, json_type_string) &&
            strcmp(json_object_get_string(one), text) == 0)
            return true;
    }
    return false;
}

static bool is_number(struct json_object *value) {
    return json_object_is_type(value, json_type_int) ||
           json_object_is_type(value, json_type_double);
}

static int check_times(struct json_object *claims, int64_t *ret_expires, struct jobs_error *err) {
    struct json_object *expires = claim(claims, "exp"), *begins = claim(claims, "nbf");
    double now = (double)time(NULL);
    if (!is_number(expires) || json_object_get_double(expires) > 1e11)
        return bad(err, "does not say when it expires");
    if (json_object_get_double(expires) <= now)
        return bad(err, "has expired");
    if (begins && (!is_number(begins) || json_object_get_double(begins) > now))
        return bad(err, "is not good yet");
    *ret_expires = (int64_t)(json_object_get_double(expires) * 1e6);
    return 0;
}

static int read_tenant(const struct jwt_check *check, struct json_object *claims,
                       struct api_identity *ret, struct jobs_error *err) {
    struct json_object *value = claim(claims, check->tenant_claim);
    const char *tenant =
        json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
    if (strcmp(tenant, "*") == 0) /* said, not left out */
        return 0;
    if (!tenant_name_is_valid(tenant))
        return bad(err, "names no tenant");
    snprintf(ret->tenant, sizeof ret->tenant, "%s", tenant);
    return 0;
}

static int read_role(const struct jwt_check *check, struct json_object *claims,
                     struct api_identity *ret, struct jobs_error *err) {
    static const char *const roles[] = {NULL, "viewer", "operator", "admin"};
    struct json_object *value = claim(claims, check->role_claim);
    for (int role = API_ADMIN; role >= API_VIEWER; role--)
        if (holds(value, roles[role])) {
            ret->role = (enum api_role)role;
            return 0;
        }
    return bad(err, "names no role: viewer, operator or admin");
}

static int read_claims(const struct jwt_check *check, struct json_object *claims,
                       struct api_identity *ret, int64_t *ret_expires, struct jobs_error *err) {
    struct json_object *subject = claim(claims, "sub");
    if (!holds(claim(claims, "iss"), check->issuer))
        return bad(err, "is of another issuer");
    if (!holds(claim(claims, "aud"), check->audience))
        return bad(err, "is for another audience");
    int rc = check_times(claims, ret_expires, err);
    if (rc == 0)
        rc = read_tenant(check, claims, ret, err);
    if (rc == 0)
        rc = read_role(check, claims, ret, err);
    if (rc == 0 && !json_object_is_type(subject, json_type_string))
        rc = bad(err, "has no subject");
    if (rc < 0)
        return rc;
    snprintf(ret->who, sizeof ret->who, "jwt:%s", json_object_get_string(subject));
    text_cut(ret->who, sizeof ret->who - 1);
    for (char *p = ret->who; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = '?';
    store_token_hash(ret->who, ret->key);
    return 0;
}

int jwt_check_token(const struct jwt_check *check, const char *token, struct api_identity *ret,
                    int64_t *ret_expires, struct jobs_error *err) {
    struct api_identity identity = {.datasource = API_ANY_DATASOURCE};
    char kid[200];
    int rc = read_header(check, token, kid, err);
    if (rc < 0)
        return rc;
    jwt_t *jwt = verify(check, token, kid);
    if (!jwt)
        return bad(err, "is not signed by a key that is known here");
    char *text = jwt_get_grants_json(jwt, NULL);
    struct json_object *claims = text ? json_tokener_parse(text) : NULL;
    rc = json_object_is_type(claims, json_type_object)
             ? read_claims(check, claims, &identity, ret_expires, err)
             : bad(err, "is malformed");
    json_object_put(claims);
    free(text);
    jwt_free(jwt);
    if (rc == 0)
        *ret = identity;
    return rc;
}
