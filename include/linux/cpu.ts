// SPDX-License-Identifier: GPL-2.0
/*
 * CPUs: no hotplug.
 *
 * Upstream: include/linux/cpu.h, cpuhotplug.h.
 */
import { cpus_read_lock_map } from "#linux/cpu_types.ts";
import { for_each_online_cpu } from "#linux/cpumask.ts";
import { HLOCK_READ, lock_acquire, lock_release } from "#linux/lockdep.ts";
import { smp_call_function_single } from "#linux/smp.ts";
import { CONFIG_PROVE_LOCKING } from "#generated/autoconf.ts";

export * from "#linux/cpumask.ts";

/** C: a percpu rwsem; only its place in the lock order is left. */
export function cpus_read_lock(): void {
	if (CONFIG_PROVE_LOCKING)
		lock_acquire(cpus_read_lock_map.lock_id, cpus_read_lock_map.dep, HLOCK_READ);
}

export function cpus_read_unlock(): void {
	if (CONFIG_PROVE_LOCKING)
		lock_release(cpus_read_lock_map.lock_id, cpus_read_lock_map.dep);
}

export const CPUHP_AP_KVM_STARTING	= 1;
export const CPUHP_KVM_STARTING		= 1;
export const CPUHP_AP_ONLINE_DYN	= 2;

/** kernel/cpu.c:cpuhp_setup_state(): @startup on every CPU now, there is no later. */
export function cpuhp_setup_state(_state: number, _name: string,
	startup: ((cpu: number) => number) | null, _teardown: ((cpu: number) => number) | null):
		number {
	if (startup === null)
		return 0;
	let ret = 0;
	for (const cpu of for_each_online_cpu()) {
		smp_call_function_single(cpu, () => {
			ret ||= startup(cpu);
		}, null, 1);
	}
	return ret;
}

export function cpuhp_setup_state_nocalls(_state: number, _name: string,
	_startup: ((cpu: number) => number) | null,
	_teardown: ((cpu: number) => number) | null): number {
	return 0;
}

export function cpuhp_remove_state_nocalls(_state: number): void {}
export function cpuhp_remove_state(_state: number): void {}
