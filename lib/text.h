/* SPDX-License-Identifier: MIT */
/* Text from elsewhere, on its way to a terminal or into JSON. */
#ifndef KSIG_TEXT_H
#define KSIG_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * One character of UTF-8, of at most @most bytes.
 * Return: its length; 0 if it is invalid. A comm can contain any bytes, and is cut off after
 * 15 of them, perhaps within a character.
 */
size_t ksig_text_decode(const char *s, size_t most, uint32_t *c);

/*
 * Does it control a terminal, or change how the text around it looks? That is so for control
 * characters, and for characters that are invisible or reorder text.
 */
bool ksig_text_is_hidden(uint32_t c);

/* Is it a blank of any kind, or does it look like an arrow? */
bool ksig_text_parts(uint32_t c);

#endif /* KSIG_TEXT_H */
