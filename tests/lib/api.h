/* A service with its HTTP interface inside the test program, on a fresh database with tenants t0 to
 * t6, and tokens. Include cmocka's friends and cmocka.h as well: what goes wrong fails the test. */
#ifndef TESTS_LIB_API_H
#define TESTS_LIB_API_H
#include "module/base/buf.h"
#include "module/store/access.h"
#include "tests/lib/http.h"
#include "tests/lib/service.h"

struct api_fixture {
    const char *url;
    struct test_service *service;
    char base[300];
    char admin[STORE_SECRET];                                             /* of all tenants */
    char viewer[STORE_SECRET], operator[STORE_SECRET], own[STORE_SECRET]; /* of t0; own: admin */
};
/* Settings "key=value", last NULL. */
struct api_fixture *api_fixture_start(const char *setting, ...) __attribute__((sentinel));
void api_fixture_stop(struct api_fixture *f);

void api_make_token(const char *url, const char *tenant, const char *role, char *ret_secret);
/* A job of t0; its id, caller frees. */
char *api_submit(struct api_fixture *f, const char *body);
/* Fails the test unless `part` is in the text. */
void api_has(const char *text, const char *part);
#endif
