/* The text format of metrics, by its specification. */
#include "tests/unit/unit.h"

#include "module/base/prometheus.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void plain_samples(void **state) {
    (void)state;
    struct buf out = {0};
    struct prometheus_label labels[] = {{"tenant", "acme"}, {"status", "QUEUED"}};
    prometheus_family(&out, "jobs_stored", "gauge", "Jobs that are stored.");
    prometheus_sample(&out, &(struct prometheus_series){"jobs_stored", labels, 2}, PROMETHEUS_PLAIN,
                      17);
    prometheus_sample(&out, &(struct prometheus_series){"jobs_stored", NULL, 0}, PROMETHEUS_PLAIN,
                      -1);
    assert_string_equal(buf_get(&out), "# HELP jobs_stored Jobs that are stored.\n"
                                       "# TYPE jobs_stored gauge\n"
                                       "jobs_stored{tenant=\"acme\",status=\"QUEUED\"} 17\n"
                                       "jobs_stored -1\n");
    buf_done(&out);
}

static void text_is_escaped(void **state) {
    (void)state;
    struct buf out = {0};
    struct prometheus_label label = {"reason", "a \"b\" \\ c\nd € }"};
    prometheus_family(&out, "x", "gauge", "one \\ line\nand \"another\"");
    prometheus_sample(&out, &(struct prometheus_series){"x", &label, 1}, PROMETHEUS_PLAIN, 1);
    assert_string_equal(buf_get(&out), "# HELP x one \\\\ line\\nand \"another\"\n"
                                       "# TYPE x gauge\n"
                                       "x{reason=\"a \\\"b\\\" \\\\ c\\nd € }\"} 1\n");
    buf_done(&out);
}

static void assert_micro(int64_t value, const char *expected) {
    struct buf out = {0};
    prometheus_sample(&out, &(struct prometheus_series){"x", NULL, 0}, PROMETHEUS_MICRO, value);
    assert_string_equal(buf_get(&out), expected);
    buf_done(&out);
}

static void microseconds_are_told_in_seconds(void **state) {
    (void)state;
    assert_micro(0, "x 0\n");
    assert_micro(1, "x 0.000001\n");
    assert_micro(1500000, "x 1.5\n");
    assert_micro(60000000, "x 60\n");
    assert_micro(10250, "x 0.01025\n");
    assert_micro(-500000, "x -0.5\n");
    assert_micro(INT64_MAX, "x 9223372036854.775807\n");
    assert_micro(INT64_MIN, "x -9223372036854.775808\n");
}

static void buckets_are_cumulative(void **state) {
    (void)state;
    const struct histogram_scale scale = {2, {1000, 2500000}};
    struct histogram h = {0};
    struct buf out = {0};
    static const int64_t values[] = {0, 1000, 1001, 2500000, 2500001};
    for (size_t i = 0; i < 5; i++)
        histogram_add(&h, &scale, values[i]);
    struct prometheus_label label = {"datasource", "main"};
    prometheus_histogram(&out, &(struct prometheus_series){"t", &label, 1}, PROMETHEUS_MICRO,
                         &scale, &h);
    assert_string_equal(buf_get(&out), "t_bucket{datasource=\"main\",le=\"0.001\"} 2\n"
                                       "t_bucket{datasource=\"main\",le=\"2.5\"} 4\n"
                                       "t_bucket{datasource=\"main\",le=\"+Inf\"} 5\n"
                                       "t_sum{datasource=\"main\"} 5.002002\n"
                                       "t_count{datasource=\"main\"} 5\n");
    buf_done(&out);
}

static void scales_ascend(void **state) {
    (void)state;
    const struct histogram_scale *const scales[] = {&histogram_ticks, &histogram_waits,
                                                    &histogram_batches};
    for (size_t s = 0; s < 3; s++)
        for (size_t i = 0; i < scales[s]->count; i++)
            assert_true(scales[s]->bounds[i] > (i ? scales[s]->bounds[i - 1] : 0));
}

static void *add_many(void *arg) {
    for (int i = 0; i < 20000; i++)
        histogram_add(arg, &histogram_batches, i % 600);
    return NULL;
}

static void threads_lose_nothing(void **state) {
    (void)state;
    struct histogram h = {0};
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, add_many, &h), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    struct histogram_values values;
    histogram_read(&h, &histogram_batches, &values);
    assert_int_equal(values.counts[histogram_batches.count], 80000);
    int64_t sum = 0;
    for (int i = 0; i < 20000; i++)
        sum += 4 * (i % 600);
    assert_int_equal(values.sum, sum);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_samples),
        cmocka_unit_test(text_is_escaped),
        cmocka_unit_test(microseconds_are_told_in_seconds),
        cmocka_unit_test(buckets_are_cumulative),
        cmocka_unit_test(scales_ascend),
        cmocka_unit_test(threads_lose_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
