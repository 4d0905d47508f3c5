// SPDX-License-Identifier: MIT
/*
 * Configures, loads and attaches the programs of a subscription, then closes libbpf's object. The
 * subscription keeps its own descriptors and mappings.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "bpf.h"
#include "tracepoint.h"
#include "ksig.skel.h"

/*
 * Pins the processes named by the filter: "pid=4242" means the process that has this pid now, not a
 * later process with the same pid.
 */
static int load_pin(struct ksig_bpf_sub *st, struct ksig_stream *stream, uint64_t numbers[2],
		    struct ksig_error *e)
{
	bool is_trace = ksig_tracepoint_of(stream->desc), current;
	const struct ksig_cond *c;
	unsigned int i;
	int fd;

	for (i = 0; i < stream->spec.n_conds; i++) {
		c = &stream->spec.conds[i];
		current = c->field ? is_trace && ksig_bpf_is_subject(c->field) :
				     !strcmp(c->key, "current.pid");
		if (c->op != KSIG_OP_EQ || numbers[current] ||
		    !(current || (ksig_bpf_is_subject(c->field) && stream->desc->pids)))
			continue;
		/* pid 0 stands for the idle tasks or the kernel itself, not for a process */
		if (!c->number && current)
			continue;
		if (stream->subject_fd >= 0 &&
		    c == ksig_spec_named_process(&stream->spec, stream->desc))
			fd = st->borrowed_pidfd = stream->subject_fd;
		else
			fd = ksig_process_open(c->number, c->text_column, e);
		if (fd < 0)
			return fd;
		st->pidfds[current] = fd;
		numbers[current] = c->number;
	}
	return 0;
}

/* Return: the offset of the field in the entry; -1 if there is no such field. */
static int load_entry_offset(const struct ksig_tracepoint *tp, const char *name)
{
	const struct ksig_field_desc *f = ksig_desc_field(&tp->desc, name);

	return f && f->offset >= KSIG_TRACE_ENTRY ?
	       (int)(f->offset - KSIG_TRACE_ENTRY) : -1;
}

/*
 * If @tp is the tracepoint of a system call, corrects the offset of the system call's number, and
 * chooses the tracepoint to attach to.
 */
static void load_adapt_syscall(struct ksig_bpf_sub *st, struct ksig_bpf *skel,
			       const struct btf *btf, struct ksig_tracepoint *tp)
{
	static const char prefix[] = KSIG_TRACE "syscalls.sys_";
	int id = btf__find_by_name_kind(btf, "syscall_tp_t", BTF_KIND_STRUCT);
	const struct btf_type *t = id < 0 ? NULL : btf__type_by_id(btf, id);
	struct ksig_tracepoint *raw;
	unsigned int i, nr = 0;
	bool enter;

	/*
	 * BPF programs receive an entry that is built for them. If the common fields of a
	 * tracepoint are longer than usual (PREEMPT_RT of 6.1), the offset of the system call's
	 * number in this entry differs from the offset in tracefs.
	 */
	while (nr < tp->desc.n_fields && strcmp(tp->fields[nr].name, "__syscall_nr"))
		nr++;
	for (i = 0; t && nr < tp->desc.n_fields && i < btf_vlen(t); i++) {
		if (!strcmp(btf__name_by_offset(btf, btf_members(t)[i].name_off), "syscall_nr"))
			tp->fields[nr].offset = KSIG_TRACE_ENTRY +
						btf_member_bit_offset(t, i) / 8;
	}
	/*
	 * Programs on the tracepoint of a single system call run with preemption enabled (since
	 * 7.2). Programs on the tracepoint for all system calls run with preemption disabled, so
	 * attach to the latter. The entries of both tracepoints begin with the same fields.
	 */
	if (!ksig_bpf_probes_preemptible() || st->no_alternative ||
	    strncmp(tp->desc.name, prefix, strlen(prefix)))
		return;
	enter = !strncmp(tp->desc.name + strlen(prefix), "enter_", 6);
	if (ksig_tracepoint_read(enter ? KSIG_TRACE "raw_syscalls.sys_enter" :
				 KSIG_TRACE "raw_syscalls.sys_exit", NULL, &raw, NULL))
		return;
	if (load_entry_offset(raw, "id") == 8 &&
	    load_entry_offset(raw, enter ? "args.0" : "ret") == 16 &&
	    load_entry_offset(tp, "__syscall_nr") == 8) {
		skel->rodata->by_syscall = true;
		st->syscall = tp->id;
		st->tracepoint = raw->id;
		st->uses_alternative = true;
	}
	ksig_tracepoint_free(raw);
}

static void load_choose_programs(struct ksig_bpf_sub *st, struct ksig_bpf *skel,
				 const struct ksig_bpf_source *src, const struct btf *btf)
{
	const struct btf_type *kill = ksig_bpf_prototype(btf, "mark_victim"), *t;
	const char *instead = NULL, *name;
	struct ksig_tracepoint *tp;
	struct bpf_program *p;
	char tracepoint[64];
	unsigned int i;
	bool load;
	int at;

	/* the arguments are (data, pid), or (data, task, uid) since 6.8 */
	if (kill && btf_vlen(kill) > 1 && !strcmp(src->programs[0], "ksig_kill")) {
		t = btf__type_by_id(btf, btf__resolve_type(btf, btf_params(kill)[1].type));
		if (t && !btf_is_ptr(t))
			instead = "ksig_kill_pid";
	}
	/*
	 * If a program can be preempted, the kernel may skip an event because the program is still
	 * reporting another event. Choose a program that runs with preemption disabled. This
	 * requires tracefs and perf_event_open(2). If these are not permitted, only an upper bound
	 * on the number of skipped events is known.
	 */
	if (ksig_bpf_probes_preemptible() && src->entry_program && !st->no_alternative) {
		snprintf(tracepoint, sizeof(tracepoint), KSIG_TRACE "sched.%s",
			 src->tracepoints[0]);
		if (!ksig_tracepoint_read(tracepoint, NULL, &tp, NULL)) {
			at = src->entry_field ? load_entry_offset(tp, src->entry_field) : 0;
			if (at >= 0) {
				instead = src->entry_program;
				skel->rodata->entry_at = at;
				st->tracepoint = tp->id;
				st->uses_alternative = true;
			}
			ksig_tracepoint_free(tp);
		}
	}
	bpf_object__for_each_program(p, skel->obj) {
		name = bpf_program__name(p);
		load = !strcmp(name, "ksig_setup");
		for (i = 0; i < KSIG_BPF_PROGRAMS && src->programs[i]; i++)
			load |= !strcmp(name, instead ? instead : src->programs[i]);
		bpf_program__set_autoload(p, load);
	}
	bpf_map__set_autocreate(skel->maps.coming, src->programs[1]);
	bpf_map__set_autocreate(skel->maps.reported,
				!strcmp(src->programs[0], "ksig_exit") &&
				!skel->rodata->has_group_dead);
}

/* Sets the constants of the programs and the size of the ring, and chooses the programs to load. */
static int load_configure(struct ksig_bpf_sub *st, struct ksig_bpf *skel,
			  struct ksig_stream *stream, struct ksig_error *e)
{
	struct ksig_tracepoint *tp = ksig_tracepoint_of(stream->desc);
	size_t size = stream->desc->event_size, ring = st->page;
	const struct ksig_sub_opts *opts = stream->opts;
	struct ksig_bpf__rodata *ro = skel->rodata;
	const struct btf_type *exit;
	const struct btf *btf;
	int err;

	ro->event_type = stream->desc->type;
	if (stream->desc->bpf == &ksig_bpf_crash)
		ro->crash_signals = KSIG_CRASH_SIGNALS;
	ro->event_size = size;
	ro->queue_bytes = (uint64_t)(opts->queue_len ? opts->queue_len : KSIG_QUEUE_DEFAULT) *
			  ksig_bpf_ring_record(size);
	ro->pinned = st->pidfds[0] >= 0;
	ro->current_pinned = st->pidfds[1] >= 0;
	/* a process named by the filter is older than the subscription, so don't skip its events */
	ro->skip_own = opts->flags & KSIG_SUB_SKIP_OWN && !ro->pinned && !ro->current_pinned;
	/* the size must be a power of two, and one byte of the ring cannot be used */
	while (ring <= ro->queue_bytes)
		ring *= 2;
	st->mask = ring - 1;
	bpf_map__set_max_entries(skel->maps.ring, ring);

	err = ksig_bpf_types(&btf, e);
	if (err)
		return err;
	exit = ksig_bpf_prototype(btf, "sched_process_exit");
	/* the arguments are (data, task), or (data, task, group_dead) since 6.16 */
	ro->has_group_dead = exit && btf_vlen(exit) > 2;
	if (tp) {
		st->tracepoint = tp->id;
		/* must come first, because it may change the offset of a field */
		load_adapt_syscall(st, skel, btf, tp);
		ro->entry_size = tp->entry_size;
		ro->n_strings = tp->n_strings;
		memcpy(ro->strings, tp->strings, sizeof(ro->strings));
	}
	if (tp && tp->value) {
		ro->value_offset = tp->value->offset - KSIG_TRACE_ENTRY;
		ro->value_size = tp->value->size;
		ro->value_signed = tp->value->type == KSIG_FIELD_SIGNED;
	}
	load_choose_programs(st, skel, stream->desc->bpf, btf);
	return ksig_bpf_set_conds(stream, tp, ro, e);
}

/* Return: a descriptor or a negative errno. */
static int load_open_tracepoint(unsigned int id)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT,
		.size = sizeof(attr),
		.config = id,
		.disabled = 1,
	};
	int fd, cpu = 0;

	/* programs run on all CPUs, so the event can be on any CPU that is online */
	do
		fd = syscall(SYS_perf_event_open, &attr, -1, cpu, -1,
			     PERF_FLAG_FD_CLOEXEC);
	while (fd < 0 && errno == ENODEV && ++cpu < libbpf_num_possible_cpus());
	return fd < 0 ? -errno : fd;
}

/* Runs ksig_setup once, to look up the pinned processes and the number of the system call. */
static int load_run_setup(struct ksig_bpf_sub *st, const struct ksig_bpf *skel,
			  const uint64_t numbers[2], struct ksig_error *e)
{
	uint64_t ctx[3] = { numbers[0], numbers[1], -1 };
	int err, i;

	LIBBPF_OPTS(bpf_test_run_opts, run, .ctx_in = ctx,
		    .ctx_size_in = sizeof(ctx));

	if (st->syscall)
		ctx[2] = st->syscall_event = load_open_tracepoint(st->syscall);
	err = bpf_prog_test_run_opts(bpf_program__fd(skel->progs.ksig_setup),
				     &run);
	if (err)
		return ksig_fail(e, 0, -err, "cannot run a BPF program: %s",
				 strerror(-err));
	/* if the setup could not find the system call's number, use that call's own tracepoint */
	if (st->syscall && !skel->bss->only_syscall)
		st->tracepoint = st->syscall;
	/* if the process is still alive, it had this pid when the setup looked up the pid */
	for (i = 0; i < 2; i++) {
		if (st->pidfds[i] >= 0 && ksig_process_ended(st->pidfds[i]))
			return ksig_fail(e, 0, ESRCH, "process %llu has exited",
					 (unsigned long long)numbers[i]);
	}
	return 0;
}

static void *load_map_pages(int fd, size_t size, int prot, off_t offset)
{
	void *p = mmap(NULL, size, prot, MAP_SHARED, fd, offset);

	return p == MAP_FAILED ? NULL : p;
}

static int load_attach(struct ksig_bpf_sub *st, const struct ksig_bpf *skel,
		       const struct ksig_stream *stream, struct ksig_error *e)
{
	struct bpf_program *p;
	int fd = 0, n = 0, event;
	const char *slash;

	bpf_object__for_each_program(p, skel->obj) {
		/* ksig_setup is not attached */
		if (!bpf_program__autoload(p) || p == skel->progs.ksig_setup)
			continue;
		/*
		 * "raw_tp/NAME"; programs that receive the entry of a tracepoint have a section
		 * without '/'
		 */
		slash = strchr(bpf_program__section_name(p), '/');
		if (slash) {
			fd = bpf_raw_tracepoint_open(slash + 1, bpf_program__fd(p));
			fd = fd < 0 ? -errno : fd;
		} else {
			event = load_open_tracepoint(st->tracepoint);
			/*
			 * The link keeps the perf event open. The event is never enabled, so perf
			 * itself does no work for each entry, but the program still runs.
			 */
			fd = event < 0 ? event : bpf_link_create(bpf_program__fd(p), event,
								 BPF_PERF_EVENT, NULL);
			ksig_close_fd(event);
		}
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
				 "no more BPF programs can be attached to this tracepoint (at most 64)");
	if (fd < 0)
		return ksig_fail(e, 0, -fd,
				 "cannot attach a BPF program to %s: %s",
				 stream->desc->name, strerror(-fd));
	return 0;
}

int ksig_bpf_start(struct ksig_bpf_sub *st, struct ksig_stream *stream,
		   struct ksig_error *e)
{
	uint64_t numbers[2] = { };
	struct ksig_bpf *skel;
	int types, err;

	err = load_pin(st, stream, numbers, e);
	if (err)
		return err;
	skel = ksig_bpf_object(&types);
	if (!skel) {
		err = ksig_bpf_refused(errno, e);
		goto out;
	}
	err = load_configure(st, skel, stream, e);
	if (err)
		goto out;
	err = ksig_bpf__load(skel);
	if (err) {
		err = ksig_bpf_refused(-err, e);
		goto out;
	}
	err = load_run_setup(st, skel, numbers, e);
	if (err)
		goto out;
	/* duplicate the descriptor and map the ring, so that both outlive libbpf's object */
	st->ring = fcntl(bpf_map__fd(skel->maps.ring), F_DUPFD_CLOEXEC, 0);
	if (st->ring >= 0)
		st->consumer = load_map_pages(st->ring, st->page, PROT_READ | PROT_WRITE, 0);
	if (st->consumer)
		st->producer = load_map_pages(st->ring, st->page + 2 * (st->mask + 1),
					      PROT_READ, st->page);
	if (st->producer)
		st->bss = load_map_pages(bpf_map__fd(skel->maps.bss), sizeof(*st->bss),
					 PROT_READ | PROT_WRITE, 0);
	err = st->bss ? load_attach(st, skel, stream, e) :
			ksig_fail(e, 0, errno, "cannot map a BPF ring buffer: %s", strerror(errno));
out:
	/*
	 * Close this only after attaching, because the kernel updates all tasks when the last user
	 * of system call tracepoints is closed.
	 */
	ksig_close_fd(st->syscall_event);
	st->syscall_event = -1;
	ksig_bpf__destroy(skel);
	ksig_close_fd(types);
	return err;
}
