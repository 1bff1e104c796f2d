// SPDX-License-Identifier: GPL-2.0-only
/*
 * TDs whose vCPUs, and whose VMM, convert the same few pages without regard for each other.
 *
 * Port-only. All is by a seed: what the guest does, what the VMM does, and the schedule. A private
 * page holds 0, since the guest that accepted it or another write to it was lost with a conversion,
 * or what the guest writes to that page; a shared one 0 or what the guest writes to it there. And
 * each vCPU has a page among those that nobody converts, which forgets nothing.
 */
export { chaos, chaos_create, chaos_host, chaos_vcpu, CHAOS_BAD, CHAOS_DONE, CHAOS_READY,
	sched_seed } from "../../lib/x86_64/tdx_chaos.ts";
