// SPDX-License-Identifier: MIT
/* What a record says. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sub.h"
#include "text.h"

static uint64_t read_unsigned(const void *at, size_t size)
{
	uint64_t u = 0;

	/* a record is aligned, a field of a tracepoint need not be */
	switch (size) {
	case 1:
		return *(const uint8_t *)at;
	case 2: {
		uint16_t v;

		memcpy(&v, at, sizeof(v));
		return v;
	}
	case 4: {
		uint32_t v;

		memcpy(&v, at, sizeof(v));
		return v;
	}
	case 8:
		memcpy(&u, at, sizeof(u));
	}
	return u;
}

static int64_t sign_extend(uint64_t u, size_t size)
{
	unsigned int shift = 64 - 8 * size;

	return (int64_t)(u << shift) >> shift;
}

/* Is all of it in the record? A string ends where data[] does. */
static bool in_record(const struct ksig_field_desc *fd,
		      const struct ksig_event *ev)
{
	size_t end = sizeof(*ev) + ev->len;

	if (fd->offset < sizeof(*ev) || fd->added)
		return true;
	if (fd->type == KSIG_FIELD_STRING)
		return fd->offset < end;
	return fd->offset + fd->size <= end;
}

void ksig_field_read(const struct ksig_field_desc *fd,
		     const struct ksig_event *ev, struct ksig_field *f)
{
	const char *at = (const char *)ev + fd->offset;

	memset(f, 0, sizeof(*f));
	f->name = fd->name;
	f->type = fd->type;
	f->known = !(ev->flags & fd->unknown) && in_record(fd, ev);
	if (!f->known)
		return;
	if (fd->type == KSIG_FIELD_STRING) {
		f->known = *at || !fd->optional;
		f->str = f->known ? at : NULL;
		return;
	}
	f->u = read_unsigned(at, fd->size);
	if (fd->type == KSIG_FIELD_SIGNED)
		f->s = sign_extend(f->u, fd->size);
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

	if (!stream)
		return -EINVAL;
	fd = ksig_desc_field(stream->desc, key);
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

/* -------------------------------------------------------------------- a line */

struct line {
	char *buf;
	size_t size;
	size_t len;	/* that it would have */
};

static void add_char(struct line *l, char c)
{
	if (l->len + 1 < l->size)
		l->buf[l->len] = c;
	l->len++;
}

static void add_text(struct line *l, const char *s)
{
	while (*s)
		add_char(l, *s++);
}

/*
 * Is it clear where it ends, and that it is a text? Else one could be taken for
 * the rest of the line.
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

static void add_escaped(struct line *l, const char *s, size_t len, uint32_t c)
{
	char text[16];

	if (!len || c < 0x80)
		snprintf(text, sizeof(text), "\\x%02x", (unsigned char)*s);
	else
		snprintf(text, sizeof(text), c > 0xffff ? "\\U%08x" :
			 "\\u%04x", c);
	add_text(l, text);
}

/* As it is, or quoted as in C, with escapes for what must not be printed. */
static void add_string(struct line *l, const char *s, size_t most)
{
	size_t size = strnlen(s, most), at, len, i;
	bool plain = is_plain(s, size);
	uint32_t c;

	if (!plain)
		add_char(l, '"');
	for (at = 0; at < size; at += len ? len : 1) {
		len = ksig_text_decode(s + at, size - at, &c);
		if (!len || ksig_text_is_hidden(c)) {
			add_escaped(l, s + at, len, c);
			continue;
		}
		if (c == '"' || c == '\\')
			add_char(l, '\\');
		for (i = 0; i < len; i++)
			add_char(l, s[at + i]);
	}
	if (!plain)
		add_char(l, '"');
}

static void add_number(struct line *l, const struct ksig_field *f)
{
	char text[24];

	if (f->type == KSIG_FIELD_SIGNED)
		snprintf(text, sizeof(text), "%" PRId64, f->s);
	else
		snprintf(text, sizeof(text), "%" PRIu64, f->u);
	add_text(l, text);
}

static void add_field(struct line *l, const struct ksig_field_desc *fd,
		      const struct ksig_event *ev)
{
	struct ksig_field f;

	ksig_field_read(fd, ev, &f);
	add_char(l, ' ');
	add_text(l, f.name);
	add_char(l, '=');
	if (!f.known)
		add_text(l, "unknown");
	else if (f.type == KSIG_FIELD_STRING)
		add_string(l, f.str, fd->size);
	else
		add_number(l, &f);
}

int ksig_event_format(const struct ksig_sub *sub, const struct ksig_event *ev,
		      char *buf, size_t n)
{
	const struct ksig_stream *stream = ksig_sub_stream(sub, ev);
	const struct ksig_event_desc *d;
	struct line l = { .buf = buf, .size = n };
	unsigned int i;

	if (!stream)
		return -EINVAL;
	d = stream->desc;
	add_text(&l, d->name);
	for (i = 0; i < d->n_fields; i++) {
		if (!d->fields[i].hidden)
			add_field(&l, &d->fields[i], ev);
	}
	if (n)
		buf[l.len < n ? l.len : n - 1] = '\0';
	return l.len;
}
