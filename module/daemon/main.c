/* jobsd: reads the command line and does what it asks for. */
#include "module/base/config.h"
#include "module/base/log.h"
#include "module/daemon/daemon.h"
#include "module/daemon/options.h"

#include <unistd.h>

static int print(struct buf *text) {
    int failed = fputs(buf_get(text), stdout) < 0 || fflush(stdout) != 0;
    buf_done(text);
    if (failed)
        perror("jobsd: standard output");
    return failed ? EXIT_FAILED : EXIT_OK;
}

/* --check and --print-config: what a start would read, with its warnings. */
static int show_config(const struct options *options) {
    const struct log log = {LOG_LEVEL_INFO, log_text_sink, NULL};
    struct jobs_error err;
    struct config *config = NULL;
    struct buf out = {0};
    int code = config_load(options->file, environ, options->settings, &log, &config, &err);
    if (code == 0 && options->action == CHECK)
        code = config_need_datasource(config, &err);
    if (code)
        fprintf(stderr, "jobsd: %s\n", err.text);
    else if (options->action == CHECK)
        buf_text(&out, "The configuration is good.\n");
    else
        config_print(config, &out);
    config_free(config);
    return code ? EXIT_CONFIG : print(&out);
}

static int act(const struct options *options) {
    struct buf out = {0};
    switch (options->action) {
    case CHECK:
    case PRINT_CONFIG: return show_config(options);
    case SAMPLE: config_sample(&out); return print(&out);
    case MANUAL: config_manual(&out); return print(&out);
    case VERSION: buf_text(&out, "jobsd " JOBS_VERSION "\n"); return print(&out);
    case HELP: options_usage(stdout); return print(&out);
    case RUN: break;
    }
    return daemon_run(options);
}

int main(int argc, char **argv) {
    struct options options;
    if (options_read(argc, argv, &options))
        return EXIT_USAGE;
    int status = act(&options);
    options_done(&options);
    return status;
}
