// SPDX-License-Identifier: MIT
/*
 * The kernel's BTF is 5 to 10 MB in size, and libbpf reads and indexes all of it for each object
 * that it loads. The programs need only about forty structures. Once per process, these structures
 * are copied to a BTF of about 10 KB, which libbpf uses instead of the kernel's BTF.
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
 * struct trim - the kernel's BTF, and the partial copy of it
 * @types: type section of the kernel's BTF
 * @types_len: size of @types
 * @strings: string section of the kernel's BTF; ends with a NUL
 * @strings_len: size of @strings
 * @offsets: offset of each type in @types, indexed by ID
 * @n: number of types; IDs start at 1
 * @ids: ID of each type in the copy, indexed by its ID in the kernel's BTF; 0 if not copied
 * @out: type section of the copy
 * @out_strings: string section of the copy
 * @n_out: number of types in @out
 * @void_ptr: ID of the only pointer to void in the copy; 0 if it does not exist yet
 */
struct trim {
	const char *types;
	size_t types_len;
	const char *strings;
	size_t strings_len;
	uint32_t *offsets;
	uint32_t n;
	uint32_t *ids;
	struct buffer out;
	struct buffer out_strings;
	uint32_t n_out;
	uint32_t void_ptr;
};

/* -------------------------------------------------------------------- input */

/* Return: a mapping of the kernel's BTF, with its size in *@size; or NULL. */
static const void *trim_map_kernel(size_t *size)
{
	char *p = MAP_FAILED;
	size_t len = 0;
	struct stat st;
	ssize_t n = 1;
	int fd;

	fd = open(KERNEL_BTF, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	if (fstat(fd, &st))
		goto out;
	*size = st.st_size;
	p = mmap(NULL, *size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p != MAP_FAILED)
		goto out;
	/* the file cannot be mapped before Linux 6.16; each read(2) returns at most a page */
	p = mmap(NULL, *size, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		goto out;
	while (n > 0 && len < *size) {
		n = read(fd, p + len, *size - len);
		len += n > 0 ? n : 0;
	}
	if (len != *size) {
		munmap(p, *size);
		p = MAP_FAILED;
	}
out:
	close(fd);
	return p == MAP_FAILED ? NULL : p;
}

/* Return: the size of the data that follows a type's struct btf_type; -1 if the kind is unknown. */
static long trim_tail_size(const struct btf_type *type)
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

static const struct btf_type *trim_type_at(const struct trim *t, uint32_t id)
{
	return (const struct btf_type *)(t->types + t->offsets[id]);
}

/* Checks the kernel's BTF @raw, and finds its sections and the offset of each type. */
static int trim_index(struct trim *t, const void *raw, size_t size)
{
	const size_t head = sizeof(struct btf_type);
	const struct btf_header *h = raw;
	const char *start;
	size_t at = 0;
	long tail;

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

	/* allocate for types of the minimum size; IDs start at 1 */
	t->offsets = malloc((t->types_len / head + 1) * sizeof(*t->offsets));
	if (!t->offsets)
		return -ENOMEM;
	while (t->types_len - at >= head) {
		tail = trim_tail_size((const void *)(t->types + at));
		if (tail < 0 || (size_t)tail > t->types_len - at - head)
			return -EINVAL;
		t->offsets[++t->n] = at;
		at += head + tail;
	}
	return at == t->types_len ? 0 : -EINVAL;
}

static int trim_compare_names(const void *name, const void *element)
{
	return strcmp(name, *(const char *const *)element);
}

static bool trim_has_name(const struct trim *t, const struct btf_type *type,
			  unsigned int kind, const char *name)
{
	return btf_kind(type) == kind && type->name_off < t->strings_len &&
	       !strcmp(t->strings + type->name_off, name);
}

/*
 * Return: whether probes are preemptible. Since Linux 7.0, probes are protected by SRCU and
 * preemption is no longer disabled. The existence of the variable tracepoint_srcu does not prove
 * this, because kernels up to 6.12 used the variable for probes in idle tasks. The structure for
 * SRCU's fast readers was added later (6.15), so a kernel that has both is recent enough. BTF
 * describes a static variable only if it is per-CPU.
 */
static bool trim_is_preemptible(const struct trim *t)
{
	bool used = false, fast = false;
	uint32_t id;

	for (id = 1; id <= t->n && !(used && fast); id++) {
		used |= trim_has_name(t, trim_type_at(t, id), BTF_KIND_VAR,
				      "tracepoint_srcu_srcu_data");
		fast |= trim_has_name(t, trim_type_at(t, id), BTF_KIND_STRUCT,
				      "srcu_ctr");
	}
	return used && fast;
}

/* --------------------------------------------------------------------- copy */

/* Return: the offset in @b of the appended data, or -ENOMEM. */
static long trim_append(struct buffer *b, const void *data, size_t len)
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

/*
 * Copies a name. @name_off: location in the copy that contains the offset of the name in the
 * kernel's strings; replaced by the new offset.
 */
static int trim_copy_name(struct trim *t, size_t name_off)
{
	uint32_t from, to = 0;
	const char *name;
	long at;

	memcpy(&from, t->out.data + name_off, sizeof(from));
	if (from >= t->strings_len)
		return -EINVAL;
	name = t->strings + from;
	if (*name) {
		at = trim_append(&t->out_strings, name, strlen(name) + 1);
		if (at < 0)
			return at;
		to = at;
	}
	memcpy(t->out.data + name_off, &to, sizeof(to));
	return 0;
}

static long trim_copy_type(struct trim *t, uint32_t id);

/*
 * Copies a referenced type. @ref: location in the copy that contains the ID of a type in the
 * kernel's BTF; replaced by the new ID.
 */
static int trim_copy_reference(struct trim *t, size_t ref)
{
	uint32_t from, to;
	long id;

	memcpy(&from, t->out.data + ref, sizeof(from));
	id = trim_copy_type(t, from);
	if (id < 0)
		return id;
	to = id;
	memcpy(t->out.data + ref, &to, sizeof(to));
	return 0;
}

/*
 * Copies the names of @n members, parameters or enumerators, which begin at @at. If @typed is set,
 * also copies their types.
 */
static int trim_copy_list(struct trim *t, size_t at, unsigned int n, size_t size,
			  bool typed)
{
	int err = 0;

	/* each element begins with its name, followed by its type */
	for (; !err && n; n--, at += size) {
		err = trim_copy_name(t, at);
		if (!err && typed)
			err = trim_copy_reference(t, at + sizeof(uint32_t));
	}
	return err;
}

/*
 * Copies the type @id. The offsets of names and the IDs of types are replaced with those in the
 * copy.
 * Return: the ID in the copy, or -errno.
 */
static long trim_copy_whole(struct trim *t, uint32_t id)
{
	const struct btf_type *type = trim_type_at(t, id);
	unsigned int n = btf_vlen(type);
	size_t ref, tail;
	long at;
	int err;

	at = trim_append(&t->out, type, sizeof(*type) + trim_tail_size(type));
	if (at < 0)
		return at;
	t->ids[id] = ++t->n_out;
	err = trim_copy_name(t, at);
	if (err)
		return err;
	ref = at + offsetof(struct btf_type, type);
	tail = at + sizeof(*type);
	switch (btf_kind(type)) {
	case BTF_KIND_PTR:
	case BTF_KIND_TYPEDEF:
		err = trim_copy_reference(t, ref);
		break;
	case BTF_KIND_ARRAY:
		err = trim_copy_reference(t, tail + offsetof(struct btf_array, type));
		if (!err)
			err = trim_copy_reference(t, tail + offsetof(struct btf_array,
								     index_type));
		break;
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		err = trim_copy_list(t, tail, n, sizeof(struct btf_member), true);
		break;
	case BTF_KIND_ENUM:
		err = trim_copy_list(t, tail, n, sizeof(struct btf_enum), false);
		break;
	case BTF_KIND_ENUM64:
		err = trim_copy_list(t, tail, n, sizeof(struct btf_enum64), false);
		break;
	case BTF_KIND_FUNC_PROTO:
		err = trim_copy_reference(t, ref);
		if (!err)
			err = trim_copy_list(t, tail, n, sizeof(struct btf_param), true);
		break;
	}
	return err ? err : (long)t->ids[id];
}

/*
 * Copies a type unless it has been copied already. The recursion terminates because a type cannot
 * contain itself except through a pointer, and pointers are not followed.
 * Return: the ID in the copy, or -errno.
 */
static long trim_copy_type(struct trim *t, uint32_t id)
{
	static const struct btf_type void_ptr = { .info = BTF_KIND_PTR << 24 };
	const struct btf_type *type, *ptr;
	long ret;

	if (!id)
		return 0;
	if (id > t->n)
		return -EINVAL;
	if (t->ids[id])
		return t->ids[id];
	type = trim_type_at(t, id);
	switch (btf_kind(type)) {
	case BTF_KIND_PTR:
		if (t->void_ptr)
			return t->void_ptr;
		ret = trim_append(&t->out, &void_ptr, sizeof(void_ptr));
		if (ret < 0)
			return ret;
		t->void_ptr = ++t->n_out;
		return t->void_ptr;
	case BTF_KIND_CONST:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_TYPE_TAG:
		return trim_copy_type(t, type->type);
	case BTF_KIND_TYPEDEF:
		/*
		 * The type of a tracepoint is a typedef of a pointer to its prototype. Copy that
		 * pointer first, because it would otherwise become a pointer to void.
		 */
		if (!type->type || type->type > t->n || t->ids[type->type])
			break;
		ptr = trim_type_at(t, type->type);
		if (!btf_is_ptr(ptr) || !ptr->type || ptr->type > t->n ||
		    !btf_is_func_proto(trim_type_at(t, ptr->type)))
			break;
		ret = trim_copy_whole(t, type->type);
		if (ret < 0)
			return ret;
		break;
	}
	return trim_copy_whole(t, id);
}

int ksig_kernel_btf_trim(const char *const *names, size_t n_names,
			 void **data, uint32_t *size, bool *preemptible)
{
	struct trim t = { };
	struct btf_header h = {
		.magic = BTF_MAGIC,
		.version = BTF_VERSION,
		.hdr_len = sizeof(h),
	};
	struct buffer joined = { };
	const struct btf_type *type;
	size_t raw_size = 0;
	const void *raw = trim_map_kernel(&raw_size);
	uint32_t id;
	long err;

	if (!raw)
		return -ENOENT;
	err = trim_index(&t, raw, raw_size);
	if (err)
		goto out;
	t.ids = calloc(t.n + 1, sizeof(*t.ids));
	/* offset 0 must be the empty name */
	err = t.ids ? trim_append(&t.out_strings, "", 1) : -ENOMEM;
	for (id = 1; err >= 0 && id <= t.n; id++) {
		type = trim_type_at(&t, id);
		if (!btf_is_composite(type) && !btf_is_any_enum(type) &&
		    !btf_is_typedef(type))
			continue;
		if (type->name_off && type->name_off < t.strings_len &&
		    bsearch(t.strings + type->name_off, names, n_names,
			    sizeof(*names), trim_compare_names))
			err = trim_copy_type(&t, id);
	}
	if (err < 0)
		goto out;
	h.type_len = t.out.len;
	h.str_off = t.out.len;
	h.str_len = t.out_strings.len;
	err = -ENOMEM;
	if (trim_append(&joined, &h, sizeof(h)) < 0 ||
	    trim_append(&joined, t.out.data, t.out.len) < 0 ||
	    trim_append(&joined, t.out_strings.data, t.out_strings.len) < 0) {
		free(joined.data);
		goto out;
	}
	*data = joined.data;
	*size = joined.len;
	*preemptible = trim_is_preemptible(&t);
	err = 0;
out:
	munmap((void *)(uintptr_t)raw, raw_size);
	free(t.offsets);
	free(t.ids);
	free(t.out.data);
	free(t.out_strings.data);
	return err;
}
