/* SPDX-License-Identifier: GPL-2.0-only */
/* The only place that sends signals. */
#ifndef KSIG_SIGNAL_H
#define KSIG_SIGNAL_H

#include <linux/signal.h>
#include <linux/types.h>
#include <linux/uidgid.h>

struct cred;
struct ksig_send_lock;
struct pid;
struct user_namespace;

/**
 * struct ksig_target - a pinned thread or process, and the sender's credentials
 * @pid: pinned, so a recycled number never refers to it
 * @send_lock: held from a check to the sending; shared by all targets in one process
 * @signo: signal number, 1 to 64
 * @process: process-directed: any thread of the process may receive it
 * @persistent: used for more than one signal: the target's uids must not change
 * @from_above: the sender is in an ancestor of the target's pid namespace
 * @same_process: sender and target share a thread group, so no uid check is needed
 * @max_pending: no signal is sent while this many of that number are pending in
 *	the target; 0: no limit
 * @info: template for a thread-directed signal
 * @cred: private copy of the sender's credentials. Its euid follows the target's
 *	uid (see ksig_may_signal()), everything else stays the sender's
 * @session: for SIGCONT: the sender's session, within which no uid check is needed
 * @approved_cred: the target's credentials that were last approved, pinned so that
 *	no others can have their address; NULL: none yet
 * @approved_at: when that was, in jiffies
 * @sender_uid: the sender's real uid
 * @sender_euid: the sender's effective uid
 * @cap_ns: the user namespace over which, and over whose descendants, the sender
 *	has CAP_KILL; NULL: it doesn't
 * @uid: the target's real uid when it was pinned
 * @euid: the target's effective uid at that time
 * @suid: the target's saved uid at that time
 * @scan_max: number of threads, or of pending signals, that a check may scan; a
 *	target that has more is not checked (-E2BIG). 0: no limit
 * @scan_cost: what the last check scanned beyond that, in units of a signal sent
 * @awaits: KSIG_AWAIT_*: what the last -EAGAIN waits for
 * @switches: the target's context switches before the last check; see
 *	ksig_target_note()
 * @noted_at: when these were read, in jiffies
 *
 * Set up by ksig_target_init() from current. Signals may be sent later, from any
 * task, and depend on this structure alone. The owner serializes sends; @switches and
 * @noted_at belong to the owner's worker.
 */
struct ksig_target {
	struct pid *pid;
	struct ksig_send_lock *send_lock;
	int signo;
	bool process;
	bool persistent;
	bool from_above;
	bool same_process;
	u32 max_pending;
	struct kernel_siginfo info;
	struct cred *cred;
	struct pid *session;
	const struct cred *approved_cred;
	unsigned long approved_at;
	kuid_t sender_uid;
	kuid_t sender_euid;
	struct user_namespace *cap_ns;
	kuid_t uid;
	kuid_t euid;
	kuid_t suid;
	u32 scan_max;
	u32 scan_cost;
	u32 awaits;
	u64 switches;
	unsigned long noted_at;
};

/* What has to change before a signal that failed with -EAGAIN can be sent. */
#define KSIG_AWAIT_ANY		0	/* unknown: try again */
#define KSIG_AWAIT_TARGET	1	/* max_pending signals are pending in it */
#define KSIG_AWAIT_USER		2	/* RLIMIT_SIGPENDING of its user */

void ksig_signal_init(void);
int ksig_target_init(struct ksig_target *t, struct pid *pid);
void ksig_target_release(struct ksig_target *t);
int ksig_target_check(struct ksig_target *t);
bool ksig_target_gone(const struct ksig_target *t);
void ksig_target_note(struct ksig_target *t);
bool ksig_target_unchanged(const struct ksig_target *t);
bool ksig_target_pending(const struct ksig_target *t);
int ksig_target_send(struct ksig_target *t, int error, u64 value);
int ksig_send(s32 nr, int signo, bool process, u64 value);

#endif /* KSIG_SIGNAL_H */
