/* JSON of clients: what our reader takes json-c takes too, in strict mode; and it walks over it to
 * the end. */
#include "module/api/json_read.h"
#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

static void walk(const struct json_value *value) {
    struct json_value name, one;
    int64_t number;
    if (value->kind == JSON_STRING) {
        free(json_decode(value));
    } else if (value->kind == JSON_NUMBER) {
        json_integer_of(value, &number);
    } else if (value->kind <= JSON_ARRAY) {
        for (const char *at = NULL; json_next(value, &at, &name, &one);) {
            assert(one.text >= value->text && one.text + one.length <= value->text + value->length);
            walk(&one);
        }
    }
}

static void compare(const char *text, size_t size) {
    struct json_tokener *tokener = json_tokener_new_ex(JSON_DEPTH + 2);
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
    json_object_put(json_tokener_parse_ex(tokener, text, (int)size + 1));
    enum json_tokener_error error = json_tokener_get_error(tokener);
    assert(error == json_tokener_success);
    json_tokener_free(tokener);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct json_value value;
    struct jobs_error err;
    char *text = malloc(size + 1);
    memcpy(text, data, size);
    text[size] = '\0';
    if (!memchr(text, 0, size) && json_read(text, size, &value, &err) == 0) {
        walk(&value);
        compare(text, size);
    }
    free(text);
    return 0;
}
