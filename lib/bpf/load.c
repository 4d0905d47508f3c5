// SPDX-License-Identifier: MIT
/*
 * Selects, configures, loads and attaches a subscription's programs, then closes libbpf's
 * object; the subscription keeps descriptors and mappings of its own.
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

/* "pid=4242" means who has that number now, and nobody who gets it later. */
static int pin(struct ksig_bpf_sub *st, struct ksig_stream *stream, uint64_t numbers[2],
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
		/* that is nobody's: the idle tasks, or the kernel itself */
		if (!c->number && current)
			continue;
		if (stream->subject_fd >= 0 && c == ksig_spec_named_process(&stream->spec, stream->desc))
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

static void choose_programs(struct ksig_bpf *skel, const struct ksig_bpf_source *src,
			    const char *instead)
{
	struct bpf_program *p;
	unsigned int i;
	bool load;

	bpf_object__for_each_program(p, skel->obj) {
		const char *name = bpf_program__name(p);

		load = !strcmp(name, "ksig_setup");
		for (i = 0; i < KSIG_BPF_PROGRAMS && src->programs[i]; i++)
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
static const char *use_entry(struct ksig_bpf_sub *st, struct ksig_bpf *skel,
			     const struct ksig_bpf_source *src)
{
	struct ksig_tracepoint *tp;
	char name[64];
	int at = 0;

	if (!ksig_bpf_probes_preemptible() || !src->entry_program || st->no_alternative)
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
		st->uses_alternative = true;
	}
	ksig_tracepoint_free(tp);
	return at >= 0 ? src->entry_program : NULL;
}

/*
 * A system call's own tracepoint has its programs run with preemption on (since
 * 7.2), and that for all system calls with preemption off; their entries begin alike.
 */
static void use_raw_syscalls(struct ksig_bpf_sub *st, struct ksig_bpf *skel,
			     const struct ksig_tracepoint *tp)
{
	static const char prefix[] = KSIG_TRACE "syscalls.sys_";
	struct ksig_tracepoint *raw;
	bool enter;

	if (!ksig_bpf_probes_preemptible() || st->no_alternative ||
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
		st->uses_alternative = true;
	}
	ksig_tracepoint_free(raw);
}

/* What has changed from kernel to kernel. */
static int adapt(struct ksig_bpf_sub *st, struct ksig_bpf *skel,
		 const struct ksig_bpf_source *src, struct ksig_tracepoint *tp,
		 struct ksig_error *e)
{
	const struct btf_type *exit, *kill, *t = NULL;
	const char *instead = NULL;
	const struct btf *btf;
	int err;

	err = ksig_bpf_types(&btf, e);
	if (err)
		return err;
	exit = ksig_bpf_prototype(btf, "sched_process_exit");
	/* (data, task), and (data, task, group_dead) since 6.16 */
	skel->rodata->has_group_dead = exit && btf_vlen(exit) > 2;
	kill = ksig_bpf_prototype(btf, "mark_victim");
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
	bpf_map__set_autocreate(skel->maps.reported,
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

static int configure(struct ksig_bpf_sub *st, struct ksig_bpf *skel,
		     struct ksig_stream *stream, struct ksig_error *e)
{
	struct ksig_tracepoint *tp = ksig_tracepoint_of(stream->desc);
	struct ksig_bpf__rodata *ro = skel->rodata;
	int err;

	ro->event_type = stream->desc->type;
	ro->event_size = stream->desc->event_size;
	ro->queue_bytes = (uint64_t)(stream->opts->queue_len ?
				     stream->opts->queue_len : KSIG_QUEUE_DEFAULT) *
			  ksig_bpf_ring_record(stream->desc->event_size);
	ro->pinned = st->pidfds[0] >= 0;
	ro->current_pinned = st->pidfds[1] >= 0;
	/* a process that the filter names is older than the subscription */
	ro->skip_own = stream->opts->flags & KSIG_SUB_SKIP_OWN && !ro->pinned &&
		       !ro->current_pinned;
	st->mask = ring_size(ro->queue_bytes, st->page) - 1;
	bpf_map__set_max_entries(skel->maps.ring, st->mask + 1);
	err = adapt(st, skel, stream->desc->bpf, tp, e);
	/* which may have put a field elsewhere */
	if (!err && tp)
		set_entry(ro, tp);
	return err ? err : ksig_bpf_set_conds(stream, tp, ro, e);
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

static int run_setup(struct ksig_bpf_sub *st, const struct ksig_bpf *skel,
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
			return ksig_fail(e, 0, ESRCH, "process %llu has exited",
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
static int take_maps(struct ksig_bpf_sub *st, const struct ksig_bpf *skel,
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
static int attach_program(const struct ksig_bpf_sub *st, int program,
			  const char *section)
{
	const char *slash = strchr(section, '/');
	int link;

	if (!slash)
		return attach_trace(program, st->tracepoint);
	link = bpf_raw_tracepoint_open(slash + 1, program);
	return link < 0 ? -errno : link;
}

static int attach(struct ksig_bpf_sub *st, const struct ksig_bpf *skel,
		  const struct ksig_stream *stream, struct ksig_error *e)
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
				 "no more BPF programs can be attached to this tracepoint (at most 64)");
	if (fd < 0)
		return ksig_fail(e, 0, -fd,
				 "attaching a BPF program to %s: %s",
				 stream->desc->name, strerror(-fd));
	return 0;
}

static int load(struct ksig_bpf_sub *st, struct ksig_bpf *skel, struct ksig_stream *stream,
		const uint64_t numbers[2], struct ksig_error *e)
{
	int err = configure(st, skel, stream, e);

	if (err)
		return err;
	err = ksig_bpf__load(skel);
	if (err)
		return ksig_bpf_refused(-err, e);
	err = run_setup(st, skel, numbers, e);
	if (!err)
		err = take_maps(st, skel, e);
	if (!err)
		err = attach(st, skel, stream, e);
	/* not before: for the last one who listens to system calls, all are changed */
	ksig_close_fd(st->syscall_event);
	st->syscall_event = -1;
	return err;
}

int ksig_bpf_start(struct ksig_bpf_sub *st, struct ksig_stream *stream,
		   struct ksig_error *e)
{
	uint64_t numbers[2] = { };
	struct ksig_bpf *skel;
	int types, err;

	err = pin(st, stream, numbers, e);
	if (err)
		return err;
	skel = ksig_bpf_object(&types);
	err = skel ? load(st, skel, stream, numbers, e) : ksig_bpf_refused(errno, e);
	ksig_bpf__destroy(skel);
	ksig_close_fd(types);
	return err;
}
