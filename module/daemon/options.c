#include "module/daemon/options.h"
#include "module/base/mem.h"

#include <getopt.h>
#include <stdlib.h>

static const struct option long_options[] = {
    {"config", required_argument, NULL, 'c'},
    {"set", required_argument, NULL, 's'},
    {"check", no_argument, NULL, CHECK},
    {"print-config", no_argument, NULL, PRINT_CONFIG},
    {"sample", no_argument, NULL, SAMPLE},
    {"manual", no_argument, NULL, MANUAL},
    {"version", no_argument, NULL, VERSION},
    {"help", no_argument, NULL, HELP},
    {NULL, 0, NULL, 0},
};

void options_usage(FILE *out) {
    fputs(
        "usage: jobsd [-c FILE] [--set KEY=VALUE]... [--check | --print-config]\n"
        "       jobsd --sample | --manual | --version | --help\n"
        "\n"
        "Runs background jobs until SIGTERM. Settings come from FILE, from environment variables\n"
        "(jobs.pool.size is JOBS_POOL_SIZE) and from --set, the later winning.\n"
        "\n"
        "  -c, --config FILE    read settings from FILE (key = value); default: none\n"
        "  --set KEY=VALUE      one setting\n"
        "  --check              read all settings, report the first error, do not run\n"
        "  --print-config       print each setting, its value and where it comes from\n"
        "  --sample             print a commented configuration file\n"
        "  --manual             print the manual of all settings (Markdown)\n"
        "  --version            print the version\n"
        "  --help               print this\n"
        "\n"
        "SIGTERM or SIGINT: let running jobs end, then exit; a second one: exit at once.\n"
        "SIGHUP: read the settings again.\n"
        "Exit status: 0 ok, 1 failed, 2 wrong usage, 78 wrong configuration.\n",
        out);
}

int options_read(int argc, char **argv, struct options *ret) {
    struct options options = {.action = RUN};
    size_t count = 0;
    options.settings = mem_zero((size_t)argc + 1, sizeof *options.settings);
    for (int c; (c = getopt_long(argc, argv, "c:", long_options, NULL)) != -1;) {
        if (c == 'c')
            options.file = optarg;
        else if (c == 's')
            options.settings[count++] = optarg;
        else if (c == '?') /* getopt has said why */
            goto wrong;
        else
            options.action = (enum action)c;
    }
    if (optind < argc) {
        fprintf(stderr, "%s: unexpected argument \"%s\"\n", argv[0], argv[optind]);
        goto wrong;
    }
    *ret = options;
    return 0;
wrong:
    fprintf(stderr, "Try \"%s --help\".\n", argv[0]);
    options_done(&options);
    return -1;
}

void options_done(struct options *options) {
    free(options->settings);
    options->settings = NULL;
}
