// SPDX-License-Identifier: GPL-2.0-only
/* /dev/ksig/cpu: a cpu comes online or goes offline. */
#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/cpumask.h>

#include "events.h"

/*
 * The cpus that are known to be online. Hotplug handles one cpu at a time, so no lock is needed. If
 * a hotplug operation fails halfway, the callbacks below may be called although no cpu has come
 * online or gone offline. The mask prevents events in this case.
 */
static struct cpumask ksig_cpus;
static int ksig_online_state, ksig_dead_state;

/* Runs on @cpu, in one of the last steps of bringing the cpu online. */
static int ksig_cpu_up(unsigned int cpu)
{
	if (!cpumask_test_and_set_cpu(cpu, &ksig_cpus))
		ksig_emit(ksig_cpu.chan, KSIG_CPU_ONLINE, cpu, 0);
	return 0;
}

/* Runs on another cpu after @cpu has gone offline. */
static int ksig_cpu_dead(unsigned int cpu)
{
	if (cpumask_test_and_clear_cpu(cpu, &ksig_cpus))
		ksig_emit(ksig_cpu.chan, KSIG_CPU_OFFLINE, cpu, 0);
	return 0;
}

static int ksig_cpu_start(void *ctx)
{
	int state;

	state = cpuhp_setup_state_nocalls(CPUHP_BP_PREPARE_DYN, "ksig:dead",
					  NULL, ksig_cpu_dead);
	if (state < 0)
		return state;
	ksig_dead_state = state;

	/*
	 * Use _nocalls to avoid a call for each cpu that is already online, which
	 * would wake up a thread on each of these cpus. The lock keeps cpus from
	 * coming online or going offline.
	 */
	cpus_read_lock();
	state = cpuhp_setup_state_nocalls_cpuslocked(CPUHP_AP_ONLINE_DYN,
						     "ksig:online",
						     ksig_cpu_up, NULL);
	if (state >= 0)
		cpumask_copy(&ksig_cpus, cpu_online_mask);
	cpus_read_unlock();
	if (state < 0) {
		cpuhp_remove_state_nocalls(ksig_dead_state);
		return state;
	}
	ksig_online_state = state;
	return 0;
}

static void ksig_cpu_stop(void *ctx)
{
	cpuhp_remove_state_nocalls(ksig_online_state);
	cpuhp_remove_state_nocalls(ksig_dead_state);
	cpumask_clear(&ksig_cpus);
}

static const char *const ksig_cpu_types[] = { "online", "offline", NULL };

struct ksig_builtin ksig_cpu = {
	.desc = {
		.name = "cpu",
		.description = "a cpu goes online or offline",
		.types = ksig_cpu_types,
		.mode = 0640,
		.start = ksig_cpu_start,
		.stop = ksig_cpu_stop,
	},
};
