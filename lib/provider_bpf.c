// SPDX-License-Identifier: MIT
/*
 * Events by BPF programs: bpf/ksig.bpf.c, loaded once for each subscription.
 *
 * libbpf's object is closed as soon as the programs are attached. What the
 * subscription keeps is the ring, the links, the mapped variables, and the
 * programs, for their counters of skipped runs.
 *
 * libbpf has one function for its log, whoever uses it in the process. It is set
 * to ours at first use and stays: what libbpf says within a call on a handle
 * goes to that handle's log, and all else to where it went before.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/membarrier.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "kernel_btf.h"
#include "tracepoint.h"
#include "ksig.skel.h"

/* The oldest kernel that it is tested on. */
#define OLDEST "6.1"

#define PROGRAMS_MAX 3

/* How old the count of skipped runs may be that a record is flagged by. */
#define MISSES_NS 1000000

/* So often is looked whether a record is complete. */
#define BUSY_TRIES 100

/**
 * struct ksig_bpf_source - where an event comes from
 * @programs: those of ksig.bpf.c that listen
 * @tracepoints: what each of these listens to; none: whatever the event names
 * @entry_program: listens instead where probes are preemptible; NULL: there is none
 * @entry_field: the field of the tracepoint's entry that it reads, or NULL
 */
struct ksig_bpf_source {
	const char *programs[PROGRAMS_MAX];
	const char *tracepoints[PROGRAMS_MAX];
	const char *entry_program;
	const char *entry_field;
};

const struct ksig_bpf_source ksig_bpf_fork = {
	{ "ksig_fork" }, { "sched_process_fork" }, "ksig_fork_entry", "child_pid",
};
const struct ksig_bpf_source ksig_bpf_exec = {
	{ "ksig_exec" }, { "sched_process_exec" }, "ksig_exec_entry", NULL,
};
const struct ksig_bpf_source ksig_bpf_exit = {
	{ "ksig_exit" }, { "sched_process_exit" }, "ksig_exit_entry", "group_dead",
};
const struct ksig_bpf_source ksig_bpf_kill = {
	{ "ksig_kill" }, { "mark_victim" }, NULL, NULL,
};
const struct ksig_bpf_source ksig_bpf_power = {
	{ "ksig_power" }, { "suspend_resume" }, NULL, NULL,
};
const struct ksig_bpf_source ksig_bpf_cpu = {
	{ "ksig_cpu" }, { "cpuhp_exit" }, NULL, NULL,
};
const struct ksig_bpf_source ksig_bpf_kmod = {
	{ "ksig_module_load", "ksig_module_put", "ksig_module_free" },
	{ "module_load", "module_put", "module_free" }, NULL, NULL,
};

/* Of any tracepoint: it is found by its number, not by BTF. */
static const struct ksig_bpf_source trace_source = {
	{ "ksig_trace" }, { }, NULL, NULL,
};

/**
 * struct state - a subscription's own
 * @ring: the BPF ring
 * @links: attach the programs; closing them detaches
 * @programs: those that are attached, for their counters; -1: none
 * @tracepoint: for who takes its entry: where it is attached
 * @syscall: likewise, the system call's own tracepoint; 0: it is not one's
 * @syscall_event: opens that, for the setup to find the number; -1: closed
 * @instead: a tracepoint is used for what another one could tell
 * @plain: that has failed: it may not be
 * @bss: the programs' variables
 * @pidfds: keep the processes that the filter names from becoming others
 * @lent: the one of them that is the subscription's; -1: none
 * @consumer: how far it has read: a page, ours to write
 * @producer: how far it is written, a page, and then the ring, twice
 * @mask: the ring's size less one
 * @page: a page's size
 * @record: the last event
 * @event_size: bytes in it; in the ring an inode follows, which is in @ino then
 * @ino: inode of the last event's subject; 0: not known
 * @read: so many were read
 * @told: so many of the lost ones were told
 * @misses: so often had the kernel skipped the program by @misses_at
 * @misses_at: when that was looked at, by the records' clock
 */
struct state {
	int ring;
	int links[PROGRAMS_MAX];
	int programs[PROGRAMS_MAX];
	unsigned int tracepoint;
	unsigned int syscall;
	int syscall_event;
	bool instead;
	bool plain;
	struct ksig_bpf__bss *bss;
	int pidfds[2];
	int lent;
	unsigned long *consumer;
	const unsigned long *producer;
	size_t mask;
	size_t page;
	struct ksig_event *record;
	uint32_t event_size;
	uint64_t ino;
	uint64_t read;
	uint64_t told;
	uint64_t misses;
	uint64_t misses_at;
};

/* ------------------------------------------------------------- libbpf's words */

/* Whose call this thread is in; what libbpf has said last in it. */
static __thread struct {
	bool inside;
	const struct ksig_sub_opts *opts;
	char last[128];
} here;

static libbpf_print_fn_t others;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static int print(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	char line[1024];

	if (!here.inside)
		return others ? others(level, fmt, ap) : 0;
	if (level != LIBBPF_WARN)
		return 0;
	vsnprintf(line, sizeof(line), fmt, ap);
	line[strcspn(line, "\n")] = '\0';
	snprintf(here.last, sizeof(here.last), "%.*s",
		 (int)sizeof(here.last) - 1, line);
	if (here.opts && here.opts->log)
		here.opts->log(here.opts->log_ctx, line);
	return 0;
}

static void set_print(void)
{
	others = libbpf_set_print(print);
}

void ksig_libbpf_enter(const struct ksig_sub_opts *opts)
{
	pthread_once(&once, set_print);
	here.inside = true;
	here.opts = opts;
	here.last[0] = '\0';
}

void ksig_libbpf_leave(void)
{
	here.inside = false;
	here.opts = NULL;
}

/* ------------------------------------------------------ may it, and can it at all */

/* What a record takes in the ring */
static size_t ring_record(size_t event_size)
{
	return event_size + sizeof(uint64_t) + BPF_RINGBUF_HDR_SZ;
}

static const struct ksig_bpf_source *find_source(const struct ksig_event_desc *d)
{
	return strncmp(d->name, KSIG_TRACE, strlen(KSIG_TRACE)) ? d->bpf :
								  &trace_source;
}

static bool has_cap(unsigned int cap)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2] = { };

	return !syscall(SYS_capget, &head, data) &&
	       data[cap / 32].effective >> cap % 32 & 1;
}

static bool in_user_namespace(void)
{
	unsigned long first, outside, count;
	FILE *f = fopen("/proc/self/uid_map", "re");
	int n;

	if (!f)
		return false;
	n = fscanf(f, "%lu %lu %lu", &first, &outside, &count);
	fclose(f);
	/* empty until it is set */
	return n != 3 || first || outside || count != 4294967295;
}

/* In the mode in which BPF programs may not read the kernel's memory? */
static bool locked_down(void)
{
	FILE *f = fopen("/sys/kernel/security/lockdown", "re");
	char line[128];
	bool locked;

	if (!f)
		return false;
	locked = fgets(line, sizeof(line), f) &&
		 strstr(line, "[confidentiality]");
	fclose(f);
	return locked;
}

static int not_allowed(int err, struct ksig_error *e)
{
	if (!has_cap(CAP_SYS_ADMIN) &&
	    (!has_cap(CAP_BPF) || !has_cap(CAP_PERFMON)))
		return ksig_fail(e, 0, err,
				 "it needs the capabilities CAP_BPF and CAP_PERFMON (or root); %s missing here",
				 has_cap(CAP_BPF) ? "CAP_PERFMON is" :
				 has_cap(CAP_PERFMON) ? "CAP_BPF is" :
				 "both are");
	if (in_user_namespace())
		return ksig_fail(e, 0, err,
				 "BPF programs are loaded from the initial user namespace only: run it outside of the container");
	return ksig_fail(e, 0, err,
			 "bpf(2) is forbidden here (%s), by a seccomp filter or a security module: allow it in the container's or service's settings",
			 strerror(err));
}

static int cannot_load(int err, struct ksig_error *e)
{
	struct utsname u;

	if (err == EPERM || err == EACCES)
		return not_allowed(err, e);
	if (locked_down())
		return ksig_fail(e, 0, EPERM,
				 "kernel lockdown (confidentiality) keeps BPF programs from reading kernel memory: boot with lockdown=integrity or without");
	if (err == ENOSYS)
		return ksig_fail(e, 0, EOPNOTSUPP,
				 "this kernel has no bpf(2): it needs CONFIG_BPF_SYSCALL");
	if (err == ENOMEM || err == EMFILE || err == ENFILE)
		return ksig_fail(e, 0, err, "loading a BPF program: %s",
				 strerror(err));
	uname(&u);
	return ksig_fail(e, 0, EOPNOTSUPP,
			 "this kernel (%.32s) does not take the BPF program: it needs Linux " OLDEST
			 "; %.128s", u.release,
			 *here.last ? here.last : strerror(err));
}

/* A program that does what ours must be allowed to. */
static int probe(struct ksig_error *e)
{
	static const struct bpf_insn insns[] = {
		/* r1 = r10 - 8; r2 = 8; r3 = 0; bpf_probe_read_kernel() */
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 1,
		  .src_reg = 10 },
		{ .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = 1, .imm = -8 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 2, .imm = 8 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 3, .imm = 0 },
		{ .code = BPF_JMP | BPF_CALL,
		  .imm = BPF_FUNC_probe_read_kernel },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int fd;

	fd = bpf_prog_load(BPF_PROG_TYPE_RAW_TRACEPOINT, "ksig_probe", "GPL",
			   insns, ARRAY_SIZE(insns), NULL);
	if (fd < 0)
		return cannot_load(-fd, e);
	close(fd);
	return 0;
}

/* ------------------------------------------------------------- kernel's types */

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
	struct ksig_bpf *skel = ksig_bpf__open();
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

static int load_btf(const struct btf **btf, struct ksig_error *e)
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
				 "no BTF of this kernel (/sys/kernel/btf/vmlinux): it needs CONFIG_DEBUG_INFO_BTF, and /sys mounted");
	return 0;
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

/* A tracepoint's prototype: (void *data, ...); NULL: it has none of that name */
static const struct btf_type *prototype(const struct btf *btf, const char *name)
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
	const struct btf_type *t = prototype(btf, tracepoint);
	struct utsname u;

	if (t && is_expected(btf, tracepoint, t))
		return 0;
	uname(&u);
	if (t)
		return ksig_fail(e, 0, EOPNOTSUPP,
				 "this kernel's (%.32s) tracepoint %s has other arguments than this libksig knows",
				 u.release, tracepoint);
	return ksig_fail(e, 0, EOPNOTSUPP,
			 "this kernel (%.32s) has no tracepoint %s", u.release,
			 tracepoint);
}

static int find_tracepoints(const struct btf *btf, const struct ksig_bpf_source *src,
			    struct ksig_error *e)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < PROGRAMS_MAX && src->tracepoints[i] && !err; i++)
		err = find_tracepoint(btf, src->tracepoints[i], e);
	return err;
}

static int check(const struct ksig_event_desc *d, struct ksig_error *e)
{
	const struct ksig_bpf_source *src = find_source(d);
	const struct btf *btf;
	int err;

	if (!src)
		return ksig_fail(e, 0, ENOENT, "BPF knows no event %s",
				 d->name);
	ksig_libbpf_enter(NULL);
	err = probe(e);
	if (!err)
		err = load_btf(&btf, e);
	if (!err)
		err = find_tracepoints(btf, src, e);
	ksig_libbpf_leave();
	return err;
}

/* --------------------------------------------------------------------- filter */

/* As an unsigned range, or a mask: see struct ksig_bpf_cond. */
static void set_numbers(struct ksig_bpf_cond *to, const struct ksig_cond *c)
{
	uint64_t low = 0, high = UINT64_MAX, n;
	bool none = false;

	to->bias = to->is_signed ? 1ULL << 63 : 0;
	n = c->number ^ to->bias;
	switch (c->op) {
	case KSIG_OP_EQ:
	case KSIG_OP_NE:
		low = n;
		high = n;
		break;
	case KSIG_OP_LT:
		none = n == 0;
		high = n - 1;
		break;
	case KSIG_OP_LE:
		high = n;
		break;
	case KSIG_OP_GT:
		none = n == UINT64_MAX;
		low = n + 1;
		break;
	case KSIG_OP_GE:
		low = n;
		break;
	case KSIG_OP_AND:
		to->mask = c->number;
		none = !c->number;
		break;
	}
	to->low = none ? 0 : low;
	to->span = none ? UINT64_MAX : high - low;
	to->negate = none || c->op == KSIG_OP_NE;
}

/* False: the library has to do it. */
static bool set_text(struct ksig_bpf_cond *to, const struct ksig_cond *c,
		     size_t size)
{
	size_t len = strlen(c->text);

	if ((c->op != KSIG_OP_EQ && c->op != KSIG_OP_NE) || len >= size ||
	    (size > KSIG_BPF_TEXT && len > KSIG_BPF_TEXT - 2))
		return false;
	to->size = size;
	to->negate = c->op == KSIG_OP_NE;
	memcpy(to->text, c->text, len);
	return true;
}

static bool set_current(struct ksig_bpf_cond *to, const struct ksig_cond *c)
{
	if (!strcmp(c->key, "current.comm")) {
		to->source = KSIG_BPF_CURRENT_COMM;
		return set_text(to, c, 16);
	}
	to->source = KSIG_BPF_CURRENT_PID;
	set_numbers(to, c);
	return true;
}

/* A tracepoint's field: where is it in the entry? */
static void set_entry_place(struct ksig_bpf_cond *to,
			    const struct ksig_tracepoint *tp,
			    const struct ksig_field_desc *f)
{
	unsigned int i;

	to->offset = f->offset - KSIG_TRACE_ENTRY;
	for (i = 0; i < tp->n_strings; i++) {
		if (tp->strings[i].to != f->offset)
			continue;
		to->source = KSIG_BPF_TEXT_LOC;
		to->offset = tp->strings[i].loc;
		to->relative = tp->strings[i].relative;
	}
}

static bool is_subject(const struct ksig_field_desc *f)
{
	return f && f->offset == offsetof(struct ksig_event, subject);
}

/* mark_victim does not say whose memory is short. */
static bool is_unknown(const struct ksig_sub *sub,
		       const struct ksig_field_desc *f)
{
	return f->unknown & KSIG_EVENT_NO_VALUE &&
	       !strcmp(sub->desc->name, "memory.kill");
}

/* A condition on it would never pass. */
static int check_known(const struct ksig_sub *sub,
		       const struct ksig_tracepoint *tp, struct ksig_error *e)
{
	const struct ksig_cond *c;
	unsigned int i;

	for (i = 0; i < sub->spec.n_conds; i++) {
		c = &sub->spec.conds[i];
		if (c->field && is_unknown(sub, c->field))
			return ksig_fail(e, c->column, EOPNOTSUPP,
					 "the kernel's tracepoint does not give '%s'",
					 c->key);
		if (tp && !tp->value && c->field &&
		    c->field->offset == offsetof(struct ksig_event, value))
			return ksig_fail(e, c->column, EINVAL,
					 "%s has no value unless a field is chosen as such (ksig watch --value FIELD): name the field in the filter",
					 sub->desc->name);
	}
	return 0;
}

static bool set_field(struct ksig_bpf_cond *to, const struct ksig_cond *c,
		      const struct ksig_tracepoint *tp)
{
	const struct ksig_field_desc *f = c->field;

	if (tp && is_subject(f)) {
		to->source = KSIG_BPF_CURRENT_PID;
		set_numbers(to, c);
		return true;
	}
	if (tp && f->offset == offsetof(struct ksig_event, value))
		f = tp->value;
	if (!f || f->added || (tp && f->offset < KSIG_TRACE_ENTRY))
		return false;
	to->offset = f->offset;
	if (f->type == KSIG_FIELD_STRING) {
		to->source = KSIG_BPF_TEXT_AT;
		if (!set_text(to, c, f->size))
			return false;
	} else {
		to->source = KSIG_BPF_NUMBER;
		to->size = f->size;
		to->is_signed = f->type == KSIG_FIELD_SIGNED;
		set_numbers(to, c);
	}
	if (tp)
		set_entry_place(to, tp, f);
	return true;
}

/* current.* goes first: the library can't do it. */
static int set_conds(struct ksig_sub *sub, const struct ksig_tracepoint *tp,
		     struct ksig_bpf__rodata *ro, struct ksig_error *e)
{
	struct ksig_cond *c;
	unsigned int i, n = 0;
	bool fields;

	for (i = 0; i < 2 * sub->spec.n_conds; i++) {
		c = &sub->spec.conds[i % sub->spec.n_conds];
		fields = i >= sub->spec.n_conds;
		if (fields != !!c->field)
			continue;
		if (n == KSIG_BPF_CONDS && !fields)
			return ksig_fail(e, c->column, E2BIG,
					 "at most %d conditions on the running task",
					 KSIG_BPF_CONDS);
		if (n == KSIG_BPF_CONDS)
			break;
		memset(&ro->conds[n], 0, sizeof(ro->conds[n]));
		c->in_kernel = fields ? set_field(&ro->conds[n], c, tp) :
			       set_current(&ro->conds[n], c);
		n += c->in_kernel;
	}
	ro->n_conds = n;
	return 0;
}

/* "pid=4242" means who has that number now, and nobody who gets it later. */
static int pin(struct state *st, struct ksig_sub *sub, uint64_t numbers[2],
	       struct ksig_error *e)
{
	bool is_trace = find_source(sub->desc) == &trace_source, current;
	const struct ksig_cond *c;
	unsigned int i;
	int fd;

	for (i = 0; i < sub->spec.n_conds; i++) {
		c = &sub->spec.conds[i];
		current = c->field ? is_trace && is_subject(c->field) :
				     !strcmp(c->key, "current.pid");
		if (c->op != KSIG_OP_EQ || numbers[current] ||
		    !(current || (is_subject(c->field) && sub->desc->pids)))
			continue;
		/* that is nobody's: the idle tasks, or the kernel itself */
		if (!c->number && current)
			continue;
		if (sub->subject_fd >= 0 && c == ksig_spec_named_process(&sub->spec, sub->desc))
			fd = st->lent = sub->subject_fd;
		else
			fd = ksig_process_open(c->number, c->text_column, e);
		if (fd < 0)
			return fd;
		st->pidfds[current] = fd;
		numbers[current] = c->number;
	}
	return 0;
}

/* -------------------------------------------------------------------- opening */

static void choose_programs(struct ksig_bpf *skel, const struct ksig_bpf_source *src,
			    const char *instead)
{
	struct bpf_program *p;
	unsigned int i;
	bool load;

	bpf_object__for_each_program(p, skel->obj) {
		const char *name = bpf_program__name(p);

		load = !strcmp(name, "ksig_setup");
		for (i = 0; i < PROGRAMS_MAX && src->programs[i]; i++)
			load |= !strcmp(name, instead ? instead :
					      src->programs[i]);
		bpf_program__set_autoload(p, load);
	}
	bpf_map__set_autocreate(skel->maps.coming, src->programs[1]);
}

/*
 * Of a system call a program gets a structure of its own. Where the head of a
 * tracepoint's entry is longer than usual (PREEMPT_RT of 6.1), the number is not
 * where the entry has it.
 */
static void place_syscall_nr(const struct btf *btf, struct ksig_tracepoint *tp)
{
	int id = btf__find_by_name_kind(btf, "syscall_tp_t", BTF_KIND_STRUCT);
	const struct btf_type *t;
	unsigned int i, f;

	if (id < 0)
		return;
	t = btf__type_by_id(btf, id);
	for (i = 0; i < btf_vlen(t); i++) {
		if (strcmp(btf__name_by_offset(btf, btf_members(t)[i].name_off),
			   "syscall_nr"))
			continue;
		for (f = 0; f < tp->desc.n_fields; f++) {
			if (!strcmp(tp->fields[f].name, "__syscall_nr"))
				tp->fields[f].offset = KSIG_TRACE_ENTRY +
					btf_member_bit_offset(t, i) / 8;
		}
	}
}

/* Where in the entry is the field @name? -1: it has none */
static int place_of(const struct ksig_tracepoint *tp, const char *name)
{
	const struct ksig_field_desc *f = ksig_desc_field(&tp->desc, name);

	return f && f->offset >= KSIG_TRACE_ENTRY ?
	       (int)(f->offset - KSIG_TRACE_ENTRY) : -1;
}

/*
 * Without preemption no event is skipped because another is about to be told, but
 * that takes tracefs and perf_event_open(2): where one is forbidden, up to how many
 * were skipped is known afterwards. Return: the program; NULL: none
 */
static const char *use_entry(struct state *st, struct ksig_bpf *skel,
			     const struct ksig_bpf_source *src)
{
	struct ksig_tracepoint *tp;
	char name[64];
	int at = 0;

	if (!kernel_types.preemptible || !src->entry_program || st->plain)
		return NULL;
	snprintf(name, sizeof(name), KSIG_TRACE "sched.%s",
		 src->tracepoints[0]);
	if (ksig_tracepoint_read(name, NULL, &tp, NULL))
		return NULL;
	if (src->entry_field)
		at = place_of(tp, src->entry_field);
	if (at >= 0) {
		skel->rodata->entry_at = at;
		st->tracepoint = tp->id;
		st->instead = true;
	}
	ksig_tracepoint_free(tp);
	return at >= 0 ? src->entry_program : NULL;
}

/*
 * A system call's own tracepoint has its programs run with preemption on (since
 * 7.2), and that for all system calls with preemption off; their entries begin alike.
 */
static void use_raw_syscalls(struct state *st, struct ksig_bpf *skel,
			     const struct ksig_tracepoint *tp)
{
	static const char prefix[] = KSIG_TRACE "syscalls.sys_";
	struct ksig_tracepoint *raw;
	bool enter;

	if (!kernel_types.preemptible || st->plain ||
	    strncmp(tp->desc.name, prefix, strlen(prefix)))
		return;
	enter = !strncmp(tp->desc.name + strlen(prefix), "enter_", 6);
	if (ksig_tracepoint_read(enter ? KSIG_TRACE "raw_syscalls.sys_enter" :
				 KSIG_TRACE "raw_syscalls.sys_exit", NULL, &raw,
				 NULL))
		return;
	if (place_of(raw, "id") == 8 &&
	    place_of(raw, enter ? "args.0" : "ret") == 16 &&
	    place_of(tp, "__syscall_nr") == 8) {
		skel->rodata->by_syscall = true;
		st->syscall = tp->id;
		st->tracepoint = raw->id;
		st->instead = true;
	}
	ksig_tracepoint_free(raw);
}

/* What has changed from kernel to kernel. */
static int adapt(struct state *st, struct ksig_bpf *skel,
		 const struct ksig_bpf_source *src, struct ksig_tracepoint *tp,
		 struct ksig_error *e)
{
	const struct btf_type *exit, *kill, *t = NULL;
	const char *instead = NULL;
	const struct btf *btf;
	int err;

	err = load_btf(&btf, e);
	if (err)
		return err;
	exit = prototype(btf, "sched_process_exit");
	/* (data, task), and (data, task, group_dead) since 6.16 */
	skel->rodata->has_group_dead = exit && btf_vlen(exit) > 2;
	kill = prototype(btf, "mark_victim");
	/* (data, pid), and (data, task, uid) since 6.8 */
	if (kill && btf_vlen(kill) > 1)
		t = btf__type_by_id(btf, btf__resolve_type(btf,
					btf_params(kill)[1].type));
	if (!strcmp(src->programs[0], "ksig_kill") && t && !btf_is_ptr(t))
		instead = "ksig_kill_pid";
	if (tp) {
		place_syscall_nr(btf, tp);
		st->tracepoint = tp->id;
		use_raw_syscalls(st, skel, tp);
	}
	if (!instead)
		instead = use_entry(st, skel, src);
	choose_programs(skel, src, instead);
	bpf_map__set_autocreate(skel->maps.told,
				!strcmp(src->programs[0], "ksig_exit") &&
				!skel->rodata->has_group_dead);
	return 0;
}

static void set_entry(struct ksig_bpf__rodata *ro,
		      const struct ksig_tracepoint *tp)
{
	ro->entry_size = tp->entry_size;
	ro->n_strings = tp->n_strings;
	memcpy(ro->strings, tp->strings, sizeof(ro->strings));
	if (!tp->value)
		return;
	ro->value_offset = tp->value->offset - KSIG_TRACE_ENTRY;
	ro->value_size = tp->value->size;
	ro->value_signed = tp->value->type == KSIG_FIELD_SIGNED;
}

/* The kernel wants a power of two, and uses all of it but one byte. */
static size_t ring_size(uint64_t queue, size_t page)
{
	size_t size = page;

	while (size <= queue)
		size *= 2;
	return size;
}

static int configure(struct state *st, struct ksig_bpf *skel,
		     struct ksig_sub *sub, struct ksig_error *e)
{
	const struct ksig_bpf_source *src = find_source(sub->desc);
	struct ksig_tracepoint *tp = src != &trace_source ? NULL :
				     ksig_tracepoint_of(sub->desc);
	struct ksig_bpf__rodata *ro = skel->rodata;
	int err = check_known(sub, tp, e);

	if (err)
		return err;
	ro->event_type = sub->desc->type;
	ro->event_size = sub->desc->event_size;
	ro->queue_bytes = (uint64_t)(sub->opts.queue_len ?
				     sub->opts.queue_len : KSIG_QUEUE_DEFAULT) *
			  ring_record(sub->desc->event_size);
	ro->pinned = st->pidfds[0] >= 0;
	ro->current_pinned = st->pidfds[1] >= 0;
	/* a process that the filter names is older than the subscription */
	ro->skip_own = sub->opts.flags & KSIG_SUB_SKIP_OWN && !ro->pinned &&
		       !ro->current_pinned;
	st->mask = ring_size(ro->queue_bytes, st->page) - 1;
	bpf_map__set_max_entries(skel->maps.ring, st->mask + 1);
	err = adapt(st, skel, src, tp, e);
	/* which may have put a field elsewhere */
	if (!err && tp)
		set_entry(ro, tp);
	return err ? err : set_conds(sub, tp, ro, e);
}

/* Return: a descriptor, or a negative errno */
static int open_tracepoint(unsigned int id)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT,
		.size = sizeof(attr),
		.config = id,
		.disabled = 1,
	};
	int fd, cpu = 0;

	/* programs see to all cpus, whichever the event's is that is online */
	do
		fd = syscall(SYS_perf_event_open, &attr, -1, cpu, -1,
			     PERF_FLAG_FD_CLOEXEC);
	while (fd < 0 && errno == ENODEV && ++cpu < libbpf_num_possible_cpus());
	return fd < 0 ? -errno : fd;
}

static int run_setup(struct state *st, const struct ksig_bpf *skel,
		     const uint64_t numbers[2], struct ksig_error *e)
{
	uint64_t ctx[3] = { numbers[0], numbers[1], -1 };
	int err, i;

	LIBBPF_OPTS(bpf_test_run_opts, run, .ctx_in = ctx,
		    .ctx_size_in = sizeof(ctx));

	if (st->syscall)
		ctx[2] = st->syscall_event = open_tracepoint(st->syscall);
	err = bpf_prog_test_run_opts(bpf_program__fd(skel->progs.ksig_setup),
				     &run);
	if (err)
		return ksig_fail(e, 0, -err, "running a BPF program: %s",
				 strerror(-err));
	/* the number is not known */
	if (st->syscall && !skel->bss->only_syscall)
		st->tracepoint = st->syscall;
	/* alive still: so it was theirs while the setup looked them up */
	for (i = 0; i < 2; i++) {
		if (st->pidfds[i] >= 0 && ksig_process_ended(st->pidfds[i]))
			return ksig_fail(e, 0, ESRCH, "process %llu has ended",
					 (unsigned long long)numbers[i]);
	}
	return 0;
}

static void *map_pages(int fd, size_t size, int prot, off_t offset)
{
	void *p = mmap(NULL, size, prot, MAP_SHARED, fd, offset);

	return p == MAP_FAILED ? NULL : p;
}

/* What outlives libbpf's object: a descriptor of our own, and mappings. */
static int take_maps(struct state *st, const struct ksig_bpf *skel,
		     struct ksig_error *e)
{
	int fd = fcntl(bpf_map__fd(skel->maps.ring), F_DUPFD_CLOEXEC, 0);

	if (fd < 0)
		goto fail;
	st->ring = fd;
	st->consumer = map_pages(fd, st->page, PROT_READ | PROT_WRITE, 0);
	if (!st->consumer)
		goto fail;
	st->producer = map_pages(fd, st->page + 2 * (st->mask + 1), PROT_READ,
				 st->page);
	if (!st->producer)
		goto fail;
	st->bss = map_pages(bpf_map__fd(skel->maps.bss), sizeof(*st->bss),
			    PROT_READ | PROT_WRITE, 0);
	if (st->bss)
		return 0;
fail:
	return ksig_fail(e, 0, errno, "mapping a BPF ring: %s",
			 strerror(errno));
}

/* Return: a descriptor, or a negative errno */
static int attach_trace(int program, unsigned int tracepoint)
{
	int fd = open_tracepoint(tracepoint), link;

	if (fd < 0)
		return fd;
	/*
	 * The link holds the perf event, too, which is not enabled: the program runs
	 * nevertheless, and nothing else is to be done for each entry.
	 */
	link = bpf_link_create(program, fd, BPF_PERF_EVENT, NULL);
	close(fd);
	return link;
}

/* @section: "raw_tp/NAME", or that of programs that take a tracepoint's entry */
static int attach_program(const struct state *st, int program,
			  const char *section)
{
	const char *slash = strchr(section, '/');
	int link;

	if (!slash)
		return attach_trace(program, st->tracepoint);
	link = bpf_raw_tracepoint_open(slash + 1, program);
	return link < 0 ? -errno : link;
}

static int attach(struct state *st, const struct ksig_bpf *skel,
		  const struct ksig_sub *sub, struct ksig_error *e)
{
	struct bpf_program *p;
	int fd = 0, n = 0;

	bpf_object__for_each_program(p, skel->obj) {
		/* run once, it listens to nothing */
		if (!bpf_program__autoload(p) || p == skel->progs.ksig_setup)
			continue;
		fd = attach_program(st, bpf_program__fd(p),
				    bpf_program__section_name(p));
		if (fd < 0)
			break;
		st->links[n] = fd;
		fd = fcntl(bpf_program__fd(p), F_DUPFD_CLOEXEC, 0);
		if (fd < 0) {
			fd = -errno;
			break;
		}
		st->programs[n++] = fd;
	}
	if (fd == -E2BIG)
		return ksig_fail(e, 0, EUSERS,
				 "the kernel takes no more BPF programs on one tracepoint (at most 64)");
	if (fd < 0)
		return ksig_fail(e, 0, -fd,
				 "attaching a BPF program to %s: %s",
				 sub->desc->name, strerror(-fd));
	return 0;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void unmap(const void *p, size_t size)
{
	if (p)
		munmap((void *)(uintptr_t)p, size);
}

static void free_state(struct state *st)
{
	int i;

	/* detached before anything that it needs is gone */
	for (i = 0; i < PROGRAMS_MAX; i++) {
		close_fd(st->links[i]);
		close_fd(st->programs[i]);
	}
	unmap(st->producer, st->page + 2 * (st->mask + 1));
	unmap(st->consumer, st->page);
	unmap(st->bss, sizeof(*st->bss));
	close_fd(st->ring);
	for (i = 0; i < 2; i++) {
		if (st->pidfds[i] != st->lent)
			close_fd(st->pidfds[i]);
	}
	free(st->record);
	free(st);
}

static struct state *new_state(const struct ksig_event_desc *d)
{
	struct state *st = calloc(1, sizeof(*st));

	if (!st)
		return NULL;
	st->ring = -1;
	memset(st->links, 0xff, sizeof(st->links));
	memset(st->programs, 0xff, sizeof(st->programs));
	st->syscall_event = -1;
	st->pidfds[0] = -1;
	st->pidfds[1] = -1;
	st->lent = -1;
	st->page = sysconf(_SC_PAGESIZE);
	st->event_size = d->event_size;
	st->record = calloc(1, d->event_size);
	if (st->record)
		return st;
	free(st);
	return NULL;
}

static int load(struct state *st, struct ksig_bpf *skel, struct ksig_sub *sub,
		const uint64_t numbers[2], struct ksig_error *e)
{
	int err = configure(st, skel, sub, e);

	if (err)
		return err;
	err = ksig_bpf__load(skel);
	if (err)
		return cannot_load(-err, e);
	err = run_setup(st, skel, numbers, e);
	if (!err)
		err = take_maps(st, skel, e);
	if (!err)
		err = attach(st, skel, sub, e);
	/* not before: for the last one who listens to system calls, all are changed */
	close_fd(st->syscall_event);
	st->syscall_event = -1;
	return err;
}

static int open_state(struct state *st, struct ksig_sub *sub,
		      struct ksig_error *e)
{
	uint64_t numbers[2] = { };
	struct ksig_bpf *skel;
	char path[64];
	int types, err;

	LIBBPF_OPTS(bpf_object_open_opts, opts);

	err = pin(st, sub, numbers, e);
	if (err)
		return err;
	types = types_file(path);
	if (types >= 0)
		opts.btf_custom_path = path;
	skel = ksig_bpf__open_opts(&opts);
	err = skel ? load(st, skel, sub, numbers, e) : cannot_load(errno, e);
	ksig_bpf__destroy(skel);
	close_fd(types);
	return err;
}

static int open_sub(struct ksig_sub *sub, struct ksig_error *e)
{
	struct state *st = new_state(sub->desc);
	int err = -ENOMEM;

	ksig_libbpf_enter(&sub->opts);
	if (st)
		err = open_state(st, sub, e);
	if (st && err && st->instead) {
		/* perf_event_open(2) is forbidden, or a tracepoint is full */
		free_state(st);
		st = new_state(sub->desc);
		if (st) {
			st->plain = true;
			err = open_state(st, sub, e);
		}
	}
	if (st && err)
		free_state(st);
	ksig_libbpf_leave();
	if (!st)
		return ksig_fail(e, 0, ENOMEM, "out of memory");
	if (err)
		return err;
	sub->priv = st;
	sub->fd = st->ring;
	return 0;
}

static void close_sub(struct ksig_sub *sub)
{
	ksig_libbpf_enter(&sub->opts);
	free_state(sub->priv);
	ksig_libbpf_leave();
}

/* -------------------------------------------------------------------- reading */

/*
 * How often did the kernel skip a program because another one, or this one, was
 * running on that cpu? Before the filter, so each is an event or is none. Linux
 * counts it for tracepoints' programs since 6.7.
 */
static uint64_t count_misses(const struct state *st)
{
	uint64_t misses = 0;
	int i;

	for (i = 0; i < PROGRAMS_MAX && st->programs[i] >= 0; i++) {
		struct bpf_prog_info info = { };
		uint32_t size = sizeof(info);

		if (!bpf_obj_get_info_by_fd(st->programs[i], &info, &size))
			misses += info.recursion_misses;
	}
	return misses;
}

static uint64_t lost_upto(const struct ksig_sub *sub)
{
	return count_misses(sub->priv);
}

/* A system call: not for each record of a storm. */
static void flag_misses(struct state *st, struct ksig_event *ev)
{
	uint64_t misses;

	if (ev->time_ns - st->misses_at < MISSES_NS)
		return;
	misses = count_misses(st);
	if (misses > st->misses)
		ev->flags |= KSIG_EVENT_LOST_UPTO;
	st->misses = misses;
	st->misses_at = ev->time_ns;
}

static void count(struct state *st, struct ksig_event *ev)
{
	/* until here, how many were lost when it got its place */
	uint64_t lost = ev->seq > st->told ? ev->seq - st->told : 0;

	st->told += lost;
	ev->lost_before = lost > UINT32_MAX ? UINT32_MAX : lost;
	ev->seq = ++st->read + st->told;
}

/*
 * The kernel stores a record's length, without BUSY, when the record is
 * complete. That takes a microsecond, unless the program is interrupted or
 * preempted; it is waited for, so that who merges several rings by time does not
 * take a later event of another one first.
 */
static uint32_t record_length(const uint32_t *head)
{
	uint32_t len;
	int i;

	for (i = 0; i < BUSY_TRIES; i++) {
		len = __atomic_load_n(head, __ATOMIC_ACQUIRE);
		if (!(len & BPF_RINGBUF_BUSY_BIT))
			break;
		sched_yield();
	}
	return len;
}

/* The kernel waits for our position before it writes to the same place again. */
static int next(struct ksig_sub *sub, const struct ksig_event **ev)
{
	struct state *st = sub->priv;
	const char *ring = (const char *)st->producer + st->page;
	unsigned long at = *st->consumer;
	const uint32_t *head;
	uint32_t len;

	if (at == __atomic_load_n(st->producer, __ATOMIC_ACQUIRE))
		return 0;
	head = (const uint32_t *)(ring + (at & st->mask));
	len = record_length(head);
	if (len & BPF_RINGBUF_BUSY_BIT)
		return 0;
	memcpy(st->record, (const char *)head + BPF_RINGBUF_HDR_SZ,
	       st->event_size);
	memcpy(&st->ino, (const char *)head + BPF_RINGBUF_HDR_SZ + st->event_size,
	       sizeof(st->ino));
	__atomic_store_n(st->consumer, at + ring_record(st->event_size),
			 __ATOMIC_RELEASE);
	count(st, st->record);
	flag_misses(st, st->record);
	*ev = st->record;
	return 1;
}

static uint64_t subject_ino(const struct ksig_sub *sub)
{
	const struct state *st = sub->priv;

	return st->ino;
}

/* Offered is the sum of what became of them: nothing is counted twice. */
static int stats(const struct ksig_sub *sub, struct ksig_stats *out)
{
	struct state *st = sub->priv;
	unsigned long waiting;

	waiting = __atomic_load_n(st->producer, __ATOMIC_ACQUIRE) -
		  *st->consumer;
	out->queued = waiting / ring_record(st->event_size);
	out->lost = __atomic_load_n(&st->bss->lost, __ATOMIC_ACQUIRE);
	out->delivered = st->read;
	out->offered = out->delivered + out->queued + out->lost;
	out->signals = __atomic_load_n(&st->bss->kill_sent,
				       __ATOMIC_ACQUIRE);
	return 0;
}

/* ---------------------------------------------------- signals from the kernel */

_Static_assert(KSIG_BPF_SIGNALLED == KSIG_EVENT_SIGNALLED &&
	       KSIG_BPF_REFUSED == KSIG_EVENT_REFUSED, "one bit for each");

static int kill_current(struct ksig_sub *sub, int signo, uint64_t skip,
			uint64_t count, unsigned int flags)
{
	struct state *st = sub->priv;
	struct ksig_bpf__bss *bss = st->bss;

	if (find_source(sub->desc) != &trace_source)
		return -EOPNOTSUPP;
	if (!has_cap(CAP_KILL))
		return -EPERM;
	/*
	 * None is sent while the rest changes: programs that have read the old
	 * number are through when all processors have been elsewhere (RCU).
	 */
	__atomic_store_n(&bss->kill_signo, 0, __ATOMIC_SEQ_CST);
	syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
	__atomic_store_n(&bss->kill_ready, flags & KSIG_KILL_READY,
			 __ATOMIC_SEQ_CST);
	__atomic_store_n(&bss->kill_skip, skip, __ATOMIC_SEQ_CST);
	__atomic_store_n(&bss->kill_count, count, __ATOMIC_SEQ_CST);
	__atomic_store_n(&bss->kill_seen, 0, __ATOMIC_SEQ_CST);
	__atomic_store_n(&bss->kill_signo, signo, __ATOMIC_SEQ_CST);
	return 0;
}

/* -------------------------------------------------------------- descriptions */

static int desc(const char *name, const struct ksig_sub_opts *opts,
		struct ksig_event_desc **d, struct ksig_error *e)
{
	struct ksig_tracepoint *tp;
	int err;

	if (strncmp(name, KSIG_TRACE, strlen(KSIG_TRACE)))
		return -ENOENT;
	err = ksig_tracepoint_read(name, opts ? opts->value_field : NULL, &tp,
				   e);
	if (err)
		return err;
	*d = &tp->desc;
	return 0;
}

static void desc_free(struct ksig_event_desc *d)
{
	ksig_tracepoint_free(ksig_tracepoint_of(d));
}

const struct ksig_provider ksig_provider_bpf = {
	.name = "bpf",
	.check = check,
	.desc = desc,
	.desc_free = desc_free,
	.open = open_sub,
	.close = close_sub,
	.next = next,
	.stats = stats,
	.subject_ino = subject_ino,
	.lost_upto = lost_upto,
	.kill_current = kill_current,
};
