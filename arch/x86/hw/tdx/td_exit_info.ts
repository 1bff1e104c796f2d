// SPDX-License-Identifier: GPL-2.0
/*
 * What a TD exit tells the host.
 *
 * Port-only. Filled in by whoever decides that the host must know; written to the host's registers
 * when TDH.VP.ENTER returns: RAX the completion code with the VMX exit reason below it, RCX
 * the exit qualification, RDX the extended one, R8 the guest physical address, R9 interruption
 * information. After TDG.VP.VMCALL it is RCX, the mask, and the guest's registers that it names.
 */
import { TDX_SUCCESS } from "./defs.ts";

export class td_exit_info {
	code = TDX_SUCCESS;
	reason = 0;
	qualification = 0;
	/** extended exit qualification, bits 31:0 and 63:32 */
	ext_lo = 0;
	ext_hi = 0;
	gpa = 0;
	intr_info = 0;
	/** TDG.VP.VMCALL */
	vmcall = false;
	/** The VCPU will not run again. */
	disable = false;
}

export const td_exit_cell = new td_exit_info();

/** An exit with a reason, and nothing else so far. Always true: to the host. */
export function td_exit_set(code: number, reason: number, qualification: number): true {
	const e = td_exit_cell;

	e.code = code;
	e.reason = reason;
	e.qualification = qualification;
	e.ext_lo = e.ext_hi = e.gpa = e.intr_info = 0;
	e.vmcall = e.disable = false;
	return true;
}
