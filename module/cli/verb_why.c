/* jobctl why: why a job does not run. */
#include "module/cli/print.h"
#include "module/cli/source.h"

#include <json-c/json.h>
#include <stdlib.h>

static const char *text_of(struct json_object *object, const char *name) {
    struct json_object *member;
    return json_object_object_get_ex(object, name, &member) && member
               ? json_object_get_string(member)
               : NULL;
}

static void print_reasons(struct cli *cli, struct json_object *why, struct buf *out) {
    struct json_object *reasons = json_object_object_get(why, "reasons");
    buf_text(out, text_of(why, "status"));
    buf_char(out, '\n');
    struct print_table *table = table_new("reason|");
    for (size_t i = 0; i < json_object_array_length(reasons); i++) {
        struct json_object *reason = json_object_array_get_idx(reasons, i);
        table_add(table, text_of(reason, "reason"));
        table_add(table, text_of(reason, "text"));
    }
    table_print(table, cli, out);
    if (text_of(why, "estimated_start"))
        buf_format(out, "estimated start: %s\n", text_of(why, "estimated_start"));
}

/* A database that cannot be asked is a reason, too. */
static int print_unreachable(const struct cli *cli, const char *id, int status) {
    struct buf out = {0};
    if (!cli->json || status != EXIT_FAILED)
        return status;
    json_begin(&out);
    json_text(&out, "id", id);
    json_raw(&out, "reasons",
             "[{\"reason\":\"datasource_unreachable\",\"text\":\"its database cannot be asked\"}]");
    json_raw(&out, "estimated_start", "null");
    json_end(&out);
    buf_char(&out, '\n');
    print_flush(&out);
    buf_done(&out);
    return status;
}

static int print_why(struct cli *cli, const char *json) {
    struct buf out = {0};
    if (cli->json) {
        buf_text(&out, json);
        buf_char(&out, '\n');
    } else {
        struct json_object *why = json_tokener_parse(json);
        print_reasons(cli, why, &out);
        json_object_put(why);
    }
    int status = print_flush(&out);
    buf_done(&out);
    return status;
}

int verb_why(struct cli *cli) {
    struct jobs_error err;
    const char *tenant, *id = cli->command.arguments[0];
    char *json;
    int status = cli_tenant(cli, &tenant);
    if (!status)
        status = cli_check_ids(cli);
    if (status)
        return status;
    status = cli_connect(cli);
    if (status)
        return print_unreachable(cli, id, status);
    if (source_why(cli, tenant, id, &json, &err) < 0)
        return cli_fail(&err);
    status = print_why(cli, json);
    free(json);
    return status;
}
