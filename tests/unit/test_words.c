/* Commands cut into words, as in systemd's ExecStart. */
#include "module/worker/words.h"
#include "tests/unit/unit.h"

#include <string.h>

static void expect(const char *text, ...) {
    char **words;
    struct jobs_error err;
    va_list args;
    if (words_split(text, &words, &err) < 0)
        fail_msg("%s: %s", text, err.text);
    va_start(args, text);
    size_t i = 0;
    for (const char *wanted; (wanted = va_arg(args, const char *)) != NULL; i++) {
        assert_non_null(words[i]);
        assert_string_equal(words[i], wanted);
    }
    assert_null(words[i]);
    va_end(args);
    words_free(words);
}

static void words_are_cut_at_blanks(void **state) {
    (void)state;
    expect("/bin/x", "/bin/x", (char *)NULL);
    expect("  /bin/x\t-a   b ", "/bin/x", "-a", "b", (char *)NULL);
    expect("/bin/x 'a b' \"c d\" e'f g'h", "/bin/x", "a b", "c d", "ef gh", (char *)NULL);
    expect("/bin/x '' \"\"", "/bin/x", "", "", (char *)NULL);
    expect("x a\\sb \\x41 \\\"q\\\" 'it\\'s' \"\\n\"", "x", "a b", "A", "\"q\"", "it's", "\n",
           (char *)NULL);
    expect("x $HOME *.c a;b | c ~", "x", "$HOME", "*.c", "a;b", "|", "c", "~", (char *)NULL);
    expect("x \"'\" '\"'", "x", "'", "\"", (char *)NULL);
}

static void refuse(const char *text, const char *why) {
    char **words;
    struct jobs_error err;
    assert_int_equal(words_split(text, &words, &err), JOBS_ECONFIG);
    assert_non_null(strstr(err.text, why));
}

static void bad_commands_say_why(void **state) {
    (void)state;
    refuse("", "empty");
    refuse("  \t ", "empty");
    refuse("x 'abc", "quote '");
    refuse("x \"abc", "quote \"");
    refuse("x \\q", "\\q");
    refuse("x \\", "escape");
    refuse("x \\x4", "escape");
    refuse("x \\x00", "escape");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_cut_at_blanks),
        cmocka_unit_test(bad_commands_say_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
