// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sends the signals of ksig. No other file sends signals.
 *
 * Three conditions are checked before every signal: the target exists, the sender is permitted
 * to signal it, and the target is ready, so that the signal doesn't kill it unexpectedly. The
 * target can change between the checks and the send, because no exported function checks the
 * target and sends the signal without dropping siglock in between. ksig itself sends no other
 * signal to the same process in this time; see ksig_send_locks. No sender can guarantee that the
 * target is still ready when the signal is delivered: exec, for example, keeps pending signals and
 * resets handlers.
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
 * How long the security module's decision is reused if the target's credentials don't change.
 * The reuse is limited because policies and labels can change while the credentials stay the same.
 */
#define KSIG_APPROVAL_TIME	HZ

/*
 * Held from the readiness check until the signal is sent. Without this lock, two senders could
 * both find that a process is ready, and send two signals although the process can accept only
 * one. Hashed by process. Nests inside the delivery's lock and outside siglock.
 */
#define KSIG_SEND_LOCK_BITS 6
static struct ksig_send_lock {
	spinlock_t lock;
	bool slow;	/* the lock's holder scans many threads: don't wait for the lock */
} ksig_send_locks[1 << KSIG_SEND_LOCK_BITS];

void __init ksig_signal_init(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(ksig_send_locks); i++)
		spin_lock_init(&ksig_send_locks[i].lock);
}

/*
 * Check whether the sender has CAP_KILL over @ns. A capability over a user namespace extends to
 * all its descendants. ns_capable() would check current, which may be any task when the signal
 * is sent.
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
 * Check the permission as kill(2) does, but without the security module. kill_pid_usb_asyncio()
 * queries the security module with t->cred. It also compares uids, but doesn't check capabilities
 * and sessions. If a capability or the session permits the signal, the effective uid in t->cred is
 * set to the target's uid. The label that the security module checks is always the sender's label.
 *
 * Context: RCU read-side section.
 */
static int ksig_may_signal(struct ksig_target *t, struct task_struct *task,
			   const struct cred *cred)
{
	/* the sender's real or effective uid equals the target's real or saved uid */
	bool match = uid_eq(t->sender_euid, cred->suid) ||
		     uid_eq(t->sender_euid, cred->uid) ||
		     uid_eq(t->sender_uid, cred->suid) ||
		     uid_eq(t->sender_uid, cred->uid);

	if (!ksig_capable(t, cred->user_ns)) {
		if (t->persistent &&
		    !(uid_eq(t->uid, cred->uid) && uid_eq(t->euid, cred->euid) &&
		      uid_eq(t->suid, cred->suid)))
			return -EPERM;
		/* SIGCONT needs no uid match within the sender's session */
		if (!match && !t->same_process &&
		    !(t->session && task_session(task) == t->session))
			return -EPERM;
	}
	t->cred->euid = match ? t->sender_euid : cred->uid;
	return 0;
}

/* Check whether an error is stale because credentials have changed or exec has moved the pid. */
static bool ksig_is_stale(const struct ksig_target *t, struct task_struct *task,
			  const struct cred *cred, int err)
{
	if (err == -EPERM)
		return cred != rcu_access_pointer(task->real_cred);
	if (err != -ESRCH)
		return false;
	/*
	 * Load the pid's task after the state that was checked, because exec moves the
	 * pid before it resets that state. Pairs with the release of tasklist_lock in
	 * de_thread().
	 */
	smp_rmb();
	return task != pid_task(t->pid, PIDTYPE_PID);
}

/*
 * Get the si_uid to pass to the kernel, which translates this uid from current's user namespace to
 * the target's user namespace. The sender is the kernel, and current may be an unrelated task.
 * Therefore the receiver must see root, or the overflow uid if root is not mapped, and never one of
 * current's uids. (uid_t)-1 is not a uid in any namespace, so it is translated to the overflow uid.
 * If both tasks are in the same namespace, nothing is translated.
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
	 * When called from an ancestor pid namespace, kill(2) forces SIGKILL and SIGSTOP
	 * on the init process of a pid namespace. kill_pid_usb_asyncio() has checked the
	 * permission, but it never forces a signal, so init has ignored the signal.
	 */
	if (!err && t->from_above && sig_kernel_only(t->signo) &&
	    task->signal->flags & SIGNAL_UNKILLABLE)
		err = kill_pid(t->pid, t->signo, 1);
	return err;
}

/*
 * Query the security module for a thread-directed signal. No exported function queries the module
 * for a signal without sending the signal, so query it for signal 0. docs/design.md describes the
 * consequences for each security module.
 */
static int ksig_ask_lsm(const struct ksig_target *t)
{
	sigval_t addr = { };

	return kill_pid_usb_asyncio(0, 0, addr, t->pid, t->cred);
}

/*
 * Check the permission. The full check is skipped if the target's credentials were approved before
 * and the approval has not expired. For process-directed signals, the function that sends the
 * signal queries the security module.
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
	/* an emitter must not wait for a long scan */
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
			/* the kernel may have modified si_pid and si_uid during the last send */
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
 * @value: the signal's value; see ksig_siginfo_value()
 *
 * Context: RCU read-side section; interrupts disabled, or on PREEMPT_RT preemptible; not NMI.
 *
 * Return: 0; on error nothing was sent: -ESRCH if the target has exited; -EPERM (or another
 * error of the security module); -ECONNREFUSED if the target is not ready; -EAGAIN if it can't
 * accept a signal now; -E2BIG if the check would scan more than t->scan_max.
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
 * ksig_target_check() - check whether the sender is permitted to signal the target now
 * @t: set up by ksig_target_init()
 *
 * Context: process.
 *
 * Return: 0; -ESRCH; -EPERM (or another error of the security module).
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
 * ksig_target_gone() - check whether the target has exited
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
			/* becomes 0 before the exit tracepoint of the last thread */
			gone = !atomic_read(&task->signal->live);
		} else {
			gone = !ksig_task_live(task);
			/*
			 * Load group_exec_task after PF_EXITING: exec sets
			 * group_exec_task before the leader exits. Pairs with siglock
			 * in de_thread() and then in get_signal().
			 */
			smp_rmb();
			gone = gone && !ksig_changes_leader(t, task);
		}
	} while (gone && ksig_is_stale(t, task, NULL, -ESRCH));
	rcu_read_unlock();
	return gone;
}

/**
 * ksig_target_init() - pin a target that will be signalled with current's credentials
 * @t: signo, process, persistent and max_pending are set; all other members are 0
 * @pid: pid of a thread; @t holds a reference to it
 *
 * Doesn't check whether current is permitted to signal the target. Every send checks this.
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
	/* with SI_KERNEL, signalfd and 32-bit programs would not receive the value */
	t->info.si_code = SI_QUEUE;
	t->sender_uid = current_uid();
	t->sender_euid = current_euid();
	/* SIGKILL and SIGSTOP always affect the whole process */
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
	/* exec may move the pid to another thread, but never to another process */
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
 * @t: the target; must not be used afterwards
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
 * ksig_send() - send one signal immediately, with current's credentials
 * @nr: thread ID in current's pid namespace
 * @signo: signal number
 * @process: the signal is process-directed
 * @value: the signal's value
 *
 * Context: process, may sleep.
 *
 * Return: 0; -EINVAL if @nr or @signo is out of range; an error of ksig_target_init() or
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
		/* the receiver never sees the siginfo of SIGKILL and SIGSTOP, so none is needed */
		err = kill_pid(pid, signo, 0);
		put_pid(pid);
		return err;
	}
	err = ksig_target_init(&target, pid);
	put_pid(pid);
	if (err)
		return err;
	/* ksig_target_send() needs the context that the delivery's lock normally provides */
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
