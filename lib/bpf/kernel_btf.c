// SPDX-License-Identifier: MIT
/*
 * The BTF of the kernel is 5 to 10 MB, and libbpf reads and indexes all of it for
 * each object that it loads. Our programs need some forty structures of it. They
 * are copied out once per process, into BTF of some ten KB which libbpf is given
 * instead.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/btf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/btf.h>

#include "kernel_btf.h"

#define KERNEL_BTF "/sys/kernel/btf/vmlinux"

struct buffer {
	char *data;
	size_t len;
	size_t room;
};

/**
 * struct trim - what is copied, and where to
 * @types: type section of the kernel's BTF, @types_len bytes
 * @strings: its string section, @strings_len bytes; ends with a zero
 * @offsets: of each type in @types, by id
 * @n: number of types; ids begin at 1
 * @ids: by id, the type's id in the copy; 0: not copied
 * @names: roots, @n_names of them
 * @out: type section of the copy
 * @out_strings: string section of the copy
 * @n_out: types in @out
 * @void_ptr: id of the copy's only pointer to void; 0: not made yet
 */
struct trim {
	const char *types;
	size_t types_len;
	const char *strings;
	size_t strings_len;
	uint32_t *offsets;
	uint32_t n;
	uint32_t *ids;
	const char *const *names;
	size_t n_names;
	struct buffer out;
	struct buffer out_strings;
	uint32_t n_out;
	uint32_t void_ptr;
};

/* -------------------------------------------------------------------- input */

/* One read(2) gives at most a page; mmap(2) works since Linux 6.16. */
static void *map_file(int fd, size_t size)
{
	size_t have = 0;
	ssize_t n = 1;
	char *p;

	p = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p != MAP_FAILED)
		return p;
	p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	while (n > 0 && have < size) {
		n = read(fd, p + have, size - have);
		have += n > 0 ? n : 0;
	}
	if (have == size)
		return p;
	munmap(p, size);
	return NULL;
}

static const void *read_kernel_btf(size_t *size)
{
	const void *p = NULL;
	struct stat st;
	int fd;

	fd = open(KERNEL_BTF, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	if (!fstat(fd, &st)) {
		*size = st.st_size;
		p = map_file(fd, *size);
	}
	close(fd);
	return p;
}

static int find_sections(struct trim *t, const void *raw, size_t size)
{
	const struct btf_header *h = raw;
	const char *start;

	if (size < sizeof(*h) || h->magic != BTF_MAGIC ||
	    h->version != BTF_VERSION || h->hdr_len > size)
		return -EINVAL;
	start = (const char *)raw + h->hdr_len;
	size -= h->hdr_len;
	if (h->type_off > size || h->type_len > size - h->type_off ||
	    h->str_off > size || h->str_len > size - h->str_off ||
	    !h->str_len || start[h->str_off + h->str_len - 1])
		return -EINVAL;
	t->types = start + h->type_off;
	t->types_len = h->type_len;
	t->strings = start + h->str_off;
	t->strings_len = h->str_len;
	return 0;
}

/* Bytes of a type behind its struct btf_type; -1: unknown */
static long tail_size(const struct btf_type *type)
{
	size_t n = btf_vlen(type);

	switch (btf_kind(type)) {
	case BTF_KIND_PTR:
	case BTF_KIND_FWD:
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_CONST:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_FUNC:
	case BTF_KIND_FLOAT:
	case BTF_KIND_TYPE_TAG:
		return 0;
	case BTF_KIND_INT:
		return sizeof(uint32_t);
	case BTF_KIND_ARRAY:
		return sizeof(struct btf_array);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return n * sizeof(struct btf_member);
	case BTF_KIND_ENUM:
		return n * sizeof(struct btf_enum);
	case BTF_KIND_ENUM64:
		return n * sizeof(struct btf_enum64);
	case BTF_KIND_FUNC_PROTO:
		return n * sizeof(struct btf_param);
	case BTF_KIND_VAR:
		return sizeof(struct btf_var);
	case BTF_KIND_DATASEC:
		return n * sizeof(struct btf_var_secinfo);
	case BTF_KIND_DECL_TAG:
		return sizeof(struct btf_decl_tag);
	}
	return -1;
}

static const struct btf_type *type_at(const struct trim *t, uint32_t id)
{
	return (const struct btf_type *)(t->types + t->offsets[id]);
}

/* Fills in @offsets and @n. */
static int index_types(struct trim *t)
{
	const size_t head = sizeof(struct btf_type);
	size_t at = 0;
	long tail;

	/* no type is smaller, and ids begin at 1 */
	t->offsets = malloc((t->types_len / head + 1) * sizeof(*t->offsets));
	if (!t->offsets)
		return -ENOMEM;
	while (t->types_len - at >= head) {
		tail = tail_size((const void *)(t->types + at));
		if (tail < 0 || (size_t)tail > t->types_len - at - head)
			return -EINVAL;
		t->offsets[++t->n] = at;
		at += head + tail;
	}
	return at == t->types_len ? 0 : -EINVAL;
}

static int compare_names(const void *name, const void *element)
{
	return strcmp(name, *(const char *const *)element);
}

static bool is_root(const struct trim *t, const struct btf_type *type)
{
	switch (btf_kind(type)) {
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
	case BTF_KIND_TYPEDEF:
		return type->name_off && type->name_off < t->strings_len &&
		       bsearch(t->strings + type->name_off, t->names,
			       t->n_names, sizeof(*t->names), compare_names);
	}
	return false;
}

static bool has_name(const struct trim *t, const struct btf_type *type,
		     unsigned int kind, const char *name)
{
	return btf_kind(type) == kind && type->name_off < t->strings_len &&
	       !strcmp(t->strings + type->name_off, name);
}

/*
 * Up to 6.12 a tracepoint_srcu was there for probes in idle tasks, and preemption
 * was off nevertheless: SRCU's fast readers (6.15) tell the one of 7.0. Of static
 * variables BTF has those that each cpu has.
 */
static bool is_preemptible(const struct trim *t)
{
	bool used = false, fast = false;
	uint32_t id;

	for (id = 1; id <= t->n && !(used && fast); id++) {
		used |= has_name(t, type_at(t, id), BTF_KIND_VAR,
				 "tracepoint_srcu_srcu_data");
		fast |= has_name(t, type_at(t, id), BTF_KIND_STRUCT,
				 "srcu_ctr");
	}
	return used && fast;
}

/* --------------------------------------------------------------------- copy */

/* Where in @b it begins now; -ENOMEM */
static long append(struct buffer *b, const void *data, size_t len)
{
	size_t at = b->len, room = b->room ? b->room : 4096;
	char *p;

	while (room - at < len)
		room *= 2;
	if (room != b->room) {
		p = realloc(b->data, room);
		if (!p)
			return -ENOMEM;
		b->data = p;
		b->room = room;
	}
	memcpy(b->data + at, data, len);
	b->len += len;
	return at;
}

/* @name_off: an offset in the copy, to be given one into its strings */
static int copy_name(struct trim *t, size_t name_off)
{
	uint32_t from, to = 0;
	const char *name;
	long at;

	memcpy(&from, t->out.data + name_off, sizeof(from));
	if (from >= t->strings_len)
		return -EINVAL;
	name = t->strings + from;
	if (*name) {
		at = append(&t->out_strings, name, strlen(name) + 1);
		if (at < 0)
			return at;
		to = at;
	}
	memcpy(t->out.data + name_off, &to, sizeof(to));
	return 0;
}

static long copy_type(struct trim *t, uint32_t id);

/* @ref: an offset in the copy, of the kernel's id of a type */
static int copy_reference(struct trim *t, size_t ref)
{
	uint32_t from, to;
	long id;

	memcpy(&from, t->out.data + ref, sizeof(from));
	id = copy_type(t, from);
	if (id < 0)
		return id;
	to = id;
	memcpy(t->out.data + ref, &to, sizeof(to));
	return 0;
}

/* Members, parameters or enumerators from @at on: names and maybe types */
static int copy_list(struct trim *t, size_t at, unsigned int n, size_t size,
		     bool typed)
{
	int err = 0;

	/* each begins with its name; the type is next in those that have one */
	for (; !err && n; n--, at += size) {
		err = copy_name(t, at);
		if (!err && typed)
			err = copy_reference(t, at + sizeof(uint32_t));
	}
	return err;
}

/* What the copy at @at refers to: the copy holds the kernel's offsets and ids. */
static int copy_parts(struct trim *t, const struct btf_type *type, size_t at)
{
	size_t tail = at + sizeof(*type), ref = at + offsetof(struct btf_type,
							      type);
	unsigned int n = btf_vlen(type);
	int err;

	switch (btf_kind(type)) {
	case BTF_KIND_PTR:
	case BTF_KIND_TYPEDEF:
		return copy_reference(t, ref);
	case BTF_KIND_ARRAY:
		err = copy_reference(t, tail + offsetof(struct btf_array,
							type));
		return err ? err :
		       copy_reference(t, tail + offsetof(struct btf_array,
							 index_type));
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return copy_list(t, tail, n, sizeof(struct btf_member), true);
	case BTF_KIND_ENUM:
		return copy_list(t, tail, n, sizeof(struct btf_enum), false);
	case BTF_KIND_ENUM64:
		return copy_list(t, tail, n, sizeof(struct btf_enum64), false);
	case BTF_KIND_FUNC_PROTO:
		err = copy_reference(t, ref);
		return err ? err : copy_list(t, tail, n,
					     sizeof(struct btf_param), true);
	}
	return 0;
}

static long copy_whole(struct trim *t, uint32_t id)
{
	const struct btf_type *type = type_at(t, id);
	long at, tail = tail_size(type);
	int err;

	at = append(&t->out, type, sizeof(*type) + tail);
	if (at < 0)
		return at;
	t->ids[id] = ++t->n_out;
	err = copy_name(t, at);
	if (!err)
		err = copy_parts(t, type, at);
	return err ? err : (long)t->ids[id];
}

static long void_ptr(struct trim *t)
{
	const struct btf_type type = { .info = BTF_KIND_PTR << 24 };
	long at;

	if (t->void_ptr)
		return t->void_ptr;
	at = append(&t->out, &type, sizeof(type));
	if (at < 0)
		return at;
	t->void_ptr = ++t->n_out;
	return t->void_ptr;
}

/* A typedef of a pointer to a function: how the kernel names tracepoints' types */
static bool names_prototype(const struct trim *t, const struct btf_type *type)
{
	const struct btf_type *ptr;

	if (!btf_is_typedef(type) || type->type > t->n || !type->type)
		return false;
	ptr = type_at(t, type->type);
	return btf_is_ptr(ptr) && ptr->type && ptr->type <= t->n &&
	       btf_is_func_proto(type_at(t, ptr->type));
}

/* Return: its id in the copy, or -errno. Ends: without pointers none is in itself. */
static long copy_type(struct trim *t, uint32_t id)
{
	const struct btf_type *type;

	if (!id)
		return 0;
	if (id > t->n)
		return -EINVAL;
	if (t->ids[id])
		return t->ids[id];
	type = type_at(t, id);
	switch (btf_kind(type)) {
	case BTF_KIND_PTR:
		return void_ptr(t);
	case BTF_KIND_CONST:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_TYPE_TAG:
		return copy_type(t, type->type);
	}
	/* the pointer first, or it would become one to void */
	if (names_prototype(t, type) && !t->ids[type->type]) {
		long err = copy_whole(t, type->type);

		if (err < 0)
			return err;
	}
	return copy_whole(t, id);
}

static int copy_roots(struct trim *t)
{
	uint32_t id;
	long ret;

	t->ids = calloc(t->n + 1, sizeof(*t->ids));
	if (!t->ids)
		return -ENOMEM;
	/* offset 0 is the empty name */
	ret = append(&t->out_strings, "", 1);
	for (id = 1; ret >= 0 && id <= t->n; id++) {
		if (is_root(t, type_at(t, id)))
			ret = copy_type(t, id);
	}
	return ret < 0 ? ret : 0;
}

static int join(const struct trim *t, void **data, uint32_t *size)
{
	const struct btf_header h = {
		.magic = BTF_MAGIC,
		.version = BTF_VERSION,
		.hdr_len = sizeof(h),
		.type_len = t->out.len,
		.str_off = t->out.len,
		.str_len = t->out_strings.len,
	};
	struct buffer b = { };

	if (append(&b, &h, sizeof(h)) < 0 ||
	    append(&b, t->out.data, t->out.len) < 0 ||
	    append(&b, t->out_strings.data, t->out_strings.len) < 0) {
		free(b.data);
		return -ENOMEM;
	}
	*data = b.data;
	*size = b.len;
	return 0;
}

int ksig_kernel_btf_trim(const char *const *names, size_t n_names,
			 void **data, uint32_t *size, bool *preemptible)
{
	struct trim t = { .names = names, .n_names = n_names };
	size_t raw_size = 0;
	const void *raw = read_kernel_btf(&raw_size);
	int err;

	if (!raw)
		return -ENOENT;
	err = find_sections(&t, raw, raw_size);
	if (!err)
		err = index_types(&t);
	if (!err)
		err = copy_roots(&t);
	if (!err)
		err = join(&t, data, size);
	if (!err)
		*preemptible = is_preemptible(&t);
	munmap((void *)(uintptr_t)raw, raw_size);
	free(t.offsets);
	free(t.ids);
	free(t.out.data);
	free(t.out_strings.data);
	return err;
}
