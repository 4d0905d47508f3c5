// SPDX-License-Identifier: MIT
/*
 * Check that a subscription fails with a message, and loads nothing, if the kernel has renamed a
 * tracepoint that the subscription needs, or has changed the type of its arguments. The test
 * changes one name or one argument type in the BTF of the running kernel.
 */
#define _GNU_SOURCE
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#define PROVIDER "bpf"
#include "subtest.h"

#define KERNEL_BTF "/sys/kernel/btf/vmlinux"

static const struct {
	const char *event;
	const char *tracepoint;
} uses[] = {
	{ "process.fork", "sched_process_fork" },
	{ "process.exec", "sched_process_exec" },
	{ "process.exit", "sched_process_exit" },
	{ "memory.kill", "mark_victim" },
	{ "power.suspend", "suspend_resume" },
	{ "power.resume", "suspend_resume" },
	{ "cpu.online", "cpuhp_exit" },
	{ "cpu.offline", "cpuhp_exit" },
	{ "kmod.load", "module_load" },
	{ "kmod.load", "module_put" },
	{ "kmod.load", "module_free" },
	{ "kmod.unload", "module_load" },
	{ "kmod.unload", "module_put" },
	{ "kmod.unload", "module_free" },
};

/* Return: the tracepoint's type; NULL if this kernel doesn't have the tracepoint. */
static struct btf_type *find(const struct btf *btf, const char *tracepoint)
{
	char name[64];
	int id;

	snprintf(name, sizeof(name), "btf_trace_%s", tracepoint);
	id = btf__find_by_name_kind(btf, name, BTF_KIND_TYPEDEF);
	return id < 0 ? NULL : (struct btf_type *)btf__type_by_id(btf, id);
}

/*
 * Gives the tracepoint the name of another typedef because the BTF has no space for a new string.
 */
static void rename_tracepoint(const struct btf *btf, struct btf_type *t)
{
	int id = btf__find_by_name_kind(btf, "size_t", BTF_KIND_TYPEDEF);

	CHECK(id > 0);
	t->name_off = btf__type_by_id(btf, id)->name_off;
}

/*
 * Changes the type of the tracepoint's first argument: a number becomes a pointer, any other type
 * becomes a number.
 */
static void retype_tracepoint(const struct btf *btf, struct btf_type *t)
{
	const struct btf_type *proto = btf__type_by_id(btf, t->type);
	struct btf_param *params;
	int number = btf__find_by_name_kind(btf, "int", BTF_KIND_INT), id;

	proto = btf__type_by_id(btf, proto->type);
	CHECK(btf_is_func_proto(proto) && btf_vlen(proto) >= 2 && number > 0);
	params = btf_params(proto);
	id = btf__resolve_type(btf, params[1].type);
	/* parameter 0 of every tracepoint is a pointer */
	params[1].type = btf_is_ptr(btf__type_by_id(btf, id)) ?
			 (uint32_t)number : params[0].type;
}

/* Replaces the kernel BTF seen by this process and its children. */
static void use(const struct btf *btf)
{
	char path[] = "/tmp/ksig-btf-XXXXXX";
	uint32_t size;
	const char *data = btf__raw_data(btf, &size);
	int fd = OK(mkstemp(path));

	CHECK(data);
	while (size) {
		ssize_t n = OK(write(fd, data, size));

		data += n;
		size -= n;
	}
	close(fd);
	OK(unshare(CLONE_NEWNS));
	OK(mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL));
	OK(mount(path, KERNEL_BTF, "none", MS_BIND, NULL));
	/* the mount keeps the file until this process exits */
	OK(unlink(path));
}

static const char *event, *tracepoint;
static const char *words;	/* expected message; NULL if the subscription still works */
static void (*change)(const struct btf *btf, struct btf_type *t);

/* Runs in a separate process because the library caches the kernel's BTF. */
static void drifted(struct child *self, void *arg)
{
	struct btf *btf = btf__parse(KERNEL_BTF, NULL);
	struct btf_type *t;

	(void)self;
	(void)arg;
	CHECK(btf);
	t = find(btf, tracepoint);
	if (!t) {
		if (!words)
			printf(": this kernel has no %s\n", tracepoint);
		return;
	}
	change(btf, t);
	use(btf);
	if (words)
		sub_fails(event, EOPNOTSUPP, 0, words);
	else
		ksig_sub_close(sub_open(event, NULL));
	btf__free(btf);
}

static void expect(void (*how)(const struct btf *btf, struct btf_type *t),
		   size_t i, const char *what)
{
	struct child c;

	change = how;
	event = uses[i].event;
	tracepoint = uses[i].tracepoint;
	words = what;
	c = child_start(drifted, NULL);
	child_join(&c);
}

static void nothing(const struct btf *btf, struct btf_type *t)
{
	(void)btf;
	(void)t;
}

int main(void)
{
	char text[128];
	size_t i;

	/* keep the library's cache empty because the children inherit its contents */
	sub_or_skip_apart("process.exec");
	for (i = 0; i < sizeof(uses) / sizeof(uses[0]); i++) {
		expect(nothing, i, NULL);
		snprintf(text, sizeof(text), "has no tracepoint %s",
			 uses[i].tracepoint);
		expect(rename_tracepoint, i, text);
		/*
		 * the argument of mark_victim is a pid or, since Linux 6.8, a task; the library
		 * accepts both, so changing its type causes no error
		 */
		if (!strcmp(uses[i].tracepoint, "mark_victim"))
			continue;
		/*
		 * some tracepoints share a prototype and the message names only the first of them,
		 * so don't expect a name here
		 */
		expect(retype_tracepoint, i, "has arguments that this libksig doesn't support");
	}
	return 0;
}
