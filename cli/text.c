// SPDX-License-Identifier: MIT
/* Text from elsewhere on stdout. */
#include <stdint.h>
#include <stdio.h>

#include "cli.h"

/*
 * One character of UTF-8. Return: its length, or 0 if it is none: a comm is cut
 * off after 15 bytes wherever that is, and may be anything.
 */
static size_t decode(const char *s, uint32_t *res)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned char lead = *s;
	size_t len, i;
	uint32_t c;

	len = lead < 0x80 ? 1 : lead < 0xc0 ? 0 : lead < 0xe0 ? 2 :
	      lead < 0xf0 ? 3 : lead < 0xf8 ? 4 : 0;
	c = len > 1 ? lead & (0x7f >> len) : lead;
	for (i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (!len || c < least[len] || c > 0x10ffff || c >> 11 == 0x1b)
		return 0;
	*res = c;
	return len;
}

/* Nothing that makes a terminal do things. */
void ksig_print_plain(const char *s)
{
	size_t len;
	uint32_t c;

	for (; *s; s += len ? len : 1) {
		len = decode(s, &c);
		if (!len || c < 0x20 || (c >= 0x7f && c < 0xa0))
			putchar('?');
		else
			fwrite(s, 1, len, stdout);
	}
}

void ksig_print_quoted(const char *s)
{
	size_t len;
	uint32_t c;

	putchar('"');
	for (; *s; s += len ? len : 1) {
		len = decode(s, &c);
		if (!len)
			fputs("\\ufffd", stdout);
		else if (c < 0x20 || (c >= 0x7f && c < 0xa0))
			printf("\\u%04x", (unsigned int)c);
		else if (c == '"' || c == '\\')
			printf("\\%c", (int)c);
		else
			fwrite(s, 1, len, stdout);
	}
	putchar('"');
}
