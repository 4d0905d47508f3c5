/* SPDX-License-Identifier: MIT */
/* What the files of ksig watch share. */
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
 * struct ksig_to - whom --to names
 * @text: as written
 * @kind: which way it is found
 * @name: pidfile: its path; unit: its name
 * @signo: with what it is signalled
 * @force: even if it dies of that
 * @pid: who it is now, or was last; 0: nobody yet
 * @target: pinned; NULL: there is nobody now
 * @unit: unit: where its main process is learnt from
 * @candidate: unit: pinned; it is the unit's if the next answer is @candidate_pid
 * @candidate_pid: its number
 * @unreported_lost: lost events that no signal has reported yet
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

/* watch_to.c: an exit code, and why it is not 0 has been said */
int ksig_to_parse(const char *text, struct ksig_to *to);
int ksig_to_open(struct ksig_to *to);
void ksig_to_close(struct ksig_to *to);
/*
 * What to wait for: a descriptor for the exit of the target and one for a unit, or -1.
 * Return: when to call ksig_to_follow() at the latest, CLOCK_MONOTONIC in ns;
 * INT64_MAX: never
 */
int64_t ksig_to_poll(const struct ksig_to *to, struct pollfd *fds);
/*
 * Lets go of a target that has exited; a unit may have another one. Return: is there
 * one now?
 */
bool ksig_to_follow(struct ksig_to *to);
/* Is it to be asked first whether the target would die? */
bool ksig_to_careful(const struct ksig_to *to);
/*
 * 0 or a negative errno, as ksig_target_deliver(); to->pid is the target. to->unreported_lost
 * includes the events that were lost before @ev.
 */
int ksig_to_send(struct ksig_to *to, const struct ksig_sub *sub,
		 const struct ksig_event *ev, uint64_t value);
/* In words, for a line of output; "" for 0 */
const char *ksig_to_outcome(int err);

/**
 * struct ksig_happening - an event that something is done about
 * @sub: its subscription
 * @ev: its record
 * @value_field: --value; NULL: the record's value
 * @merged: events before it that nothing is done about, for --every
 * @lost: of @sub, since its last one that something was done about
 * @lost_upto: that may have been lost since then, beyond @lost
 * @to: the target that was signalled; NULL: none
 * @err: the outcome
 */
struct ksig_happening {
	const struct ksig_sub *sub;
	const struct ksig_event *ev;
	const char *value_field;
	uint64_t merged;
	uint64_t lost;
	uint64_t lost_upto;
	const struct ksig_to *to;
	int err;
};

/* watch_print.c: the event's value, or what --value has made it */
void ksig_happening_value(const struct ksig_happening *h,
			  struct ksig_field *f);
/* An exit code */
int ksig_print_event(const struct ksig_happening *h, bool json);
/* As JSON: lost after the last event of a specification, and what may have been */
int ksig_print_loss(const struct ksig_sub *sub, unsigned int spec,
		    uint64_t lost, uint64_t lost_upto);

/**
 * struct ksig_watched - one of the watched events, and what was lost of it
 * @text: as written
 * @end_reported: it was reported that there will be no more
 * @by_kernel: the kernel signals, and marks the events at which it does
 * @last: after this many offered events the kernel signals no more
 * @lost: number of events lost, as far as is known
 * @lost_upto: upper bound of further losses
 * @reported: part of @lost that was reported on stderr
 * @reported_upto: part of @lost_upto that was
 * @printed: part of @lost that is in the output for programs: the lines of events,
 *	the environments of commands, and signals
 * @printed_upto: part of @lost_upto that is
 * @report_at: not before then is more reported, CLOCK_MONOTONIC
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

/* watch_lost.c: note what @ev says of losses; report them, if it is time, on stderr */
void ksig_watched_note(struct ksig_watched *e, const struct ksig_sub *sub,
		       const struct ksig_event *ev);
void ksig_watched_report(struct ksig_watched *e, const char *event);
/* When losses are to be reported; INT64_MAX: there are none */
int64_t ksig_watched_report_at(const struct ksig_watched *e);
/* Report the losses after the last event, which is read. @json: on stdout, too */
void ksig_watched_report_last(struct ksig_watched *e,
			      const struct ksig_sub *sub, unsigned int spec,
			      bool json);

/**
 * struct ksig_watch - a watch: options, and state of the loop
 * @count: number of events to act on; 0: no limit
 * @timeout: how long to watch, ns; 0: no limit
 * @every: act at most once in this time, ns; 0: no limit
 * @skip: number of events that are to be skipped, still
 * @json: print JSON
 * @has_to: @to is used
 * @to: what is signalled
 * @command: what is run, or NULL
 * @opts: of the subscription
 * @sub: the subscription
 * @events: what is watched, by specification
 * @n: number of @events
 * @now: the event that is to be acted on; sub is NULL if there is none
 * @more: there may be more events than were acted on at once
 * @ended: all of them have ended
 * @failing: the last attempt to read failed, and is to be repeated
 * @target_full: the target has no room for the signal of @now
 * @report_full: when that is to be reported; KSIG_NEVER: it was
 * @print_by: when what is printed must be written
 * @not_before: when the next event may be acted on
 * @deadline: when the watch ends
 * @follow_at: when to call ksig_to_follow() at the latest
 * @command_fd: pidfd of the running command, or -1
 * @command_pid: its pid
 * @acted: number of events that were acted on
 * @result: exit code, when it ends well
 */
struct ksig_watch {
	uint64_t count;
	int64_t timeout;
	int64_t every;
	uint64_t skip;
	bool json;
	bool has_to;
	struct ksig_to to;
	char *const *command;
	struct ksig_sub_opts opts;
	struct ksig_sub *sub;
	struct ksig_watched *events;
	unsigned int n;
	/* the loop's */
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
	uint64_t acted;
	int result;
};

/* Output that makes the loop flush; the buffer has twice as much */
#define KSIG_OUTPUT_MAX 32768

/* watch_loop.c: until the end. Return: an exit code */
int ksig_watch_loop(struct ksig_watch *w);

/**
 * struct ksig_pidfile - what decides whether a pidfile is to be believed
 * @st: what fstat(2) says of it
 * @folder_uid: the only owner but root of folders on the way; 0: there is none
 */
struct ksig_pidfile {
	struct stat st;
	uid_t folder_uid;
};

/*
 * watch_pidfile.c: the number in it; then, once the process is pinned, whether the
 * file is to be believed. Return: an exit code.
 */
int ksig_pidfile_read(const char *path, pid_t *pid, struct ksig_pidfile *file);
int ksig_pidfile_check(const char *path, const struct ksig_pidfile *file,
		       pid_t pid);

/* watch_runtime.c: says so if a runtime's handler for HUP may end the process. */
void ksig_runtime_warn(pid_t pid, int signo);

/*
 * watch_run.c: can @name be run, as execvp(3) finds it? Return: an exit code, and
 * why it is not 0 has been said.
 */
int ksig_run_check(const char *name);
/* A pidfd, or a negative errno; the child leads no group */
int ksig_run(char *const *argv, const struct ksig_happening *h, pid_t *pid);

/*
 * watch_child.c: become the parent of what children leave running. SIGCHLD is
 * blocked then: wait with ksig_children_mask(), and start programs with it.
 * Return: an exit code.
 */
int ksig_children_adopt(void);
/* Where SIGCHLD was not delivered: ppoll(2) unblocks it only if it has to wait. */
void ksig_children_reap(void);
/* The signal mask that was set before; NULL: nothing is adopted */
const sigset_t *ksig_children_mask(void);
/* @pid is the command that ksig_child_wait() will be called for. */
void ksig_child_begun(pid_t pid);
/* 0 and its wait status, or -errno */
int ksig_child_wait(pid_t pid, int *status);

/*
 * watch_stop.c: INT, TERM and HUP are to end the loop, unless they are ignored.
 * Return: an exit code.
 */
int ksig_stop_catch(void);
/* Readable once one of them has come */
int ksig_stop_fd(void);
bool ksig_stop_wanted(void);
/* Ends this process by that signal, once stdout is flushed; else does nothing. */
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
