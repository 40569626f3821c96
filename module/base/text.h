/* Text of users: UTF-8 checks and repairs. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H
#include <stdbool.h>
#include <stddef.h>

/* Is text[0..length) well-formed UTF-8 (no surrogates, no overlong forms, at most U+10FFFF)? */
bool text_is_utf8(const char *text, size_t length);

/* Cuts `text` to at most `max` bytes, never inside a character. Returns the length. */
size_t text_cut(char *text, size_t max);

/* A new copy of text[0..length) with every byte that is not UTF-8 replaced by U+FFFD and, when longer
 * than `max` bytes, cut and ended with " … (cut)". Caller frees with free(). */
char *text_clean(const char *text, size_t length, size_t max);

/* Is it a canonical uuid text: 36 characters, hyphens in place, hex digits of either case? */
bool text_is_uuid(const char *text);

/* Levenshtein distance of two short names (at most 127 bytes looked at): to suggest similar names. */
size_t text_distance(const char *a, const char *b);
#endif
