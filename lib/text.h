/* SPDX-License-Identifier: MIT */
/* Checks for untrusted text that is written to a terminal or as JSON. */
#ifndef KSIG_TEXT_H
#define KSIG_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Decodes the UTF-8 character at @s, which has at most @most bytes. A comm can contain any bytes,
 * and because it is truncated to 15 bytes, its last character may be incomplete.
 * Return: the length of the character in bytes; 0 if the character is invalid.
 */
size_t ksig_text_decode(const char *s, size_t most, uint32_t *c);

/*
 * Return: whether a character controls the terminal or changes how the surrounding text is
 * displayed. This includes control characters, invisible characters and characters that reorder
 * text.
 */
bool ksig_text_is_hidden(uint32_t c);

/* Return: whether the character is any kind of space, '<' or '>', or looks like an arrow. */
bool ksig_text_parts(uint32_t c);

/* Return: whether the name of a directory entry is "." or "..". Other names may begin with a '.'. */
static inline bool ksig_text_is_dot(const char *name)
{
	return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

/* Decodes the octal escapes of files in /proc, such as "\040" for a blank, in place. */
void ksig_text_unescape(char *s);
/* Decodes the hexadecimal escapes of /dev/kmsg, such as "\x09" for a tab, in place. */
void ksig_text_unescape_hex(char *s);

#endif /* KSIG_TEXT_H */
