#include "module/worker/words.h"

#include "module/base/buf.h"
#include "module/base/error.h"
#include "module/base/mem.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

static int hex(char c) {
    static const char digits[] = "0123456789abcdef";
    const char *at = c ? strchr(digits, tolower((unsigned char)c)) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* What stands behind a backslash; NULL: nothing that is known. */
static const char *unescape(const char *s, struct buf *word) {
    static const char from[] = "ntrs\\\"'", to[] = "\n\t\r \\\"'";
    const char *known = *s ? strchr(from, *s) : NULL;
    if (known) {
        buf_char(word, to[known - from]);
        return s + 1;
    }
    if (*s != 'x' || hex(s[1]) < 0 || hex(s[2]) < 0 || (hex(s[1]) == 0 && hex(s[2]) == 0))
        return NULL;
    buf_char(word, (char)(hex(s[1]) * 16 + hex(s[2])));
    return s + 3;
}

/* One word from s on; returns past it, or NULL with err filled. */
static const char *read_word(const char *s, struct buf *word, struct jobs_error *err) {
    char quote = '\0';
    for (; *s && (quote || !is_blank(*s));) {
        if (*s == '\\') {
            const char *next = unescape(s + 1, word);
            if (!next) {
                error_set(err, JOBS_ECONFIG,
                          "unknown escape \\%.1s (\\n \\t \\s \\\\ \\\" \\' "
                          "\\xHH are known)",
                          s + 1);
                return NULL;
            }
            s = next;
        } else if (quote ? *s == quote : *s == '"' || *s == '\'') {
            quote = quote ? '\0' : *s;
            s++;
        } else {
            buf_char(word, *s++);
        }
    }
    if (quote)
        error_set(err, JOBS_ECONFIG, "a quote %c is opened and not closed", quote);
    return quote ? NULL : s;
}

int words_split(const char *text, char ***ret_words, struct jobs_error *err) {
    char **words = mem_zero(1, sizeof *words);
    size_t count = 0;
    const char *s = text;
    for (;;) {
        while (is_blank(*s))
            s++;
        if (!*s)
            break;
        struct buf word = {0};
        s = read_word(s, &word, err);
        if (!s) {
            buf_done(&word);
            words_free(words);
            return JOBS_ECONFIG;
        }
        words = mem_grow(words, count + 2, sizeof *words);
        words[count++] = buf_take(&word);
        words[count] = NULL;
    }
    if (count == 0) {
        words_free(words);
        return error_set(err, JOBS_ECONFIG, "the command is empty");
    }
    *ret_words = words;
    return 0;
}

void words_free(char **words) {
    for (size_t i = 0; words && words[i]; i++)
        free(words[i]);
    free(words);
}
