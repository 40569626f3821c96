/* jobctl: the command line of Jobs. */
#include "module/base/mem.h"
#include "module/cli/cli.h"
#include "module/cli/print.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int print_text(struct buf *text) {
    int status = print_flush(text);
    buf_done(text);
    return status;
}

/* jobctl without a verb: --help, --version, or nothing at all. *ret_done: it was that. */
static int without_verb(int argc, char **argv, bool *ret_done) {
    struct buf text = {0};
    *ret_done = true;
    if (argc < 2) {
        verbs_print_help(&text);
        fputs(buf_get(&text), stderr);
        buf_done(&text);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0)
        verbs_print_help(&text);
    else if (strcmp(argv[1], "--version") == 0)
        buf_text(&text, "jobctl " JOBS_VERSION "\n");
    else {
        *ret_done = false;
        return EXIT_OK;
    }
    return print_text(&text);
}

static bool wants_colours(void) {
    const char *none = getenv("NO_COLOR"), *terminal = getenv("TERM");
    return isatty(STDOUT_FILENO) && !(none && *none) && terminal && strcmp(terminal, "dumb") != 0;
}

static int run(struct cli *cli) {
    cli->json = cli->command.verb->with & WITH_JSON && cli_has(cli, "json");
    cli->colours = wants_colours() && !cli->json;
    return cli->command.verb->run(cli);
}

int main(int argc, char **argv) {
    bool done;
    int status = without_verb(argc, argv, &done);
    if (done)
        return status;
    struct cli cli = {0};
    struct buf wrong = {0}, help = {0};
    status = command_parse(argc - 1, argv + 1, &cli.command, &wrong);
    if (cli.command.help) {
        verb_print_help(cli.command.verb, &help);
        status = print_text(&help);
    } else if (status) {
        fprintf(stderr, "jobctl: %s\nTry `jobctl%s%s --help`.\n", buf_get(&wrong),
                cli.command.verb ? " " : "", cli.command.verb ? cli.command.verb->name : "");
    } else
        status = run(&cli);
    buf_done(&wrong);
    cli_done(&cli);
    return status;
}
