/* What people read: the settings in force, the sample file, the manual. All made from the table. */
#include "module/base/config.h"
#include "module/base/config_private.h"
#include "module/base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { WIDTH = 90, VALUE_COLUMN = 56 };

static char *shown_value(const struct config_entry *entry) {
    if (entry->key->flags & CONFIG_SECRET)
        return mem_text("***");
    enum config_type type = entry->key->type;
    bool url = type == CONFIG_DATABASE || type == CONFIG_AMQP || type == CONFIG_HTTP;
    return url ? config_mask(entry->value) : mem_text(entry->value);
}

void config_print(const struct config *config, struct buf *out) {
    for (size_t i = 0; i < config->count; i++) {
        const struct config_entry *entry = &config->entries[i];
        char *value = shown_value(entry);
        size_t start = out->length;
        buf_format(out, "%s = %s", entry->name, value);
        do
            buf_char(out, ' ');
        while (out->length - start < VALUE_COLUMN);
        buf_format(out, "(%s)\n", entry->origin);
        free(value);
    }
}

/* "# " and as many words as fit into each line. */
static void put_comment(const char *text, struct buf *out) {
    while (*text) {
        size_t length = strlen(text);
        if (length > WIDTH) {
            length = WIDTH;
            while (text[length] != ' ')
                length--;
        }
        buf_text(out, "# ");
        buf_add(out, text, length);
        buf_char(out, '\n');
        text += length + (text[length] == ' ');
    }
}

/* "jobs.class.<name>.timeout" as "jobs.class.invoice-pdf.timeout". */
static void put_example_name(const char *row, struct buf *out) {
    const char *name = strncmp(row, "jobs.datasource.", 16) == 0 ? "main"
                       : strstr(row, ".root")                    ? "sha256-manifest"
                                                                 : "invoice-pdf";
    for (; *row; row++) {
        if (strncmp(row, "<name>", 6) == 0)
            buf_text(out, name), row += 5;
        else if (strncmp(row, "<NAME>", 6) == 0)
            buf_text(out, "LANG"), row += 5;
        else
            buf_char(out, *row);
    }
}

static void sample_key(const struct config_key *key, struct buf *out) {
    put_comment(key->help, out);
    struct buf text = {0};
    buf_text(&text, "Allowed: ");
    config_value_describe(key, &text);
    buf_char(&text, '.');
    put_comment(buf_get(&text), out);
    buf_done(&text);
    const char *value = key->otherwise && *key->otherwise ? key->otherwise : key->example;
    buf_char(out, '#');
    put_example_name(key->name, out);
    buf_format(out, " = %s\n\n", key->flags & CONFIG_HOST_NAME ? "worker-1" : value);
}

static const char sample_head[] =
    "# Settings of jobsd, as printed by `jobsd --sample`. Use them with `jobsd -c FILE`.\n"
    "#\n"
    "# One \"key = value\" a line; comments on lines of their own; a value goes to the end\n"
    "# of its line, without quotes. Durations and sizes carry their unit: 500ms, 10s, 15m,\n"
    "# 2h, 3d; 64K, 512M, 1G. Environment variables win over this file: jobs.pool.size is\n"
    "# JOBS_POOL_SIZE, and jobs.datasource.main.url is JOBS_DATASOURCE_MAIN_URL.\n"
    "# The lines below show the defaults, or an example where there is none.\n\n";

void config_sample(struct buf *out) {
    buf_text(out, sample_head);
    for (size_t i = 0; i < config_key_count; i++) {
        const struct config_key *key = &config_keys[i];
        if (key->section)
            buf_format(out, "# ---- %s ----\n\n", key->section);
        if (!key->stands_for || key->type == CONFIG_FILE)
            sample_key(key, out);
    }
    out->data[--out->length] = '\0'; /* no empty line at the end */
}

static const char manual_head[] =
    "# Configuration\n"
    "\n"
    "<!-- Printed by `jobsd --manual` from module/base/config_table.c; a test compares. -->\n"
    "\n"
    "`jobsd` reads, the later winning: the defaults below, the file of `-c FILE` (none unless\n"
    "given), the environment, and `--set key=value`. Environment variables alone suffice.\n"
    "\n"
    "- **File**: one `key = value` a line, UTF-8. Lines that begin with `#` are comments; a\n"
    "  value goes to the end of its line, without quotes, and may hold a `#`. A key may stand\n"
    "  once. An unknown key, or a value that is not allowed, is refused with file, line and\n"
    "  key, and `jobsd` does not start.\n"
    "- **Environment**: the key in upper case, `.` and `-` as `_`: `JOBS_POOL_SIZE`. Names of\n"
    "  datasources and classes are lower-cased and their `_` read as `-`:\n"
    "  `JOBS_DATASOURCE_MAIN_URL` is `jobs.datasource.main.url`,\n"
    "  `JOBS_CLASS_SHA256_MANIFEST_ROOT` is `jobs.class.sha256-manifest.root`; classes with\n"
    "  capitals, dots or underscores are set in the file. Unknown variables that begin with\n"
    "  `JOBS_` are a warning only, because orchestrators make such ones for a service called\n"
    "  jobs.\n"
    "- **Durations** are `500ms`, `10s`, `15m`, `2h`, `3d`, and **sizes** `64K`, `512M`, `1G`\n"
    "  (of 1024); a bare number means milliseconds or bytes.\n"
    "- **Secrets**: a key that ends in `.file` names a file that holds the value, read at\n"
    "  start and at every reload. Passwords are masked wherever settings are printed.\n"
    "- **Reload**: after SIGHUP the file is read again. Keys marked *yes* take effect at\n"
    "  once, others at the next start; a warning names those that changed. A file with an\n"
    "  error changes nothing.\n"
    "\n"
    "`jobsd --check` reads all of it and reports the first error, `jobsd --print-config`\n"
    "shows each key with its value and where it comes from, `jobsd --sample` prints a file to\n"
    "begin with ([jobsd.properties.sample](jobsd.properties.sample)).\n";

/* Text of a table cell: | would end it, <name> would be taken for HTML. */
static void put_cell(const char *text, struct buf *out) {
    for (; *text; text++) {
        if (*text == '|' || *text == '<' || *text == '_')
            buf_char(out, '\\');
        buf_char(out, *text);
    }
}

static void put_default(const struct config_key *key, struct buf *out) {
    if (key->stands_for)
        return;
    if (key->flags & CONFIG_HOST_NAME)
        buf_text(out, "the host's name");
    else if (key->otherwise && *key->otherwise)
        buf_format(out, "`%s`", key->otherwise);
    else
        buf_text(out, key->otherwise ? "empty" : "not set");
}

static void manual_key(const struct config_key *key, struct buf *out) {
    struct buf allowed = {0};
    config_value_describe(key, &allowed);
    buf_format(out, "| `%s` | ", key->name);
    put_cell(buf_get(&allowed), out);
    buf_text(out, " | ");
    put_default(key, out);
    buf_format(out, " | %s | ", key->flags & CONFIG_RELOADABLE ? "yes" : "");
    put_cell(key->help, out);
    buf_text(out, " |\n");
    buf_done(&allowed);
}

void config_manual(struct buf *out) {
    buf_text(out, manual_head);
    for (size_t i = 0; i < config_key_count; i++) {
        if (config_keys[i].section)
            buf_format(out,
                       "\n## %s\n\n| Key | Allowed | Default | Reload | Meaning "
                       "|\n|---|---|---|---|---|\n",
                       config_keys[i].section);
        manual_key(&config_keys[i], out);
    }
}
