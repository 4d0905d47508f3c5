// SPDX-License-Identifier: GPL-2.0-only
/*
 * A driver that works without ksig.ko. It is the driver of examples/edu, compiled with KSIG_STUBS,
 * which the Kbuild file defines.
 */
#include "../../examples/edu/edu.c"
