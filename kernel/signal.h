/* SPDX-License-Identifier: GPL-2.0-only */
/* Interface of signal.c, the only file that sends signals. */
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
 * @pid: pinned pid, so a reused pid number never refers to it
 * @send_lock: held from the readiness check until the signal is sent; shared by all targets in a
 *	process
 * @signo: signal number, 1 to 64
 * @process: the signal is process-directed: any thread of the process may receive it
 * @persistent: the target is used for more than one signal, so its uids must not change
 * @from_above: the sender is in an ancestor of the target's pid namespace
 * @same_process: sender and target share a thread group, so no uid check is needed
 * @max_pending: no signal is sent while this many signals with number @signo are pending in
 *	the target; 0: no limit
 * @info: template for a thread-directed signal
 * @cred: private copy of the sender's credentials. ksig_may_signal() may set the copy's euid to
 *	the target's uid; all other members keep the sender's values
 * @session: for SIGCONT, the sender's session; no uid check is needed within this session
 * @approved_cred: the target's credentials when sending was last approved; NULL: not approved yet.
 *	Pinned so that no other credentials can be allocated at the same address
 * @approved_at: time of the last approval, in jiffies
 * @sender_uid: the sender's real uid
 * @sender_euid: the sender's effective uid
 * @cap_ns: user namespace over which the sender has CAP_KILL, and thus also over its descendants;
 *	NULL: none
 * @uid: the target's real uid when it was pinned
 * @euid: the target's effective uid when it was pinned
 * @suid: the target's saved uid when it was pinned
 * @scan_max: maximum number of threads, or of pending signals, that a check may scan. If the
 *	target has more, the check fails with -E2BIG. 0: no limit
 * @scan_cost: additional cost of the last check's scans; sending one signal costs 1
 * @awaits: after -EAGAIN, what has to change before a signal can be sent (KSIG_AWAIT_*)
 * @switches: number of the target's context switches before the last check; see
 *	ksig_target_note()
 * @noted_at: time when @switches was read, in jiffies
 *
 * ksig_target_init() initializes this structure from current. Later, signals may be sent in the
 * context of any task; whether they are permitted depends only on this structure. The owner
 * serializes sends. Only the owner's worker uses @switches and @noted_at.
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

/* The change that is needed before a signal that failed with -EAGAIN can be sent. */
#define KSIG_AWAIT_ANY		0	/* unknown: try again */
#define KSIG_AWAIT_TARGET	1	/* the target has max_pending signals pending */
#define KSIG_AWAIT_USER		2	/* the target's user has reached RLIMIT_SIGPENDING */

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
