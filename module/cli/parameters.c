/* Parameters of a job from the command line: -p name=text, -p name:=json, --parameters JSON. What
 * is JSON already is passed on as it is; PostgreSQL is the judge. */
#include "module/base/text.h"
#include "module/cli/cli.h"

#include <errno.h>
#include <string.h>

enum { READ_MAX = 64 << 20 };

static int read_all(const struct cli *cli, const char *path, struct buf *out) {
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    char block[65536];
    size_t n;
    if (!file)
        return cli_misuse(cli, "%s: %s", path, strerror(errno));
    while ((n = fread(block, 1, sizeof block, file)) > 0 && out->length < READ_MAX)
        buf_add(out, block, n);
    bool failed = ferror(file);
    if (file != stdin)
        fclose(file);
    if (failed)
        return cli_misuse(cli, "%s cannot be read", path);
    if (!text_is_utf8(buf_get(out), out->length) || memchr(buf_get(out), 0, out->length))
        return cli_misuse(cli, "%s is no UTF-8 text", path);
    return EXIT_OK;
}

static int add_parameter(const struct cli *cli, const char *text, struct buf *out) {
    size_t length = strcspn(text, "=");
    bool json = length > 0 && text[length] && text[length - 1] == ':';
    size_t name = json ? length - 1 : length;
    struct buf copy = {0};
    if (!text[length] || name == 0)
        return cli_misuse(cli, "-p %.80s: it is NAME=TEXT, or NAME:=JSON", text);
    buf_add(&copy, text, name);
    buf_char(out, out->length == 0 ? '{' : ',');
    buf_json_string(out, buf_get(&copy));
    buf_char(out, ':');
    if (json)
        buf_text(out, text + length + 1);
    else
        buf_json_string(out, text + length + 1);
    buf_done(&copy);
    return EXIT_OK;
}

int cli_parameters(const struct cli *cli, struct buf *out) {
    const char *whole = cli_text(cli, "parameters");
    for (size_t i = 0; i < cli->command.given_count; i++) {
        const struct given *given = &cli->command.given[i];
        int status = EXIT_OK;
        if (strcmp(given->option->name, "parameter") == 0)
            status = whole ? cli_misuse(cli, "-p and --parameters do not go together")
                           : add_parameter(cli, given->value, out);
        if (status)
            return status;
    }
    if (whole && whole[0] == '@')
        return read_all(cli, whole + 1, out);
    if (whole && strcmp(whole, "-") == 0)
        return read_all(cli, "-", out);
    buf_text(out, whole ? whole : out->length ? "}" : "{}");
    return EXIT_OK;
}
