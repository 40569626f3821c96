/* Reading a command line against the table of verbs. */
#include "module/base/mem.h"
#include "module/base/text.h"
#include "module/cli/verb.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* The verb that argv begins with; *ret_words: of how many words. */
static const struct verb *find_verb(int argc, char **argv, int *ret_words) {
    for (const struct verb *verb = verbs; verb->name; verb++) {
        size_t first = strcspn(verb->name, " ");
        const char *second = verb->name[first] ? verb->name + first + 1 : NULL;
        if (argc < 1 || strlen(argv[0]) != first || strncmp(argv[0], verb->name, first) != 0)
            continue;
        if (second && (argc < 2 || strcmp(argv[1], second) != 0))
            continue;
        *ret_words = second ? 2 : 1;
        return verb;
    }
    return NULL;
}

static void suggest(int argc, char **argv, struct buf *wrong) {
    struct buf typed = {0};
    const struct verb *nearest = NULL;
    size_t least = 4;
    buf_format(wrong, "unknown verb \"%.40s\"", argv[0]);
    for (const struct verb *verb = verbs; verb->name; verb++) {
        buf_clear(&typed);
        buf_text(&typed, argv[0]);
        if (strchr(verb->name, ' ') && argc > 1)
            buf_format(&typed, " %.40s", argv[1]);
        size_t distance = text_distance(buf_get(&typed), verb->name);
        if (!verb->hidden && distance < least)
            least = distance, nearest = verb;
    }
    if (nearest)
        buf_format(wrong, "; did you mean \"%s\"?", nearest->name);
    buf_done(&typed);
}

struct search {
    const char *text;
    size_t length;
    char letter;
    const struct option *found;
};

static void match(void *arg, const struct option *option) {
    struct search *search = arg;
    if (search->text ? strlen(option->name) == search->length &&
                           strncmp(option->name, search->text, search->length) == 0
                     : option->letter && option->letter == search->letter)
        search->found = option;
}

static const struct option *find_option(const struct verb *verb, const char *text, size_t length,
                                        char letter) {
    struct search search = {text, length, letter, NULL};
    verb_each_option(verb, match, &search);
    return search.found;
}

/* Reads the option at argv[*at]; moves *at to its last word. False: something is wrong. */
static bool read_option(struct command_line *command, int argc, char **argv, int *at,
                        struct buf *wrong) {
    const char *word = argv[*at], *value = NULL;
    const struct option *option;
    if (word[1] == '-') {
        size_t length = strcspn(word + 2, "=");
        option = find_option(command->verb, word + 2, length, 0);
        value = word[2 + length] ? word + 3 + length : NULL;
    } else {
        option = find_option(command->verb, NULL, 0, word[1]);
        value = word[2] ? word + 2 : NULL;
    }
    if (!option)
        buf_format(wrong, "unknown option \"%.80s\"", word);
    else if (value && !option->argument)
        buf_format(wrong, "--%s takes no value", option->name);
    else if (option->argument && !value && *at + 1 >= argc)
        buf_format(wrong, "--%s wants a value (%s)", option->name, option->argument);
    else {
        if (option->argument && !value)
            value = argv[++*at];
        command->given[command->given_count++] = (struct given){option, value ? value : ""};
        command->help |= strcmp(option->name, "help") == 0;
        return true;
    }
    return false;
}

static bool read_words(struct command_line *command, int argc, char **argv, struct buf *wrong) {
    bool options = true;
    for (int i = 0; i < argc; i++) {
        if (options && strcmp(argv[i], "--") == 0)
            options = false;
        else if (options && argv[i][0] == '-' && argv[i][1]) {
            if (!read_option(command, argc, argv, &i, wrong))
                return false;
        } else
            command->arguments[command->argument_count++] = argv[i];
    }
    return true;
}

static bool check_arguments(const struct command_line *command, struct buf *wrong) {
    const struct verb *verb = command->verb;
    int n = (int)command->argument_count;
    if (n >= verb->least && (verb->most < 0 || n <= verb->most))
        return true;
    if (n < verb->least)
        buf_format(wrong, "%s is missing", verb->arguments);
    else
        buf_format(wrong, "what is \"%.80s\"?", command->arguments[verb->most]);
    return false;
}

int command_parse(int argc, char **argv, struct command_line *ret, struct buf *wrong) {
    *ret = (struct command_line){0};
    for (int i = 0; i < argc; i++)
        if (!text_is_utf8(argv[i], strlen(argv[i]))) {
            buf_text(wrong, "the command line is no UTF-8");
            return EXIT_USAGE;
        }
    int words;
    ret->verb = find_verb(argc, argv, &words);
    if (!ret->verb) {
        suggest(argc, argv, wrong);
        return EXIT_USAGE;
    }
    ret->given = mem_zero((size_t)argc + 1, sizeof *ret->given);
    ret->arguments = mem_zero((size_t)argc + 1, sizeof *ret->arguments);
    bool right = read_words(ret, argc - words, argv + words, wrong);
    if (right && !ret->help)
        right = check_arguments(ret, wrong);
    return right ? EXIT_OK : EXIT_USAGE;
}

void command_line_done(struct command_line *command) {
    free(command->given);
    free(command->arguments);
}

const char *command_line_option(const struct command_line *command, const char *name) {
    assert(find_option(command->verb, name, strlen(name), 0));
    const char *value = NULL;
    for (size_t i = 0; i < command->given_count; i++)
        if (strcmp(command->given[i].option->name, name) == 0)
            value = command->given[i].value;
    return value;
}
