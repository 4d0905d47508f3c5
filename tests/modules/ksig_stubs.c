// SPDX-License-Identifier: GPL-2.0-only
/*
 * A driver where there is no ksig.ko: its Kbuild defines KSIG_STUBS, and the
 * driver is the one that examples/ has.
 */
#include "../../examples/edu/edu.c"
