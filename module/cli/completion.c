/* Shell completion, made from the table of verbs. */
#include "module/cli/cli.h"
#include "module/cli/print.h"

#include <string.h>

static void add_words(void *arg, const struct option *option) {
    struct buf *out = arg;
    if (option->letter)
        buf_format(out, " -%c", option->letter);
    buf_format(out, " --%s", option->name);
}

static bool is_first(const struct verb *verb) { /* of those with the same first word */
    size_t n = strcspn(verb->name, " ");
    for (const struct verb *v = verbs; v != verb; v++)
        if (strncmp(v->name, verb->name, n) == 0 && (v->name[n] == ' ' || !v->name[n]))
            return false;
    return true;
}

/* First words, or the second words of those that begin with `first`. */
static void list_words(struct buf *out, const char *first) {
    size_t n = first ? strcspn(first, " ") : 0;
    for (const struct verb *verb = verbs; verb->name; verb++) {
        if (verb->hidden)
            continue;
        if (!first && is_first(verb))
            buf_format(out, " %.*s", (int)strcspn(verb->name, " "), verb->name);
        if (first && strncmp(verb->name, first, n) == 0 && verb->name[n] == ' ')
            buf_format(out, " %s", verb->name + n + 1);
    }
}

void verbs_print_bash(struct buf *out) {
    buf_text(
        out,
        "# bash completion for jobctl. Made by `jobctl completion bash`.\n"
        "_jobctl() {\n"
        "    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} words=\n"
        "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n        words=\"");
    list_words(out, NULL);
    buf_text(out, " --help --version\"\n    elif [ \"$COMP_CWORD\" -eq 2 ] && [ \"$previous\" = "
                  "tenant ]; then\n"
                  "        words=\"");
    list_words(out, "tenant");
    buf_text(out, "\"\n    else\n        local verb=${COMP_WORDS[1]}\n"
                  "        [ \"$verb\" = tenant ] && verb=\"tenant ${COMP_WORDS[2]}\"\n"
                  "        case $previous in\n"
                  "        -s | --status) words=\"PENDING QUEUED TO_BE_RUN RUNNING SUCCEEDED "
                  "FAILED ABORTED\" ;;\n"
                  "        -c | --config) COMPREPLY=($(compgen -f -- \"$current\")) && return ;;\n"
                  "        --classes-dir) COMPREPLY=($(compgen -d -- \"$current\")) && return ;;\n"
                  "        *)\n            case $verb in\n");
    for (const struct verb *verb = verbs; verb->name; verb++) {
        if (verb->hidden)
            continue;
        buf_format(out, "            \"%s\") words=\"", verb->name);
        verb_each_option(verb, add_words, out);
        buf_text(out, "\" ;;\n");
    }
    buf_text(out, "            esac\n            ;;\n        esac\n    fi\n"
                  "    COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
                  "}\ncomplete -F _jobctl jobctl\n");
}

/* Text inside '…[…]' of _arguments. */
static void zsh_escape(struct buf *out, const char *text) {
    for (; *text; text++) {
        if (strchr("[]:\\", *text))
            buf_char(out, '\\');
        if (*text == '\'')
            buf_text(out, "'\\''");
        else
            buf_char(out, *text);
    }
}

static void add_zsh_option(void *arg, const struct option *option) {
    struct buf *out = arg;
    buf_format(out, " \\\n            '--%s[", option->name);
    zsh_escape(out, option->help);
    buf_char(out, ']');
    if (option->argument) {
        buf_char(out, ':');
        zsh_escape(out, option->argument);
        buf_char(out, ':');
        if (option->choices)
            buf_format(out, "(%s)", option->choices);
        else if (strcmp(option->argument, "FILE") == 0)
            buf_text(out, "_files");
        else if (strcmp(option->argument, "DIR") == 0)
            buf_text(out, "_files -/");
    }
    buf_char(out, '\'');
}

void verbs_print_zsh(struct buf *out) {
    buf_text(out, "#compdef jobctl\n# zsh completion for jobctl. Made by `jobctl completion zsh`.\n"
                  "_jobctl() {\n    if (( CURRENT == 2 )); then\n        compadd --");
    list_words(out, NULL);
    buf_text(
        out,
        "\n    elif (( CURRENT == 3 )) && [[ $words[2] == tenant ]]; then\n        compadd --");
    list_words(out, "tenant");
    buf_text(out,
             "\n    else\n        local verb=$words[2]\n"
             "        [[ $verb == tenant ]] && verb=\"tenant $words[3]\"\n        case $verb in\n");
    for (const struct verb *verb = verbs; verb->name; verb++) {
        if (verb->hidden)
            continue;
        buf_format(out, "        '%s') _arguments -S", verb->name);
        verb_each_option(verb, add_zsh_option, out);
        buf_text(out, " ;;\n");
    }
    buf_text(out, "        esac\n    fi\n}\n_jobctl \"$@\"\n");
}

int verb_completion(struct cli *cli) {
    const char *what = cli->command.arguments[0];
    struct buf out = {0};
    if (strcmp(what, "bash") == 0)
        verbs_print_bash(&out);
    else if (strcmp(what, "zsh") == 0)
        verbs_print_zsh(&out);
    else if (strcmp(what, "man") == 0)
        verbs_print_man(&out);
    else
        return cli_misuse(cli, "\"%.80s\" is none of bash, zsh and man", what);
    int status = print_flush(&out);
    buf_done(&out);
    return status;
}
