/* Files in the binary: those of module/api/page and openapi.json, put in by the build. */
#ifndef API_FILES_H
#define API_FILES_H
#include <stddef.h>

struct api_file {
    const char *name; /* "index.html", "lib/chart.js"; NULL ends the table */
    const char *etag; /* with its quotes */
    const unsigned char *data;
    size_t length;
    const unsigned char *gzip; /* NULL: it would not be shorter */
    size_t gzip_length;
};
extern const struct api_file api_files[];
const struct api_file *api_file_find(const char *name); /* NULL: there is none */
#endif
