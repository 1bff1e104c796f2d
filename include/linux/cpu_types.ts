// SPDX-License-Identifier: GPL-2.0
/*
 * The place of CPU hotplug in the lock order.
 *
 * Upstream: cpu_hotplug_lock of kernel/cpu.c.
 */
import { LD_WAIT_SLEEP, lockdep_key, new_lock_id } from "#linux/lockdep_types.ts";

export const cpus_read_lock_map = {
	lock_id: new_lock_id(),
	dep: lockdep_key("cpu_hotplug_lock", LD_WAIT_SLEEP),
};
