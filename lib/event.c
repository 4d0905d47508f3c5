// SPDX-License-Identifier: MIT
/* Reads and formats the fields of a record. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sub.h"
#include "text.h"

/* Return: the value of @key in a list of "KEY=VALUE" strings; "" if it is not there. */
static const char *find_key(const char *list, const char *key)
{
	const size_t len = strlen(key);

	for (; *list; list += strlen(list) + 1) {
		if (!strncmp(list, key, len) && list[len] == '=')
			return list + len + 1;
	}
	return list;
}

void ksig_field_read(const struct ksig_field_desc *fd,
		     const struct ksig_event *ev, struct ksig_field *f)
{
	const char *at = (const char *)ev + fd->offset;
	size_t end = sizeof(*ev) + ev->len;
	bool string = fd->type == KSIG_FIELD_STRING;
	unsigned int shift = 64 - 8 * fd->size;
	/* an event constructed by the caller to query fields has no data and no added fields */
	bool inside = fd->offset < sizeof(*ev) || (fd->added && ev->len);
	uint16_t u16;
	uint32_t u32;

	/* a string may extend to the end of data[], but a number must be complete */
	if (!inside)
		inside = string ? fd->offset < end : fd->offset + fd->size <= end;
	memset(f, 0, sizeof(*f));
	f->name = fd->name;
	f->type = fd->type;
	f->known = inside && !(ev->flags & fd->unknown);
	if (!f->known)
		return;
	if (fd->is_key)
		at = find_key(at, fd->name);
	if (string) {
		f->known = *at || !fd->optional;
		f->str = f->known ? at : NULL;
		return;
	}
	/* records are aligned, but fields of a tracepoint may not be */
	switch (fd->size) {
	case 1:
		f->u = *(const uint8_t *)at;
		break;
	case 2:
		memcpy(&u16, at, sizeof(u16));
		f->u = u16;
		break;
	case 4:
		memcpy(&u32, at, sizeof(u32));
		f->u = u32;
		break;
	case 8:
		memcpy(&f->u, at, sizeof(f->u));
	}
	if (fd->type == KSIG_FIELD_SIGNED)
		f->s = (int64_t)(f->u << shift) >> shift;
}

bool ksig_field_is_absent(const struct ksig_field_desc *fd, const struct ksig_event *ev)
{
	const char *at = (const char *)ev + fd->offset;
	struct ksig_field f;

	if (!fd->optional)
		return false;
	ksig_field_read(fd, ev, &f);
	if (f.known)
		return false;
	return fd->type != KSIG_FIELD_STRING || (size_t)fd->offset + 1 >= sizeof(*ev) + ev->len ||
	       at[1] != KSIG_FIELD_TOO_LONG;
}

static int give_field(const struct ksig_field_desc *fd,
		      const struct ksig_event *ev, struct ksig_field *f)
{
	struct ksig_field read;

	ksig_field_read(fd, ev, &read);
	return ksig_give(f, &read, sizeof(read));
}

int ksig_event_get(const struct ksig_sub *sub, const struct ksig_event *ev,
		   const char *key, struct ksig_field *f)
{
	const struct ksig_stream *stream = ksig_sub_stream(sub, ev);
	const struct ksig_field_desc *fd;
	struct ksig_field_desc key_field;

	if (!stream)
		return -EINVAL;
	fd = ksig_desc_field(stream->desc, key);
	if (!fd && ksig_desc_key(stream->desc, key, &key_field))
		fd = &key_field;
	return fd ? give_field(fd, ev, f) : -ENOENT;
}

int ksig_event_field(const struct ksig_sub *sub, const struct ksig_event *ev,
		     unsigned int index, struct ksig_field *f)
{
	const struct ksig_stream *stream = ksig_sub_stream(sub, ev);

	if (!stream)
		return -EINVAL;
	return index < stream->desc->n_fields ?
	       give_field(&stream->desc->fields[index], ev, f) : -ENOENT;
}

/* ----------------------------------------------------------------- formatting */

struct line {
	char *buf;
	size_t size;
	size_t len;	/* length of the whole line, even if @buf is too small for it */
};

static void line_char(struct line *l, char c)
{
	if (l->len + 1 < l->size)
		l->buf[l->len] = c;
	l->len++;
}

static void line_text(struct line *l, const char *s)
{
	while (*s)
		line_char(l, *s++);
}

/*
 * Return: whether a string can be written without quotes and not be mistaken for "unknown" or for
 * another part of the line.
 */
static bool is_plain(const char *s, size_t size)
{
	size_t at, len;
	uint32_t c;

	if (!size || (size == 7 && !memcmp(s, "unknown", 7)))
		return false;
	for (at = 0; at < size; at += len) {
		len = ksig_text_decode(s + at, size - at, &c);
		if (!len || c == '"' || c == '\\' || c == '\'' ||
		    ksig_text_is_hidden(c) || ksig_text_parts(c))
			return false;
	}
	return true;
}

/* Appends a string, either unchanged or quoted as in C, with escapes for unsafe characters. */
static void line_string(struct line *l, const char *s, size_t most)
{
	size_t size = strnlen(s, most), at, len, i;
	bool plain = is_plain(s, size);
	char escape[16];
	uint32_t c;

	if (!plain)
		line_char(l, '"');
	for (at = 0; at < size; at += len ? len : 1) {
		len = ksig_text_decode(s + at, size - at, &c);
		if (!len || ksig_text_is_hidden(c)) {
			if (!len || c < 0x80)
				snprintf(escape, sizeof(escape), "\\x%02x",
					 (unsigned char)s[at]);
			else
				snprintf(escape, sizeof(escape),
					 c > 0xffff ? "\\U%08x" : "\\u%04x", c);
			line_text(l, escape);
			continue;
		}
		if (c == '"' || c == '\\')
			line_char(l, '\\');
		for (i = 0; i < len; i++)
			line_char(l, s[at + i]);
	}
	if (!plain)
		line_char(l, '"');
}

int ksig_event_copy(const struct ksig_sub *sub, const struct ksig_event *ev,
		    struct ksig_event **copy)
{
	const struct ksig_stream *stream = ksig_sub_stream(sub, ev);
	struct ksig_event *new;
	size_t size;

	if (!stream)
		return -EINVAL;
	size = ksig_record_size(stream->desc);
	new = malloc(size);
	if (!new)
		return -ENOMEM;
	memcpy(new, ev, size);
	*copy = new;
	return 0;
}

int ksig_event_format(const struct ksig_sub *sub, const struct ksig_event *ev,
		      char *buf, size_t n)
{
	const struct ksig_stream *stream = ksig_sub_stream(sub, ev);
	struct line l = { .buf = buf, .size = n };
	const struct ksig_field_desc *fd;
	const struct ksig_event_desc *d;
	struct ksig_field f;
	char number[24];
	unsigned int i;

	if (!stream)
		return -EINVAL;
	d = stream->desc;
	line_text(&l, d->name);
	for (i = 0; i < d->n_fields; i++) {
		fd = &d->fields[i];
		if (fd->hidden)
			continue;
		ksig_field_read(fd, ev, &f);
		if (ksig_field_is_absent(fd, ev))
			continue;
		line_char(&l, ' ');
		line_text(&l, f.name);
		line_char(&l, '=');
		if (!f.known) {
			line_text(&l, "unknown");
		} else if (f.type == KSIG_FIELD_STRING) {
			line_string(&l, f.str, fd->size);
		} else {
			if (f.type == KSIG_FIELD_SIGNED)
				snprintf(number, sizeof(number), "%" PRId64, f.s);
			else
				snprintf(number, sizeof(number), "%" PRIu64, f.u);
			line_text(&l, number);
		}
	}
	if (n)
		buf[l.len < n ? l.len : n - 1] = '\0';
	return l.len;
}
