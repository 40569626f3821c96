#include "module/service/commands.h"

#include "module/base/error.h"
#include "module/base/mem.h"
#include "module/base/text.h"

#include <ctype.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TENANT_MAX = 63, DEPTH = 8 };

struct command *command_new(const struct bus_delivery *delivery) {
    struct command *command = MEM_NEW(struct command);
    list_init(&command->link);
    command->tag = delivery->tag;
    command->routing_key = mem_text(delivery->routing_key);
    command->body = delivery->body ? mem_text_n(delivery->body, delivery->length) : NULL;
    command->length = delivery->length;
    command->user_id = mem_text(delivery->user_id);
    command->reply_to = mem_text(delivery->reply_to);
    command->correlation_id = mem_text(delivery->correlation_id);
    command->content_type = mem_text(delivery->content_type);
    command->message_id = mem_text(delivery->message_id);
    command->has_x_death = delivery->has_x_death;
    return command;
}

void command_free(struct command *command) {
    if (!command)
        return;
    free(command->routing_key);
    free(command->body);
    free(command->user_id);
    free(command->reply_to);
    free(command->correlation_id);
    free(command->content_type);
    free(command->message_id);
    free(command);
}

/* [a-z0-9][a-z0-9_-]{0,62}, as t_tenant wants it. */
static bool is_tenant(const char *text, size_t length) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_-";
    return length >= 1 && length <= TENANT_MAX && text[0] != '_' && text[0] != '-' &&
           strspn(text, letters) >= length;
}

static const char *read_key(struct command *command) {
    const char *key = command->routing_key ? command->routing_key : "";
    size_t length = strcspn(key, ".");
    if (!is_tenant(key, length))
        return "the routing key does not begin with a tenant's name";
    snprintf(command->tenant, sizeof command->tenant, "%.*s", (int)length, key);
    return strcmp(key + length, ".stop") == 0 ? NULL : "the routing key names no command";
}

static const char *read_version(struct command *command, struct json_object *body) {
    struct json_object *version;
    if (!json_object_object_get_ex(body, "version", &version) || !version)
        return NULL;
    command->version = json_object_get_int64(version);
    if (!json_object_is_type(version, json_type_int) || command->version < 1 ||
        command->version > INT_MAX)
        return "version is no whole number from 1 on";
    return NULL;
}

static const char *read_object(struct command *command, struct json_object *body) {
    struct json_object *id;
    if (!json_object_is_type(body, json_type_object))
        return "the body is no JSON object";
    if (!json_object_object_get_ex(body, "jobId", &id) ||
        !json_object_is_type(id, json_type_string) || json_object_get_string_len(id) != 36 ||
        !text_is_uuid(json_object_get_string(id)))
        return "jobId is no uuid";
    snprintf(command->id, sizeof command->id, "%s", json_object_get_string(id));
    for (char *p = command->id; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    return read_version(command, body);
}

static const char *read_body(struct command *command) {
    if (!command->body)
        return "the body is too long";
    if (strlen(command->body) != command->length || !text_is_utf8(command->body, command->length))
        return "the body is no UTF-8 text";
    struct json_tokener *tokener = json_tokener_new_ex(DEPTH);
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
    struct json_object *body =
        json_tokener_parse_ex(tokener, command->body, (int)command->length + 1);
    bool good = json_tokener_get_error(tokener) == json_tokener_success;
    const char *why = good ? read_object(command, body) : "the body is no JSON";
    json_object_put(body);
    json_tokener_free(tokener);
    return why;
}

const char *command_read(struct command *command) {
    const char *why = read_key(command);
    if (!why && command->has_x_death)
        return "it was dead-lettered on its way (x-death): the routing key need not be the "
               "sender's";
    return why ? why : read_body(command);
}

const char *command_judge(const struct command *command, enum command_trust trust,
                          const char *tenant_user, const char *own_user) {
    if (trust == COMMAND_TRUST_VHOST)
        return NULL;
    if (!command->user_id)
        return "it has no user_id: nobody can tell who sent it";
    if (strcmp(command->user_id, tenant_user) == 0 || strcmp(command->user_id, own_user) == 0)
        return NULL;
    return "its user_id is not the user of this tenant";
}

bool command_may_reply(const struct command *command) {
    static const char direct[] = "amq.rabbitmq.reply-to.";
    const char *to = command->reply_to;
    if (!to)
        return false;
    size_t n = strlen(command->tenant);
    return strncmp(to, direct, sizeof direct - 1) == 0 ||
           (n > 0 && strncmp(to, command->tenant, n) == 0 && to[n] == '.');
}

void command_answer(const struct command *command, const char *status, struct buf *ret) {
    buf_clear(ret);
    buf_text(ret, "{\"jobId\":");
    buf_json_string(ret, command->id);
    buf_text(ret, ",\"status\":");
    buf_json_string(ret, status);
    buf_char(ret, '}');
}

void command_refusal(const char *title, const struct jobs_error *why, struct buf *ret) {
    buf_clear(ret);
    buf_text(ret, "{\"type\":\"about:blank\",\"title\":");
    buf_json_string(ret, title);
    buf_text(ret, ",\"detail\":");
    buf_json_string(ret, why->text);
    buf_text(ret, ",\"code\":");
    buf_json_string(ret, error_name(why->code));
    buf_char(ret, '}');
}
