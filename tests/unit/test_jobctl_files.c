/* Completions and man page are what jobctl prints, and a shell can read them. */
#include "tests/lib/program.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define JOBCTL BUILD_DIR "/bin/jobctl"

static void is_in_step(const char *what, const char *path) {
    char *made = program_read((const char *const[]){JOBCTL, "completion", what, NULL});
    char *kept = program_read((const char *const[]){"cat", path, NULL});
    if (strcmp(made, kept) != 0)
        fail_msg("%s: make it anew with `jobctl completion %s`", path, what);
    free(made), free(kept);
}

static void files_are_in_step(void **state) {
    (void)state;
    is_in_step("bash", SOURCE_DIR "/completions/jobctl.bash");
    is_in_step("zsh", SOURCE_DIR "/completions/_jobctl");
    is_in_step("man", SOURCE_DIR "/docs/man/jobctl.1");
}

/* What bash offers behind these words, the last of which is being typed. */
static void offers(const char *words, const char *expected) {
    static const char script[] =
        ". \"$1\"; COMP_WORDS=($2); [ \"${2% }\" = \"$2\" ] || COMP_WORDS+=(\"\"); "
        "COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _jobctl; echo \"${COMPREPLY[*]}\"";
    char *output =
        program_read((const char *const[]){"bash", "-c", script, "bash",
                                           SOURCE_DIR "/completions/jobctl.bash", words, NULL});
    assert_string_equal(output, expected);
    free(output);
}

static void bash_completes(void **state) {
    (void)state;
    offers("jobctl sub", "submit subscribe");
    offers("jobctl tenant r", "role resume remove");
    offers("jobctl submit --pri", "--priority");
    offers("jobctl tenant create --w", "--weight");
    offers("jobctl list -s TO", "TO_BE_RUN");
    offers("jobctl lock --o", "--off");
    offers("jobctl comp", "");
}

static void no_verb_is_forgotten(void **state) {
    (void)state;
    char *page = program_read((const char *const[]){JOBCTL, "completion", "man", NULL});
    static const char *const verbs[] = {"migrate",       "tenant create", "tenant list",
                                        "tenant show",   "tenant pause",  "tenant resume",
                                        "tenant remove", "submit",        "run",
                                        "show",          "list",          "release",
                                        "stop",          "retry",         "lock",
                                        "wait",          "watch",         "events",
                                        "stats",         "classes",       "instances",
                                        "fsck",          "health"};
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        char heading[64];
        snprintf(heading, sizeof heading, ".SS \"jobctl %s", verbs[i]);
        if (!strstr(page, heading))
            fail_msg("%s is not there", heading);
    }
    free(page);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_in_step),
        cmocka_unit_test(bash_completes),
        cmocka_unit_test(no_verb_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
