#include "tests/lib/contract.h"

#include "module/base/buf.h"
#include "module/base/mem.h"
#include "module/base/table.h"

#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct contract {
    char *base;
    struct json_object *document;
    struct table called; /* operationId */
};

static struct json_object *member(struct json_object *of, const char *name) {
    struct json_object *ret = NULL;
    if (of && json_object_is_type(of, json_type_object))
        json_object_object_get_ex(of, name, &ret);
    return ret;
}

static const char *text(struct json_object *of, const char *name) {
    struct json_object *value = member(of, name);
    return value ? json_object_get_string(value) : "";
}

struct contract *contract_read(const char *base) {
    struct contract *contract = MEM_NEW(struct contract);
    char *body = http_get(200, base, NULL, "/api/v1/openapi.json");
    contract->base = mem_text(base);
    contract->document = json_tokener_parse(body);
    assert_non_null(contract->document);
    free(body);
    return contract;
}

void contract_free(struct contract *contract) {
    json_object_put(contract->document);
    table_done(&contract->called, NULL);
    free(contract->base);
    free(contract);
}

/* "#/components/x/y" of {"$ref": …}, or the object itself. */
static struct json_object *follow(struct contract *contract, struct json_object *object) {
    const char *ref = text(object, "$ref");
    if (!*ref)
        return object;
    struct json_object *at = contract->document;
    char *copy = mem_text(ref + 2), *rest = copy;
    for (char *name; (name = strsep(&rest, "/"));)
        at = member(at, name);
    free(copy);
    if (!at)
        fail_msg("%s leads nowhere", ref);
    return at;
}

/* ---- schemas: what the document uses of them ---- */

static bool fits(struct contract *contract, struct json_object *schema, struct json_object *value,
                 const char *where, struct buf *wrong);

static bool is_of_type(const char *type, struct json_object *value) {
    if (strcmp(type, "null") == 0)
        return value == NULL;
    if (strcmp(type, "number") == 0)
        return json_object_is_type(value, json_type_double) ||
               json_object_is_type(value, json_type_int);
    static const struct {
        const char *name;
        enum json_type type;
    } types[] = {{"object", json_type_object},
                 {"array", json_type_array},
                 {"string", json_type_string},
                 {"integer", json_type_int},
                 {"boolean", json_type_boolean}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(types[i].name, type) == 0)
            return value && json_object_is_type(value, types[i].type);
    return false;
}

static bool type_fits(struct json_object *type, struct json_object *value) {
    if (!type)
        return true;
    if (!json_object_is_type(type, json_type_array))
        return is_of_type(json_object_get_string(type), value);
    for (size_t i = 0; i < json_object_array_length(type); i++)
        if (is_of_type(json_object_get_string(json_object_array_get_idx(type, i)), value))
            return true;
    return false;
}

static bool enum_fits(struct json_object *list, struct json_object *value) {
    if (!list)
        return true;
    for (size_t i = 0; i < json_object_array_length(list); i++)
        if (json_object_equal(json_object_array_get_idx(list, i), value))
            return true;
    return false;
}

static bool object_fits(struct contract *contract, struct json_object *schema,
                        struct json_object *value, const char *where, struct buf *wrong) {
    struct json_object *properties = member(schema, "properties"), *more, *required;
    struct json_object *needed = member(schema, "required");
    more = member(schema, "additionalProperties");
    bool closed =
        more && json_object_is_type(more, json_type_boolean) && !json_object_get_boolean(more);
    for (size_t i = 0; needed && i < json_object_array_length(needed); i++) {
        const char *name = json_object_get_string(json_object_array_get_idx(needed, i));
        if (!json_object_object_get_ex(value, name, &required)) {
            buf_format(wrong, "%s.%s is missing; ", where, name);
            return false;
        }
    }
    json_object_object_foreach(value, name, one) {
        char deeper[300];
        struct json_object *property = member(properties, name);
        snprintf(deeper, sizeof deeper, "%s.%s", where, name);
        if (!property && closed) {
            buf_format(wrong, "%s is not documented; ", deeper);
            return false;
        }
        if (property && !fits(contract, property, one, deeper, wrong))
            return false;
    }
    return true;
}

static bool one_fits(struct contract *contract, struct json_object *list, struct json_object *value,
                     const char *where, struct buf *wrong) {
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct buf ignored = {0};
        bool good = fits(contract, json_object_array_get_idx(list, i), value, where, &ignored);
        buf_done(&ignored);
        if (good)
            return true;
    }
    buf_format(wrong, "%s is none of what it may be; ", where);
    return false;
}

static bool fits(struct contract *contract, struct json_object *schema, struct json_object *value,
                 const char *where, struct buf *wrong) {
    schema = follow(contract, schema);
    struct json_object *one_of = member(schema, "oneOf"), *items = member(schema, "items");
    if (!type_fits(member(schema, "type"), value) || !enum_fits(member(schema, "enum"), value)) {
        buf_format(wrong, "%s is %s; ", where, json_object_to_json_string(value));
        return false;
    }
    if (one_of && !one_fits(contract, one_of, value, where, wrong))
        return false;
    if (value && json_object_is_type(value, json_type_object))
        return object_fits(contract, schema, value, where, wrong);
    bool array = value && json_object_is_type(value, json_type_array);
    for (size_t i = 0; array && items && i < json_object_array_length(value); i++)
        if (!fits(contract, items, json_object_array_get_idx(value, i), where, wrong))
            return false;
    return true;
}

/* ---- calls ---- */

/* The operation with its path and method. */
static struct json_object *find(struct contract *contract, const char *id, const char **ret_path,
                                const char **ret_method) {
    json_object_object_foreach(member(contract->document, "paths"), path, methods) {
        json_object_object_foreach(methods, method, operation) {
            if (strcmp(text(operation, "operationId"), id) != 0)
                continue;
            *ret_path = path;
            *ret_method = method;
            return operation;
        }
    }
    fail_msg("operation %s is not in the document", id);
    return NULL;
}

static char *url_of(const struct contract *contract, const char *path,
                    const struct contract_call *call) {
    struct buf url = {0};
    buf_text(&url, contract->base);
    while (*path) {
        size_t n = strcspn(path, "{");
        buf_add(&url, path, n);
        path += n;
        if (!*path)
            break;
        const char *value = strncmp(path, "{tenant}", 8) == 0 ? call->tenant : call->id;
        if (!value)
            fail_msg("%s needs a tenant or an id", call->operation);
        buf_text(&url, value);
        path += strcspn(path, "}") + 1;
    }
    if (call->query)
        buf_format(&url, "?%s", call->query);
    return buf_take(&url);
}

static void check_body(struct contract *contract, const struct contract_call *call,
                       struct json_object *media, const struct http_answer *answer) {
    struct buf wrong = {0};
    struct json_object *value = json_tokener_parse(answer->body);
    if (!fits(contract, member(media, "schema"), value, call->operation, &wrong))
        fail_msg("%s: %s\n%s", call->operation, buf_get(&wrong), answer->body);
    json_object_put(value);
    buf_done(&wrong);
}

static void check(struct contract *contract, const struct contract_call *call,
                  struct json_object *operation, const struct http_answer *answer) {
    char status[12], type[100];
    snprintf(status, sizeof status, "%d", answer->status);
    if (answer->status != call->status)
        fail_msg("%s: %d, not %d: %s", call->operation, answer->status, call->status, answer->body);
    struct json_object *response = member(member(operation, "responses"), status);
    if (!response)
        fail_msg("%s: status %s is not documented", call->operation, status);
    struct json_object *content = member(follow(contract, response), "content");
    if (!content) {
        assert_int_equal(answer->length, 0);
        return;
    }
    snprintf(type, sizeof type, "%.*s", (int)strcspn(answer->type, ";"), answer->type);
    struct json_object *media = member(content, type);
    if (!media)
        fail_msg("%s: %s of status %s is not documented", call->operation, type, status);
    if (strstr(type, "json"))
        check_body(contract, call, media, answer);
}

char *contract_call(struct contract *contract, const struct contract_call *call) {
    const char *path = "", *method = "";
    char upper[16] = "";
    struct json_object *operation = find(contract, call->operation, &path, &method);
    for (size_t i = 0; method[i] && i < sizeof upper - 1; i++)
        upper[i] = (char)(method[i] - 'a' + 'A');
    char *url = url_of(contract, path, call);
    struct http_answer *answer = http_send(&(struct http_request){.method = upper,
                                                                  .url = url,
                                                                  .token = call->token,
                                                                  .body = call->body,
                                                                  .headers = call->headers});
    check(contract, call, operation, answer);
    if (answer->status < 300)
        table_put(&contract->called, call->operation, contract);
    char *body = answer->body;
    answer->body = NULL;
    http_free(answer);
    free(url);
    return body;
}

static bool is_among(const char *id, const char *const *list) {
    for (; *list; list++)
        if (strcmp(*list, id) == 0)
            return true;
    return false;
}

void contract_check_all(struct contract *contract, const char *const *elsewhere) {
    size_t missing = 0;
    json_object_object_foreach(member(contract->document, "paths"), path, methods) {
        json_object_object_foreach(methods, method, operation) {
            const char *id = text(operation, "operationId");
            if (strcmp(method, "parameters") == 0 || table_get(&contract->called, id) ||
                is_among(id, elsewhere))
                continue;
            print_error("%s %s (%s) was not called\n", method, path, id);
            missing++;
        }
    }
    assert_int_equal(missing, 0);
}
