/* SPDX-License-Identifier: MIT */
/* Declarations shared by the source files of the BPF provider. */
#ifndef KSIG_LIB_BPF_H
#define KSIG_LIB_BPF_H

#include <linux/bpf.h>
#include <unistd.h>

#include "../../bpf/shared.h"
#include "../provider.h"

struct btf;
struct btf_type;
struct ksig_bpf;
struct ksig_bpf__bss;
struct ksig_bpf__rodata;
struct ksig_tracepoint;

#define KSIG_BPF_PROGRAMS 3

/**
 * struct ksig_bpf_source - the programs that produce an event
 * @programs: programs of ksig.bpf.c
 * @tracepoints: the tracepoint of each program; empty if it is the tracepoint named by the event
 * @entry_program: program to use instead if probes are preemptible, or NULL
 * @entry_field: field of the tracepoint's entry that @entry_program reads, or NULL
 */
struct ksig_bpf_source {
	const char *programs[KSIG_BPF_PROGRAMS];
	const char *tracepoints[KSIG_BPF_PROGRAMS];
	const char *entry_program;
	const char *entry_field;
};

/**
 * struct ksig_bpf_sub - a subscription of the BPF provider
 * @ring: descriptor of the BPF ring buffer
 * @links: attached links; closing them detaches the programs
 * @programs: the attached programs, whose counters are read; -1 if unused
 * @tracepoint: ID of the tracepoint that programs are attached to by perf_event_open(2)
 * @syscall: ID of the tracepoint of a single system call, if @tracepoint may be the one for all
 *	system calls; otherwise 0
 * @syscall_event: perf event of @syscall, in which the setup looks up the system call's number; -1
 *	if closed
 * @uses_alternative: a tracepoint or program other than the event's usual one is used, to avoid
 *	skipped events
 * @no_alternative: do not use an alternative, because a previous attempt has failed
 * @bss: variables of the programs
 * @pidfds: pidfds that pin the processes named by the filter; -1 if unused
 * @borrowed_pidfd: the entry of @pidfds that is the stream's @subject_fd; -1 if there is none
 * @consumer: position up to which the ring has been read, in a writable page
 * @producer: position up to which the ring has been written, in a read-only page followed by the
 *	ring, which is mapped twice
 * @mask: size of the ring minus one
 * @page: size of a page
 * @record: last event
 * @event_size: size of an event; in the ring, an inode number follows each event
 * @ino: inode number of the last event's subject; 0 if unknown
 * @read: number of records read so far
 * @reported_lost: number of lost events reported so far
 * @misses: how many runs of the programs the kernel had skipped when last read
 * @misses_at: time at which @misses was read, in the clock of the records
 */
struct ksig_bpf_sub {
	int ring;
	int links[KSIG_BPF_PROGRAMS];
	int programs[KSIG_BPF_PROGRAMS];
	unsigned int tracepoint;
	unsigned int syscall;
	int syscall_event;
	bool uses_alternative;
	bool no_alternative;
	struct ksig_bpf__bss *bss;
	int pidfds[2];
	int borrowed_pidfd;
	unsigned long *consumer;
	const unsigned long *producer;
	size_t mask;
	size_t page;
	struct ksig_event *record;
	uint32_t event_size;
	uint64_t ino;
	uint64_t read;
	uint64_t reported_lost;
	uint64_t misses;
	uint64_t misses_at;
};

/* ---------------------------------------------------------- support.c */

/*
 * Must be called before and after calls to libbpf. In between, libbpf's messages are passed to the
 * log function of @opts, or discarded if @opts is NULL.
 */
void ksig_libbpf_enter(const struct ksig_sub_opts *opts);
void ksig_libbpf_leave(void);

/* Return: whether this thread has the capability. */
bool ksig_bpf_has_cap(unsigned int cap);
/* Explains in @e why loading a program or opening the object failed with @err (positive). */
int ksig_bpf_refused(int err, struct ksig_error *e);
/*
 * Checks whether BPF programs that read kernel memory can be loaded.
 * Return: 0; or -errno, with the reason in @e.
 */
int ksig_bpf_try(struct ksig_error *e);

/* ------------------------------------------------------------ types.c */

/*
 * Sets *@btf to the kernel's types, which are read at first use.
 * Return: 0; or -errno, with the reason in @e.
 */
int ksig_bpf_types(const struct btf **btf, struct ksig_error *e);
/* Return: whether tracepoint probes are preemptible. Valid after ksig_bpf_types(). */
bool ksig_bpf_probes_preemptible(void);
/* Return: the prototype of a tracepoint, (void *data, ...); NULL if there is no such tracepoint. */
const struct btf_type *ksig_bpf_prototype(const struct btf *btf, const char *name);
/*
 * Checks that the source's tracepoints have the arguments that the programs expect.
 * Return: 0; or -errno, with the reason in @e.
 */
int ksig_bpf_check_tracepoints(const struct ksig_bpf_source *src,
			       struct ksig_error *e);
/*
 * Opens the object of ksig.bpf.c without loading it. Sets *@types to a descriptor of the types that
 * libbpf uses for relocation, or to -1 if libbpf reads the kernel's BTF. The caller must close the
 * descriptor after loading the object.
 * Return: the object; NULL with errno set on error.
 */
struct ksig_bpf *ksig_bpf_object(int *types);

/* ----------------------------------------------------------- filter.c */

/*
 * Adds to @ro the conditions of the filter that the programs can check, and sets in_kernel in each
 * of these conditions.
 * Return: 0; or -errno, with the reason in @e.
 */
int ksig_bpf_set_conds(struct ksig_stream *stream, const struct ksig_tracepoint *tp,
		       struct ksig_bpf__rodata *ro, struct ksig_error *e);

/* Return: whether the field is the subject. */
static inline bool ksig_bpf_is_subject(const struct ksig_field_desc *f)
{
	return f && f->offset == offsetof(struct ksig_event, subject);
}

/* ------------------------------------------------------------- load.c */

/*
 * Loads and attaches the programs, and maps the ring. On error, @st keeps the resources allocated
 * so far; the caller frees it.
 * Return: 0; or -errno, with the reason in @e.
 */
int ksig_bpf_start(struct ksig_bpf_sub *st, struct ksig_stream *stream,
		   struct ksig_error *e);

/* Size of a record in the ring, including the inode number that follows the event */
static inline size_t ksig_bpf_ring_record(size_t event_size)
{
	return event_size + sizeof(uint64_t) + BPF_RINGBUF_HDR_SZ;
}

static inline void ksig_close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

#endif /* KSIG_LIB_BPF_H */
