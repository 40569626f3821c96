/* /version, /openapi.json, /me: about the server and who asks. */
#include "module/api/files.h"
#include "module/api/parts.h"
#include "module/api/server.h"
#include "module/base/error.h"
#include "module/service/service.h"

#include <stdio.h>
#include <string.h>

static int version(struct api_request *r, struct jobs_error *err) {
    struct job_service *service = api_service(r->api);
    (void)err;
    json_begin(&r->out);
    json_text(&r->out, "version", JOBS_VERSION);
    json_text(&r->out, "service", config_text(api_config(r->api), "jobs.service"));
    json_text(&r->out, "instance", service->name);
    json_text(&r->out, "auth", config_text(api_config(r->api), "jobs.api.auth"));
    json_end(&r->out);
    return 0;
}

static int openapi(struct api_request *r, struct jobs_error *err) {
    const struct api_file *file = api_file_find("openapi.json");
    (void)err;
    buf_add(&r->out, file->data, file->length);
    return 0;
}

static int me(struct api_request *r, struct jobs_error *err) {
    static const char *const roles[] = {"", "viewer", "operator", "admin"};
    const char *who = r->identity.who, *colon = strchr(who, ':');
    char auth[16] = "none";
    (void)err;
    if (colon)
        snprintf(auth, sizeof auth, "%.*s", (int)(colon - who), who);
    json_begin(&r->out);
    json_text(&r->out, "name", colon ? colon + 1 : who);
    json_text(&r->out, "tenant", r->identity.tenant[0] ? r->identity.tenant : NULL);
    json_text(&r->out, "role", roles[r->identity.role]);
    json_text(&r->out, "auth", auth);
    json_end(&r->out);
    return 0;
}

static const struct api_route routes[] = {
    {"GET", "/api/v1/version", API_OPEN, API_HERE, .handle = version},
    {"GET", "/api/v1/openapi.json", API_OPEN, API_HERE, .handle = openapi},
    {"GET", "/api/v1/me", API_VIEWER, API_HERE, .handle = me},
    {.method = NULL},
};
const struct api_part api_part_server = {.routes = routes};
