// SPDX-License-Identifier: MIT
/* Prints untrusted text on stdout. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "../lib/text.h"
#include "cli.h"

void ksig_write_plain(FILE *out, const char *s)
{
	size_t len;
	uint32_t c;

	for (; *s; s += len ? len : 1) {
		len = ksig_text_decode(s, strlen(s), &c);
		if (!len || ksig_text_is_hidden(c))
			fputc('?', out);
		else
			fwrite(s, 1, len, out);
	}
}

void ksig_print_plain(const char *s)
{
	ksig_write_plain(stdout, s);
}

/* A JSON escape has 16 bits, so larger characters require a surrogate pair. */
static void print_escape(uint32_t c)
{
	if (c > 0xffff) {
		printf("\\u%04x", 0xd800 + ((c - 0x10000) >> 10));
		c = 0xdc00 + ((c - 0x10000) & 0x3ff);
	}
	printf("\\u%04x", c);
}

void ksig_print_quoted(const char *s)
{
	size_t len;
	uint32_t c;

	putchar('"');
	for (; *s; s += len ? len : 1) {
		len = ksig_text_decode(s, strlen(s), &c);
		if (!len)
			fputs("\\ufffd", stdout);
		else if (ksig_text_is_hidden(c))
			print_escape(c);
		else if (c == '"' || c == '\\')
			printf("\\%c", (int)c);
		else
			fwrite(s, 1, len, stdout);
	}
	putchar('"');
}
