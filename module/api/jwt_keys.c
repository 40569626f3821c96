#include "module/api/jwt_keys.h"

#include "module/base/buf.h"
#include "module/base/error.h"
#include "module/base/mem.h"

#include <errno.h>
#include <json-c/json.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

enum { SECRET_LEAST = 32, RSA_LEAST = 2048, FILE_MOST = 1 << 20 };

/* ---- PEM ---- */

/* Is it a key that the algorithm can use? */
static bool is_right(EVP_PKEY *key, jwt_alg_t algorithm) {
    char group[40] = "";
    if (algorithm == JWT_ALG_RS256)
        return EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_bits(key) >= RSA_LEAST;
    EVP_PKEY_get_group_name(key, group, sizeof group, NULL);
    return algorithm == JWT_ALG_ES256 && EVP_PKEY_is_a(key, "EC") &&
           (strcmp(group, "prime256v1") == 0 || strcmp(group, "P-256") == 0);
}

/* Adds the public half as PEM, which libjwt reads. Takes the key. */
static bool add_key(struct jwt_keys *keys, const char *kid, EVP_PKEY *key, jwt_alg_t algorithm) {
    char *text;
    BIO *out = BIO_new(BIO_s_mem());
    bool good = key && out && is_right(key, algorithm) && keys->count < JWT_KEYS_MOST &&
                PEM_write_bio_PUBKEY(out, key) == 1;
    long length = good ? BIO_get_mem_data(out, &text) : 0;
    if (good)
        keys->keys[keys->count++] =
            (struct jwt_key){mem_text(kid), mem_text_n(text, (size_t)length), (size_t)length};
    BIO_free(out);
    EVP_PKEY_free(key);
    return good;
}

static int read_pem(const char *path, const struct buf *text, jwt_alg_t algorithm,
                    struct jwt_keys *ret, struct jobs_error *err) {
    BIO *in = BIO_new_mem_buf(text->data, (int)text->length);
    EVP_PKEY *key = PEM_read_bio_PUBKEY(in, NULL, NULL, NULL);
    BIO_free(in);
    if (add_key(ret, "", key, algorithm))
        return 0;
    return error_set(err, JOBS_ECONFIG, "%.300s holds no public key for %s (RSA needs %d bits)",
                     path, jwt_alg_str(algorithm), RSA_LEAST);
}

/* ---- JWKS ---- */

static const char *text_of(struct json_object *jwk, const char *name) {
    struct json_object *value;
    return json_object_object_get_ex(jwk, name, &value) &&
                   json_object_is_type(value, json_type_string)
               ? json_object_get_string(value)
               : "";
}

/* base64url without padding; -1: it is none. */
static int decode(const char *text, unsigned char *ret, size_t size) {
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned bits = 0, value = 0;
    size_t n = 0;
    for (; *text; text++) {
        const char *letter = strchr(letters, *text);
        if (!letter || n == size)
            return -1;
        value = value << 6 | (unsigned)(letter - letters);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            ret[n++] = (unsigned char)(value >> bits);
        }
    }
    return (int)n;
}

static EVP_PKEY *make_key(const char *type, OSSL_PARAM_BLD *build) {
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    OSSL_PARAM *parameters = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY *key = NULL;
    if (context && parameters && EVP_PKEY_fromdata_init(context) == 1)
        EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters);
    OSSL_PARAM_free(parameters);
    EVP_PKEY_CTX_free(context);
    return key;
}

static EVP_PKEY *rsa_key(struct json_object *jwk) {
    unsigned char n[2048], e[16];
    int n_length = decode(text_of(jwk, "n"), n, sizeof n);
    int e_length = decode(text_of(jwk, "e"), e, sizeof e);
    if (n_length < 1 || e_length < 1)
        return NULL;
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    BIGNUM *modulus = BN_bin2bn(n, n_length, NULL), *exponent = BN_bin2bn(e, e_length, NULL);
    EVP_PKEY *key = NULL;
    if (OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, modulus) &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, exponent))
        key = make_key("RSA", build);
    OSSL_PARAM_BLD_free(build);
    BN_free(modulus);
    BN_free(exponent);
    return key;
}

static EVP_PKEY *ec_key(struct json_object *jwk) {
    unsigned char point[65] = {4}; /* uncompressed */
    if (strcmp(text_of(jwk, "crv"), "P-256") != 0 ||
        decode(text_of(jwk, "x"), point + 1, 32) != 32 ||
        decode(text_of(jwk, "y"), point + 33, 32) != 32)
        return NULL;
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    EVP_PKEY *key = NULL;
    if (OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) &&
        OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point))
        key = make_key("EC", build);
    OSSL_PARAM_BLD_free(build);
    return key;
}

static void add_secret(struct jwt_keys *keys, const char *kid, const void *secret, size_t length) {
    if (length < SECRET_LEAST || keys->count == JWT_KEYS_MOST)
        return;
    char *copy = mem_alloc(length);
    memcpy(copy, secret, length);
    keys->keys[keys->count++] = (struct jwt_key){mem_text(kid), copy, length};
}

static void add_jwk(struct jwt_keys *keys, struct json_object *jwk, jwt_alg_t algorithm) {
    const char *type = text_of(jwk, "kty"), *kid = text_of(jwk, "kid"), *use = text_of(jwk, "use");
    const char *alg = text_of(jwk, "alg");
    if ((*use && strcmp(use, "sig") != 0) || (*alg && strcmp(alg, jwt_alg_str(algorithm)) != 0))
        return;
    if (algorithm == JWT_ALG_RS256 && strcmp(type, "RSA") == 0)
        add_key(keys, kid, rsa_key(jwk), algorithm);
    if (algorithm == JWT_ALG_ES256 && strcmp(type, "EC") == 0)
        add_key(keys, kid, ec_key(jwk), algorithm);
    if (algorithm == JWT_ALG_HS256 && strcmp(type, "oct") == 0) {
        unsigned char secret[1024];
        int length = decode(text_of(jwk, "k"), secret, sizeof secret);
        add_secret(keys, kid, secret, length < 0 ? 0 : (size_t)length);
    }
}

static int read_jwks(const char *path, const struct buf *text, jwt_alg_t algorithm,
                     struct jwt_keys *ret, struct jobs_error *err) {
    struct json_object *json = json_tokener_parse(buf_get(text)), *list;
    if (json_object_object_get_ex(json, "keys", &list) &&
        json_object_is_type(list, json_type_array))
        for (size_t i = 0; i < json_object_array_length(list); i++)
            add_jwk(ret, json_object_array_get_idx(list, i), algorithm);
    json_object_put(json);
    return ret->count ? 0
                      : error_set(err, JOBS_ECONFIG,
                                  "%.300s is no JWKS with a key for %s (RSA needs %d bits, secrets "
                                  "%d bytes)",
                                  path, jwt_alg_str(algorithm), RSA_LEAST, SECRET_LEAST);
}

/* ---- a file ---- */

static int read_file(const char *path, struct buf *ret, struct jobs_error *err) {
    char chunk[4096];
    FILE *file = fopen(path, "re");
    if (!file)
        return error_set(err, JOBS_ECONFIG, "jobs.api.jwt.key: %.300s: %s", path,
                         strerrordesc_np(errno));
    for (size_t n; (n = fread(chunk, 1, sizeof chunk, file)) > 0 && ret->length < FILE_MOST;)
        buf_add(ret, chunk, n);
    fclose(file);
    return 0;
}

static int read_secret(const char *path, const struct buf *text, struct jwt_keys *ret,
                       struct jobs_error *err) {
    size_t length = text->length;
    while (length > 0 && (text->data[length - 1] == '\n' || text->data[length - 1] == '\r'))
        length--;
    add_secret(ret, "", text->data, length);
    return ret->count ? 0
                      : error_set(err, JOBS_ECONFIG,
                                  "%.300s: a secret for HS256 has %d bytes at "
                                  "least",
                                  path, SECRET_LEAST);
}

int jwt_keys_read(const char *path, jwt_alg_t algorithm, struct jwt_keys *ret,
                  struct jobs_error *err) {
    struct buf text = {0};
    *ret = (struct jwt_keys){0};
    int rc = read_file(path, &text, err);
    const char *begin = buf_get(&text) + strspn(buf_get(&text), " \t\r\n");
    if (rc == 0 && *begin == '{')
        rc = read_jwks(path, &text, algorithm, ret, err);
    else if (rc == 0 && algorithm == JWT_ALG_HS256)
        rc = read_secret(path, &text, ret, err);
    else if (rc == 0)
        rc = read_pem(path, &text, algorithm, ret, err);
    buf_done(&text);
    return rc;
}

void jwt_keys_done(struct jwt_keys *keys) {
    for (size_t i = 0; i < keys->count; i++) {
        free(keys->keys[i].kid);
        free(keys->keys[i].data);
    }
    *keys = (struct jwt_keys){0};
}
