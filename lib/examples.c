// SPDX-License-Identifier: MIT
/* An example specification for each event. */
#include <string.h>

#include "lib.h"

static const struct {
	const char *event;
	const char *spec;
} examples[] = {
	{ "process.fork", "process.fork:comm=sshd" },
	{ "process.exec", "process.exec:comm=apt-get" },
	{ "process.exit", "process.exit:pid=4242" },
	{ "process.crash", "process.crash:comm=nginx" },
	{ "memory.oom", "memory.oom" },
	{ "memory.kill", "memory.kill:cgroup=/system.slice/*" },
	{ "memory.pressure", "memory.pressure:some=200ms/2s,unit=nginx.service" },
	{ "memory.calm", "memory.calm:some=200ms/2s" },
	{ "cpu.pressure", "cpu.pressure:some=1s/2s" },
	{ "cpu.calm", "cpu.calm:some=1s/2s" },
	{ "io.pressure", "io.pressure:full=500ms/2s" },
	{ "io.calm", "io.calm:full=500ms/2s" },
	{ "power.suspend", "power.suspend" },
	{ "power.resume", "power.resume" },
	{ "power.ac", "power.ac" },
	{ "power.battery", "power.battery" },
	{ "net.up", "net.up:ifname=eth0|wlan*" },
	{ "net.down", "net.down:ifname=eth0" },
	{ "net.rename", "net.rename:old_ifname=eth*" },
	{ "net.address", "net.address:action=add,ifname=eth0" },
	{ "net.route", "net.route:address=default" },
	{ "cpu.online", "cpu.online:cpu>0" },
	{ "cpu.offline", "cpu.offline" },
	{ "kmod.load", "kmod.load:name=nvme*" },
	{ "kmod.unload", "kmod.unload" },
	{ "device.add", "device.add:subsystem=block" },
	{ "device.remove", "device.remove:subsystem=usb" },
	{ "device.change", "device.change:subsystem=drm" },
	{ "cgroup.create", "cgroup.create:cgroup=/system.slice/*" },
	{ "cgroup.remove", "cgroup.remove:cgroup=/machine.slice/*" },
	{ "cgroup.populated", "cgroup.populated:unit=backup.service" },
	{ "cgroup.empty", "cgroup.empty:unit=backup.service" },
	{ "cgroup.frozen", "cgroup.frozen:unit=app.slice" },
	{ "cgroup.thawed", "cgroup.thawed:unit=app.slice" },
	{ "cgroup.high", "cgroup.high:unit=nginx.service" },
	{ "cgroup.max", "cgroup.max:unit=nginx.service" },
	{ "cgroup.oom", "cgroup.oom:cgroup=/system.slice/*" },
	{ "fs.full", "fs.full:path=/var,below=10%" },
	{ "fs.free", "fs.free:path=/var,below=10%" },
	{ "fs.mount", "fs.mount:type=ext4|xfs" },
	{ "fs.umount", "fs.umount:path=/mnt/backup" },
	{ "fs.readonly", "fs.readonly:source=/dev/*" },
	{ "fs.writable", "fs.writable:path=/" },
	{ "fs.error", "fs.error:type=ext4" },
	{ "kernel.log", "kernel.log:level<=3,facility=kern" },
	{ "kernel.warn", "kernel.warn" },
	{ "kernel.oops", "kernel.oops" },
	{ "kernel.hung", "kernel.hung:seconds>=120" },
	{ "kernel.stall", "kernel.stall" },
	{ "gpio.rising", "gpio.rising:chip=gpiochip0,line=17,debounce=5ms" },
	{ "gpio.falling", "gpio.falling:line=BUTTON,bias=pull-up" },
	{ "time.set", "time.set" },
	{ "test", "test" },
};

const char *ksig_example_of(const char *event)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(examples); i++) {
		if (!strcmp(examples[i].event, event))
			return examples[i].spec;
	}
	return NULL;
}
