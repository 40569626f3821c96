#include "module/api/auth.h"

#include "module/api/jwt_check.h"
#include "module/api/server.h"
#include "module/base/clock.h"
#include "module/base/error.h"
#include "module/base/mem.h"
#include "module/base/table.h"
#include "module/base/text.h"
#include "module/store/access.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REMEMBERED (5 * CLOCK_SECOND) /* so long a revoked token may still count elsewhere */
#define TENANT_REMEMBERED (30 * CLOCK_SECOND)
enum { ENTRIES_MOST = 10000, TOKEN_MOST = 4096 };

struct entry { /* of a token: what was found */
    struct api_identity identity;
    bool unknown;
    int64_t until; /* clock_now() */
};

struct bucket {
    double left;
    int64_t at;
};

struct place { /* of a tenant */
    int datasource;
    int64_t until;
};

struct auth {
    struct api *api;
    bool none;

    pthread_mutex_t lock;
    struct jwt_check *jwt; /* NULL: no JWTs are taken */
    struct table entries;  /* hash to struct entry */
    struct table buckets;  /* identity.key to struct bucket */
    struct table places;   /* tenant to struct place */
};

/* ---- life ---- */

int auth_new(struct api *api, struct auth **ret, struct jobs_error *err) {
    struct jwt_check *jwt;
    int rc = jwt_check_new(api_config(api), &jwt, err);
    if (rc < 0)
        return rc;
    struct auth *auth = MEM_NEW(struct auth);
    auth->jwt = jwt;
    auth->api = api;
    auth->none = strcmp(config_text(api_config(api), "jobs.api.auth"), "none") == 0;
    pthread_mutex_init(&auth->lock, NULL);
    *ret = auth;
    return 0;
}

void auth_free(struct auth *auth) {
    if (!auth)
        return;
    jwt_check_free(auth->jwt);
    table_done(&auth->entries, free);
    table_done(&auth->buckets, free);
    table_done(&auth->places, free);
    pthread_mutex_destroy(&auth->lock);
    free(auth);
}

void auth_reload(struct auth *auth) {
    struct jobs_error err;
    struct jwt_check *jwt;
    if (jwt_check_new(api_config(auth->api), &jwt, &err) < 0) {
        log_error(auth->api->log, "api: the keys for JWTs stay as they were: %s", err.text);
        return;
    }
    pthread_mutex_lock(&auth->lock);
    struct jwt_check *old = auth->jwt;
    auth->jwt = jwt;
    pthread_mutex_unlock(&auth->lock);
    jwt_check_free(old);
    auth_forget(auth);
}

void auth_forget(struct auth *auth) {
    pthread_mutex_lock(&auth->lock);
    table_done(&auth->entries, free);
    pthread_mutex_unlock(&auth->lock);
}

/* Puts a value that is the table's from now on; a table that grew too large begins anew. Under the
 * lock. */
static void keep(struct table *table, const char *key, void *value) {
    if (table->count >= ENTRIES_MOST)
        table_done(table, free);
    free(table_take(table, key));
    table_put(table, key, value);
}

/* ---- who ---- */

static int nobody(struct api_identity *ret) {
    *ret = (struct api_identity){.who = "none",
                                 .key = "none",
                                 .role = API_ADMIN,
                                 .datasource = API_ANY_DATASOURCE};
    return 0;
}

static int unauthorized(struct jobs_error *err, const char *text) {
    return error_set(err, API_EUNAUTHORIZED, "%s", text);
}

/* 0, API_LATER (not remembered) or API_EUNAUTHORIZED. */
static int recall(struct auth *auth, const char *hash, struct api_identity *ret,
                  struct jobs_error *err) {
    int rc = API_LATER;
    pthread_mutex_lock(&auth->lock);
    const struct entry *entry = table_get(&auth->entries, hash);
    if (entry && entry->until > clock_now()) {
        int64_t expires = entry->identity.expires;
        bool good = !entry->unknown && (!expires || expires > clock_date());
        rc = good ? 0 : API_EUNAUTHORIZED;
        if (good)
            *ret = entry->identity;
    }
    pthread_mutex_unlock(&auth->lock);
    return rc < 0 ? unauthorized(err, "the token is unknown, revoked or expired") : rc;
}

/* One that is good is remembered, as an API token is. */
static int check_jwt(struct auth *auth, const char *token, const char *hash,
                     struct api_identity *ret, struct jobs_error *err) {
    int64_t expires;
    int rc = unauthorized(err, "no JWTs are taken here (jobs.api.jwt.key)");
    pthread_mutex_lock(&auth->lock);
    if (auth->jwt)
        rc = jwt_check_token(auth->jwt, token, ret, &expires, err);
    if (rc == 0) {
        struct entry *entry = MEM_NEW(struct entry);
        ret->expires = expires;
        *entry = (struct entry){.identity = *ret, .until = clock_now() + REMEMBERED};
        keep(&auth->entries, hash, entry);
    }
    pthread_mutex_unlock(&auth->lock);
    return rc;
}

int auth_check(struct auth *auth, const char *authorization, struct api_identity *ret,
               char ret_token[65], struct jobs_error *err) {
    if (auth->none)
        return nobody(ret);
    if (!authorization)
        return unauthorized(err, "an Authorization header with a bearer token is missing");
    if (strncasecmp(authorization, "Bearer ", 7) != 0)
        return unauthorized(err, "the Authorization header must be: Bearer TOKEN");
    const char *token = authorization + 7 + strspn(authorization + 7, " ");
    if (!*token || strlen(token) > TOKEN_MOST || strpbrk(token, " \t,"))
        return unauthorized(err, "the Authorization header holds no token");
    store_token_hash(token, ret_token);
    int rc = recall(auth, ret_token, ret, err);
    return rc == API_LATER && strncmp(token, "ey", 2) == 0 && strchr(token, '.')
               ? check_jwt(auth, token, ret_token, ret, err)
               : rc;
}

struct found {
    struct entry *entry;
    int datasource;
};

static void read_found(void *arg, const struct store_token *token) {
    static const char *const roles[] = {"", "viewer", "operator", "admin"};
    const struct found *found = arg;
    struct api_identity *identity = &found->entry->identity;
    snprintf(identity->who, sizeof identity->who, "token:%s", token->name);
    text_cut(identity->who, sizeof identity->who - 1);
    snprintf(identity->key, sizeof identity->key, "%s", token->id);
    snprintf(identity->tenant, sizeof identity->tenant, "%s", token->tenant ? token->tenant : "");
    for (int role = API_VIEWER; role <= API_ADMIN; role++)
        if (strcmp(roles[role], token->role) == 0)
            identity->role = (enum api_role)role;
    identity->datasource = found->datasource;
    identity->expires = token->expiration_date;
}

int auth_ask(struct auth *auth, const struct job_info_service *db, int datasource,
             const char *token, struct api_identity *ret, struct jobs_error *err) {
    struct entry *entry = MEM_NEW(struct entry);
    struct found found = {entry, datasource};
    int64_t asked = clock_now();
    int rc = store_token_find(db, token, read_found, &found, err);
    if (rc < 0) {
        free(entry);
        return rc;
    }
    *ret = entry->identity;
    entry->until = asked + REMEMBERED;
    pthread_mutex_lock(&auth->lock);
    keep(&auth->entries, token, entry);
    pthread_mutex_unlock(&auth->lock);
    return 0;
}

void auth_note_unknown(struct auth *auth, const char *token) {
    struct entry *entry = MEM_NEW(struct entry);
    entry->unknown = true;
    entry->until = clock_now() + REMEMBERED;
    pthread_mutex_lock(&auth->lock);
    keep(&auth->entries, token, entry);
    pthread_mutex_unlock(&auth->lock);
}

/* ---- rate ---- */

/* A second's worth may come at once. */
bool auth_within_rate(struct auth *auth, const struct api_identity *identity) {
    double rate = (double)config_integer(api_config(auth->api), "jobs.api.rate");
    if (rate == 0 || !identity->key[0])
        return true;
    int64_t now = clock_now();
    pthread_mutex_lock(&auth->lock);
    struct bucket *bucket = table_get(&auth->buckets, identity->key);
    if (!bucket) {
        bucket = MEM_NEW(struct bucket);
        *bucket = (struct bucket){.left = rate, .at = now};
        keep(&auth->buckets, identity->key, bucket);
    }
    bucket->left += (double)(now - bucket->at) / CLOCK_SECOND * rate;
    bucket->left = bucket->left < rate ? bucket->left : rate;
    bucket->at = now;
    bool within = bucket->left >= 1;
    bucket->left -= within;
    pthread_mutex_unlock(&auth->lock);
    return within;
}

/* ---- where tenants are ---- */

int auth_tenant(struct auth *auth, const char *tenant) {
    pthread_mutex_lock(&auth->lock);
    const struct place *place = table_get(&auth->places, tenant);
    int datasource = place && place->until > clock_now() ? place->datasource : API_ANY_DATASOURCE;
    pthread_mutex_unlock(&auth->lock);
    return datasource;
}

void auth_note_tenant(struct auth *auth, const char *tenant, int datasource) {
    struct place *place = MEM_NEW(struct place);
    *place = (struct place){datasource, clock_now() + TENANT_REMEMBERED};
    pthread_mutex_lock(&auth->lock);
    keep(&auth->places, tenant, place);
    pthread_mutex_unlock(&auth->lock);
}
