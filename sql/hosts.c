#include "sql/hosts.h"

#include "module/base/mem.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static size_t count_of(const char *list) {
    size_t count = list && *list ? 1 : 0;
    for (; list && *list; list++)
        count += *list == ',';
    return count;
}

/* The list as `count` texts; with `repeat` a single one stands for all. False: an element is empty,
 * which could not be put in the place of the whole list, or there are too few. */
static bool split(const char *list, size_t count, bool repeat, char ***ret) {
    size_t given = count_of(list);
    if (given == 0)
        return true;
    if (given != count && !(repeat && given == 1))
        return false;
    char **texts = *ret = mem_zero(count, sizeof *texts);
    bool good = true;
    for (size_t i = 0; i < count; i++) {
        size_t length = strcspn(list, ",");
        texts[i] = mem_text_n(list, length);
        good = good && length > 0;
        if (list[length] == ',')
            list += length + 1;
    }
    return good;
}

static const char *value_of(const PQconninfoOption *options, const char *keyword) {
    for (; options->keyword; options++)
        if (strcmp(options->keyword, keyword) == 0)
            return options->val;
    return NULL;
}

void hosts_read(struct hosts *ret, const char *url) {
    *ret = (struct hosts){0};
    PQconninfoOption *options = PQconninfoParse(url, NULL);
    if (!options)
        return; /* PQconnectStart will say what is wrong with it */
    const char *names = value_of(options, "host"), *addresses = value_of(options, "hostaddr");
    size_t count = count_of(addresses && *addresses ? addresses : names);
    bool good = count > 1 && split(names, count, false, &ret->names) &&
                split(addresses, count, false, &ret->addresses) &&
                split(value_of(options, "port"), count, true, &ret->ports);
    ret->count = count;
    if (!good)
        hosts_done(ret);
    PQconninfoFree(options);
}

static void free_texts(char **texts, size_t count) {
    for (size_t i = 0; texts && i < count; i++)
        free(texts[i]);
    free(texts);
}

void hosts_done(struct hosts *hosts) {
    free_texts(hosts->names, hosts->count);
    free_texts(hosts->addresses, hosts->count);
    free_texts(hosts->ports, hosts->count);
    *hosts = (struct hosts){0};
}
