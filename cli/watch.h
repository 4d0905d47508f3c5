/* SPDX-License-Identifier: MIT */
/* Declarations shared by the source files of ksig watch. */
#ifndef KSIG_WATCH_H
#define KSIG_WATCH_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

#include <ksig/libksig.h>

struct ksig_unit;
struct pollfd;

/**
 * struct ksig_to - the target of --to
 * @text: target as written on the command line
 * @kind: how the target is identified
 * @name: path of the pidfile, or name of the unit
 * @signo: signal to send
 * @force: send the signal even if it would kill the target
 * @pid: pid of the current or the last target; 0 if there has been none
 * @target: the pinned target; NULL if there is none at the moment
 * @unit: connection that reports the main process of the unit
 * @candidate: pinned process that becomes the unit's target if the next reply contains
 *	@candidate_pid
 * @candidate_pid: pid of @candidate
 * @unreported_lost: number of lost events that no signal has reported yet
 */
struct ksig_to {
	const char *text;
	enum { KSIG_TO_PID, KSIG_TO_PIDFILE, KSIG_TO_UNIT, KSIG_TO_SUBJECT }
		kind;
	const char *name;
	int signo;
	bool force;
	pid_t pid;
	struct ksig_target *target;
	struct ksig_unit *unit;
	struct ksig_target *candidate;
	pid_t candidate_pid;
	uint64_t unreported_lost;
};

/* watch_to.c: return an exit code; on failure the reason has been printed */
int ksig_to_parse(const char *text, struct ksig_to *to);
int ksig_to_open(struct ksig_to *to);
/* Return: whether the subject of an event with this name has exited, and can't be signalled. */
bool ksig_subject_has_exited(const char *event);
void ksig_to_close(struct ksig_to *to);
/*
 * Fills in two descriptors to poll, -1 if unused: one for the exit of the target and one for the
 * unit.
 * Return: the latest time at which ksig_to_follow() must be called, CLOCK_MONOTONIC in ns;
 * INT64_MAX if there is none.
 */
int64_t ksig_to_poll(const struct ksig_to *to, struct pollfd *fds);
/*
 * Releases a target that has exited, and switches to the unit's new process if there is one.
 * Return: whether there is a target now.
 */
bool ksig_to_follow(struct ksig_to *to);
/* Return: whether to check first that the signal would not kill the target. */
bool ksig_to_careful(const struct ksig_to *to);
/*
 * Sends the signal and sets to->pid to the target's pid. Before the call, to->unreported_lost must
 * include the events that were lost before @ev.
 * Return: 0 or a negative errno, as ksig_target_deliver().
 */
int ksig_to_send(struct ksig_to *to, const struct ksig_sub *sub,
		 const struct ksig_event *ev, uint64_t value);
/* Returns the outcome as text for a line of output; "" for 0. */
const char *ksig_to_outcome(int err);

/**
 * struct ksig_happening - an event to act on
 * @sub: subscription of the event
 * @ev: record of the event
 * @spec: its specification as written
 * @value_field: field selected by --value; NULL for the record's value
 * @merged: number of events that this one replaced because of --every
 * @lost: number of events of this specification lost since the previous event that was acted on
 * @lost_upto: upper bound of further events that may have been lost since then
 * @to: target that was signalled; NULL if there is none
 * @err: outcome
 */
struct ksig_happening {
	const struct ksig_sub *sub;
	const struct ksig_event *ev;
	const char *spec;
	const char *value_field;
	uint64_t merged;
	uint64_t lost;
	uint64_t lost_upto;
	const struct ksig_to *to;
	int err;
};

/* watch_print.c: reads the event's value, or the field selected by --value */
void ksig_happening_value(const struct ksig_happening *h,
			  struct ksig_field *f);
/*
 * Checks, as ksig_sub_openv() does, that the first @n specifications have the numeric field @key.
 * Return: an exit code; on failure the reason has been printed.
 */
int ksig_value_check(const struct ksig_sub *sub, unsigned int n, const char *key);
#define KSIG_TIME_MAX 40
/* Formats the time of the event: "2026-01-31T12:00:00.123456789Z" */
void ksig_happening_time(const struct ksig_happening *h, char text[KSIG_TIME_MAX]);
/*
 * Prints the line of an event: as JSON, in the format @format, or the usual one if that is NULL.
 * Return: an exit code.
 */
int ksig_print_event(const struct ksig_happening *h, bool json, const char *format);

/*
 * template.c: texts with placeholders such as "{ifname}". ksig_template_check() checks that one of
 * the watched events has each of the fields. Return: an exit code; on failure the reason has been
 * printed.
 */
int ksig_template_check(const char *text, const struct ksig_sub *sub);
/*
 * Replaces the placeholders; unknown placeholders are left unchanged. If the result is to be
 * printed, values are made safe for a terminal, and "{{" stands for a '{'. The caller frees the
 * result, which is NULL if there is not enough memory.
 */
char *ksig_template_expand(const char *text, const struct ksig_happening *h, bool print);
/*
 * Prints as JSON how many events were lost, and may have been lost, after the last event of a
 * specification.
 */
int ksig_print_loss(const struct ksig_sub *sub, unsigned int spec,
		    uint64_t lost, uint64_t lost_upto);

/**
 * struct ksig_watched - one of the watched events, and its losses
 * @text: specification as written
 * @end_reported: the end of the events has been reported
 * @by_kernel: the kernel sends the signals, and marks each event for which it sent or refused one
 * @last: number of offered events after which the kernel sends no more signals
 * @lost: number of events known to be lost
 * @lost_upto: upper bound of further losses
 * @reported: part of @lost that has been reported on stderr
 * @reported_upto: part of @lost_upto that has been reported on stderr
 * @printed: part of @lost that has been passed on to programs: in the lines of events, the
 *	environment of commands, and signals
 * @printed_upto: part of @lost_upto that has been passed on to programs
 * @report_at: earliest time of the next report, CLOCK_MONOTONIC
 */
struct ksig_watched {
	const char *text;
	bool end_reported;
	bool by_kernel;
	uint64_t last;
	uint64_t lost;
	uint64_t lost_upto;
	uint64_t reported;
	uint64_t reported_upto;
	uint64_t printed;
	uint64_t printed_upto;
	int64_t report_at;
};

/*
 * watch_lost.c: ksig_watched_note() records the losses that @ev reports. ksig_watched_report()
 * prints the recorded losses on stderr if a report is due.
 */
void ksig_watched_note(struct ksig_watched *e, const struct ksig_sub *sub,
		       const struct ksig_event *ev);
void ksig_watched_report(struct ksig_watched *e, const char *event);
/* Returns the time at which losses must be reported; INT64_MAX if there are none. */
int64_t ksig_watched_report_at(const struct ksig_watched *e);
/*
 * Reports the losses after the last event. Called once all events have been read. With @json, also
 * prints these losses on stdout.
 */
void ksig_watched_report_last(struct ksig_watched *e,
			      const struct ksig_sub *sub, unsigned int spec,
			      bool json);

struct ksig_pending;

/**
 * struct ksig_for - --for: acts only on states that last
 * @ns: how long a state must last, ns; 0 if --for is not used
 * @n: number of EVENTs
 * @specs: the EVENTs, followed by those that report the end of the states
 * @n_specs: number of @specs
 * @origin: for each of @specs, the number of the EVENT
 * @identity: for each EVENT, the fields that identify the object that it is about
 * @resumes: for each EVENT, whether its state is reported again after events may have been lost
 * @missed: for each of @specs, the counters when losses were checked last
 * @stateless: an EVENT that reports no state, or NULL
 * @list: states that have begun and not ended
 * @n_pending: number of @list
 * @taken: event that ksig_for_take() returned last
 */
struct ksig_for {
	int64_t ns;
	unsigned int n;
	char **specs;
	unsigned int n_specs;
	unsigned int *origin;
	const char *const **identity;
	bool *resumes;
	struct ksig_sub_stats *missed;
	const char *stateless;
	struct ksig_pending *list;
	size_t n_pending;
	struct ksig_event *taken;
};

/*
 * watch_for.c: ksig_for_open() finds the events that report the end of the states.
 * Return: an exit code; on failure the reason has been printed.
 */
int ksig_for_open(struct ksig_for *f, char *const *names, unsigned int n);
void ksig_for_close(struct ksig_for *f);
/*
 * Adds a state that @ev begins, or discards the state that it ends. Return: an exit code; on
 * failure the reason has been printed.
 */
int ksig_for_add(struct ksig_for *f, const struct ksig_sub *sub, const struct ksig_event *ev);
/* Return: when the next state will have lasted long enough, CLOCK_MONOTONIC, or KSIG_NEVER. */
int64_t ksig_for_due(const struct ksig_for *f);
/*
 * Called when all available events have been read. Checks whether events that report the end of a
 * state may have been lost since the last call. If so, the states of this EVENT are discarded, or,
 * if they would have been reported again, their times start again.
 */
void ksig_for_check(struct ksig_for *f, const struct ksig_sub *sub);
/* Discards the states of an EVENT, because the events of the specification @spec have ended. */
void ksig_for_end(struct ksig_for *f, unsigned int spec);
/* Adds to @n, for each EVENT, the number of states that have lasted but were not acted on. */
void ksig_for_count(const struct ksig_for *f, uint64_t *n);
/*
 * Return: an event whose state has lasted long enough, valid until the next call; NULL if there is
 * none.
 */
const struct ksig_event *ksig_for_take(struct ksig_for *f);

/**
 * struct ksig_watch - options and state of a watch
 * @count: number of events to act on; 0: no limit
 * @timeout: how long to watch, ns; 0: no limit
 * @every: act at most once in this time, ns; 0: no limit
 * @skip: number of events still to be skipped
 * @lasting: the states that must last
 * @json: print JSON
 * @format: print this text, with placeholders; NULL for the usual line
 * @restart: kill the command if it still runs at the next event
 * @has_to: @to is used
 * @to: target of the signals
 * @command: command to run; NULL if there is none
 * @opts: options of the subscription
 * @sub: the subscription
 * @events: watched events, indexed by specification
 * @n: number of @events; with --for, this includes the events that end the states
 * @now: event to act on next; its sub is NULL if there is none
 * @more: more events may be available
 * @ended: all events have ended
 * @failing: the last attempt to read failed and will be repeated
 * @target_full: the target cannot accept the signal for @now yet
 * @report_full: when to report a full target; KSIG_NEVER once it has been reported
 * @print_by: when buffered output must be written
 * @not_before: earliest time to act on the next event
 * @deadline: end of the watch
 * @follow_at: latest time at which ksig_to_follow() must be called
 * @command_fd: pidfd of the running command, or -1
 * @command_pid: pid of the running command
 * @kill_at: when to kill the command that is being restarted; KSIG_NEVER if it was not asked to end
 * @acted: number of events acted on so far
 * @result: exit code, unless the watch fails
 */
struct ksig_watch {
	uint64_t count;
	int64_t timeout;
	int64_t every;
	uint64_t skip;
	struct ksig_for lasting;
	bool json;
	const char *format;
	bool restart;
	bool has_to;
	struct ksig_to to;
	char *const *command;
	struct ksig_sub_opts opts;
	struct ksig_sub *sub;
	struct ksig_watched *events;
	unsigned int n;
	/* state of the loop */
	struct ksig_happening now;
	bool more;
	bool ended;
	bool failing;
	bool target_full;
	int64_t report_full;
	int64_t print_by;
	int64_t not_before;
	int64_t deadline;
	int64_t follow_at;
	int command_fd;
	pid_t command_pid;
	int64_t kill_at;
	uint64_t acted;
	int result;
};

/* Amount of buffered output after which the loop flushes; the buffer is twice as large */
#define KSIG_OUTPUT_MAX 32768

/* watch_loop.c: runs until the watch ends. Return: an exit code. */
int ksig_watch_loop(struct ksig_watch *w);

/**
 * struct ksig_pidfile - information used to decide whether a pidfile is trusted
 * @st: result of fstat(2) on the file
 * @folder_uid: the only owner, other than root, of directories in the path; 0 if there is none
 */
struct ksig_pidfile {
	struct stat st;
	uid_t folder_uid;
};

/*
 * watch_pidfile.c: ksig_pidfile_read() reads the pid. Once the process is pinned,
 * ksig_pidfile_check() checks whether the file can be trusted.
 * Return: an exit code.
 */
int ksig_pidfile_read(const char *path, pid_t *pid, struct ksig_pidfile *file);
int ksig_pidfile_check(const char *path, const struct ksig_pidfile *file,
		       pid_t pid);

/*
 * watch_runtime.c: prints a note if a language runtime's handler for HUP may terminate the process.
 */
void ksig_runtime_warn(pid_t pid, int signo);

/*
 * watch_run.c: checks whether @name can be run, searching PATH as execvp(3) does.
 * Return: an exit code; on failure the reason has been printed.
 */
int ksig_run_check(const char *name);
/*
 * Starts a command. The child stays in the process group of this process.
 * Return: a pidfd or a negative errno.
 */
int ksig_run(char *const *argv, const struct ksig_happening *h, pid_t *pid);

/*
 * watch_child.c: makes this process the parent of orphaned descendants. This blocks SIGCHLD: use
 * ksig_children_mask() when waiting and when starting programs.
 * Return: an exit code.
 */
int ksig_children_adopt(void);
/*
 * Reaps children whose SIGCHLD is still pending. This is required because ppoll(2) unblocks the
 * signal only if it has to wait.
 */
void ksig_children_reap(void);
/*
 * Returns the signal mask from before ksig_children_adopt(); NULL if this process adopts no
 * children.
 */
const sigset_t *ksig_children_mask(void);
/* Records that @pid is the command for which ksig_child_wait() will be called. */
void ksig_child_begun(pid_t pid);
/* Waits for the command. Return: 0, with its wait status in *@status; or -errno. */
int ksig_child_wait(pid_t pid, int *status);

/*
 * watch_stop.c: makes INT, TERM and HUP end the loop, unless they are ignored.
 * Return: an exit code.
 */
int ksig_stop_catch(void);
/* Returns a descriptor that is readable once one of these signals has been received. */
int ksig_stop_fd(void);
bool ksig_stop_wanted(void);
/*
 * If a signal has been received, flushes stdout and kills this process with that signal. Otherwise
 * does nothing.
 */
void ksig_stop_now(void);

/* Times of CLOCK_MONOTONIC, in nanoseconds */
#define KSIG_NS 1000000000LL
#define KSIG_NEVER INT64_MAX
static inline int64_t ksig_clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * KSIG_NS + ts.tv_nsec;
}

#endif /* KSIG_WATCH_H */
