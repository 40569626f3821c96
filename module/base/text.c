#include "module/base/text.h"

#include "module/base/mem.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

/* Length of the well-formed character at s (1 to 4), or 0. Table 3-7 of the Unicode standard. */
static size_t utf8_length(const unsigned char *s, size_t left) {
    unsigned char c = s[0];
    if (c < 0x80)
        return 1;
    size_t n = c >= 0xc2 && c <= 0xdf ? 2 : (c & 0xf0) == 0xe0 ? 3 : c >= 0xf0 && c <= 0xf4 ? 4 : 0;
    if (n == 0 || n > left)
        return 0;
    unsigned char low = 0x80, high = 0xbf;
    if (c == 0xe0)
        low = 0xa0;
    else if (c == 0xed)
        high = 0x9f;
    else if (c == 0xf0)
        low = 0x90;
    else if (c == 0xf4)
        high = 0x8f;
    if (s[1] < low || s[1] > high)
        return 0;
    for (size_t i = 2; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    return n;
}

bool text_is_utf8(const char *text, size_t length) {
    const unsigned char *s = (const unsigned char *)text;
    for (size_t i = 0; i < length;) {
        size_t n = utf8_length(s + i, length - i);
        if (n == 0)
            return false;
        i += n;
    }
    return true;
}

size_t text_cut(char *text, size_t max) {
    size_t n = strnlen(text, max);
    /* Step back over the start of a character that does not fit as a whole. */
    size_t start = n;
    while (start > 0 && n - start < 3 && ((unsigned char)text[start - 1] & 0xc0) == 0x80)
        start--;
    if (start > 0 && (unsigned char)text[start - 1] >= 0xc0 &&
        utf8_length((const unsigned char *)text + start - 1, n - start + 1) == 0)
        n = start - 1;
    text[n] = '\0';
    return n;
}

char *text_clean(const char *text, size_t length, size_t max) {
    static const char mark[] = " \xe2\x80\xa6 (cut)";
    size_t room = max > sizeof mark ? max - (sizeof mark - 1) : 0;
    char *out = mem_alloc(max + sizeof mark);
    size_t n = 0;
    size_t fits = 0; /* length of what is kept if it must be cut */
    for (size_t i = 0; i < length;) {
        size_t step = utf8_length((const unsigned char *)text + i, length - i);
        bool bad = step == 0 || text[i] == '\0';
        size_t add = bad ? 3 : step;
        if (n + add > max) {
            memcpy(out + fits, mark, sizeof mark);
            return out;
        }
        memcpy(out + n, bad ? "\xef\xbf\xbd" : text + i, add);
        n += add;
        if (n <= room)
            fits = n;
        i += bad ? 1 : step;
    }
    out[n] = '\0';
    return out;
}

bool text_is_uuid(const char *text) {
    for (size_t i = 0; i < 36; i++) {
        bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
        if (hyphen ? text[i] != '-' : !isxdigit((unsigned char)text[i]))
            return false;
    }
    return text[36] == '\0';
}

size_t text_distance(const char *a, const char *b) {
    size_t m = strnlen(a, 127), n = strnlen(b, 127);
    unsigned char row[128];
    for (size_t j = 0; j <= n; j++)
        row[j] = (unsigned char)j;
    for (size_t i = 1; i <= m; i++) {
        unsigned char diagonal = row[0];
        row[0] = (unsigned char)i;
        for (size_t j = 1; j <= n; j++) {
            unsigned char up = row[j];
            unsigned char best = (unsigned char)(diagonal + (a[i - 1] != b[j - 1]));
            if (up + 1 < best)
                best = (unsigned char)(up + 1);
            if (row[j - 1] + 1 < best)
                best = (unsigned char)(row[j - 1] + 1);
            row[j] = best;
            diagonal = up;
        }
    }
    return row[n];
}
