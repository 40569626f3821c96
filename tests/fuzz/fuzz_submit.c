/* The body of a submit. */
#include "module/api/submit_read.h"
#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct submit submit;
    struct jobs_error err;
    char *text = malloc(size + 1);
    memcpy(text, data, size);
    text[size] = '\0';
    if (!memchr(text, 0, size) && submit_read(text, size, &submit, &err) == 0) {
        assert(submit.count >= 1 && submit.count <= SUBMIT_MOST);
        for (size_t i = 0; i < submit.count; i++) {
            struct job_info info = submit_info(&submit.items[i], "t0");
            assert(submit.items[i].err.code || info.class_name);
        }
        submit_done(&submit);
    }
    free(text);
    return 0;
}
