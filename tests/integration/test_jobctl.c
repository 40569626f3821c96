/* jobctl against a database: what it prints and how it exits. */
#include "tests/lib/jobctl.h"
#include "tests/lib/pooler.h"
#include "tests/lib/servers.h"
#include "tests/lib/store_fixture.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define UNKNOWN "11111111-1111-7111-8111-111111111111"

static int up(void **state) {
    int rc = store_fixture_up(state);
    struct store_fixture *f = *state;
    jobctl_use(BUILD_DIR "/bin");
    setenv("JOBS_DATASOURCE_MAIN_URL", f->url, 1);
    setenv("JOBS_TENANT", "acme", 1);
    return rc;
}

static void wrong_use_is_2(void **state) {
    (void)state;
    static const struct {
        const char *arguments, *says;
    } cases[] = {
        {"", "Usage: jobctl VERB"},
        {"sbmit noop", "did you mean \"submit\"?"},
        {"tenant", "unknown verb"},
        {"tenant crate x", "did you mean \"tenant create\"?"},
        {"submit", "CLASS is missing"},
        {"submit noop more", "what is \"more\"?"},
        {"submit noop --priorty 1", "unknown option \"--priorty\""},
        {"submit noop --priority", "wants a value"},
        {"submit noop --priority 1x", "whole number"},
        {"submit noop --priority 2147483648", "whole number"},
        {"submit noop --pending=1", "takes no value"},
        {"submit noop -p novalue", "NAME=TEXT"},
        {"submit noop -p =x", "NAME=TEXT"},
        {"submit noop -p a=b --parameters '{}'", "do not go together"},
        {"submit noop --parameters @/no/such/file", "/no/such/file"},
        {"submit noop --in 5x", "duration"},
        {"submit noop --at 'never ever'", "no date"},
        {"submit noop --at now --in 1s", "do not go together"},
        {"submit noop --id 12", "uuid"},
        {"submit noop --attempts 0", "1 to 1000"},
        {"show 12", "no job id"},
        {"list -s DONE", "no status"},
        {"list --limit 1000001", "1 to 1000000"},
        {"list --after 12", "uuid"},
        {"list --url x --datasource y", "do not go together"},
        {"list --datasource y", "no datasource \"y\", but main"},
        {"stop " UNKNOWN " --timeout 1s", "goes with --amqp"},
        {"stop " UNKNOWN " --amqp", "which broker?"},
        {"tenant create x --weight 0", "1 to 1000"},
        {"tenant set x", "Give --weight"},
        {"events", "which broker?"},
        {"show \"$(printf '\\377')\"", "UTF-8"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        jobctl_says(2, cases[i].says, "%s", cases[i].arguments);
    unsetenv("JOBS_TENANT");
    jobctl_says(2, "Name the tenant", "list");
    setenv("JOBS_TENANT", "acme", 1);
}

static void help_is_everywhere(void **state) {
    (void)state;
    jobctl_says(0, "Exit status:", "--help");
    jobctl_says(0, "jobctl " JOBS_VERSION, "--version");
    jobctl_says(0, "--related-type", "submit --help");
    jobctl_says(0, "Usage: jobctl tenant create [OPTION…] TENANT", "tenant create -h");
    jobctl_says(0, "--json", "list --limit 5 --help");
}

static void the_way_of_a_job(void **state) {
    struct store_fixture *f = *state;
    char *id = jobctl(0, "submit noop -p a=x -p b:=[1,2.50] --priority -3 --owner me --pending "
                         "--description 'a \"b\"' --related-type order --related-id 7");
    assert_int_equal(strlen(id), 36);
    assert_int_equal(jobctl_lines("\"parameters\":{\"a\": \"x\", \"b\": [1, 2.50]}", "show %s", id),
                     1);
    assert_int_equal(jobctl_lines("\"priority\":-3", "list --owner me"), 1);
    assert_int_equal(jobctl_lines("\"status\":\"PENDING\"", "list -s pending"), 1);
    assert_int_equal(jobctl_lines(NULL, "list -s FAILED,ABORTED -s RUNNING"), 0);
    assert_int_equal(jobctl_lines(id, "list --related-type order --related-id 7"), 1);
    jobctl_says(0, "related id      7", "show %s", id);
    free(jobctl(0, "release %s", id));
    assert_int_equal(store_status(f, id), JOB_QUEUED);
    jobctl_says(1, "only a PENDING job", "release %s", id);
    jobctl_says(124, "still QUEUED", "wait %s --timeout 20ms", id);
    jobctl_says(0, "ABORTED", "stop %s", id);
    jobctl_says(1, "ABORTED", "wait %s", id);
    free(jobctl(0, "retry %s", id));
    assert_int_equal(store_status(f, id), JOB_QUEUED);
    free(jobctl(0, "lock %s", id));
    assert_int_equal(jobctl_lines("\"locked\":true", "show %s", id), 1);
    free(jobctl(0, "lock --off %s", id));
    store_move(f, id, JOB_SUCCEEDED);
    jobctl_says(0, "SUCCEEDED", "wait %s", id);
    assert_int_equal(jobctl_lines("\"outcome\":\"SUCCEEDED\"", "show --attempts %s", id), 1);
    free(id);
}

static void dates_are_the_servers(void **state) {
    struct store_fixture *f = *state;
    char *id = jobctl(0, "submit noop --at 2100-01-01T00:00:00Z --expires '2100-01-02 00:00+00'");
    assert_int_equal(jobctl_lines("\"trigger_after_date\":\"2100-01-01T00:00:00.000000Z\"",
                                  "show %s", id),
                     1);
    assert_int_equal(jobctl_lines("\"expiration_date\":\"2100-01-02T00:00:00.000000Z\"", "show %s",
                                  id),
                     1);
    free(id);
    id = jobctl(0, "submit noop --in 5m");
    assert_int_equal(test_sql_integer(f->url,
                                      "select (trigger_after_date - created_date between '4 min' "
                                      "and '5 min')::int from jobs.t_job_info where id = '%s'",
                                      id),
                     1);
    free(id);
}

static void exit_status_of_several(void **state) {
    struct store_fixture *f = *state;
    struct job_uuid good, bad, open;
    store_create(&f->s, "acme", &good);
    store_create(&f->s, "acme", &bad);
    store_create(&f->s, "acme", &open);
    store_move(f, good.text, JOB_SUCCEEDED);
    store_move(f, bad.text, JOB_FAILED);
    jobctl_says(0, "SUCCEEDED", "wait %s %s", good.text, good.text);
    jobctl_says(1, "FAILED ERROR: broken", "wait %s %s", bad.text, good.text);
    jobctl_says(124, "still QUEUED", "wait --timeout 10ms %s %s", open.text, bad.text);
    jobctl_says(3, "has no job", "wait %s %s", UNKNOWN, bad.text);
    jobctl_says(3, "has no job", "stop %s %s", UNKNOWN, open.text);
    assert_int_equal(store_status(f, open.text), JOB_ABORTED); /* it went on */
}

static void not_found_is_3(void **state) {
    (void)state;
    static const char *const verbs[] = {"show", "release", "stop", "retry",
                                        "lock", "wait",    "watch"};
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        jobctl_says(3, UNKNOWN, "%s %s", verbs[i], UNKNOWN);
    jobctl_says(3, "nobody", "list -t nobody");
    jobctl_says(3, "nobody", "submit -t nobody noop");
    jobctl_says(3, "nobody", "tenant show nobody");
    jobctl_says(3, "nobody", "tenant remove nobody");
}

static void servers_errors_are_1(void **state) {
    (void)state;
    jobctl_says(1, "json", "submit noop -p a:=nope");
    jobctl_says(1, "class name", "submit 'no class'");
    jobctl_says(1, "cannot connect", "list --url 'host=127.0.0.1 port=1 password=secret'");
    char *output = jobctl(1, "list --url 'host=127.0.0.1 port=1 password=secret'");
    assert_null(strstr(output, "secret"));
    free(output);
    jobctl_says(1, "not_here", "list --schema not_here");
}

static void pages_of_a_list(void **state) {
    (void)state;
    for (int i = 0; i < 5; i++)
        free(jobctl(0, "submit paged"));
    assert_int_equal(jobctl_lines("\"class_name\":\"paged\"", "list --class paged --limit 3"), 3);
    char *last = jobctl(0, "list --class paged --limit 3 2>/dev/null | tail -n 1 | cut -d' ' -f1");
    assert_int_equal(jobctl_lines(NULL, "list --class paged --limit 3 --after %s", last), 2);
    jobctl_says(0, "there may be more: --after", "list --class paged --limit 3");
    free(last);
}

static void tenants_and_overviews(void **state) {
    struct store_fixture *f = *state;
    free(jobctl(0, "tenant create shop --weight 5"));
    jobctl_says(1, "exists already", "tenant create shop");
    assert_int_equal(jobctl_lines("\"weight\":5", "tenant show shop"), 1);
    free(jobctl(0, "tenant set shop --weight 6"));
    free(jobctl(0, "tenant pause shop"));
    assert_int_equal(jobctl_lines("\"state\":\"PAUSED\",\"weight\":6", "tenant show shop"), 1);
    jobctl_says(0, "PAUSED", "tenant show shop");
    free(jobctl(0, "tenant maintenance shop"));
    jobctl_says(1, "maintenance", "submit -t shop noop");
    free(jobctl(0, "tenant resume shop"));
    char *id = jobctl(0, "submit -t shop noop");
    jobctl_says(1, "1 QUEUED", "tenant remove shop");
    assert_int_equal(jobctl_lines("\"QUEUED\":1", "stats -t shop"), 1);
    free(jobctl(0, "stop -t shop %s", id));
    jobctl_says(0, "with 1 jobs", "tenant remove shop --discard-events");
    assert_int_equal(jobctl_lines("\"state\":\"ACTIVE\"", "tenant list"), 2);
    assert_int_equal(jobctl_lines("\"class_name\":\"noop\",\"instances\":1", "classes"), 1);
    assert_int_equal(jobctl_lines("\"state\":\"AWAY\"", "instances"), 1);
    assert_int_equal(jobctl_lines(NULL, "fsck"), 0);
    jobctl_says(0, "clean", "fsck");
    test_sql(f->url, "insert into jobs.t_job_timer values (now(), '%s', 'acme')", UNKNOWN);
    jobctl_says(1, "a timer of a job that is not there", "fsck");
    test_sql(f->url, "truncate jobs.t_job_timer");
    free(id);
}

static void limits_and_pauses_of_classes(void **state) {
    (void)state;
    jobctl_says(2, "what shall be changed?", "class set noop");
    jobctl_says(2, "--max-running x", "class set noop --max-running x");
    jobctl_says(1, "not of the form", "class set /x --max-running 1");
    free(jobctl(0, "class set noop --max-running 3"));
    free(jobctl(0, "class set noop --max-running-per-tenant 2"));
    jobctl_says(0, "\"max_running\":3,\"max_running_per_tenant\":2", "class list --json");
    free(jobctl(0, "class set noop --max-running none"));
    jobctl_says(0, "-", "class list");
    free(jobctl(0, "class pause noop --tenant acme"));
    free(jobctl(0, "class pause noop --tenant acme"));
    jobctl_says(0, "acme", "class list");
    jobctl_says(3, "is unknown", "class pause noop --tenant nobody");
    jobctl_says(3, "is not paused for all", "class resume noop");
    free(jobctl(0, "class pause noop"));
    jobctl_says(0, "yes", "class list");
    free(jobctl(0, "class resume noop"));
    free(jobctl(0, "class resume noop -t acme"));
    jobctl_says(3, "is not paused for \"acme\"", "class resume noop -t acme");
}

static void watch_prints_changes_until_the_end(void **state) {
    struct store_fixture *f = *state;
    struct job_uuid id;
    store_create(&f->s, "acme", &id);
    char *output = jobctl(0,
                          "watch %s --interval 10ms | while read -r line; do echo \"$line\"; "
                          "case $line in *QUEUED*) jobctl stop %s >/dev/null;; esac; done",
                          id.text, id.text);
    char *queued = strstr(output, "QUEUED"), *aborted = strstr(output, "ABORTED");
    assert_true(queued && aborted && queued < aborted);
    assert_null(strchr(output, '\x1b'));
    free(output);
}

static void datasources_of_a_file(void **state) {
    struct store_fixture *f = *state;
    char path[] = "/tmp/jobctl-test.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    dprintf(fd, "jobs.datasource.one.url = %s\njobs.datasource.two.url = host=127.0.0.1 port=1\n",
            f->url);
    close(fd);
    unsetenv("JOBS_DATASOURCE_MAIN_URL");
    jobctl_says(2, "which database?", "list");
    jobctl_says(2, "choose with --datasource", "list -c %s", path);
    free(jobctl(0, "list -c %s --datasource one", path));
    free(jobctl(0, "list --config=%s --datasource=one -tacme", path));
    jobctl_says(1, "cannot connect", "list -c %s --datasource two", path);
    dprintf(fd = open(path, O_WRONLY | O_APPEND), "nonsense = 1\n");
    close(fd);
    jobctl_says(2, "nonsense", "list -c %s", path);
    setenv("JOBS_DATASOURCE_MAIN_URL", f->url, 1);
    unlink(path);
}

static void migrate_says_what_it_did(void **state) {
    (void)state;
    const char *url = test_database();
    jobctl_says(1, "run `jobctl migrate`", "tenant list --url %s", url);
    jobctl_says(0, "from version 0 to", "migrate --url %s --schema other", url);
    jobctl_says(0, "up to date", "migrate --url %s --schema other", url);
    free(jobctl(0, "tenant create acme --url %s --schema other", url));
    free(jobctl(0, "submit noop --url %s --schema other", url));
}

static void transaction_pooler_is_fine(void **state) {
    struct store_fixture *f = *state;
    const char *url = test_pooler(f->url);
    char *id = jobctl(0, "submit noop --url '%s'", url);
    assert_int_equal(jobctl_lines(id, "show %s --url '%s'", id, url), 1);
    jobctl_says(0, "clean", "fsck --url '%s'", url);
    jobctl_says(2, "transaction pooler", "migrate --url '%s'", url);
    free(id);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits_and_pauses_of_classes),
        cmocka_unit_test(wrong_use_is_2),
        cmocka_unit_test(help_is_everywhere),
        cmocka_unit_test(the_way_of_a_job),
        cmocka_unit_test(dates_are_the_servers),
        cmocka_unit_test(exit_status_of_several),
        cmocka_unit_test(not_found_is_3),
        cmocka_unit_test(servers_errors_are_1),
        cmocka_unit_test(pages_of_a_list),
        cmocka_unit_test(tenants_and_overviews),
        cmocka_unit_test(watch_prints_changes_until_the_end),
        cmocka_unit_test(datasources_of_a_file),
        cmocka_unit_test(migrate_says_what_it_did),
        cmocka_unit_test(transaction_pooler_is_fine),
    };
    return cmocka_run_group_tests(tests, up, store_fixture_down);
}
