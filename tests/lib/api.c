#include "tests/lib/api.h"

#include "module/base/mem.h"

#include <libpq-fe.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

void api_make_token(const char *url, const char *tenant, const char *role, char *ret_secret) {
    struct job_info_service s = {.db = PQconnectdb(url)};
    struct store_token token = {.name = role, .tenant = tenant, .role = role};
    struct job_uuid id;
    OK(store_token_create(&s, &token, &id, ret_secret, &err));
    PQfinish(s.db);
}

struct api_fixture *api_fixture_start(const char *setting, ...) {
    struct api_fixture *f = MEM_NEW(struct api_fixture);
    struct buf main_url = {0};
    const char *settings[24] = {"jobs.amqp.url=", "jobs.api.listen=127.0.0.1:0"};
    size_t n = 3;
    va_list more;
    f->url = service_database();
    buf_format(&main_url, "jobs.datasource.main.url=%s", f->url);
    settings[2] = buf_get(&main_url);
    va_start(more, setting);
    for (const char *next = setting; next && n < 23; next = va_arg(more, const char *))
        settings[n++] = next;
    va_end(more);
    OK(service_try(NULL, settings, NULL, &f->service, &err));
    buf_done(&main_url);
    OK(job_service_url(service_of(f->service), f->base, sizeof f->base, &err));
    api_make_token(f->url, NULL, "admin", f->admin);
    api_make_token(f->url, "t0", "viewer", f->viewer);
    api_make_token(f->url, "t0", "operator", f->operator);
    api_make_token(f->url, "t0", "admin", f->own);
    return f;
}

void api_fixture_stop(struct api_fixture *f) {
    service_stop(f->service);
    free(f);
}

char *api_submit(struct api_fixture *f, const char *body) {
    char *answer = http_post(201, f->base, f->operator, body, "/api/v1/tenants/t0/jobs");
    assert_int_equal(strncmp(answer, "{\"id\":\"", 7), 0);
    char *id = mem_text_n(answer + 7, 36);
    free(answer);
    return id;
}

void api_has(const char *text, const char *part) {
    if (!strstr(text, part))
        fail_msg("\"%s\" is not in: %s", part, text);
}
