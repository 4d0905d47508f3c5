/* SPDX-License-Identifier: MIT */
/* Text from elsewhere, on its way to a terminal or into JSON. */
#ifndef KSIG_TEXT_H
#define KSIG_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * One character of UTF-8, of at most @most bytes.
 * Return: its length; 0 if it is invalid: a comm is cut off after 15 bytes
 * wherever that is, and may be anything.
 */
size_t ksig_text_decode(const char *s, size_t most, uint32_t *c);

/*
 * Does it make a terminal do things, or change how what is around it looks?
 * Control characters; and those that are invisible or reorder text.
 */
bool ksig_text_is_hidden(uint32_t c);

/* A blank of any kind, or something that reads as an arrow */
bool ksig_text_parts(uint32_t c);

#endif /* KSIG_TEXT_H */
