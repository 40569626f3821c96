/* The dashboard's files: any path that is no route of the interface and the name of a file. */
#include "module/api/files.h"
#include "module/api/parts.h"
#include "module/api/request.h"
#include "module/base/error.h"

#include <string.h>

const struct api_file *api_file_find(const char *name) {
    for (const struct api_file *file = api_files; file->name; file++)
        if (strcmp(file->name, name) == 0)
            return file;
    return NULL;
}

static const char *type_of(const char *name) {
    static const char *const types[][2] = {
        {".html", "text/html; charset=utf-8"},
        {".js", "text/javascript; charset=utf-8"},
        {".mjs", "text/javascript; charset=utf-8"},
        {".css", "text/css; charset=utf-8"},
        {".svg", "image/svg+xml"},
        {".png", "image/png"},
        {".ico", "image/x-icon"},
        {".woff2", "font/woff2"},
        {".json", "application/json"},
        {".webmanifest", "application/manifest+json"},
    };
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof types / sizeof *types; i++)
        if (strcmp(types[i][0], dot) == 0)
            return types[i][1];
    return "text/plain; charset=utf-8";
}

static int page(struct api_request *r, struct jobs_error *err) {
    const char *path = request_of(r)->query.path;
    const struct api_file *file = api_file_find(path[1] ? path + 1 : "index.html");
    if (!file)
        return error_set(err, API_ENOTFOUND, "there is nothing here");
    const char *known = api_header(r, "If-None-Match"), *takes = api_header(r, "Accept-Encoding");
    r->content_type = type_of(file->name);
    api_add_header(r, "ETag", file->etag);
    api_add_header(r, "Cache-Control", "no-cache");
    api_add_header(r, "Vary", "Accept-Encoding");
    if (known && strstr(known, file->etag)) {
        r->status = 304;
    } else if (file->gzip && takes && strstr(takes, "gzip")) {
        api_add_header(r, "Content-Encoding", "gzip");
        buf_add(&r->out, file->gzip, file->gzip_length);
    } else {
        buf_add(&r->out, file->data, file->length);
    }
    return 0;
}

/* Two levels of folders: "/", "/app.js", "/lib/chart.js". */
static const struct api_route routes[] = {
    {"GET", "/", API_OPEN, API_HERE, .handle = page},
    {"GET", "/{file}", API_OPEN, API_HERE, .handle = page},
    {"GET", "/{file}/{file}", API_OPEN, API_HERE, .handle = page},
    {.method = NULL},
};
const struct api_part api_part_page = {.routes = routes};
