/* SPDX-License-Identifier: MIT */
/* What the files of libksig share. */
#ifndef KSIG_LIB_H
#define KSIG_LIB_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#include <ksig/libksig.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* CLOCK_MONOTONIC, in nanoseconds */
static inline int64_t ksig_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

/* Make a non-blocking eventfd readable... */
static inline void ksig_event_set(int fd)
{
	uint64_t one = 1;

	while (write(fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

/* ... or not */
static inline void ksig_event_clear(int fd)
{
	uint64_t count;

	while (read(fd, &count, sizeof(count)) < 0 && errno == EINTR)
		;
}

/* ---------------------------------------------------------------- error.c */

/* Where a call reports what was wrong: the caller's buffer. All may be NULL. */
struct ksig_error {
	char *buf;
	size_t size;
	unsigned int *column;
};

/* Return: -err, for "return ksig_fail(e, column, EINVAL, ...)"; column 0: none */
int ksig_fail(struct ksig_error *e, unsigned int column, int err,
	      const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/*
 * Options from a caller with an older or a newer header: members that the caller's header
 * lacks are 0, and members that this one lacks must be 0. Return: 0 or -EINVAL.
 */
int ksig_take_opts(void *to, size_t size, const void *from, size_t sz);
/*
 * Copy a result of @size bytes to the caller's structure, whose first member is its size.
 * Return: 0; -EINVAL if that size is invalid.
 */
int ksig_give(void *to, const void *from, size_t size);

/* ------------------------------------------------- catalog.c and fields.c */

struct ksig_native_source;
struct ksig_bpf_source;

/**
 * struct ksig_field_desc - where a record has a field
 * @name: its key
 * @type: how to read it
 * @offset: from the record's first byte
 * @size: 1, 2, 4 or 8 for numbers; for strings the most, with terminator
 * @unknown: KSIG_EVENT_NO_* bit that says it isn't known; 0: it always is
 * @hidden: not in the line for people, because it repeats another field
 * @added: not in the provider's record: the library adds it after the record
 * @optional: a string that is unknown if it is empty
 */
struct ksig_field_desc {
	const char *name;
	enum ksig_field_type type;
	uint16_t offset;
	uint16_t size;
	uint32_t unknown;
	bool hidden;
	bool added;
	bool optional;
};

/**
 * struct ksig_event_desc - an event, the same for every provider
 * @name: "process.exit"
 * @description: a line for people
 * @channel: ksig.ko's node, if it has one
 * @type: in the record
 * @event_size: of a record, as ksig.ko has it: every provider's are alike
 * @pids: the subject is a process: KSIG_CHANNEL_PIDS
 * @cgroup: data[] is a struct ksig_memory_data, and the path of its cgroup_id is
 *	added
 * @n_fields: number of @fields
 * @fields: subject and value by their names here, then what is in data[]
 * @native: source of the provider native; NULL: not supported
 * @bpf: likewise, of the provider bpf
 *
 * catalog.c has the static ones. A provider creates one for a tracepoint or a
 * driver's channel, and the subscription owns it.
 */
struct ksig_event_desc {
	const char *name;
	const char *description;
	const char *channel;
	uint32_t type;
	uint32_t event_size;
	bool pids;
	bool cgroup;
	unsigned int n_fields;
	const struct ksig_field_desc *fields;
	const struct ksig_native_source *native;
	const struct ksig_bpf_source *bpf;
};

/* NULL: not one of the built-in ones */
const struct ksig_event_desc *ksig_desc_find(const char *name);
/*
 * By its key: one of @d's, or "subject" or "value", which every record has.
 * NULL: there is no such field
 */
const struct ksig_field_desc *ksig_desc_field(const struct ksig_event_desc *d,
					      const char *key);
/* The built-in ones in turn, from 0; NULL: no more */
const struct ksig_event_desc *ksig_desc_at(unsigned int index);

/* --------------------------------------------------------------- cgroup.c */

/* A path's most, with terminator */
#define KSIG_CGROUP_MAX 4096

struct ksig_cgroups;

/*
 * Where the cgroup2 hierarchy is mounted, and which cgroup that shows, both of
 * KSIG_CGROUP_MAX bytes: 0, with "" for @path if it is not mounted; or -errno.
 * @root may be NULL.
 */
int ksig_cgroup_mount(char *path, char *root);
/* To find cgroups by their numbers; NULL: cgroup2 is not mounted, or no descriptor is left */
struct ksig_cgroups *ksig_cgroups_open(void);
void ksig_cgroups_close(struct ksig_cgroups *c);
/*
 * The path of the cgroup @id, as /proc/PID/cgroup would show it to the caller, in
 * @path of KSIG_CGROUP_MAX bytes: 0; or -errno, and -ENOENT there is none.
 */
int ksig_cgroups_path(struct ksig_cgroups *c, uint64_t id, char *path);
/*
 * The folder of a cgroup, by its path in the cgroup2 hierarchy or in the file
 * system; NULL: the hierarchy's root. To be freed by the caller. 0, or -errno
 * and why in @e.
 */
int ksig_cgroup_path(const char *cgroup, unsigned int column, char **path,
		     struct ksig_error *e);
/* Is that word in that file of that folder? 1, 0 or -errno */
int ksig_cgroup_has(const char *path, const char *file, const char *word);

/* ---------------------------------------------------------------- event.c */

/*
 * Reads a field of a record. Strings lie in the record, and end with it at the
 * latest. A field of a record that is too short for it is not known.
 */
void ksig_field_read(const struct ksig_field_desc *fd,
		     const struct ksig_event *ev, struct ksig_field *f);

/* ----------------------------------------------------------------- spec.c */

enum ksig_op {
	KSIG_OP_EQ, KSIG_OP_NE, KSIG_OP_LT, KSIG_OP_LE, KSIG_OP_GT, KSIG_OP_GE,
	KSIG_OP_AND,
};

/*
 * spec.c: the unsigned numbers x for which "x OP @n" holds, as a range. For KSIG_OP_NE it is
 * the range for which it doesn't hold; KSIG_OP_AND has none and leaves all numbers.
 * Return: false: there is no such number.
 */
bool ksig_op_range(enum ksig_op op, uint64_t n, uint64_t *low, uint64_t *high);

/**
 * struct ksig_cond - one condition of a filter
 * @key: a field's name, or current.pid, current.comm
 * @op: comparison
 * @text: what to compare with, as written
 * @column: of the key in the event's name, from 1
 * @text_column: of @text
 * @number: @text as a number; negative ones in two's complement
 * @field: set once the event's fields are known; NULL for current.*
 * @in_kernel: the provider applies it; else the library does
 */
struct ksig_cond {
	char *key;
	enum ksig_op op;
	char *text;
	unsigned int column;
	unsigned int text_column;
	uint64_t number;
	const struct ksig_field_desc *field;
	bool in_kernel;
};

/**
 * struct ksig_spec - an event's name, parsed
 * @name: up to the ':'
 * @n_conds: number of @conds
 * @conds: in the order written
 * @settings: memory.pressure: the text after the ':', which is not a filter
 * @settings_column: where that begins
 */
struct ksig_spec {
	char *name;
	unsigned int n_conds;
	struct ksig_cond *conds;
	char *settings;
	unsigned int settings_column;
};

/*
 * Parses an event's name; ksig_spec_resolve() finds out what it means.
 * Return: 0, -EINVAL, -ENOMEM; @spec is to be freed on 0 only.
 */
int ksig_spec_parse(const char *event, struct ksig_spec *spec,
		    struct ksig_error *e);
void ksig_spec_free(struct ksig_spec *spec);
/* Sets field and number of each condition. On failure @e names the condition. */
int ksig_spec_resolve(struct ksig_spec *spec, const struct ksig_event_desc *d,
		      struct ksig_error *e);
/*
 * Does a record match the conditions that are not in_kernel? One about an unknown field
 * doesn't match.
 */
bool ksig_spec_match(const struct ksig_spec *spec, const struct ksig_event *ev);
/* Does the provider apply all conditions? */
bool ksig_spec_in_kernel(const struct ksig_spec *spec);

/* The condition that names one process, or NULL */
const struct ksig_cond *
ksig_spec_named_process(const struct ksig_spec *spec,
			const struct ksig_event_desc *d);

/* -------------------------------------------------------------- started.c */

/*
 * Had the process @pid begun by @time_ns (CLOCK_MONOTONIC)? The number is its own as long as it
 * lives, which the caller checks afterwards.
 *
 * Return: 1 if it had; 0 if not; -ESTALE if that is unknown.
 */
int ksig_started_before(pid_t pid, uint64_t time_ns);

/* -------------------------------------------------------------- process.c */

/*
 * Opens a process that is alive.
 * Return: a pidfd, to be closed by the caller; -ESRCH; -EINVAL if @number is a thread's; the
 * reason is in @e.
 */
int ksig_process_open(uint64_t number, unsigned int column, struct ksig_error *e);
/*
 * To be called before anything is opened, which could get the number of a closed descriptor.
 * Return: 0, also if it is -1; -EBADF
 */
int ksig_pidfd_is_open(int pidfd);
/*
 * Is @pidfd, which a caller gave, a pidfd of the process @pid? Valid as long as
 * ksig_process_ended(@pidfd) is false afterwards.
 *
 * Return: 0; -EINVAL if it is another process's, or not a pidfd; -EBADF if it is not open;
 * -ESRCH if the process has exited.
 */
int ksig_pidfd_check(int pidfd, pid_t pid);
/* Has the process, or thread, of a pidfd exited? */
bool ksig_process_ended(int pidfd);
/* From Linux 6.9 on each process has an inode number that is never reused. */
bool ksig_pidfd_in_pidfs(int pidfd);

/* --------------------------------------------------------------- target.c */

bool ksig_target_ended(const struct ksig_target *t);
/* A pidfd of the thread that is the target; -1: only its process's pidfd reports its exit. */
int ksig_target_thread_fd(const struct ksig_target *t);
/* Was the last -EAGAIN due to unknown readiness, not to lack of room? */
bool ksig_target_unsure(const struct ksig_target *t);

/* --------------------------------------------------------- provider_bpf.c */

extern const struct ksig_bpf_source ksig_bpf_fork, ksig_bpf_exec, ksig_bpf_exit,
				    ksig_bpf_kill, ksig_bpf_power, ksig_bpf_cpu,
				    ksig_bpf_kmod;
/* Of any tracepoint, by its number */
extern const struct ksig_bpf_source ksig_bpf_trace;

#endif /* KSIG_LIB_H */
