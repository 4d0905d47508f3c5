/* SPDX-License-Identifier: GPL-2.0-only */
/* The tutorial's file, /sys/kernel/debug/signalconfpid. */
#ifndef KSIG_DEBUGFS_H
#define KSIG_DEBUGFS_H

void ksig_debugfs_init(void);
void ksig_debugfs_exit(void);

#endif /* KSIG_DEBUGFS_H */
