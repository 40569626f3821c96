/* Memory. These never return NULL: when the system has none left they print one line and abort. Small
 * allocations do not fail on Linux, and code for that case would never be run. Free with free(). */
#ifndef BASE_MEM_H
#define BASE_MEM_H
#include <stddef.h>

void *mem_alloc(size_t size);              /* not cleared */
void *mem_zero(size_t count, size_t size); /* cleared */
void *mem_grow(void *old, size_t count,
               size_t size);      /* realloc to count * size, overflow checked */
char *mem_text(const char *text); /* a copy; NULL stays NULL */
char *mem_text_n(const char *text, size_t length);
#define MEM_NEW(type) ((type *)mem_zero(1, sizeof(type)))
#endif
