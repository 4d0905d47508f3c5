/* SPDX-License-Identifier: MIT */
/* Declarations shared by the source files of libksig. */
#ifndef KSIG_LIB_H
#define KSIG_LIB_H

#include <errno.h>
#include <signal.h>
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

/* Makes a non-blocking eventfd readable. */
static inline void ksig_event_set(int fd)
{
	uint64_t one = 1;

	while (write(fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

/* Resets a non-blocking eventfd so that it is no longer readable. */
static inline void ksig_event_clear(int fd)
{
	uint64_t count;

	while (read(fd, &count, sizeof(count)) < 0 && errno == EINTR)
		;
}

/* ---------------------------------------------------------------- error.c */

/* Where to store an error message and the position of the error. Each pointer may be NULL. */
struct ksig_error {
	char *buf;
	size_t size;
	unsigned int *column;
};

/*
 * Formats an error message into @e. @column is the position of the error; 0 if the error has no
 * position.
 * Return: -@err, so that callers can write "return ksig_fail(e, column, EINVAL, ...)".
 */
int ksig_fail(struct ksig_error *e, unsigned int column, int err,
	      const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/*
 * Copies options from a caller that may have been compiled with an older or a newer header. Members
 * missing from the caller's header are set to 0. Members unknown to this library must be 0.
 * Return: 0 or -EINVAL.
 */
int ksig_take_opts(void *to, size_t size, const void *from, size_t sz);
/*
 * Copies a result of @size bytes to the caller's structure, which begins with its own size.
 * Return: 0; -EINVAL if the size in the caller's structure is invalid.
 */
int ksig_give(void *to, const void *from, size_t size);

/* ------------------------------------------------- catalog.c and fields.c */

struct ksig_native_source;
struct ksig_bpf_source;

/* What a string field contains */
enum ksig_text {
	KSIG_TEXT_PLAIN,	/* any string, or one of the field's values */
	KSIG_TEXT_ADDRESS,	/* an address in the form of inet_ntop(3), or one of the values */
	KSIG_TEXT_UNIT,		/* the name of a systemd unit */
	KSIG_TEXT_CGROUP,	/* the path of a cgroup, from the root of the hierarchy */
};

/**
 * struct ksig_field_desc - location and type of a field in a record
 * @name: name of the field
 * @type: type of the field
 * @offset: offset in the record, in bytes
 * @size: 1, 2, 4 or 8 for numbers; for strings the maximum size, including the terminator
 * @unknown: KSIG_EVENT_NO_* flag that marks the field as unknown; 0 if the field is always known
 * @hidden: the human-readable line omits the field, because it repeats another field or would make
 *	the line too long
 * @added: the library appends the field, which is not part of the provider's record
 * @is_key: the field is the value of the key @name in the event's list of keys
 * @values: all strings that the field can contain, up to a NULL; NULL if there is no such list
 * @text: kind of string
 * @optional: not every object has the field. A string is unknown if it is empty. The human-readable
 *	line omits the field if it is unknown
 */
struct ksig_field_desc {
	const char *name;
	enum ksig_field_type type;
	uint16_t offset;
	uint16_t size;
	uint32_t unknown;
	bool hidden;
	bool added;
	bool is_key;
	bool optional;
	enum ksig_text text;
	const char *const *values;
};

/**
 * struct ksig_setting_desc - a setting of an event, given like a condition ("KEY=VALUE")
 * @name: name of the setting; NULL marks the end of a list
 * @help: the values it accepts, and their meaning, in one line
 */
struct ksig_setting_desc {
	const char *name;
	const char *help;
};

/**
 * struct ksig_event_desc - description of an event, the same for all providers
 * @name: name of the event, such as "process.exit"
 * @description: a line of human-readable text
 * @channel: name of ksig.ko's device node; NULL if there is none
 * @type: event type in the record
 * @event_size: size of a record; all providers use ksig.ko's format
 * @pids: the subject is a process; see KSIG_CHANNEL_PIDS
 * @state: the event reports a change of a state that can be reported first (KSIG_SUB_INITIAL)
 * @cgroup: data[] is a struct ksig_memory_data; the library adds the path of the cgroup that
 *	cgroup_id identifies
 * @keys_offset: offset of the list of keys in the record: "KEY=VALUE" strings, and an empty string
 * @keys_size: size of this list; 0 if the event has none
 * @n_fields: number of @fields
 * @fields: subject and value under the names that this event uses, followed by the fields of data[]
 * @settings: settings of the event, which its source reads; NULL if there are none
 * @native: source for the native provider; NULL if not supported
 * @bpf: source for the bpf provider; NULL if not supported
 *
 * The static descriptions are in catalog.c. The provider creates the description of a tracepoint or
 * of a driver's channel; the subscription owns that description.
 */
struct ksig_event_desc {
	const char *name;
	const char *description;
	const char *channel;
	uint32_t type;
	uint32_t event_size;
	bool pids;
	bool state;
	bool cgroup;
	uint16_t keys_offset;
	uint16_t keys_size;
	unsigned int n_fields;
	const struct ksig_field_desc *fields;
	const struct ksig_setting_desc *settings;
	const struct ksig_native_source *native;
	const struct ksig_bpf_source *bpf;
};

/* The names of the facilities of the kernel's log, by number, followed by a NULL */
#define KSIG_FACILITIES 24
extern const char *const ksig_facilities[KSIG_FACILITIES + 1];

/* examples.c: Return: an example specification of @event; NULL if there is none. */
const char *ksig_example_of(const char *event);

/* Return: the built-in event @name; NULL if there is none. */
const struct ksig_event_desc *ksig_desc_find(const char *name);
/*
 * Describes the field that is a key in the event's list of keys. Any name in capital letters can be
 * one. @key must remain valid as long as @fd. Return: whether it can be a key of this event.
 */
bool ksig_desc_key(const struct ksig_event_desc *d, const char *key, struct ksig_field_desc *fd);
/*
 * Finds a field of @d by its name. All events have the fields "subject" and "value".
 * Return: the field, or NULL.
 */
const struct ksig_field_desc *ksig_desc_field(const struct ksig_event_desc *d,
					      const char *key);
/* Finds a setting of @d by its name. Return: the setting, or NULL. */
const struct ksig_setting_desc *ksig_desc_setting(const struct ksig_event_desc *d,
						  const char *key);
/* Return: the built-in event at @index, starting with 0; NULL after the last one. */
const struct ksig_event_desc *ksig_desc_at(unsigned int index);

/* --------------------------------------------------------------- cgroup.c */

/* Maximum size of a path, including the terminator */
#define KSIG_CGROUP_PATH_MAX 4096

struct ksig_cgroups;

/*
 * Writes the mount point of the cgroup2 hierarchy to @path, and the cgroup that is the root of this
 * mount to @root. Both buffers have KSIG_CGROUP_PATH_MAX bytes; @root may be NULL.
 * Return: 0, with an empty @path if the hierarchy is not mounted; or -errno.
 */
int ksig_cgroup_mount(char *path, char *root);
/*
 * Prepares to look up the paths of cgroups by ID.
 * Return: an object to pass to ksig_cgroups_path(); NULL if cgroup2 is not mounted or no descriptor
 * is available.
 */
struct ksig_cgroups *ksig_cgroups_open(void);
void ksig_cgroups_close(struct ksig_cgroups *c);
/*
 * Writes the path of the cgroup @id to @path, a buffer of KSIG_CGROUP_PATH_MAX bytes. The path has
 * the form in which the caller would see it in /proc/PID/cgroup.
 * Return: 0; -ENOENT if there is no such cgroup; or another -errno.
 */
int ksig_cgroups_path(struct ksig_cgroups *c, uint64_t id, char *path);
/*
 * Finds the directory of @cgroup, which is a path in the cgroup2 hierarchy or in the file system;
 * NULL stands for the root of the hierarchy. The caller frees *@path.
 * Return: 0; or -errno, with the reason in @e.
 */
int ksig_cgroup_path(const char *cgroup, unsigned int column, char **path,
		     struct ksig_error *e);
/*
 * Checks the name of a unit that can have a cgroup, and adds ".service" if it has no suffix.
 * @name: buffer of NAME_MAX + 1 bytes. Return: 0; or -EINVAL, with the reason in @e.
 */
int ksig_unit_name(const char *unit, unsigned int column, char *name, struct ksig_error *e);
/*
 * Finds the systemd system unit to which a cgroup belongs: the outermost one that is not a slice,
 * or the innermost slice. @path: path from the root of the hierarchy. @unit: buffer of NAME_MAX + 1
 * bytes; empty if there is no unit.
 * Return: whether a descendant of the cgroup can belong to another unit.
 */
bool ksig_cgroup_unit(const char *path, char *unit);
/*
 * Finds the directory of the cgroup of a running systemd unit. The caller frees *@path.
 * Return: 0; or -errno, with the reason in @e.
 */
int ksig_cgroup_of_unit(const char *unit, unsigned int column, char **path,
			struct ksig_error *e);
struct ksig_cond;
/*
 * Finds the directory that the setting "cgroup" or "unit" refers to. Return: as ksig_cgroup_path().
 */
int ksig_cgroup_of_setting(const struct ksig_cond *setting, char **path,
			   struct ksig_error *e);
/* Return: whether @path is the directory of the root cgroup. */
bool ksig_cgroup_is_root(const char *path);
/*
 * Checks whether the file @file in the directory @path contains @word.
 * Return: 1 if it does; 0 if it does not; or -errno.
 */
int ksig_cgroup_has(const char *path, const char *file, const char *word);

/* ---------------------------------------------------------------- event.c */

/*
 * Reads a field of a record. Strings point into the record and never extend beyond it. A field is
 * unknown if the record is too short to contain it.
 */
void ksig_field_read(const struct ksig_field_desc *fd,
		     const struct ksig_event *ev, struct ksig_field *f);
/* Second byte of an optional string that is empty because it did not fit in its field */
#define KSIG_FIELD_TOO_LONG 1
/* Return: whether a field is unknown because the object doesn't have it. */
bool ksig_field_is_absent(const struct ksig_field_desc *fd, const struct ksig_event *ev);

/* ----------------------------------------------------------------- spec.c */

enum ksig_op {
	KSIG_OP_EQ, KSIG_OP_NE, KSIG_OP_LT, KSIG_OP_LE, KSIG_OP_GT, KSIG_OP_GE,
	KSIG_OP_AND,
};

/*
 * Computes the range of unsigned numbers x for which "x OP @n" is true. For KSIG_OP_NE, computes
 * the range for which the comparison is false. For KSIG_OP_AND, which cannot be expressed as a
 * range, the result is the range of all numbers.
 * Return: false if no number satisfies the comparison.
 */
bool ksig_op_range(enum ksig_op op, uint64_t n, uint64_t *low, uint64_t *high);

/**
 * struct ksig_word - one of the alternatives of a condition on a string
 * @text: the pattern as written, or the string without escapes
 * @pattern: @text contains wildcards, as in fnmatch(3)
 */
struct ksig_word {
	char *text;
	bool pattern;
};

/**
 * struct ksig_cond - one condition of a filter
 * @key: name of a field, or current.pid or current.comm
 * @op: comparison
 * @text: value to compare with, as written
 * @column: column of the key in the event specification, counted from 1
 * @text_column: column of @text
 * @number: @text as a number; negative numbers are in two's complement
 * @words: the alternatives in @text, if the field is a string
 * @n_words: number of @words
 * @field: field of the event, set once the event is known; NULL for current.*
 * @key_field: description to which @field points if it is a key, otherwise NULL
 * @in_kernel: the provider checks the condition; otherwise the library does
 */
struct ksig_cond {
	char *key;
	enum ksig_op op;
	char *text;
	unsigned int column;
	unsigned int text_column;
	uint64_t number;
	struct ksig_word *words;
	unsigned int n_words;
	const struct ksig_field_desc *field;
	struct ksig_field_desc *key_field;
	bool in_kernel;
};

/**
 * struct ksig_spec - a parsed event specification
 * @name: name of the event, before the ':'
 * @n_conds: number of @conds
 * @conds: conditions, in the order written
 * @n_settings: number of @settings
 * @settings: settings of the event, in the order written; @text of each has no escapes
 */
struct ksig_spec {
	char *name;
	unsigned int n_conds;
	struct ksig_cond *conds;
	unsigned int n_settings;
	struct ksig_cond *settings;
};

/*
 * Parses an event specification. ksig_spec_resolve() must then be called to resolve the names of
 * fields. If parsing succeeds, the caller must free @spec with ksig_spec_free().
 * Return: 0, -EINVAL or -ENOMEM.
 */
int ksig_spec_parse(const char *event, struct ksig_spec *spec,
		    struct ksig_error *e);
void ksig_spec_free(struct ksig_spec *spec);
/*
 * Separates the settings from the conditions, and sets the field and the value of each condition.
 */
int ksig_spec_resolve(struct ksig_spec *spec, const struct ksig_event_desc *d,
		      struct ksig_error *e);
/* Checks a record against a condition, which is false if the field is unknown. */
bool ksig_cond_match(const struct ksig_cond *c, const struct ksig_event *ev);
/* Checks a record against the conditions that the provider does not check. */
bool ksig_spec_match(const struct ksig_spec *spec, const struct ksig_event *ev);
/* Return: whether two specifications have the same conditions, in the same order. */
bool ksig_spec_same_filter(const struct ksig_spec *a, const struct ksig_spec *b);
/* Return: whether the provider checks all conditions. */
bool ksig_spec_in_kernel(const struct ksig_spec *spec);

/*
 * The signals of process.crash: those whose default action is to dump core, see signal(7). Bit n
 * stands for signal n.
 */
#define KSIG_CRASH_SIGNALS \
	(1ULL << SIGQUIT | 1ULL << SIGILL | 1ULL << SIGTRAP | 1ULL << SIGABRT | 1ULL << SIGBUS | \
	 1ULL << SIGFPE | 1ULL << SIGSEGV | 1ULL << SIGXCPU | 1ULL << SIGXFSZ | 1ULL << SIGSYS)

/* Return: the setting @key; NULL if the specification doesn't set it. */
const struct ksig_cond *ksig_spec_setting(const struct ksig_spec *spec, const char *key);

/* Return: the condition that restricts the filter to one process, or NULL. */
const struct ksig_cond *
ksig_spec_named_process(const struct ksig_spec *spec,
			const struct ksig_event_desc *d);

/* -------------------------------------------------------------- started.c */

/*
 * Checks whether the process @pid had started by @time_ns (CLOCK_MONOTONIC).
 *
 * Context: the pid could be reused during the call, so the caller must check afterwards that the
 * process is still alive.
 *
 * Return: 1 if the process had started; 0 if it had not; -ESTALE if that is unknown.
 */
int ksig_started_before(pid_t pid, uint64_t time_ns);

/* -------------------------------------------------------------- process.c */

/*
 * Opens a pidfd of a running process. The caller closes it.
 * Return: a pidfd; or -errno, with the reason in @e: -ESRCH if there is no such process, -EINVAL if
 * @number is the ID of a thread that is not a group leader.
 */
int ksig_process_open(uint64_t number, unsigned int column, struct ksig_error *e);
/*
 * Checks that @pidfd is open. Must be called before any other descriptor is opened, because a new
 * descriptor could get the same number as a closed @pidfd.
 * Return: 0 if @pidfd is open or -1; -EBADF otherwise.
 */
int ksig_pidfd_is_open(int pidfd);
/*
 * Checks that @pidfd, supplied by the caller, refers to the process @pid. The result is valid only
 * if ksig_process_ended(@pidfd) returns false afterwards.
 *
 * Return: 0; -EINVAL if @pidfd refers to another process or is not a pidfd; -EBADF if @pidfd is not
 * open; -ESRCH if the process has exited.
 */
int ksig_pidfd_check(int pidfd, pid_t pid);
/* Return: whether the process or thread that the pidfd refers to has exited. */
bool ksig_process_ended(int pidfd);
/*
 * Return: whether the inode number of the pidfd identifies the process. From Linux 6.9 on, each
 * process has an inode number that is never reused.
 */
bool ksig_pidfd_in_pidfs(int pidfd);

/* --------------------------------------------------------------- target.c */

bool ksig_target_ended(const struct ksig_target *t);
/* Return: a pidfd that can be polled for the exit of the target thread; -1 if there is none. */
int ksig_target_thread_fd(const struct ksig_target *t);
/*
 * Return: true if the last -EAGAIN was returned because the target's readiness was unknown; false
 * if it was returned because too many signals are pending.
 */
bool ksig_target_unsure(const struct ksig_target *t);

/* --------------------------------------------------------- provider_bpf.c */

extern const struct ksig_bpf_source ksig_bpf_fork, ksig_bpf_exec, ksig_bpf_exit, ksig_bpf_crash,
				    ksig_bpf_kill, ksig_bpf_power, ksig_bpf_cpu,
				    ksig_bpf_kmod;
/* The source for all tracepoints, which are identified by their IDs */
extern const struct ksig_bpf_source ksig_bpf_trace;

#endif /* KSIG_LIB_H */
