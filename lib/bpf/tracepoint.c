// SPDX-License-Identifier: MIT
/*
 * Reads events/CATEGORY/NAME/format in tracefs, and computes the layout of the tracepoint's
 * records.
 */
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

/* Maximum size of an entry; records do not contain fields beyond it. */
#define ENTRY_MAX 1024
/* Maximum length of an array whose numbers are reported as separate fields */
#define ARRAY_MAX 16

/* A line of the format file: "field:TYPE NAME; offset:8; size:4; signed:1;" */
struct line {
	char type[128];
	char name[64];
	unsigned int offset;
	unsigned int size;
	int is_signed;
	bool is_array;
};

/* Numeric C types. The size is used for arrays and for arguments of system calls. */
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

static const struct scalar *tracepoint_scalar(const char *type)
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

static struct ksig_field_desc *
tracepoint_add_field(struct ksig_tracepoint *tp, const char *name,
		     enum ksig_field_type type, unsigned int offset, unsigned int size)
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

static int tracepoint_add_number(struct ksig_tracepoint *tp, const char *name,
				 bool is_signed, unsigned int offset,
				 unsigned int size, bool hidden)
{
	struct ksig_field_desc *f;

	f = tracepoint_add_field(tp, name, is_signed ? KSIG_FIELD_SIGNED :
				 KSIG_FIELD_UNSIGNED, KSIG_TRACE_ENTRY + offset, size);
	if (!f)
		return -ENOMEM;
	f->hidden = hidden;
	return 0;
}

/*
 * Adds the field described by @l. For an array of numbers, adds one field per element. Fields of
 * other types are skipped.
 */
static int tracepoint_add_line(struct ksig_tracepoint *tp, struct line *l, bool syscall)
{
	struct ksig_bpf_string *str;
	const struct scalar *s;
	unsigned int i;
	char name[80];
	int err = 0;

	if (!strncmp(l->name, "common_", 7) || l->offset < 8 ||
	    l->offset > ENTRY_MAX || !l->size || l->size > ENTRY_MAX - l->offset)
		return 0;
	if (strstr(l->type, "_loc ")) {
		/* for system calls, BPF programs receive nothing after the arguments */
		if (syscall || tp->n_strings == KSIG_BPF_STRINGS ||
		    (strcmp(l->type, "__data_loc char[]") &&
		     strcmp(l->type, "__rel_loc char[]")))
			return 0;
		if (!tracepoint_add_field(tp, l->name, KSIG_FIELD_STRING, 0, 0))
			return -ENOMEM;
		str = &tp->strings[tp->n_strings++];
		str->loc = l->offset;
		str->relative = l->type[2] == 'r';
		return 0;
	}
	if (tp->entry_size < l->offset + l->size)
		tp->entry_size = l->offset + l->size;
	if (l->is_array && !strcmp(l->type, "char"))
		return tracepoint_add_field(tp, l->name, KSIG_FIELD_STRING,
					    KSIG_TRACE_ENTRY + l->offset, l->size) ?
		       0 : -ENOMEM;
	if (l->is_array) {
		s = tracepoint_scalar(l->type);
		if (!s || l->size % s->size || l->size / s->size > ARRAY_MAX)
			return 0;
		/*
		 * Name the elements "args.0", "args.1", ... Hide the elements of byte arrays. These
		 * are mostly addresses and would make the line too long.
		 */
		for (i = 0; !err && i < l->size / s->size; i++) {
			snprintf(name, sizeof(name), "%s.%u", l->name, i);
			err = tracepoint_add_number(tp, name, s->is_signed,
						    l->offset + i * s->size,
						    s->size, s->size == 1);
		}
		return err;
	}
	if (l->size != 1 && l->size != 2 && l->size != 4 && l->size != 8)
		return 0;
	/*
	 * if a system call's argument is smaller than its field, the field's upper bits are
	 * undefined, so read only the argument's own bytes
	 */
	s = syscall ? tracepoint_scalar(l->type) : NULL;
	if (s && s->size < l->size) {
		l->size = s->size;
		l->is_signed = s->is_signed;
	}
	return tracepoint_add_number(tp, l->name, l->is_signed, l->offset, l->size, false);
}

/* Adds the fields described by the file, then assigns each string a place in the record. */
static int tracepoint_read_format(struct ksig_tracepoint *tp, FILE *f, bool syscall)
{
	char *text = NULL, *name, *bracket;
	unsigned int i, end, n = 0;
	size_t size = 0;
	struct line l;
	int err = 0;

	while (!err && getline(&text, &size, f) >= 0) {
		if (sscanf(text, "ID: %u", &tp->id) == 1 ||
		    sscanf(text, " field:%127[^;]; offset:%u; size:%u; signed:%d;",
			   l.type, &l.offset, &l.size, &l.is_signed) != 4)
			continue;
		/* "char comm[16]" is an array, but "__data_loc char[] comm" is not */
		bracket = l.type[strlen(l.type) - 1] == ']' ? strrchr(l.type, '[') : NULL;
		if (bracket)
			*bracket = '\0';
		l.is_array = bracket;
		name = strrchr(l.type, ' ');
		if (!name || strlen(name + 1) >= sizeof(l.name))
			continue;
		strcpy(l.name, name + 1);
		while (name > l.type && name[-1] == ' ')
			name--;
		*name = '\0';
		err = tracepoint_add_line(tp, &l, syscall);
	}
	if (!err && ferror(f))
		err = -EIO;
	free(text);

	/* strings follow the entry, in the order of the fields and with equal space for each */
	end = (KSIG_TRACE_ENTRY + tp->entry_size + 7) & ~7U;
	for (i = 0; i < tp->desc.n_fields; i++) {
		if (tp->fields[i].size)
			continue;
		tp->fields[i].offset = end;
		tp->fields[i].size = KSIG_BPF_STRING;
		tp->strings[n].to = end;
		tp->strings[n].size = KSIG_BPF_STRING;
		end += KSIG_BPF_STRING;
		n++;
	}
	tp->desc.event_size = end < 64 ? 64 : end;
	return err;
}

/*
 * Opens the format file of a tracepoint. @name: "CATEGORY.NAME".
 * Return: 0; or -errno, with the reason in @e.
 */
static int tracepoint_open(const char *name, FILE **f, struct ksig_error *e)
{
	const char *root = TRACEFS, *dot = strchr(name, '.');
	int len = dot ? dot - name : 0;
	char path[512];

	if (!len || !dot[1] || strchr(dot + 1, '.'))
		return ksig_fail(e, sizeof(KSIG_TRACE), ENOENT,
				 "invalid tracepoint '" KSIG_TRACE "%s': expected " KSIG_TRACE
				 "CATEGORY.NAME, as in trace.sched.sched_switch",
				 name);
	snprintf(path, sizeof(path), "%s/events", root);
	if (access(path, X_OK) && errno == ENOENT) {
		root = TRACEFS_OLD;
		snprintf(path, sizeof(path), "%s/events", root);
	}
	if (access(path, X_OK)) {
		if (errno == EACCES)
			return ksig_fail(e, 0, EACCES,
					 "not permitted to read " TRACEFS "/events: run ksig as root, or remount it as root with -o remount,gid=GROUP,mode=750");
		return ksig_fail(e, 0, EOPNOTSUPP,
				 "tracefs is not mounted: mount -t tracefs tracefs "
				 TRACEFS);
	}
	if (!strncmp(name, "ftrace.", 7))
		return ksig_fail(e, sizeof(KSIG_TRACE), ENOENT,
				 "'ftrace' is not a tracepoint category");
	snprintf(path, sizeof(path), "%s/events/%.*s/%s/format", root, len, name,
		 dot + 1);
	*f = fopen(path, "re");
	if (*f)
		return 0;
	/* ENOTDIR: "enable" and "filter" are files next to the directories of tracepoints */
	if (errno != ENOENT && errno != ENOTDIR)
		return ksig_fail(e, 0, errno, "%s: %s", path, strerror(errno));
	snprintf(path, sizeof(path), "%s/events/%.*s", root, len, name);
	if (access(path, F_OK))
		return ksig_fail(e, sizeof(KSIG_TRACE), ENOENT,
				 "no tracepoint category '%.*s': see 'ls %s/events'",
				 len, name, root);
	return ksig_fail(e, sizeof(KSIG_TRACE) + len + 1, ENOENT,
			 "no tracepoint %s: see 'ls %s'", name, path);
}

int ksig_tracepoint_read(const char *name, const char *value,
			 struct ksig_tracepoint **out, struct ksig_error *e)
{
	const char *rest = name + strlen(KSIG_TRACE);
	const struct ksig_field_desc *v = NULL;
	struct ksig_tracepoint *tp;
	FILE *f = NULL;
	unsigned int i;
	int err;

	err = tracepoint_open(rest, &f, e);
	if (err)
		return err;
	tp = calloc(1, sizeof(*tp));
	if (tp)
		tp->desc.name = strdup(name);
	if (!tp || !tp->desc.name ||
	    !tracepoint_add_field(tp, "current.pid", KSIG_FIELD_UNSIGNED,
				  offsetof(struct ksig_event, subject), 8) ||
	    !tracepoint_add_field(tp, "current.comm", KSIG_FIELD_STRING, KSIG_TRACE_COMM, 16)) {
		err = ksig_fail(e, 0, ENOMEM, "out of memory");
		goto out;
	}
	tp->entry_size = 8;
	tp->desc.description = "a kernel tracepoint";
	tp->desc.pids = true;
	tp->desc.bpf = &ksig_bpf_trace;
	err = tracepoint_read_format(tp, f, !strncmp(rest, "syscalls.", 9));
	if (!err && !tp->id)
		err = -EOPNOTSUPP;
	if (err) {
		err = ksig_fail(e, 0, -err, "cannot read the format of the tracepoint %s: %s",
				rest, strerror(-err));
		goto out;
	}
	for (i = 0; value && i < tp->desc.n_fields; i++) {
		if (!strcmp(tp->fields[i].name, value))
			v = &tp->fields[i];
	}
	if (value && !v)
		err = ksig_fail(e, 0, EINVAL, "%s has no field '%s'", name, value);
	else if (v && v->type == KSIG_FIELD_STRING)
		err = ksig_fail(e, 0, EINVAL,
				"'%s' of %s is a string: the value must be a number",
				value, name);
	else if (v && v->offset < KSIG_TRACE_ENTRY)
		err = ksig_fail(e, 0, EINVAL,
				"'%s' of %s cannot be used as the value: only the tracepoint's own fields can",
				value, name);
	if (!err) {
		tp->value = v;
		*out = tp;
		tp = NULL;
	}
out:
	fclose(f);
	ksig_tracepoint_free(tp);
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
