// SPDX-License-Identifier: MIT
/*
 * Checks untrusted text: decodes UTF-8 and finds characters that are unsafe to print. Decodes the
 * escapes of files in /proc.
 */
#include <stdio.h>
#include <string.h>

#include "text.h"

struct range {
	uint32_t first;
	uint32_t last;
};

/*
 * Control characters; the Unicode categories Cf, Zl and Zp (bidirectional controls, joiners, tags);
 * other invisible characters such as Hangul fillers; noncharacters.
 */
static const struct range hidden[] = {
	{ 0x0, 0x1f }, { 0x7f, 0x9f }, { 0xad, 0xad }, { 0x34f, 0x34f },
	{ 0x600, 0x605 }, { 0x61c, 0x61c }, { 0x6dd, 0x6dd },
	{ 0x70f, 0x70f }, { 0x890, 0x891 }, { 0x8e2, 0x8e2 },
	{ 0x115f, 0x1160 }, { 0x17b4, 0x17b5 }, { 0x180b, 0x180f },
	{ 0x200b, 0x200f }, { 0x2028, 0x202e }, { 0x2060, 0x206f },
	{ 0xfdd0, 0xfdef }, { 0xfe00, 0xfe0f }, { 0xfeff, 0xfeff },
	{ 0xffa0, 0xffa0 }, { 0xfff0, 0xfffb }, { 0xfffe, 0xffff },
	{ 0x110bd, 0x110bd }, { 0x110cd, 0x110cd }, { 0x13430, 0x1345f },
	{ 0x1bca0, 0x1bca3 }, { 0x1d173, 0x1d17a }, { 0xe0000, 0xe0fff },
};

static const struct range parting[] = {
	{ ' ', ' ' }, { '<', '<' }, { '>', '>' }, { 0xa0, 0xa0 },
	{ 0x1680, 0x1680 }, { 0x2000, 0x200a }, { 0x202f, 0x202f },
	{ 0x205f, 0x205f }, { 0x2190, 0x21ff }, { 0x2794, 0x27be },
	{ 0x27f0, 0x27ff }, { 0x2800, 0x2800 }, { 0x2900, 0x297f },
	{ 0x2b00, 0x2b11 }, { 0x3000, 0x3000 }, { 0x3164, 0x3164 },
	{ 0xff1c, 0xff1c }, { 0xff1e, 0xff1e }, { 0xffe9, 0xffec },
};

static bool is_in(const struct range *r, size_t n, uint32_t c)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (c >= r[i].first && c <= r[i].last)
			return true;
	}
	return false;
}

size_t ksig_text_decode(const char *s, size_t most, uint32_t *res)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned char lead = *s;
	size_t len, i;
	uint32_t c;

	len = lead < 0x80 ? 1 : lead < 0xc0 ? 0 : lead < 0xe0 ? 2 :
	      lead < 0xf0 ? 3 : lead < 0xf8 ? 4 : 0;
	if (!len || len > most)
		return 0;
	c = len > 1 ? lead & (0x7f >> len) : lead;
	for (i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < least[len] || c > 0x10ffff || c >> 11 == 0x1b)
		return 0;
	*res = c;
	return len;
}

bool ksig_text_is_hidden(uint32_t c)
{
	return is_in(hidden, sizeof(hidden) / sizeof(*hidden), c);
}

bool ksig_text_parts(uint32_t c)
{
	return is_in(parting, sizeof(parting) / sizeof(*parting), c);
}

void ksig_text_unescape(char *s)
{
	char *to = s;
	int i;

	while (*s) {
		if (*s != '\\' || strspn(s + 1, "01234567") < 3) {
			*to++ = *s++;
			continue;
		}
		s++;
		*to = 0;
		for (i = 0; i < 3; i++)
			*to = (char)(*to << 3 | (*s++ - '0'));
		to++;
	}
	*to = '\0';
}

void ksig_text_unescape_hex(char *s)
{
	unsigned int byte;
	char *to = s;

	while (*s) {
		if (s[0] == '\\' && s[1] == 'x' && strspn(s + 2, "0123456789abcdef") >= 2 &&
		    sscanf(s + 2, "%2x", &byte) == 1 && byte) {
			*to++ = byte;
			s += 4;
		} else {
			*to++ = *s++;
		}
	}
	*to = '\0';
}
