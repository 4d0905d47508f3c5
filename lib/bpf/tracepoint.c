// SPDX-License-Identifier: MIT
/* events/CATEGORY/NAME/format in tracefs, and the records made from it. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tracepoint.h"

#define TRACEFS "/sys/kernel/tracing"
#define TRACEFS_OLD "/sys/kernel/debug/tracing"

/* A longer entry's end is left out of the records. */
#define ENTRY_MAX 1024
/* Longer arrays are too long to be told number by number. */
#define ARRAY_MAX 16


/* A line of the file: "field:TYPE NAME; offset:8; size:4; signed:1;" */
struct line {
	char type[128];
	char name[64];
	unsigned int offset;
	unsigned int size;
	int is_signed;
	bool is_array;
};

/* ---------------------------------------------------------------- what it is */

/* C's names for them, where their size matters: in arrays and system calls. */
static const struct scalar {
	const char *name;
	unsigned int size;
	bool is_signed;
} scalars[] = {
	{ "u8", 1, false }, { "__u8", 1, false }, { "unsigned char", 1, false },
	{ "u16", 2, false }, { "__u16", 2, false }, { "__be16", 2, false },
	{ "unsigned short", 2, false }, { "umode_t", 2, false },
	{ "short", 2, true }, { "u32", 4, false }, { "__u32", 4, false },
	{ "__be32", 4, false }, { "unsigned int", 4, false },
	{ "unsigned", 4, false }, { "uint32_t", 4, false },
	{ "uid_t", 4, false }, { "gid_t", 4, false }, { "qid_t", 4, false },
	{ "int", 4, true }, { "s32", 4, true }, { "__s32", 4, true },
	{ "pid_t", 4, true }, { "clockid_t", 4, true }, { "timer_t", 4, true },
	{ "key_t", 4, true }, { "key_serial_t", 4, true }, { "mqd_t", 4, true },
	{ "rwf_t", 4, true }, { "u64", 8, false }, { "__u64", 8, false },
	{ "unsigned long", 8, false }, { "size_t", 8, false },
	{ "unsigned long long", 8, false }, { "long", 8, true },
	{ "s64", 8, true }, { "loff_t", 8, true }, { "long long", 8, true },
};

static const struct scalar *find_scalar(const char *type)
{
	size_t i;

	if (!strncmp(type, "const ", 6))
		type += 6;
	for (i = 0; i < ARRAY_SIZE(scalars); i++) {
		if (!strcmp(scalars[i].name, type))
			return &scalars[i];
	}
	return NULL;
}

static bool is_number(unsigned int size)
{
	return size == 1 || size == 2 || size == 4 || size == 8;
}

/* --------------------------------------------------------------------- fields */

static struct ksig_field_desc *add_field(struct ksig_tracepoint *tp,
					 const char *name,
					 enum ksig_field_type type,
					 unsigned int offset, unsigned int size)
{
	unsigned int n = tp->desc.n_fields;
	struct ksig_field_desc *fields;
	char *copy = strdup(name);

	fields = reallocarray(tp->fields, n + 1, sizeof(*fields));
	if (fields) {
		tp->fields = fields;
		tp->desc.fields = fields;
	}
	if (!fields || !copy) {
		free(copy);
		return NULL;
	}
	fields += n;
	*fields = (struct ksig_field_desc){ .name = copy, .type = type,
					    .offset = offset, .size = size };
	tp->desc.n_fields = n + 1;
	return fields;
}

static int add_number(struct ksig_tracepoint *tp, const char *name,
		      bool is_signed, unsigned int offset, unsigned int size,
		      bool hidden)
{
	struct ksig_field_desc *f;

	f = add_field(tp, name, is_signed ? KSIG_FIELD_SIGNED :
		      KSIG_FIELD_UNSIGNED, KSIG_TRACE_ENTRY + offset, size);
	if (!f)
		return -ENOMEM;
	f->hidden = hidden;
	return 0;
}

/* "args.0", "args.1", ...; bytes are addresses mostly: too much for a line */
static int add_array(struct ksig_tracepoint *tp, const struct line *l)
{
	const struct scalar *s = find_scalar(l->type);
	char name[80];
	unsigned int i, n;
	int err = 0;

	if (!s || l->size % s->size || l->size / s->size > ARRAY_MAX)
		return 0;
	n = l->size / s->size;
	for (i = 0; !err && i < n; i++) {
		snprintf(name, sizeof(name), "%s.%u", l->name, i);
		err = add_number(tp, name, s->is_signed,
				 l->offset + i * s->size, s->size,
				 s->size == 1);
	}
	return err;
}

/* Where the string will lie in the record is known once all fields are. */
static int add_located(struct ksig_tracepoint *tp, const struct line *l)
{
	struct ksig_bpf_string *s = &tp->strings[tp->n_strings];

	if (tp->n_strings == KSIG_BPF_STRINGS ||
	    (strcmp(l->type, "__data_loc char[]") &&
	     strcmp(l->type, "__rel_loc char[]")))
		return 0;
	if (!add_field(tp, l->name, KSIG_FIELD_STRING, 0, 0))
		return -ENOMEM;
	s->loc = l->offset;
	s->relative = l->type[2] == 'r';
	tp->n_strings++;
	return 0;
}

static int add_line(struct ksig_tracepoint *tp, struct line *l, bool syscall)
{
	const struct scalar *s;

	if (!strncmp(l->name, "common_", 7) || l->offset < 8 ||
	    l->offset > ENTRY_MAX || l->size > ENTRY_MAX - l->offset)
		return 0;
	/* what BPF programs get of a system call ends with its arguments */
	if (strstr(l->type, "_loc "))
		return syscall ? 0 : add_located(tp, l);
	if (tp->entry_size < l->offset + l->size)
		tp->entry_size = l->offset + l->size;
	if (l->is_array && !strcmp(l->type, "char"))
		return add_field(tp, l->name, KSIG_FIELD_STRING,
				 KSIG_TRACE_ENTRY + l->offset, l->size) ?
		       0 : -ENOMEM;
	if (l->is_array)
		return add_array(tp, l);
	if (!is_number(l->size))
		return 0;
	/* an int, kept in a register: what is above it is anything */
	s = syscall ? find_scalar(l->type) : NULL;
	if (s && s->size < l->size) {
		l->size = s->size;
		l->is_signed = s->is_signed;
	}
	return add_number(tp, l->name, l->is_signed, l->offset, l->size, false);
}

/* ---------------------------------------------------------------- the file */

/* "char comm[16]" is an array, "__data_loc char[] comm" isn't. */
static bool split(char *text, struct line *l)
{
	char *end = text + strlen(text), *name, *bracket;

	bracket = end > text && end[-1] == ']' ? strrchr(text, '[') : NULL;
	if (bracket)
		*bracket = '\0';
	l->is_array = bracket;
	name = strrchr(text, ' ');
	if (!name || strlen(name + 1) >= sizeof(l->name))
		return false;
	strcpy(l->name, name + 1);
	while (name > text && name[-1] == ' ')
		name--;
	*name = '\0';
	strcpy(l->type, text);
	return true;
}

static bool parse_line(const char *text, struct line *l)
{
	char decl[sizeof(l->type)];

	return sscanf(text, " field:%127[^;]; offset:%u; size:%u; signed:%d;",
		      decl, &l->offset, &l->size, &l->is_signed) == 4 &&
	       split(decl, l);
}

static int read_format(struct ksig_tracepoint *tp, FILE *f, bool syscall)
{
	char *text = NULL;
	size_t size = 0;
	struct line l;
	int err = 0;

	while (!err && getline(&text, &size, f) >= 0) {
		if (sscanf(text, "ID: %u", &tp->id) == 1)
			continue;
		if (parse_line(text, &l))
			err = add_line(tp, &l, syscall);
	}
	if (!err && ferror(f))
		err = -EIO;
	free(text);
	return err;
}

/* Behind the entry, in the order of the fields, as much room for each. */
static void place_strings(struct ksig_tracepoint *tp)
{
	unsigned int i, n = 0, end, room = KSIG_BPF_STRING;

	end = (KSIG_TRACE_ENTRY + tp->entry_size + 7) & ~7U;
	for (i = 0; i < tp->desc.n_fields; i++) {
		if (tp->fields[i].size)
			continue;
		tp->fields[i].offset = end;
		tp->fields[i].size = room;
		tp->strings[n].to = end;
		tp->strings[n].size = room;
		end += room;
		n++;
	}
	tp->desc.event_size = end < 64 ? 64 : end;
}

/* -------------------------------------------------------------------- errors */

static int no_tracefs(int err, struct ksig_error *e)
{
	if (err == EACCES)
		return ksig_fail(e, 0, EACCES,
				 "not permitted to read " TRACEFS "/events: run ksig as root, or remount it as root with -o remount,gid=GROUP,mode=750");
	return ksig_fail(e, 0, EOPNOTSUPP,
			 "tracefs is not mounted: mount -t tracefs tracefs "
			 TRACEFS);
}

static int no_tracepoint(const char *root, const char *category,
			 const char *name, struct ksig_error *e)
{
	char dir[512];

	snprintf(dir, sizeof(dir), "%s/events/%s", root, category);
	if (access(dir, F_OK))
		return ksig_fail(e, sizeof(KSIG_TRACE), ENOENT,
				 "no tracepoint category '%s': see 'ls %s/events'",
				 category, root);
	return ksig_fail(e, sizeof(KSIG_TRACE) + strlen(category) + 1, ENOENT,
			 "no tracepoint %s.%s: see 'ls %s'",
			 category, name, dir);
}

static FILE *open_format(const char *category, const char *name, int *err,
			 struct ksig_error *e)
{
	const char *root = TRACEFS;
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/events", root);
	if (access(path, X_OK) && errno == ENOENT) {
		root = TRACEFS_OLD;
		snprintf(path, sizeof(path), "%s/events", root);
	}
	if (access(path, X_OK)) {
		*err = no_tracefs(errno, e);
		return NULL;
	}
	if (!strcmp(category, "ftrace")) {
		*err = ksig_fail(e, sizeof(KSIG_TRACE), ENOENT,
				 "'ftrace' is not a category of tracepoints");
		return NULL;
	}
	snprintf(path, sizeof(path), "%s/events/%s/%s/format", root, category,
		 name);
	f = fopen(path, "re");
	if (!f)
		/* "enable" and "filter" are files beside them */
		*err = errno == ENOENT || errno == ENOTDIR ?
		       no_tracepoint(root, category, name, e) :
		       ksig_fail(e, 0, errno, "%s: %s", path, strerror(errno));
	return f;
}

static int choose_value(struct ksig_tracepoint *tp, const char *value,
			struct ksig_error *e)
{
	const struct ksig_field_desc *f = NULL;
	unsigned int i;

	for (i = 0; i < tp->desc.n_fields; i++) {
		if (!strcmp(tp->fields[i].name, value))
			f = &tp->fields[i];
	}
	if (!f)
		return ksig_fail(e, 0, EINVAL,
				 "%s has no field '%s'",
				 tp->desc.name, value);
	if (f->type == KSIG_FIELD_STRING)
		return ksig_fail(e, 0, EINVAL,
				 "'%s' of %s is a string: the value must be a number",
				 value, tp->desc.name);
	if (f->offset < KSIG_TRACE_ENTRY)
		return ksig_fail(e, 0, EINVAL,
				 "'%s' of %s can't be the value: only the tracepoint's own fields can",
				 value, tp->desc.name);
	tp->value = f;
	return 0;
}

/* ----------------------------------------------------------------- the object */

static int read_into(struct ksig_tracepoint *tp, const char *category,
		     const char *name, struct ksig_error *e)
{
	struct ksig_field_desc *pid;
	int err = 0;
	FILE *f;

	pid = add_field(tp, "current.pid", KSIG_FIELD_UNSIGNED,
			offsetof(struct ksig_event, subject), 8);
	if (!pid || !add_field(tp, "current.comm", KSIG_FIELD_STRING,
			       KSIG_TRACE_COMM, 16))
		return ksig_fail(e, 0, ENOMEM, "out of memory");
	tp->entry_size = 8;
	f = open_format(category, name, &err, e);
	if (!f)
		return err;
	err = read_format(tp, f, !strcmp(category, "syscalls"));
	fclose(f);
	if (!err && !tp->id)
		err = -EOPNOTSUPP;
	if (err)
		return ksig_fail(e, 0, -err,
				 "cannot read the format of the tracepoint %s.%s: %s",
				 category, name, strerror(-err));
	place_strings(tp);
	return 0;
}

int ksig_tracepoint_read(const char *name, const char *value,
			 struct ksig_tracepoint **out, struct ksig_error *e)
{
	struct ksig_tracepoint *tp;
	char *category, *dot;
	int err;

	category = strdup(name + strlen(KSIG_TRACE));
	dot = category ? strchr(category, '.') : NULL;
	if (category && (!dot || dot == category || !dot[1] ||
			 strchr(dot + 1, '.'))) {
		free(category);
		return ksig_fail(e, sizeof(KSIG_TRACE), ENOENT,
				 "invalid tracepoint '%s': expected " KSIG_TRACE
				 "CATEGORY.NAME, as in trace.sched.sched_switch",
				 name);
	}
	tp = calloc(1, sizeof(*tp));
	if (tp)
		tp->desc.name = strdup(name);
	if (!category || !tp || !tp->desc.name) {
		err = ksig_fail(e, 0, ENOMEM, "out of memory");
		goto out;
	}
	*dot = '\0';
	tp->desc.description = "a tracepoint of the kernel";
	tp->desc.pids = true;
	tp->desc.bpf = &ksig_bpf_trace;
	err = read_into(tp, category, dot + 1, e);
	if (!err && value)
		err = choose_value(tp, value, e);
	if (!err) {
		*out = tp;
		tp = NULL;
	}
out:
	ksig_tracepoint_free(tp);
	free(category);
	return err;
}

void ksig_tracepoint_free(struct ksig_tracepoint *tp)
{
	unsigned int i;

	if (!tp)
		return;
	for (i = 0; i < tp->desc.n_fields; i++)
		free((char *)(uintptr_t)tp->fields[i].name);
	free(tp->fields);
	free((char *)(uintptr_t)tp->desc.name);
	free(tp);
}
