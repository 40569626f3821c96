#include "module/base/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *checked(void *memory, size_t size) {
    if (!memory && size > 0) {
        fprintf(stderr, "jobs: out of memory (%zu bytes)\n", size);
        abort();
    }
    return memory;
}

void *mem_alloc(size_t size) { return checked(malloc(size), size); }

void *mem_zero(size_t count, size_t size) { return checked(calloc(count, size), count * size); }

void *mem_grow(void *old, size_t count, size_t size) {
    if (size > 0 && count > SIZE_MAX / size)
        return checked(NULL, SIZE_MAX);
    return checked(realloc(old, count * size), count * size);
}

char *mem_text(const char *text) { return text ? mem_text_n(text, strlen(text)) : NULL; }

char *mem_text_n(const char *text, size_t length) {
    char *copy = mem_alloc(length + 1);
    memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}
