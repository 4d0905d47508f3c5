// SPDX-License-Identifier: GPL-2.0-only
/*
 * The only place that sends signals.
 *
 * Three checks come before every signal: does the target exist, may the sender signal it,
 * and is it ready, so that the signal doesn't kill it unexpectedly. The target can change
 * between the check and the sending, because no exported function does both under siglock.
 * The result holds for the time of sending. No sender can promise anything about the time
 * of delivery: exec, for one, keeps pending signals and resets handlers. Signals that ksig
 * itself sends can't come in between: see ksig_send_locks.
 */
#include <linux/capability.h>
#include <linux/hash.h>
#include <linux/jiffies.h>
#include <linux/pid.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/user_namespace.h>

#include "readiness.h"
#include "signal.h"
#include "trace.h"

/*
 * How long the security module's answer is used while the target's credentials stay the
 * same: policy and labels can change without them.
 */
#define KSIG_APPROVAL_TIME	HZ

/*
 * Held from the check whether a process is ready until the signal is sent, so that two
 * senders that find it ready don't both send what it can accept one of. Hashed by process.
 * Inside of the delivery's lock, outside of siglock.
 */
#define KSIG_SEND_LOCK_BITS 6
static struct ksig_send_lock {
	spinlock_t lock;
	bool slow;	/* the holder scans many threads: don't wait for it */
} ksig_send_locks[1 << KSIG_SEND_LOCK_BITS];

void __init ksig_signal_init(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(ksig_send_locks); i++)
		spin_lock_init(&ksig_send_locks[i].lock);
}

/*
 * Does the sender have CAP_KILL over @ns? A capability over a user namespace extends to all
 * its descendants. ns_capable() would answer for current, which may be any task when the
 * signal is sent.
 */
static bool ksig_capable(const struct ksig_target *t,
			 const struct user_namespace *ns)
{
	if (!t->cap_ns)
		return false;
	while (ns->level > t->cap_ns->level)
		ns = ns->parent;
	return ns == t->cap_ns;
}

/*
 * kill(2)'s rule, except for the security module: kill_pid_usb_asyncio() asks that, with
 * t->cred. It compares uids itself and doesn't know about capabilities and sessions. If
 * these give the permission, the private copy gets the target's uid as its effective uid.
 * The label, which the security module checks, always is the sender's.
 *
 * Context: RCU read-side section.
 */
static int ksig_may_signal(struct ksig_target *t, struct task_struct *task,
			   const struct cred *cred)
{
	/* the sender's real or effective uid is the target's real or saved uid */
	bool match = uid_eq(t->sender_euid, cred->suid) ||
		     uid_eq(t->sender_euid, cred->uid) ||
		     uid_eq(t->sender_uid, cred->suid) ||
		     uid_eq(t->sender_uid, cred->uid);

	if (!ksig_capable(t, cred->user_ns)) {
		if (t->persistent &&
		    !(uid_eq(t->uid, cred->uid) && uid_eq(t->euid, cred->euid) &&
		      uid_eq(t->suid, cred->suid)))
			return -EPERM;
		/* nor does SIGCONT need a uid match within the sender's session */
		if (!match && !t->same_process &&
		    !(t->session && task_session(task) == t->session))
			return -EPERM;
	}
	t->cred->euid = match ? t->sender_euid : cred->uid;
	return 0;
}

/* Its uids may have changed meanwhile, or exec given its number to another thread. */
static bool ksig_is_stale(const struct ksig_target *t, struct task_struct *task,
			  const struct cred *cred, int err)
{
	if (err == -EPERM)
		return cred != rcu_access_pointer(task->real_cred);
	if (err != -ESRCH)
		return false;
	/*
	 * The number is taken over before what was checked changes back. Pairs with
	 * the release of tasklist_lock in de_thread().
	 */
	smp_rmb();
	return task != pid_task(t->pid, PIDTYPE_PID);
}

/*
 * The kernel translates si_uid from current's user namespace to the target's. The kernel
 * is the sender, and current may be unrelated, so the result must be root, or the overflow
 * uid where root has no number, and never one of current's numbers: (uid_t)-1 is no uid in
 * any namespace and becomes the overflow uid. Within one namespace nothing is translated.
 */
static uid_t ksig_si_uid(const struct cred *target)
{
	struct user_namespace *ns = current_user_ns();

	if (likely(ns == &init_user_ns))
		return 0;
	if (ns == target->user_ns)
		return from_kuid_munged(ns, GLOBAL_ROOT_UID);
	return from_kuid(ns, GLOBAL_ROOT_UID);
}

static int ksig_send_process(const struct ksig_target *t,
			     struct task_struct *task, int error, u64 value)
{
	sigval_t addr = { .sival_ptr = (void __user *)(unsigned long)value };
	int err;

	err = kill_pid_usb_asyncio(t->signo, error, addr, t->pid, t->cred);
	/*
	 * From an ancestor pid namespace kill(2) forces SIGKILL and SIGSTOP on a
	 * namespace's init. The call above has checked the permission, but it
	 * never forces, so the init has ignored the signal.
	 */
	if (!err && t->from_above && sig_kernel_only(t->signo) &&
	    task->signal->flags & SIGNAL_UNKILLABLE)
		err = kill_pid(t->pid, t->signo, 1);
	return err;
}

/*
 * For thread-directed signals no exported function asks the security module without
 * sending. Asking about signal 0 comes closest; docs/design.md says what that means for
 * each module.
 */
static int ksig_ask_lsm(const struct ksig_target *t)
{
	sigval_t addr = { };

	return kill_pid_usb_asyncio(0, 0, addr, t->pid, t->cred);
}

/*
 * Check the permission, in full if the target's credentials are not the ones that were
 * approved, or if that was long ago. For process-directed signals the security module is
 * asked by the function that sends.
 */
static int ksig_approve(struct ksig_target *t, struct task_struct *task)
{
	const struct cred *cred = __task_cred(task);
	int err;

	if (cred == t->approved_cred && !t->session &&
	    time_before(jiffies, t->approved_at + KSIG_APPROVAL_TIME))
		return 0;
	err = ksig_may_signal(t, task, cred);
	if (!err && !t->process)
		err = ksig_ask_lsm(t);
	if (err || !t->persistent)
		return err;
	t->approved_at = jiffies;
	if (cred != t->approved_cred) {
		put_cred(t->approved_cred);
		t->approved_cred = get_cred_rcu(cred);
	}
	return 0;
}

static int ksig_send_task(struct ksig_target *t, struct task_struct *task,
			  int error, u64 value)
{
	struct ksig_send_lock *lock = t->send_lock;
	struct kernel_siginfo *info = &t->info;
	int err;

	err = ksig_approve(t, task);
	if (err)
		return err;
	/* an emitter must not wait for long */
	if (t->scan_max && unlikely(READ_ONCE(lock->slow)))
		return -E2BIG;
	spin_lock(&lock->lock);
	if (!t->scan_max && get_nr_threads(task) > KSIG_SCANS_PER_SIGNAL)
		WRITE_ONCE(lock->slow, true);
	err = ksig_task_ready(t, task);
	if (!err) {
		if (t->process) {
			err = ksig_send_process(t, task, error, value);
		} else {
			info->si_errno = error;
			/* the kernel may have rewritten these two last time */
			info->si_pid = 0;
			info->si_uid = ksig_si_uid(__task_cred(task));
			info->si_ptr = (void __user *)(unsigned long)value;
			err = send_sig_info(t->signo, info, task);
		}
		if (err == -EAGAIN)
			WRITE_ONCE(t->awaits, KSIG_AWAIT_USER);
	}
	if (unlikely(lock->slow))
		WRITE_ONCE(lock->slow, false);
	spin_unlock(&lock->lock);
	return err;
}

/**
 * ksig_target_send() - send one signal
 * @t: set up by ksig_target_init(); the caller serializes sends
 * @error: si_errno of the signal
 * @value: the signal's value, see ksig_siginfo_value()
 *
 * Context: RCU read-side section; interrupts off, or on PREEMPT_RT preemptible; not NMI.
 *
 * Return: 0; on error nothing was sent: -ESRCH if the target has exited; -EPERM (or what
 * the security module says); -ECONNREFUSED if it is not ready; -EAGAIN if it has no room;
 * -E2BIG if the check would scan more than t->scan_max.
 */
int ksig_target_send(struct ksig_target *t, int error, u64 value)
{
	struct task_struct *task;
	const struct cred *cred;
	int err;

	t->scan_cost = 0;
	WRITE_ONCE(t->awaits, KSIG_AWAIT_ANY);
	do {
		task = pid_task(t->pid, PIDTYPE_PID);
		cred = task ? __task_cred(task) : NULL;
		err = task ? ksig_send_task(t, task, error, value) : -ESRCH;
	} while (unlikely(err) && ksig_is_stale(t, task, cred, err));
	if (err != -E2BIG)
		trace_ksig_signal(t, error, value, err);
	return err;
}

/**
 * ksig_target_check() - may the sender signal the target now?
 * @t: set up by ksig_target_init()
 *
 * Context: process.
 *
 * Return: 0; -ESRCH; -EPERM (or what the security module says).
 */
int ksig_target_check(struct ksig_target *t)
{
	struct task_struct *task;
	const struct cred *cred;
	int err;

	rcu_read_lock();
	do {
		task = pid_task(t->pid, PIDTYPE_PID);
		cred = task ? __task_cred(task) : NULL;
		err = task ? ksig_may_signal(t, task, cred) : -ESRCH;
		if (!err)
			err = ksig_ask_lsm(t);
	} while (ksig_is_stale(t, task, cred, err));
	rcu_read_unlock();
	return err;
}

/**
 * ksig_target_gone() - has the target exited?
 * @t: set up by ksig_target_init()
 *
 * Context: any.
 */
bool ksig_target_gone(const struct ksig_target *t)
{
	struct task_struct *task;
	bool gone;

	rcu_read_lock();
	do {
		task = pid_task(t->pid, PIDTYPE_PID);
		if (!task) {
			gone = true;
		} else if (t->process) {
			/* is 0 before the exit tracepoint of the last thread */
			gone = !atomic_read(&task->signal->live);
		} else {
			gone = !ksig_task_live(task);
			/*
			 * group_exec_task makes it exit. Pairs with siglock, in
			 * de_thread() and then in get_signal().
			 */
			smp_rmb();
			gone = gone && !ksig_changes_leader(t, task);
		}
	} while (gone && ksig_is_stale(t, task, NULL, -ESRCH));
	rcu_read_unlock();
	return gone;
}

/**
 * ksig_target_init() - pin a target, for signals with current's credentials
 * @t: signo, process, persistent and max_pending are set, everything else is 0
 * @pid: of a thread; a reference is taken
 *
 * Doesn't check whether current may signal the target; every send does.
 *
 * Context: process, may sleep.
 *
 * Return: 0; -ESRCH; -ENOMEM. On error @t must not be released.
 */
int ksig_target_init(struct ksig_target *t, struct pid *pid)
{
	struct task_struct *task;
	const struct cred *cred;

	clear_siginfo(&t->info);
	t->info.si_signo = t->signo;
	/* SI_KERNEL's value would reach neither signalfd nor 32-bit programs */
	t->info.si_code = SI_QUEUE;
	t->sender_uid = current_uid();
	t->sender_euid = current_euid();
	/* these always concern the process */
	if (sig_kernel_only(t->signo))
		t->process = true;
	t->cred = prepare_creds();
	if (!t->cred)
		return -ENOMEM;

	rcu_read_lock();
	task = pid_task(pid, PIDTYPE_PID);
	if (!task) {
		rcu_read_unlock();
		abort_creds(t->cred);
		return -ESRCH;
	}
	cred = __task_cred(task);
	t->pid = get_pid(pid);
	/* exec may give the pid to another thread, but never to another process */
	t->send_lock = &ksig_send_locks[hash_ptr(task->signal,
						 KSIG_SEND_LOCK_BITS)];
	t->uid = cred->uid;
	t->euid = cred->euid;
	t->suid = cred->suid;
	t->from_above = !pid_nr_ns(task_pid(current), ns_of_pid(pid));
	t->same_process = same_thread_group(current, task);
	if (t->signo == SIGCONT)
		t->session = get_pid(task_session(current));
	t->cap_ns = get_user_ns(cred->user_ns);
	rcu_read_unlock();
	if (!ns_capable_noaudit(t->cap_ns, CAP_KILL)) {
		put_user_ns(t->cap_ns);
		t->cap_ns = NULL;
	}
	return 0;
}

/**
 * ksig_target_release() - undo ksig_target_init()
 * @t: not used any more
 *
 * Context: any except NMI.
 */
void ksig_target_release(struct ksig_target *t)
{
	put_pid(t->pid);
	put_pid(t->session);
	if (t->cap_ns)
		put_user_ns(t->cap_ns);
	put_cred(t->approved_cred);
	abort_creds(t->cred);
}

/**
 * ksig_send() - send one signal now, with current's credentials
 * @nr: a thread's number in current's pid namespace
 * @signo: signal number
 * @process: process-directed
 * @value: the signal's value
 *
 * Context: process, may sleep.
 *
 * Return: 0; -EINVAL if a number is out of range; an error of ksig_target_init() or
 * ksig_target_send().
 */
int ksig_send(s32 nr, int signo, bool process, u64 value)
{
	struct ksig_target target = { .signo = signo, .process = process };
	unsigned long flags = 0;
	struct pid *pid;
	int err;

	if (nr <= 0 || signo < 1 || !valid_signal(signo))
		return -EINVAL;

	pid = find_get_pid(nr);
	if (!pid)
		return -ESRCH;
	if (sig_kernel_only(signo)) {
		/* nobody sees their siginfo, so plain kill(2) will do */
		err = kill_pid(pid, signo, 0);
		put_pid(pid);
		return err;
	}
	err = ksig_target_init(&target, pid);
	put_pid(pid);
	if (err)
		return err;
	/* the context that otherwise the delivery's lock provides */
	rcu_read_lock();
	if (!IS_ENABLED(CONFIG_PREEMPT_RT))
		local_irq_save(flags);
	err = ksig_target_send(&target, 0, value);
	if (!IS_ENABLED(CONFIG_PREEMPT_RT))
		local_irq_restore(flags);
	rcu_read_unlock();
	ksig_target_release(&target);
	return err;
}
