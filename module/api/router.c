#include "module/api/router.h"

#include "module/base/text.h"
#include "tenant/tenant.h"

#include <stdio.h>
#include <string.h>

static size_t segment(const char *text) { return strcspn(text, "/"); }

/* "{tenant}", "{id}" or "{file}" against the path's segment. */
static bool take(const char *name, const char *text, size_t length, struct routing *ret) {
    bool tenant = name[1] == 't';
    char *to = tenant ? ret->tenant : ret->id;
    size_t room = tenant ? sizeof ret->tenant : sizeof ret->id;
    if (name[1] == 'f')
        return length > 0;
    if (length >= room)
        return false;
    memcpy(to, text, length);
    to[length] = '\0';
    if (tenant)
        return tenant_name_is_valid(to);
    for (char *p = to; *p; p++)
        if (*p >= 'A' && *p <= 'F')
            *p = (char)(*p - 'A' + 'a');
    return text_is_uuid(to);
}

static bool matches(const char *template, const char *path, struct routing *ret) {
    while (*template && *path) {
        size_t a = segment(template), b = segment(path);
        if (template[0] == '{' && template[a - 1] == '}') {
            if (!take(template, path, b, ret))
                return false;
        } else if (a != b || memcmp(template, path, a) != 0) {
            return false;
        }
        template += a, path += b;
        if (*template != *path) /* one of them ends here */
            return false;
        template += *template == '/', path += *path == '/';
    }
    return !*template && !*path;
}

static void allow(struct routing *ret, const char *method) {
    size_t used = strlen(ret->allow);
    snprintf(ret->allow + used, sizeof ret->allow - used, "%s%s", used ? ", " : "", method);
}

void router_find(const struct api_part *const *parts, const char *method, const char *path,
                 struct routing *ret) {
    if (strcmp(method, "HEAD") == 0)
        method = "GET";
    *ret = (struct routing){0};
    for (size_t i = 0; parts[i]; i++)
        for (const struct api_route *route = parts[i]->routes; route->method; route++) {
            struct routing found = {0};
            if (!matches(route->path + 1, path + 1, &found))
                continue;
            if (strcmp(route->method, method) != 0) {
                allow(ret, route->method);
                continue;
            }
            memcpy(ret->tenant, found.tenant, sizeof ret->tenant);
            memcpy(ret->id, found.id, sizeof ret->id);
            ret->route = route;
            ret->part = i;
            return;
        }
}
