// SPDX-License-Identifier: MIT
/*
 * The kernel's types, from its BTF: cut down to what our programs need (libbpf would read all
 * of it), and whether tracepoints are what the programs expect.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <bpf/btf.h>

#include "bpf.h"
#include "kernel_btf.h"
#include "ksig.skel.h"

#define NAMES_MAX 256
#define TYPEDEF_OF "btf_trace_"

/**
 * struct kernel_types - the kernel's BTF as far as it is needed
 * @lock: held while it is made
 * @data: as ksig_kernel_btf_trim() gives it; NULL: not made yet
 * @size: of @data
 * @btf: @data, taken apart
 * @preemptible: are probes of tracepoints?
 *
 * Made at first use, never freed.
 */
static struct kernel_types {
	pthread_mutex_t lock;
	void *data;
	uint32_t size;
	struct btf *btf;
	bool preemptible;
} kernel_types = { .lock = PTHREAD_MUTEX_INITIALIZER };

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/*
 * What a program for raw tracepoints takes of its arguments the kernel's verifier
 * doesn't compare: 'p' a pointer, 'n' none, '?' either.
 */
static const struct {
	const char *tracepoint;
	const char *args;
} expected[] = {
	{ "sched_process_fork", "pp" },
	{ "sched_process_exec", "p" },
	{ "sched_process_exit", "p" },
	{ "mark_victim", "?" },
	{ "suspend_resume", "pnn" },
	{ "cpuhp_exit", "nnnn" },
	{ "module_load", "p" },
	{ "module_put", "p" },
	{ "module_free", "p" },
};

/* What the programs read, tracepoints' prototypes, and what place_syscall_nr() does */
static size_t list_names(const struct btf *object,
			 char typedefs[ARRAY_SIZE(expected)][64],
			 const char *names[NAMES_MAX])
{
	unsigned int i, n_types = btf__type_cnt(object);
	const struct btf_type *t;
	size_t n = 0;

	names[n++] = "syscall_tp_t";
	for (i = 0; i < ARRAY_SIZE(expected); i++) {
		snprintf(typedefs[i], sizeof(typedefs[i]), TYPEDEF_OF "%s",
			 expected[i].tracepoint);
		names[n++] = typedefs[i];
	}
	for (i = 1; i < n_types && n < NAMES_MAX; i++) {
		t = btf__type_by_id(object, i);
		if (t->name_off && (btf_is_composite(t) || btf_is_any_enum(t) ||
				    btf_is_typedef(t)))
			names[n++] = btf__name_by_offset(object, t->name_off);
	}
	qsort(names, n, sizeof(*names), compare_names);
	return n;
}

static int make_kernel_types(struct kernel_types *k)
{
	char typedefs[ARRAY_SIZE(expected)][64];
	const char *names[NAMES_MAX];
	struct ksig_bpf *skel = ksig_bpf__open_opts(NULL);
	size_t n;
	int err;

	if (!skel)
		return -errno;
	n = list_names(bpf_object__btf(skel->obj), typedefs, names);
	err = ksig_kernel_btf_trim(names, n, &k->data, &k->size,
				   &k->preemptible);
	ksig_bpf__destroy(skel);
	if (err)
		return err;
	k->btf = btf__new(k->data, k->size);
	if (k->btf)
		return 0;
	err = -errno;
	free(k->data);
	k->data = NULL;
	return err;
}

int ksig_bpf_types(const struct btf **btf, struct ksig_error *e)
{
	int err = 0;

	pthread_mutex_lock(&kernel_types.lock);
	if (!kernel_types.data)
		err = make_kernel_types(&kernel_types);
	pthread_mutex_unlock(&kernel_types.lock);
	*btf = kernel_types.btf;
	if (err == -ENOMEM || err == -EMFILE || err == -ENFILE)
		return ksig_fail(e, 0, -err, "reading the kernel's BTF: %s",
				 strerror(-err));
	if (err)
		return ksig_fail(e, 0, EOPNOTSUPP,
				 "cannot read /sys/kernel/btf/vmlinux: needs CONFIG_DEBUG_INFO_BTF, and /sys mounted");
	return 0;
}

const struct btf_type *ksig_bpf_prototype(const struct btf *btf, const char *name)
{
	const struct btf_type *t;
	char typedef_name[64];
	int id;

	snprintf(typedef_name, sizeof(typedef_name), TYPEDEF_OF "%s", name);
	id = btf__find_by_name_kind(btf, typedef_name, BTF_KIND_TYPEDEF);
	if (id < 0)
		return NULL;
	t = btf__type_by_id(btf, btf__type_by_id(btf, id)->type);
	if (!t || !btf_is_ptr(t))
		return NULL;
	t = btf__type_by_id(btf, t->type);
	return t && btf_is_func_proto(t) ? t : NULL;
}

/* @t: of (void *data, ...) */
static bool has_args(const struct btf *btf, const struct btf_type *t,
		     const char *args)
{
	const struct btf_param *params = btf_params(t);
	const struct btf_type *param;
	unsigned int i;

	for (i = 0; args[i]; i++) {
		if (i + 1 >= btf_vlen(t))
			return false;
		param = btf__type_by_id(btf, btf__resolve_type(btf,
							params[i + 1].type));
		if (args[i] != '?' &&
		    (!param || btf_is_ptr(param) != (args[i] == 'p')))
			return false;
	}
	return true;
}

static bool is_expected(const struct btf *btf, const char *tracepoint,
			const struct btf_type *t)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(expected); i++) {
		if (!strcmp(expected[i].tracepoint, tracepoint))
			return has_args(btf, t, expected[i].args);
	}
	return false;
}

static int find_tracepoint(const struct btf *btf, const char *tracepoint,
			   struct ksig_error *e)
{
	const struct btf_type *t = ksig_bpf_prototype(btf, tracepoint);
	struct utsname u;

	if (t && is_expected(btf, tracepoint, t))
		return 0;
	uname(&u);
	if (t)
		return ksig_fail(e, 0, EOPNOTSUPP,
				 "the tracepoint %2$s of this kernel (%1$.32s) has arguments that this libksig doesn't know",
				 u.release, tracepoint);
	return ksig_fail(e, 0, EOPNOTSUPP,
			 "this kernel (%.32s) has no tracepoint %s", u.release,
			 tracepoint);
}

int ksig_bpf_check_tracepoints(const struct ksig_bpf_source *src,
			       struct ksig_error *e)
{
	const struct btf *btf;
	unsigned int i;
	int err = ksig_bpf_types(&btf, e);

	for (i = 0; i < KSIG_BPF_PROGRAMS && src->tracepoints[i] && !err; i++)
		err = find_tracepoint(btf, src->tracepoints[i], e);
	return err;
}

bool ksig_bpf_probes_preemptible(void)
{
	return kernel_types.preemptible;
}

/*
 * A file that libbpf reads the kernel's types from, for as long as the descriptor
 * that is returned is open; -1: without it libbpf reads all that the kernel has.
 */
static int types_file(char path[64])
{
	const struct kernel_types *k = &kernel_types;
	int fd = memfd_create("ksig-btf", MFD_CLOEXEC);

	if (fd < 0)
		return -1;
	snprintf(path, 64, "/proc/self/fd/%d", fd);
	if (write(fd, k->data, k->size) == (ssize_t)k->size &&
	    !access(path, R_OK))
		return fd;
	close(fd);
	return -1;
}

struct ksig_bpf *ksig_bpf_object(int *types)
{
	char path[64];

	LIBBPF_OPTS(bpf_object_open_opts, opts);

	*types = types_file(path);
	if (*types >= 0)
		opts.btf_custom_path = path;
	return ksig_bpf__open_opts(&opts);
}
