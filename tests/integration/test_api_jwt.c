/* JWTs of an identity provider at the HTTP interface. */
#include "tests/lib/api.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <jwt.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

struct keys {
    char *private_pem, *public_pem;
};

static char *pem_of(EVP_PKEY *key, bool private) {
    BIO *out = BIO_new(BIO_s_mem());
    char *text;
    if (private)
        PEM_write_bio_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL);
    else
        PEM_write_bio_PUBKEY(out, key);
    long length = BIO_get_mem_data(out, &text);
    char *copy = calloc(1, (size_t)length + 1);
    assert_non_null(copy);
    memcpy(copy, text, (size_t)length);
    BIO_free(out);
    return copy;
}

static struct keys make_keys(EVP_PKEY *key) {
    struct keys keys = {pem_of(key, true), pem_of(key, false)};
    EVP_PKEY_free(key);
    return keys;
}

static void keys_done(struct keys *keys) {
    free(keys->private_pem);
    free(keys->public_pem);
}

static const char *write_file(const char *text) {
    static char path[] = "/tmp/jobs-jwt-XXXXXX";
    static bool made;
    int fd = made ? -1 : mkstemp(path);
    if (fd >= 0)
        close(fd);
    made = true;
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    return path;
}

/* {"iss", "aud", "sub", "exp", "tenant", "role"} as they should be, and then `change` of the form
 * {"claim": value} put over it. */
static char *sign(jwt_alg_t alg, const char *key, const char *change) {
    char claims[500];
    jwt_t *jwt;
    assert_int_equal(jwt_new(&jwt), 0);
    snprintf(claims, sizeof claims,
             "{\"iss\":\"https://id.test/\",\"aud\":[\"x\",\"jobs\"],\"sub\":\"alice\",\"exp\":%ld,"
             "\"tenant\":\"t0\",\"role\":\"operator\"}",
             (long)time(NULL) + 3600);
    assert_int_equal(jwt_add_grants_json(jwt, claims), 0);
    if (change) {
        char name[20];
        assert_int_equal(sscanf(change, "{\"%19[^\"]", name), 1);
        jwt_del_grants(jwt, name);
        if (!strstr(change, ":null"))
            assert_int_equal(jwt_add_grants_json(jwt, change), 0);
    }
    assert_int_equal(jwt_set_alg(jwt, alg, (const unsigned char *)key, key ? (int)strlen(key) : 0),
                     0);
    char *token = jwt_encode_str(jwt);
    assert_non_null(token);
    jwt_free(jwt);
    return token;
}

static void gets(struct api_fixture *f, char *token, int status, const char *part) {
    char *body = http_get(status, f->base, token, "/api/v1/me");
    api_has(body, part);
    free(body);
    free(token);
}

static struct api_fixture *start(const char *algorithm, const char *key_text) {
    char key[100], alg[100];
    snprintf(key, sizeof key, "jobs.api.jwt.key=%s", write_file(key_text));
    snprintf(alg, sizeof alg, "jobs.api.jwt.algorithm=%s", algorithm);
    return api_fixture_start(key, alg, "jobs.api.jwt.issuer=https://id.test/",
                             "jobs.api.jwt.audience=jobs", NULL);
}

static void claims_are_checked(struct api_fixture *f, jwt_alg_t alg, const char *key) {
    static const struct {
        const char *change, *part;
    } cases[] = {
        {"{\"iss\":\"https://evil.test/\"}", "another issuer"},
        {"{\"iss\":null}", "another issuer"},
        {"{\"aud\":\"others\"}", "another audience"},
        {"{\"aud\":null}", "another audience"},
        {"{\"exp\":1000000000}", "expired"},
        {"{\"exp\":null}", "when it expires"},
        {"{\"exp\":\"tomorrow\"}", "when it expires"},
        {"{\"nbf\":4000000000}", "not good yet"},
        {"{\"tenant\":null}", "no tenant"},
        {"{\"tenant\":\"../t0\"}", "no tenant"},
        {"{\"role\":\"root\"}", "no role"},
        {"{\"role\":null}", "no role"},
        {"{\"sub\":null}", "no subject"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        gets(f, sign(alg, key, cases[i].change), 401, cases[i].part);
    gets(f, sign(alg, key, NULL), 200,
         "{\"name\":\"alice\",\"tenant\":\"t0\",\"role\":\"operator\",\"auth\":\"jwt\"}");
    gets(f, sign(alg, key, "{\"role\":[\"a\",\"viewer\",\"admin\"]}"), 200, "\"role\":\"admin\"");
    gets(f, sign(alg, key, "{\"aud\":\"jobs\"}"), 200, "alice");
    gets(f, sign(alg, key, "{\"tenant\":\"*\"}"), 200, "{\"name\":\"alice\",\"role\"");
}

static void rs256(void **state) {
    struct keys good = make_keys(EVP_RSA_gen(2048)), other = make_keys(EVP_RSA_gen(2048));
    (void)state;
    struct api_fixture *f = start("RS256", good.public_pem);
    claims_are_checked(f, JWT_ALG_RS256, good.private_pem);
    gets(f, sign(JWT_ALG_RS256, other.private_pem, NULL), 401, "not signed by a key");
    /* The public key as the secret of another algorithm, and no signature at all. */
    gets(f, sign(JWT_ALG_HS256, good.public_pem, NULL), 401, "algorithm");
    gets(f, sign(JWT_ALG_RS512, good.private_pem, NULL), 401, "algorithm");
    gets(f, sign(JWT_ALG_NONE, NULL, NULL), 401, "algorithm");
    char *token = sign(JWT_ALG_RS256, good.private_pem, NULL);
    char *signature = strrchr(token, '.');
    signature[5] = signature[5] == 'A' ? 'B' : 'A';
    gets(f, token, 401, "not signed by a key");
    gets(f, strdup("eyJhbGciOiJSUzI1NiJ9.e30"), 401, "malformed");
    gets(f, strdup("ey.ey.ey"), 401, "malformed");

    /* Of one tenant: others are not there. */
    token = sign(JWT_ALG_RS256, good.private_pem, NULL);
    free(http_get(404, f->base, token, "/api/v1/tenants/t1/jobs"));
    free(http_post(201, f->base, token, "{\"class_name\":\"noop\"}", "/api/v1/tenants/t0/jobs"));
    assert_true(test_wait_sql(f->url, 0,
                              "select count(*) = 1 from jobs.t_job_audit "
                              "where who = 'jwt:alice' and action = 'submit'"));
    free(token);

    /* Other keys, read at a reload. */
    write_file(other.public_pem);
    OK(job_service_reload(service_of(f->service), &err));
    gets(f, sign(JWT_ALG_RS256, other.private_pem, NULL), 200, "alice");
    gets(f, sign(JWT_ALG_RS256, good.private_pem, NULL), 401, "not signed by a key");
    write_file("nonsense");
    OK(job_service_reload(service_of(f->service), &err));
    gets(f, sign(JWT_ALG_RS256, other.private_pem, NULL), 200, "alice");
    api_fixture_stop(f);
    keys_done(&good);
    keys_done(&other);
}

static void es256(void **state) {
    struct keys good = make_keys(EVP_EC_gen("P-256")), other = make_keys(EVP_EC_gen("P-256"));
    (void)state;
    struct api_fixture *f = start("ES256", good.public_pem);
    claims_are_checked(f, JWT_ALG_ES256, good.private_pem);
    gets(f, sign(JWT_ALG_ES256, other.private_pem, NULL), 401, "not signed by a key");
    api_fixture_stop(f);
    keys_done(&good);
    keys_done(&other);
}

/* The EC key of RFC 7517, appendix A.1, and a secret that is too short stand beside the one that
 * counts. */
static void a_jwks_file(void **state) {
    static const char jwks[] = "{\"keys\":["
                               "{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"1\","
                               "\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\","
                               "\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\"},"
                               "{\"kty\":\"oct\",\"kid\":\"short\",\"k\":\"c2hvcnQ\"},"
                               "{\"kty\":\"oct\",\"kid\":\"2\",\"alg\":\"HS256\","
                               "\"k\":\"MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE\"}]}";
    (void)state;
    struct api_fixture *f = start("HS256", jwks);
    gets(f, sign(JWT_ALG_HS256, "01234567890123456789012345678901", NULL), 200, "alice");
    gets(f, sign(JWT_ALG_HS256, "short", NULL), 401, "not signed by a key");
    api_fixture_stop(f);
    f = start("ES256", jwks); /* the EC key is a point of the curve and can be used */
    api_fixture_stop(f);
}

static void settings_are_checked(void **state) {
    struct jobs_error err;
    struct test_service *s;
    char url[1000], key[100];
    (void)state;
    snprintf(url, sizeof url, "jobs.datasource.main.url=%s", service_database());
    snprintf(key, sizeof key, "jobs.api.jwt.key=%s", write_file("too short"));
    const char *settings[] = {
        url, "jobs.amqp.url=", "jobs.api.listen=127.0.0.1:0", key, NULL, NULL, NULL, NULL};
    assert_int_equal(service_try(NULL, settings, NULL, &s, &err), JOBS_ECONFIG);
    api_has(err.text, "jobs.api.jwt.issuer");
    settings[4] = "jobs.api.jwt.issuer=x";
    settings[5] = "jobs.api.jwt.audience=y";
    assert_int_equal(service_try(NULL, settings, NULL, &s, &err), JOBS_ECONFIG);
    api_has(err.text, "no public key for RS256");
    settings[6] = "jobs.api.jwt.algorithm=HS256";
    assert_int_equal(service_try(NULL, settings, NULL, &s, &err), JOBS_ECONFIG);
    api_has(err.text, "32 bytes");
}

static int down(void **state) {
    (void)state;
    return unlink(write_file(""));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rs256),
        cmocka_unit_test(es256),
        cmocka_unit_test(a_jwks_file),
        cmocka_unit_test(settings_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, down);
}
