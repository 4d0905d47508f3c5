// SPDX-License-Identifier: MIT
/*
 * Reads only the part of the kernel's BTF that the programs need, because libbpf would read all of
 * it. Also checks that the kernel's tracepoints have the arguments that the programs expect.
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
 * struct kernel_types - the required part of the kernel's BTF
 * @lock: held while the types are read
 * @data: result of ksig_kernel_btf_trim(); NULL if it has not been read yet
 * @size: size of @data
 * @btf: @data as parsed by libbpf
 * @preemptible: probes of tracepoints run with preemption enabled
 *
 * Read at first use and never freed.
 */
static struct kernel_types {
	pthread_mutex_t lock;
	void *data;
	uint32_t size;
	struct btf *btf;
	bool preemptible;
} kernel_types = { .lock = PTHREAD_MUTEX_INITIALIZER };

static int types_compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/*
 * The verifier does not check which arguments a program for raw tracepoints reads, so they are
 * checked here. 'p' stands for a pointer, 'n' for any other type, '?' for either.
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

int ksig_bpf_types(const struct btf **btf, struct ksig_error *e)
{
	char typedefs[ARRAY_SIZE(expected)][64];
	struct kernel_types *k = &kernel_types;
	const char *names[NAMES_MAX];
	const struct btf *programs;
	const struct btf_type *t;
	struct ksig_bpf *skel;
	unsigned int i;
	size_t n = 0;
	int err = 0;

	pthread_mutex_lock(&k->lock);
	if (k->data)
		goto out;
	skel = ksig_bpf__open_opts(NULL);
	if (!skel) {
		err = -errno;
		goto out;
	}
	/* types read by load.c, prototypes of tracepoints, and types read by the programs */
	names[n++] = "syscall_tp_t";
	for (i = 0; i < ARRAY_SIZE(expected); i++) {
		snprintf(typedefs[i], sizeof(typedefs[i]), TYPEDEF_OF "%s",
			 expected[i].tracepoint);
		names[n++] = typedefs[i];
	}
	programs = bpf_object__btf(skel->obj);
	for (i = 1; i < btf__type_cnt(programs) && n < NAMES_MAX; i++) {
		t = btf__type_by_id(programs, i);
		if (t->name_off && (btf_is_composite(t) || btf_is_any_enum(t) ||
				    btf_is_typedef(t)))
			names[n++] = btf__name_by_offset(programs, t->name_off);
	}
	qsort(names, n, sizeof(*names), types_compare_names);
	err = ksig_kernel_btf_trim(names, n, &k->data, &k->size, &k->preemptible);
	ksig_bpf__destroy(skel);
	if (err)
		goto out;
	k->btf = btf__new(k->data, k->size);
	if (!k->btf) {
		err = -errno;
		free(k->data);
		k->data = NULL;
	}
out:
	*btf = k->btf;
	pthread_mutex_unlock(&k->lock);
	if (err == -ENOMEM || err == -EMFILE || err == -ENFILE)
		return ksig_fail(e, 0, -err, "cannot read the kernel's BTF: %s",
				 strerror(-err));
	return err ? ksig_fail(e, 0, EOPNOTSUPP,
			       "cannot read /sys/kernel/btf/vmlinux: needs CONFIG_DEBUG_INFO_BTF, and /sys mounted") : 0;
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

/* @t: prototype of the tracepoint, (void *data, ...) */
static bool types_has_expected_args(const struct btf *btf, const struct btf_type *t,
				    const char *tracepoint)
{
	const struct btf_param *params = btf_params(t);
	const struct btf_type *param;
	const char *args = NULL;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(expected); i++) {
		if (!strcmp(expected[i].tracepoint, tracepoint))
			args = expected[i].args;
	}
	if (!args)
		return false;
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

int ksig_bpf_check_tracepoints(const struct ksig_bpf_source *src,
			       struct ksig_error *e)
{
	const struct btf_type *t;
	const struct btf *btf;
	struct utsname u;
	const char *name;
	unsigned int i;
	int err;

	err = ksig_bpf_types(&btf, e);
	if (err)
		return err;
	uname(&u);
	for (i = 0; i < KSIG_BPF_PROGRAMS && src->tracepoints[i]; i++) {
		name = src->tracepoints[i];
		t = ksig_bpf_prototype(btf, name);
		if (!t)
			return ksig_fail(e, 0, EOPNOTSUPP,
					 "this kernel (%.32s) has no tracepoint %s",
					 u.release, name);
		if (!types_has_expected_args(btf, t, name))
			return ksig_fail(e, 0, EOPNOTSUPP,
					 "the tracepoint %2$s of this kernel (%1$.32s) has arguments that this libksig doesn't support",
					 u.release, name);
	}
	return 0;
}

bool ksig_bpf_probes_preemptible(void)
{
	return kernel_types.preemptible;
}

struct ksig_bpf *ksig_bpf_object(int *types)
{
	const struct kernel_types *k = &kernel_types;
	char path[64];

	LIBBPF_OPTS(bpf_object_open_opts, opts);

	/* pass the types to libbpf in a file; otherwise libbpf reads all types of the kernel */
	*types = memfd_create("ksig-btf", MFD_CLOEXEC);
	if (*types >= 0) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", *types);
		if (write(*types, k->data, k->size) == (ssize_t)k->size &&
		    !access(path, R_OK)) {
			opts.btf_custom_path = path;
		} else {
			close(*types);
			*types = -1;
		}
	}
	return ksig_bpf__open_opts(&opts);
}
