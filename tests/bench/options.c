#include "tests/bench/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void usage(FILE *out, const char *verb, const struct bench_option *options) {
    fprintf(out, "bench %s [OPTION…]\n", verb);
    for (; options->name; options++)
        fprintf(out, "  %-12s %s (%zu)\n", options->name, options->help, *options->value);
    fputs("  --picture    file of the picture, of verbs that draw one (<out>/<verb>.svg)\n"
          "  --limit      seconds after which it gives up\n"
          "  --out        directory of JSON, CSV and pictures (build/bench)\n"
          "  --json       JSON on standard output, not text\n"
          "PostgreSQL from JOBS_DATASOURCE_MAIN_URL, RabbitMQ from JOBS_AMQP_URL.\n",
          out);
}

static size_t number_of(const char *option, const char *text, size_t most) {
    char *end;
    unsigned long n = text ? strtoul(text, &end, 10) : 0;
    if (!text || *end || n < 1 || n > most)
        bench_die(option, "needs a number from 1 to its largest value");
    return n;
}

static const struct bench_option *find(const struct bench_option *options, const char *name) {
    while (options->name && strcmp(options->name, name) != 0)
        options++;
    return options->name ? options : NULL;
}

/* With all values but those that are left to the bench, so that it stays true when a default
 * changes. */
static void note_command(struct bench *bench, const char *verb,
                         const struct bench_option *options) {
    size_t length = (size_t)snprintf(bench->command, sizeof bench->command, "./dev bench %s", verb);
    for (; options->name && length < sizeof bench->command; options++)
        if (*options->value > 0)
            length += (size_t)snprintf(bench->command + length, sizeof bench->command - length,
                                       " %s %zu", options->name, *options->value);
}

void bench_options(struct bench *bench, char **argv, const struct bench_option *options,
                   size_t seconds) {
    const char *verb = *argv++;
    for (; *argv; argv++) {
        const struct bench_option *option = find(options, *argv);
        if (option) {
            *option->value = number_of(option->name, *++argv, option->most);
        } else if (strcmp(*argv, "--json") == 0) {
            bench->json = true;
        } else if (strcmp(*argv, "--limit") == 0) {
            seconds = number_of("--limit", *++argv, 1000000);
        } else if (strcmp(*argv, "--out") == 0 && argv[1]) {
            bench->out = *++argv;
        } else if (strcmp(*argv, "--picture") == 0 && argv[1]) {
            bench->picture = *++argv;
        } else {
            bool help = strcmp(*argv, "--help") == 0;
            usage(help ? stdout : stderr, verb, options);
            exit(help ? 0 : 2);
        }
    }
    if (!bench->url || !bench->amqp_url)
        bench_die("environment", "JOBS_DATASOURCE_MAIN_URL and JOBS_AMQP_URL are needed");
    note_command(bench, verb, options);
    alarm((unsigned)seconds); /* nobody sits beside it: whatever hangs ends here */
}
