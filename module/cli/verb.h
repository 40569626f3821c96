/* jobctl's verbs and their options: one table, from which come parsing, --help, shell completion
 * and the man page. */
#ifndef CLI_VERB_H
#define CLI_VERB_H
#include "module/base/buf.h"

#include <stdbool.h>
#include <stddef.h>

/* Exit status of jobctl. */
enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_NOT_FOUND = 3, EXIT_TIMED_OUT = 124 };

struct option {
    char letter;          /* 0: none */
    const char *name;     /* NULL ends a table */
    const char *argument; /* what its value is called; NULL: takes none */
    const char *help;
    const char *choices; /* values for completion, separated by spaces; NULL: free */
};

/* Options that many verbs share. */
enum {
    WITH_DATABASE = 1,
    WITH_TENANT = 2,
    WITH_JSON = 4,
    WITH_BROKER = 8,
    WITH_HTTP = 32,  /* --url may be a jobsd's interface; with WITH_DATABASE */
    WITH_CONFIG = 16 /* -c alone; the others bring it along */
};

struct cli;
struct verb {
    const char *name;      /* one or two words; NULL ends the table */
    const char *arguments; /* "ID…", for the usage line; NULL: none */
    int least, most;       /* number of arguments; most -1: any */
    const char *summary;   /* begins a sentence, no full stop */
    const char *help;      /* more lines, or NULL */
    unsigned with;
    const struct option *options; /* NULL: no more */
    int (*run)(struct cli *cli);  /* returns an exit status */
    bool hidden;
};
extern const struct verb verbs[];

/* Calls `each` for every option of the verb: its own first, then the common ones, then --help. */
void verb_each_option(const struct verb *verb, void (*each)(void *arg, const struct option *option),
                      void *arg);

/* What a command line gave. Texts are argv's. */
struct given {
    const struct option *option;
    const char *value;
};
struct command_line {
    const struct verb *verb;
    struct given *given;
    size_t given_count;
    const char **arguments;
    size_t argument_count;
    bool help;
};
/* Reads argv behind the program's name. Wrong use: the text goes to *wrong and EXIT_USAGE is
 * returned; what was found is in *ret either way. Free with command_line_done. */
int command_parse(int argc, char **argv, struct command_line *ret, struct buf *wrong);
void command_line_done(struct command_line *command);

/* The last value of an option ("" for one without argument), NULL: not given. The verb must have
 * it. */
const char *command_line_option(const struct command_line *command, const char *name);

void verb_print_help(const struct verb *verb, struct buf *out);
void verbs_print_help(struct buf *out);
/* Generated files: completions/jobctl.bash, completions/_jobctl, docs/man/jobctl.1. */
void verbs_print_bash(struct buf *out);
void verbs_print_zsh(struct buf *out);
void verbs_print_man(struct buf *out);

int verb_migrate(struct cli *cli);
int verb_tenant_create(struct cli *cli);
int verb_tenant_role(struct cli *cli);
int verb_tenant_amqp(struct cli *cli);
int verb_tenant_list(struct cli *cli);
int verb_tenant_show(struct cli *cli);
int verb_tenant_shares(struct cli *cli);
int verb_tenant_set(struct cli *cli);
int verb_tenant_defaults(struct cli *cli);
int verb_tenant_apply(struct cli *cli);
int verb_tenant_pause(struct cli *cli);
int verb_tenant_resume(struct cli *cli);
int verb_tenant_maintenance(struct cli *cli);
int verb_tenant_remove(struct cli *cli);
int verb_tenant_move(struct cli *cli);
int verb_submit(struct cli *cli);
int verb_run(struct cli *cli);
int verb_show(struct cli *cli);
int verb_logs(struct cli *cli);
int verb_why(struct cli *cli);
int verb_list(struct cli *cli);
int verb_release(struct cli *cli);
int verb_stop(struct cli *cli);
int verb_retry(struct cli *cli);
int verb_lock(struct cli *cli);
int verb_wait(struct cli *cli);
int verb_watch(struct cli *cli);
int verb_events(struct cli *cli);
int verb_subscribe(struct cli *cli);
int verb_stats(struct cli *cli);
int verb_health(struct cli *cli);
int verb_classes(struct cli *cli);
int verb_class_set(struct cli *cli);
int verb_class_pause(struct cli *cli);
int verb_class_resume(struct cli *cli);
int verb_instances(struct cli *cli);
int verb_fsck(struct cli *cli);
int verb_quarantine_list(struct cli *cli);
int verb_quarantine_release(struct cli *cli);
int verb_token_create(struct cli *cli);
int verb_token_list(struct cli *cli);
int verb_token_revoke(struct cli *cli);
int verb_audit(struct cli *cli);
int verb_purge(struct cli *cli);
int verb_completion(struct cli *cli);
#endif
